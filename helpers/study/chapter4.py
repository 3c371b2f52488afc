"""Checks for the exercises of chapter 4."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from helpers import images, networks
from helpers.study.checks import Check

TARGET = "goldfish"  # of the second and the third exercise
SHIFTS = range(4)  # pixels


@functools.cache
def _network(name: str) -> networks.Network:
    return networks.load(name)


@functools.cache
def _coffee() -> Tensor:
    return images.square(images.sample("coffee"))


def _says(picture: Tensor, name: str = "efficientnet_lite0") -> str:
    return _network(name).top(picture, 1)[0][0][0]


# --- 4.1: the strongest push on a single layer ------------------------------------------------------------------------


@functools.cache
def _layer() -> tuple[Tensor, Tensor]:
    dice = torch.Generator().manual_seed(4)
    return torch.randn(50, generator=dice), torch.rand(50, generator=dice)


def _pushed(strongest: Callable[..., Tensor]) -> Tensor:
    weight, x = _layer()
    return strongest(weight, x, 0.2)


def _loss_to_the_best(strongest: Callable[..., Tensor]) -> Tensor:
    weight, x = _layer()
    best = torch.where(weight > 0, (x + 0.2).clamp(max=1), (x - 0.2).clamp(min=0))
    return (weight * (best - _pushed(strongest))).sum()


check_1 = Check(
    {
        "It must give a tensor of the shape of x.": lambda f: _pushed(f).shape != _layer()[1].shape,
        "Some pixels leave the range from 0 to 1.": lambda f: (_pushed(f) - 0.5).abs().max() > 0.5 + 1e-6,
        "Some pixels move by more than epsilon.": lambda f: (_pushed(f) - _layer()[1]).abs().max() > 0.2 + 1e-6,
        "The score falls: wrong way.": lambda f: (_layer()[0] * (_pushed(f) - _layer()[1])).sum() < 0,
        "Every pixel should go as far as it may, whatever the size of its weight.": lambda f: (
            _loss_to_the_best(f) > 1e-4
        ),
    },
    praise="Right: no picture in the box has a higher score.",
)


# --- 4.2 and 4.3: pictures --------------------------------------------------------------------------------------------


def _legal(levels: int) -> dict[str, Callable[[Any], Any]]:
    """What any illusion must be that changes the photo of the coffee by so many gray levels."""
    return {
        "Give one picture, of shape (1, 3, 224, 224).": lambda p: p.shape != (1, 3, 224, 224),
        "Some pixels leave the range from 0 to 1.": lambda p: (p - 0.5).abs().max() > 0.5 + 1e-6,
        f"Some pixels are more than {levels} gray levels from the photo of the coffee.": lambda p: (
            (p - _coffee()).abs().max() > levels / 255 + 1e-6
        ),
        "The network does not see a goldfish in it.": lambda p: _says(p) != TARGET,
    }


check_2 = Check(
    {
        **_legal(4),
        "Shifted by one, two or three pixels it is no goldfish any more.": lambda p: any(
            _says(p.roll(shift, 3)) != TARGET for shift in SHIFTS
        ),
    },
    praise="Right. It survives every shift that it was made for.",
)

check_3 = Check(
    {
        **_legal(8),
        "The second network does not see a goldfish in it.": lambda p: _says(p, "efficientnet_lite1") != TARGET,
    },
    praise="Right. One change fools both.",
)
