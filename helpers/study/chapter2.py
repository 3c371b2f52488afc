"""Checks of the exercises of chapter 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from helpers import patchwork, training
from helpers.study.checks import Check

Bump = Sequence[tuple[float, float]]  # (weight, place) of each neuron


def _misses(*wanted: tuple[float, float]) -> Callable[[Bump], bool]:
    """A question: does the sum of the neurons miss one of these points (x, y)?"""

    def misses(answer: Bump) -> bool:
        return any(abs(sum(weight * max(x - place, 0.0) for weight, place in answer) - y) > 1e-9 for x, y in wanted)

    return misses


check_1 = Check(
    {
        "It should be 0 at x = 0 and at x = 1: no neuron may switch before 1.": _misses((0, 0), (1, 0)),
        "At x = 2 it should be 1. Which slope takes it there from x = 1?": _misses((2, 1)),
        "At x = 3 it should be 0 again. The slope must change from 1 to -1 at 2.": _misses((3, 0)),
        "Behind x = 3 it does not stay at 0: one more neuron must stop the fall.": _misses((9, 0)),
        "It is right at whole numbers, but not in between.": _misses((1.5, 0.5), (2.5, 0.5)),
    },
    praise="Right: slopes 0, 1, -1, 0, so the weights are 1, -2, 1. Sums of such bumps come close to any curve.",
)

check_2 = Check(
    {
        "It should be a pair: the patches, and the patterns that are never met.": lambda a: len(a) != 2,
        "Ten lines have 10 · 9 / 2 crossings, not 10 · 9: each pair crosses once.": lambda a: a[0] == 1 + 10 + 90,
        "The number of patches is one, plus the lines, plus the crossings.": lambda a: a[0] != 56,
        "Every patch has a pattern of its own, so what is left of 1024 is never met.": lambda a: a[1] != 1024 - 56,
    },
    praise="Right. With twenty neurons it would be 211 of a million.",
)


def _asked() -> list[tuple[nn.Sequential, Tensor, float]]:
    """Networks, inputs, and their distances to the nearest seam."""
    found = []
    for seed in range(3):
        network = training.mlp([5, 8, 8, 3], seed=seed)
        x = torch.randn(5, generator=torch.Generator().manual_seed(seed))
        found.append((network, x, patchwork.moves(network, x).norm(dim=1).min().item()))
    return found


def _off(answer: Any, power: float = 1.0) -> bool:
    return any(abs(float(answer(network, x)) - true**power) > 1e-4 * true**power for network, x, true in _asked())


check_3 = Check(
    {
        "It should be a function of a network and an input.": lambda f: not callable(f),
        "It returns the square of the distance. Is it divided by the length of w, not by its square?": lambda f: (
            not _off(f, 2.0)
        ),
        "It looks at the first layer only, and some neurons of later layers are nearer.": lambda f: (
            not any(abs(float(f(network, x)) - _first(network, x)) > 1e-5 for network, x, _ in _asked())
        ),
        "The distance is not right. Take |sum| / length of its row of `weight`, and the least over all layers.": _off,
    },
    praise="Right. For the digit of Figure 2.6 it gives the length of the move.",
)


def _first(network: nn.Sequential, x: Tensor) -> float:
    """The distance to the nearest seam of the first layer."""
    hidden = network[0].out_features
    return patchwork.moves(network, x)[:hidden].norm(dim=1).min().item()


WIDTHS = (12, 8, 6, 4, 2)
check_4 = Check(
    {
        "It should be a list of five whole numbers.": lambda a: len(a) != 5,
        "Those are the pieces on the whole line. Between 0 and 1 there are fewer.": lambda a: (
            a[0] > 144 and a[4] > 4096
        ),
        "Layers multiply: two layers of 12 strips make 12 · 12 pieces, not 12 + 12.": lambda a: a[0] == 24,
        "A layer of p neurons multiplies by p, and there are 24 / p layers.": lambda a: (
            list(a) != [p ** (24 // p) for p in WIDTHS]
        ),
    },
    praise="Right. Layers of 4 and of 2 tie for the most, since 4 is 2 squared; eight layers of 3 would beat both.",
)
