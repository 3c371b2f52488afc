"""Checks of the exercises in chapter 6."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from helpers import images, networks, style
from helpers.study.checks import Check


@functools.cache
def _errors(*, content: str = "", painting: str = "") -> style.Errors:
    """The errors of a small picture against small copies of samples, in the chapter's own network."""
    vgg = networks.average_pooling(networks.load("vgg19"))
    photo = images.resize(images.sample(content), (64, 96)) if content else None
    model = images.resize(images.sample(painting), (87, 70)) if painting else None
    return style.errors(vgg, content=photo, painting=model)


def _away(picture: Tensor, **of: str) -> tuple[float, float]:
    with torch.no_grad():
        content, unlike = _errors(**of)(picture)
    return content.item(), unlike.item()


def _still_far(painting: str) -> Callable[[Tensor], bool]:
    """Whether more than two thirds of the photo's style error are left."""
    cat = images.resize(images.sample("cat"), (64, 96))
    return lambda picture: _away(picture, painting=painting)[1] > _away(cat, painting=painting)[1] * 2 / 3


def _lost(picture: Tensor) -> bool:
    """Whether the cat, to the layer that keeps the content, is farther away than its own mirror image."""
    cat = images.resize(images.sample("cat"), (64, 96))
    return _away(picture, content="cat")[0] > _away(cat.flip(3), content="cat")[0]


def _two() -> tuple[Tensor, Tensor]:
    """Two pictures (1, 3, 8, 9) so soft that no color is clipped."""
    chance = torch.Generator().manual_seed(0)
    first, second = (0.4 + 0.2 * torch.rand(1, 3, 8, 9, generator=chance) for _ in range(2))
    return first, second


def _differ(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() > 1e-3)


def _trial() -> tuple[Tensor, Tensor]:
    """Features (1, 3, 6, 7), and channel 0 times channel 2 two places to the right, by arithmetic."""
    features = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(1))
    products = [features[0, 0, y, x] * features[0, 2, y, x + 2] for y in range(6) for x in range(5)]
    return features, torch.stack(products).sum() / (3 * 6 * 5)


check_1 = Check(
    {
        "It should return a picture of the shape of the first.": lambda f: f(*_two()).shape != _two()[0].shape,
        "The result should be as light, place by place, as the painted picture: compare `images.luminance` of both.": (
            lambda f: _differ(images.luminance(f(*_two())), images.luminance(_two()[0]))
        ),
        "Red minus green, and green minus blue, should be what they are in the photo.": lambda f: _differ(
            f(*_two()).diff(dim=1), _two()[1].diff(dim=1)
        ),
    },
    "Right: the painter's light and dark, in the photo's colors.",
)

check_2 = Check(
    {
        "It should be a picture of 64 by 96 pixels, of shape (1, 3, 64, 96).": lambda x: x.shape != (1, 3, 64, 96),
        "It is still far from the café. Do both style errors count?": lambda x: _still_far("cafe_terrace")(x),
        "It is still far from the cartoon. Do both style errors count?": lambda x: _still_far("cartoon")(x),
        "The cat is lost. Does the content error count?": _lost,
    },
    "Right: both painters at once. Look at the strokes.",
)

check_3 = Check(
    {
        "It should return a tensor of shape (1, 3, 3) for 3 channels.": lambda f: f(_trial()[0], 2).shape != (1, 3, 3),
        "Without a shift it should be `style.gram`.": lambda f: (
            not torch.allclose(f(_trial()[0], 0), style.gram(_trial()[0]))
        ),
        "Entry [0, 2] should be channel 0 times channel 2 two places to the right. Is the shift the other way "
        "around, or does it wrap around the edge?": lambda f: abs(f(_trial()[0], 2)[0, 0, 2] - _trial()[1]) > 1e-5,
    },
    "Right. Now shake the layer, and watch the table change.",
)
