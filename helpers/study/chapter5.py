"""The checks of chapter 5's exercises."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from helpers import dreams, images, networks
from helpers.networks import Network
from helpers.study.checks import Check

LAYER = "blocks.4.2"
GUIDED = "blocks.4.0"
EYES = "blocks.4.2.relu2", 64  # a channel that lights up on both eyes of the cat


@functools.cache
def _network() -> Network:
    return networks.load()


@functools.cache
def _sample(name: str) -> Tensor:
    return images.sample(name)


@torch.no_grad()
def strength(pixels: Tensor) -> float:
    """How much the layer of this chapter finds in pictures (N, 3, H, W): the mean square of its outputs."""
    return dreams.layer_strength(_network(), LAYER)(pixels).mean().item()


@torch.no_grad()
def eye_channel(pixels: Tensor) -> float:
    """How strongly the channel for eyes answers to pictures (N, 3, H, W), on average."""
    layer, channel = EYES
    return _network().features(pixels, layer)[layer][:, channel].mean().item()


@functools.cache
def _expected() -> float:
    """What the helper's objective gives the small cat, by the guide of the coffee."""
    cat, guide = _small()
    with torch.no_grad():
        return dreams.likeness(_network(), GUIDED, guide)(cat).item()


def _small() -> list[Tensor]:
    return [images.square(_sample(name), 96) for name in ("cat", "coffee")]


@torch.no_grad()
def _score(likeness: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    return torch.as_tensor(likeness(*_small()))


check_1 = Check(
    {
        "This is not a picture of the rocket's size.": lambda x: x.shape != _sample("rocket").shape,
        "The rocket is still as it was.": lambda x: (x - _sample("rocket")).abs().mean() < 0.01,
        "The layer is not excited; did it see your picture?": lambda x: strength(x) < 2 * strength(_sample("rocket")),
    },
    "The layer sees far more than before. What do you see?",
)
check_2 = Check(
    {
        "This is not a picture of the cat's size.": lambda x: x.shape != _sample("cat").shape,
        "Pixels are darker than black or brighter than white.": lambda x: x.min() < 0 or x.max() > 1,
        "The channel is darker than before: you went down.": lambda x: eye_channel(x) < eye_channel(_sample("cat")),
        "The channel has hardly changed; climb longer.": lambda x: eye_channel(x) < 3 * eye_channel(_sample("cat")),
    }
)
check_3 = Check(
    {
        "The score of one picture is one number.": lambda f: _score(f).numel() != 1,
        "Every place of the cat is compared with one and the same place of the guide; look for the best for each.": (
            lambda f: _score(f).item() < 0.9 * _expected()
        ),
        "It differs from the helper's score. Is it the mean over places and channels of the product?": lambda f: (
            abs(_score(f).item() / _expected() - 1) > 0.01
        ),
    },
    "The score of a guided dream, as the helper computes it.",
)
