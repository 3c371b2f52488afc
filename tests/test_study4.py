"""The exercises of chapter 4: an empty, a right and a wrong answer each."""

from __future__ import annotations

import pytest
import torch
import torchvision
from cells import NOTEBOOKS, cells, without_helpers, written
from torchvision.models import WeightsEnum

from helpers import illusions, images, study
from helpers.study import chapter4

NOTEBOOK = "04_adversarial_illusions"


@pytest.mark.parametrize("check", [chapter4.check_1, chapter4.check_2, chapter4.check_3])
def test_no_answer_is_neither_right_nor_wrong(check):
    assert check(...).right is None


@pytest.mark.parametrize(
    ("strongest", "said"),
    [
        (lambda weight, x, epsilon: (x + epsilon * weight.sign()).clamp(0, 1), None),
        (lambda weight, x, epsilon: x + epsilon * weight.sign(), "leave the range"),
        (lambda weight, x, epsilon: (x + 2 * epsilon * weight.sign()).clamp(0, 1), "more than epsilon"),
        (lambda weight, x, epsilon: (x - epsilon * weight.sign()).clamp(0, 1), "wrong way"),
        (lambda weight, x, epsilon: (x + epsilon * weight / weight.abs().max()).clamp(0, 1), "as far as it may"),
        (lambda weight, x, _: (weight * x).sum(), "shape of x"),
    ],
)
def test_the_strongest_push(strongest, said):
    verdict = chapter4.check_1(strongest)
    assert verdict.right is (said is None)
    assert said is None or said in verdict.message


def test_pictures_that_are_not_what_was_asked_for():
    coffee = images.square(images.sample("coffee"))
    for levels, check in ((4, chapter4.check_2), (8, chapter4.check_3)):
        assert "of shape" in check(coffee[0]).message
        assert f"more than {levels} gray levels" in check((coffee + (levels + 1) / 255).clamp(0, 1)).message
        assert "does not see a goldfish" in check(coffee).message


def test_pictures_that_mislead_through_shifts_or_two_networks():
    coffee, lite1 = images.square(images.sample("coffee")), chapter4._network("efficientnet_lite1")
    lite0, settings = chapter4._network("efficientnet_lite0"), {"steps": 10, "targeted": True}
    goldfish = lite0.index("goldfish")

    def shifts(x):
        return lite0(torch.cat([x.roll(shift, 3) for shift in range(4)])).mean(0, keepdim=True)

    def least_convinced(x):
        both = torch.stack([network(x).log_softmax(1) for network in (lite0, lite1)])
        return both[both[:, 0, goldfish].argmin()]

    assert chapter4.check_2(illusions.pgd(shifts, coffee, [goldfish], epsilon=4 / 255, **settings)).right
    assert chapter4.check_3(illusions.pgd(least_convinced, coffee, [goldfish], epsilon=8 / 255, **settings)).right
    for_one = illusions.pgd(lite0, coffee, "goldfish", epsilon=2 / 255, **settings)
    assert "Shifted by" in chapter4.check_2(for_one).message
    assert "The second network does not see" in chapter4.check_3(for_one).message


def test_the_quiz_has_its_questions():
    assert len(study.questions(4)) == 6


def test_the_way_without_helpers_gives_what_the_attacks_take(tmp_path, monkeypatch, capsys):
    fold = without_helpers(NOTEBOOK)
    prose = "\n".join(cell.source for cell in cells(NOTEBOOKS / f"{NOTEBOOK}.ipynb", "markdown"))
    assert '<a id="without-our-helpers"></a>\n\n<details>' in prose  # chapters 5 and 6 lead here
    assert "helpers" not in fold
    assert len(fold.splitlines()) <= 14

    torch.manual_seed(0)
    untrained = torchvision.models.efficientnet_b0().state_dict()
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: untrained)  # nothing is downloaded
    monkeypatch.chdir(tmp_path)
    images.save(images.sample("coffee"), "mine.jpg")
    room: dict = {}
    exec(fold, room)
    network, x, label = room["network"], room["x"], room["label"]
    images.check(x)
    assert x.shape == (1, 3, 224, 224)
    assert type(x) is torch.Tensor
    assert network(x).shape == (1, 1000)
    assert capsys.readouterr().out.strip() in room["weights"].meta["categories"]

    room["cross_entropy"] = torch.nn.functional.cross_entropy
    room = written(NOTEBOOK, "fgsm_by_hand", **room)
    moved = (room["fgsm_by_hand"](network, x, label, 1 / 255) - x).abs()
    assert moved.max() <= 1 / 255 + 1e-6
    assert (moved > 0).float().mean() > 0.5  # a slope for nearly every number that has room
