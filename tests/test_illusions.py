"""Attacks against what a linear model allows, paintings against arithmetic, and every bad input."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from cells import written
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers import illusions, images, networks
from helpers.illusions import paintings

NOTEBOOK = "04_adversarial_illusions"
GRAY_LEVEL = 1 / 255


BARE: dict[str, Any] = {"torch": torch, "cross_entropy": cross_entropy}


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    """Two pictures of 8 by 8 with nothing near black or white."""
    generator = torch.Generator().manual_seed(3)
    return tuple(0.3 + 0.4 * torch.rand(2, 3, 8, 8, generator=generator))  # type: ignore[return-value]


@pytest.fixture
def linear() -> nn.Module:
    """Logits of three categories, each a weighted sum of the pixels of an 8 by 8 picture."""
    layer = nn.Linear(192, 3)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return nn.Sequential(nn.Flatten(), layer)


@pytest.fixture
def small() -> networks.Network:
    """A network of one convolution and three categories."""
    body = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 5, 3, stride=2), relu=nn.ReLU6(), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten())
    )
    body.add_module("classifier", nn.Linear(5, 3))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.copy_(2 * torch.randn(parameter.shape, generator=generator))
    return networks.Network(body, name="small", scale=[2.0] * 3, shift=[-1.0] * 3, categories=["cat", "cup", "car"])


def weights_of(linear: nn.Module) -> Tensor:
    return linear[1].weight.detach().view(3, 3, 8, 8)  # type: ignore[index]


def two_way(linear: nn.Module) -> nn.Module:
    """The same with the last category out of the race."""
    with torch.no_grad():
        linear[1].bias[2] = -1e4  # type: ignore[index]
        linear[1].weight[2] = 0  # type: ignore[index]
    return linear


# --- Attacks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", [illusions.fgsm, illusions.pgd])
def test_on_two_linear_categories_every_pixel_goes_to_the_border_by_the_sign_of_its_weight(linear, pair, attack):
    linear, x = two_way(linear), torch.stack(pair)
    toward = (weights_of(linear)[1] - weights_of(linear)[0]).sign()
    labels = torch.zeros(2, dtype=torch.long)
    torch.testing.assert_close(attack(linear, x, labels, epsilon=0.05), x + 0.05 * toward)


def test_a_target_pulls_the_way_that_leaving_the_other_category_pushes(linear, pair):
    linear, x = two_way(linear), torch.stack(pair)
    said = linear(x).argmax(1)
    away = illusions.pgd(linear, x, said, epsilon=0.03, steps=5)
    toward = illusions.pgd(linear, x, 1 - said, epsilon=0.03, steps=5, targeted=True)
    torch.testing.assert_close(away, toward)
    assert (away - x).abs().min() > 0.029


def test_the_smallest_epsilon_of_a_linear_model_is_its_margin_by_the_sum_of_its_weights(linear, pair):
    linear, x = two_way(linear), torch.stack(pair)
    logits = linear(x).detach()
    said = logits.argmax(1)
    margin = (logits[:, 0] - logits[:, 1]).abs()
    expected = margin / (weights_of(linear)[0] - weights_of(linear)[1]).abs().sum()
    assert expected.max() < 0.2
    found = illusions.least_epsilon(linear, x, said, most=0.2, halvings=12, steps=1)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.2 / 2**12)
    assert (found >= expected - 1e-6).all()
    found = illusions.least_epsilon(linear, x, 1 - said, most=0.2, halvings=12, steps=1, targeted=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.2 / 2**12)
    too_little = illusions.least_epsilon(linear, x, said, most=expected.min().item() / 2, halvings=2, steps=1)
    assert too_little.tolist() == [math.inf, math.inf]


def test_the_notebooks_fgsm_is_the_helpers(lite0, photo):
    by_hand = written(NOTEBOOK, "fgsm_by_hand", **BARE)["fgsm_by_hand"]
    for neuron, epsilon in ((285, GRAY_LEVEL), (761, 9 * GRAY_LEVEL)):
        found = by_hand(lite0, photo, torch.tensor([neuron]), epsilon)
        torch.testing.assert_close(found, illusions.fgsm(lite0, photo, neuron, epsilon=epsilon), rtol=0, atol=1e-6)
        assert (found - photo).abs().mean() > 0.9 * epsilon


@pytest.mark.parametrize("toward", [True, False])
def test_the_notebooks_pgd_is_the_helpers(linear, pair, toward):
    by_hand = written(NOTEBOOK, "pgd_by_hand", **BARE)["pgd_by_hand"]
    x, labels = torch.stack(pair), torch.tensor([0, 2])
    if toward:
        labels = (linear(x).argmax(1) + 1) % 3
    found = by_hand(linear, x, labels, 0.07, steps=5, toward=toward)
    helpers = illusions.pgd(linear, x, labels, epsilon=0.07, steps=5, targeted=toward)
    torch.testing.assert_close(found, helpers, rtol=0, atol=1e-6)
    assert (found - x).abs().max() == pytest.approx(0.07, abs=1e-6)


def test_pgd_is_the_loop_of_the_paper(small, photo):
    x = torch.cat([photo, photo.flip(3), 1 - photo])
    labels = torch.tensor([0, 2, 1])
    found = illusions.pgd(small, x, labels, epsilon=0.04, step_size=0.007, steps=9)
    moved = x.clone()
    for _ in range(9):
        moved.requires_grad_()
        (slope,) = torch.autograd.grad(cross_entropy(small(moved), labels), moved)
        moved = moved.detach() + 0.007 * slope.sign()
        moved = torch.minimum(torch.maximum(moved, x - 0.04), x + 0.04).clamp(0, 1)
    torch.testing.assert_close(found, moved, rtol=0, atol=1e-6)
    assert not found.requires_grad


def test_a_packaged_network_is_led_astray_within_epsilon_and_to_a_target(lite0, photo):
    before = photo.clone()
    said = lite0.top(photo, 1)[0][0][0]
    away = illusions.pgd(lite0, photo, said, epsilon=GRAY_LEVEL, steps=5)
    there = illusions.pgd(lite0, photo, "remote control", epsilon=16 * GRAY_LEVEL, targeted=True)
    assert torch.equal(photo, before)
    assert lite0.top(away, 1)[0][0][0] != said
    assert lite0.top(there, 1)[0][0][0] == "remote control"
    for moved, epsilon in ((away, GRAY_LEVEL), (there, 16 * GRAY_LEVEL)):
        images.check(moved)
        assert 0.5 * epsilon < (moved - photo).abs().max() <= epsilon + 1e-6


def test_the_change_stays_within_epsilon_and_between_black_and_white(small):
    x = torch.tensor([0.0, 0.01, 0.99, 1.0]).repeat(3 * 16).view(1, 3, 8, 8)
    for seed in (None, 0):
        moved = illusions.pgd(small, x, 0, epsilon=0.05, steps=4, seed=seed)
        assert (moved - x).abs().max() <= 0.05 + 1e-6
        assert 0 <= moved.min() < moved.max() <= 1


def test_a_random_start_is_reproduced_by_its_seed_and_leaves_the_global_state_alone(small, photo):
    def attack(seed):
        return illusions.pgd(small, photo, 0, epsilon=0.05, step_size=0, steps=1, seed=seed)

    state = torch.get_rng_state()
    first = attack(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(attack(1), first)
    assert not torch.equal(attack(2), first)
    inside = (photo > 0.05) & (photo < 0.95)
    change = (first - photo)[inside]
    assert abs(change.mean()) < 0.002
    assert change.std().item() == pytest.approx(0.1 / 12**0.5, rel=0.05)  # uniform
    assert torch.equal(attack(None), photo)


def test_nothing_moves_when_epsilon_is_zero(small, photo):
    assert torch.equal(illusions.fgsm(small, photo, 0, epsilon=0), photo)


def test_one_label_serves_all_images_by_name_index_or_tensor(small, photo):
    x = torch.cat([photo, 1 - photo])
    results = [
        illusions.fgsm(small, x, labels, epsilon=0.02)
        for labels in ("car", 2, ["car", 2], ("car", "car"), torch.tensor([2, 2]), torch.tensor([2, 2]).int())
    ]
    for result in results[1:]:
        assert torch.equal(result, results[0])


def test_an_interrupted_attack_is_handed_back(small, photo):
    seen = []

    def stop(step):
        seen.append((step.step, step.total))
        if step.step == 2:
            raise KeyboardInterrupt

    moved = illusions.pgd(small, photo, 0, epsilon=0.1, step_size=0.01, steps=5, on_step=stop)
    assert seen == [(1, 5), (2, 5)]
    assert (moved - photo).abs().max().item() == pytest.approx(0.02, abs=1e-6)


BAD = [
    ({"epsilon": -0.1}, "epsilon is -0.1; pixels go from 0 to 1"),
    ({"epsilon": 2.0}, "epsilon is 2.0"),
    ({"epsilon": math.nan}, "epsilon is nan"),
    ({"steps": 0}, "steps is 0; it must be 1 or more"),
    ({"labels": [0, 1]}, r"labels are torch.int64 of shape \(2,\); 1 images need 1 whole numbers or names"),
    ({"labels": torch.tensor(0)}, r"labels are torch.int64 of shape \(\)"),
    ({"labels": torch.tensor([0.0])}, "labels are torch.float32"),
    ({"labels": torch.tensor([3])}, "label 3 is not a category; they go from 0 to 2"),
    ({"labels": torch.tensor([-1])}, "label -1 is not a category"),
    ({"labels": 3}, "category 3 is not one of small's, 0 to 2"),
    ({"labels": "cap"}, "category 'cap' is not in small; did you mean"),
    ({"pixels": torch.zeros(1, 3, 8, 8) + 2}, "pixels lie in"),
    ({"pixels": torch.zeros(3, 8, 8)}, "an image has shape"),
]


@pytest.mark.parametrize(("settings", "message"), [*BAD, ({"step_size": -1.0}, "step_size is -1.0")])
def test_a_bad_attack_is_refused(small, photo, settings, message):
    arguments = {"pixels": photo, "labels": 0, "epsilon": 0.1, **settings}
    with pytest.raises(ValueError, match=message):
        illusions.pgd(small, **arguments)


@pytest.mark.parametrize(
    ("settings", "message"), [*BAD[3:], ({"most": 1.5}, "epsilon is 1.5"), ({"halvings": -1}, "halvings")]
)
def test_a_bad_search_for_the_smallest_epsilon_is_refused(small, photo, settings, message):
    with pytest.raises(ValueError, match=message):
        illusions.least_epsilon(small, **{"pixels": photo, "labels": 0, **settings})


def test_a_target_that_is_the_answer_already_is_refused_by_its_place(small, photo):
    x = torch.cat([photo, 1 - photo])
    said = small(x).argmax(1)
    targets = torch.stack([(said[0] + 1) % 3, said[1]])
    for attack in (illusions.pgd, illusions.fgsm):
        with pytest.raises(ValueError, match=f"target {said[1]} is what the network says of image 1 already"):
            attack(small, x, targets, epsilon=0.1, targeted=True)


def test_a_network_without_a_classifier_is_refused(tiny, photo):
    with pytest.raises(ValueError, match="tiny has no classifier"):
        illusions.fgsm(tiny, photo, 0, epsilon=0.1)
    with pytest.raises(ValueError, match="tiny has no classifier"):
        illusions.paint(tiny, "cat")


# --- Why --------------------------------------------------------------------------------------------------------------


def test_the_predicted_change_is_the_matrix_of_slopes_times_the_change(small, photo):
    x, change = photo, torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    slopes = torch.autograd.functional.jacobian(small, x)  # (1, 3, 1, 3, 64, 64)
    expected = (slopes.flatten(2) @ change.flatten()).view(1, 3)
    torch.testing.assert_close(illusions.predicted_change(small, x, change), expected, rtol=1e-4, atol=1e-4)


def test_the_prediction_is_exact_for_as_long_as_no_neuron_switches(small, photo):
    x, change = photo.clamp(0.1, 0.9), torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    exact = [t for t in (1e-5, 1e-4, 1e-3, 1e-2) if illusions.switched(small, x, x + t * change) == 0]
    assert exact
    for t in exact:
        actual = small(x + t * change) - small(x)
        torch.testing.assert_close(actual, illusions.predicted_change(small, x, t * change), rtol=1e-2, atol=2e-5)
    far = small((x + 0.3 * change).clamp(0, 1)) - small(x)
    assert not torch.allclose(far, illusions.predicted_change(small, x, 0.3 * change), rtol=0.1)


def test_switched_counts_the_neurons_that_went_dark_lit_or_full(small, photo):
    sums = [
        torch.nn.functional.conv2d(2 * p - 1, small.body.conv.weight, small.body.conv.bias, 2)
        for p in (photo, 1 - photo)
    ]
    states = [torch.where(s <= 0, 0, torch.where(s >= 6, 2, 1)) for s in sums]
    assert set(states[0].unique().tolist()) == {0, 1, 2}
    expected = (states[0] != states[1]).float().mean().item()
    assert illusions.switched(small, photo, 1 - photo) == pytest.approx(expected)
    assert illusions.switched(small, photo, photo) == 0


# --- Paintings --------------------------------------------------------------------------------------------------------


def test_the_cppn_is_the_drawing_network_place_by_place():
    weights = illusions.init_cppn(torch.Generator().manual_seed(2))
    picture = illusions.cppn(weights, 9)
    assert picture.shape == (1, 3, 9, 9)
    rest = weights[0].tolist()
    sizes = [(12, 24), *[(48, 24)] * 5, (48, 3)]
    layers = []
    for inputs, outputs in sizes:
        matrix = [[rest.pop(0) for _ in range(outputs)] for _ in range(inputs)]
        layers.append((matrix, [rest.pop(0) for _ in range(outputs)]))
    assert rest == []
    for row, column in ((0, 0), (4, 4), (2, 7)):
        turns = [[2 * math.pi * periods * (i / 8 - 0.5) for periods in (0.7, 1.4, 2.1)] for i in (column, row)]
        values = [wave(turn) for along in turns for wave in (math.sin, math.cos) for turn in along]
        for matrix, shift in layers:
            sums = [sum(v * m[o] for v, m in zip(values, matrix, strict=True)) + s for o, s in enumerate(shift)]
            bent = [math.atan(s) for s in sums]
            values = [b / 0.67 for b in bent] + [b * b / 0.6 for b in bent]
        expected = [1 / (1 + math.exp(-s)) for s in sums]
        assert picture[0, :, row, column].tolist() == pytest.approx(expected, abs=1e-4)


def test_the_same_weights_draw_the_same_picture_at_any_size():
    weights = illusions.init_cppn(torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        illusions.cppn(weights, 33)[:, :, ::4, ::4], illusions.cppn(weights, 9), rtol=0, atol=1e-4
    )


def test_a_painting_pleases_the_network_in_8_bits_and_comes_back_with_its_seed(lite0):
    def painted(seed):
        return illusions.paint(lite0, "baseball", size=64, steps=20, seed=seed)

    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = painted(0)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(painted(0), first)
    assert (painted(1) - first).abs().max() > 0.1
    images.check(first)
    assert torch.equal(first, images.quantize(first))
    blank = images.quantize(illusions.cppn(illusions.init_cppn(torch.Generator().manual_seed(0)), 64))
    before, after = (lite0(p).log_softmax(1)[0, lite0.index("baseball")] for p in (blank, first))
    assert after > before + 1


def test_painting_tells_each_step_and_an_interrupt_hands_back_the_painting(small):
    seen = []

    def watch(step):
        seen.append((step.step, step.total, tuple(step.image.shape)))

    def stop(step):
        if step.step == 1:
            raise KeyboardInterrupt

    illusions.paint(small, "cat", size=64, steps=8, on_step=watch)
    assert seen == [(i, 8, (1, 3, 64, 64)) for i in range(1, 9)]
    one, interrupted = (
        illusions.paint(small, "cat", size=64, steps=1),
        illusions.paint(small, "cat", size=64, steps=8, on_step=stop),
    )
    assert torch.equal(one, interrupted)
    none = illusions.paint(small, "cat", size=64, steps=0)
    assert torch.equal(none, images.quantize(illusions.cppn(illusions.init_cppn(torch.Generator().manual_seed(0)), 64)))


def test_a_painting_is_finished_once_the_network_is_certain(small, monkeypatch):
    seen = []
    halfway = illusions.paint(small, "cat", size=64, steps=2)
    there = small(halfway).softmax(1)[0, small.index("cat")].item()
    before = small(illusions.paint(small, "cat", size=64, steps=1)).softmax(1)[0, small.index("cat")].item()
    assert before < there
    monkeypatch.setattr(paintings, "CERTAIN", (before + there) / 2)
    finished = illusions.paint(small, "cat", size=64, steps=9, on_step=lambda step: seen.append(step.step))
    assert torch.equal(finished, halfway)
    assert seen == [1, 2, 9]  # the last call says that nothing is left to do


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"category": "cop"}, "did you mean 'cup'"),
        ({"category": 3}, "0 to 2"),
        ({"size": 32}, "size is 32 pixels; it must be from 64 to 1024"),
        ({"steps": -1}, "steps is -1"),
    ],
)
def test_a_bad_painting_is_refused(small, settings, message):
    with pytest.raises(ValueError, match=message):
        illusions.paint(small, **{"category": "cup", **settings})


def test_an_interrupt_ends_the_search_for_the_least_epsilon(small):
    calls = []

    def classify(x):
        calls.append(len(x))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return small(x)

    with pytest.raises(KeyboardInterrupt):  # an attack cut short would count as one that failed
        illusions.least_epsilon(classify, torch.full((1, 3, 16, 16), 0.5), torch.tensor([0]))


def test_labels_of_other_kinds_and_pixels_out_of_range(small):
    x = torch.full((1, 3, 16, 16), 0.5)
    plain = illusions.fgsm(small, x, 1, epsilon=0.1)
    assert torch.equal(illusions.fgsm(small, x, np.int64(1), epsilon=0.1), plain)
    with pytest.raises(ValueError, match=r"torch\.bool"):
        illusions.fgsm(small, x, torch.tensor([True]), epsilon=0.1)
    with pytest.raises(TypeError):
        illusions.fgsm(lambda x: small(x), x, [1.9], epsilon=0.1)
    with pytest.raises(ValueError, match="pixels go from 5 to 5"):
        illusions.fgsm(lambda x: small(x / 10), 10 * x, [1], epsilon=0.1)


def test_a_network_without_relus_has_no_neurons_to_switch():
    bare = networks.Network(
        nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 2, 1), flat=nn.Flatten())),
        name="bare",
        scale=[1.0] * 3,
        shift=[0.0] * 3,
        categories="ab",
        size=8,
    )
    with pytest.raises(ValueError, match="bare has no layer called relu"):
        illusions.switched(bare, torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8))


def test_fgsm_speaks_of_its_own_settings(small):
    with pytest.raises(ValueError, match=r"epsilon is -0\.1"):
        illusions.fgsm(small, torch.full((1, 3, 16, 16), 0.5), [0], epsilon=-0.1)


def test_labels_may_be_an_array(small):
    x = torch.full((2, 3, 16, 16), 0.5)
    expected = illusions.fgsm(small, x, torch.tensor([0, 1]), epsilon=0.1)
    assert torch.equal(illusions.fgsm(small, x, np.array([0, 1]), epsilon=0.1), expected)


def test_a_picture_that_is_taken_for_something_else_already_needs_no_change(small):
    x = torch.full((1, 3, 16, 16), 0.5)
    other = 1 - small(x).argmax(1).clamp(max=1)
    assert illusions.least_epsilon(small, x, other, halvings=2).tolist() == [0]


def test_pictures_of_other_shapes_are_not_compared(lite0):
    with pytest.raises(ValueError, match=r"\(2, 3, 32, 32\) when moved; they must be the same"):
        illusions.switched(lite0, torch.zeros(1, 3, 32, 32), torch.zeros(2, 3, 32, 32))


# --- Nothing is done in silence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", [illusions.pgd, illusions.fgsm])
def test_one_logit_has_no_cross_entropy_to_climb(attack):
    x = torch.full((1, 12), 0.6)
    with pytest.raises(ValueError, match=r"logits of shape \(1, 1\).*with less than two categories.* torch\.cat"):
        attack(lambda v: v.sum(1, keepdim=True) - 6, x, 0, epsilon=0.3)
    two = attack(lambda v: torch.cat([0 * v[:, :1], v.sum(1, keepdim=True) - 6], 1), x, 1, epsilon=0.3)
    torch.testing.assert_close(two, torch.full((1, 12), 0.3))  # what the message says to do leads all the way down


def test_one_category_is_certain_before_anything_is_done():
    body = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 1, 1), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten()))
    single = networks.Network(body, name="single", scale=[1.0] * 3, shift=[0.0] * 3, categories=["cat"])
    with pytest.raises(ValueError, match=r"logits of shape \(0, 1\)"):
        illusions.fgsm(single, torch.full((1, 3, 8, 8), 0.5), "cat", epsilon=0.1)
    with pytest.raises(ValueError, match="single has one category"):
        illusions.paint(single, "cat")
    with pytest.raises(ValueError, match="single has one category"):
        illusions.patterns.search(single, "cat", illusions.patterns.RIPPLES)


def test_a_network_so_sure_that_its_loss_is_flat_is_refused_by_the_picture(linear, pair):
    x, sure = torch.stack(pair), torch.tensor([[1.0], [1e6]])

    def classify(pixels):  # float32 knows no probability between 1 and what the second picture gets
        return linear(pixels) * sure[: len(pixels)]

    said = linear(x).argmax(1)
    for attack in (illusions.fgsm, illusions.pgd):
        with pytest.raises(ValueError, match=r"image 1 has no slope.* so sure that the loss is flat"):
            attack(classify, x, said, epsilon=0.1)
    with pytest.raises(ValueError, match="image 1 has no slope"):
        illusions.least_epsilon(classify, x, said)


def test_logits_of_another_shape_are_refused(pair):
    with pytest.raises(ValueError, match=r"logits of shape \(1,\); it must be \(N, categories\)"):
        illusions.fgsm(lambda v: v.sum((1, 2, 3)), pair[0][None], [0], epsilon=0.1)


def test_an_interrupted_search_for_the_least_epsilon_gives_the_bound_so_far(linear, pair):
    linear, x, calls = two_way(linear), torch.stack(pair), []
    said = linear(x).argmax(1)
    whole = illusions.least_epsilon(linear, x, said, most=0.2, halvings=1, steps=1)

    def classify(pixels):
        calls.append(1)
        if len(calls) == 8:  # checks 1, already 1, the first attack 2, the first half 2, then the second half
            raise KeyboardInterrupt
        return linear(pixels)

    assert torch.equal(illusions.least_epsilon(classify, x, said, most=0.2, halvings=9, steps=1), whole)
