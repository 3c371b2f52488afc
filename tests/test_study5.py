"""Chapter 5's checks: no answer, a right one, and a wrong one for each thing that they say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cells import without_helpers

from helpers import ascent, dreams, images
from helpers.networks import Network
from helpers.study import chapter5

CHECKS = [chapter5.check_1, chapter5.check_2, chapter5.check_3]


def climbed(start: torch.Tensor, objective: ascent.Objective, steps: int = 4) -> torch.Tensor:
    return ascent.ascend(start, objective, steps=steps, rule=ascent.normalized(0.02), constraint=ascent.unit_range)


@pytest.mark.parametrize("check", CHECKS)
def test_three_dots_are_no_answer(check: Any) -> None:
    assert check(...).right is None


def test_a_dream_of_the_rocket(lite0: Network) -> None:
    rocket = images.sample("rocket")
    strength = dreams.layer_strength(lite0, "blocks.4.2")
    assert chapter5.check_1(climbed(rocket, strength)).right
    assert "size" in chapter5.check_1(rocket[:, :, 1:]).message
    assert "as it was" in chapter5.check_1(rocket).message
    assert "not excited" in chapter5.check_1(climbed(rocket, lambda x: -strength(x), 2)).message


def test_one_channel_alone(lite0: Network) -> None:
    cat = images.sample("cat")

    def eyes(x: torch.Tensor) -> torch.Tensor:
        return lite0.features(x, "blocks.4.2.relu2")["blocks.4.2.relu2"][:, 64].mean()

    answer = climbed(cat, eyes, 30)
    assert chapter5.check_2(answer).right
    assert "went down" in chapter5.check_2(climbed(cat, lambda x: -eyes(x), 1)).message
    assert "hardly changed" in chapter5.check_2(cat).message
    assert "brighter than white" in chapter5.check_2(answer + 0.1).message


def test_the_score_of_a_guided_dream(lite0: Network) -> None:
    def products(x: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        mine, words = (lite0.features(p, "blocks.4.0")["blocks.4.0"][0].flatten(1) for p in (x, guide))
        return mine.T @ words / len(mine)

    assert chapter5.check_3(lambda x, guide: products(x, guide).amax(1).mean()).right
    assert "one number" in chapter5.check_3(lambda x, guide: products(x, guide).amax(1)).message
    assert "one and the same" in chapter5.check_3(lambda x, guide: products(x, guide)[:, 0].mean()).message
    assert "differs" in chapter5.check_3(lambda x, guide: products(x, guide).amax(1).sum()).message


def test_the_hook_of_the_chapter_keeps_a_layers_outputs_and_leaves_no_trace() -> None:
    code = without_helpers("05_android_dreams")
    assert len(code.splitlines()) <= 12
    room: dict[str, Any] = {}
    exec(code, room)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True)).eval()
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    found = room["features"](network, x, "0")["0"]
    torch.testing.assert_close(found, network[0]((x - 0.5) / 0.5))  # although the next layer overwrites it
    (slope,) = torch.autograd.grad(found.square().mean(), x)
    assert slope.abs().max() > 0
    assert not network[0]._forward_hooks
