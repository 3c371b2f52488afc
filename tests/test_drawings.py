"""The book's own drawings: the same for the same seed, whatever else draws random numbers."""

from __future__ import annotations

import random

import pytest
import torch

from helpers import drawings, images

DRAWINGS = {"clouds": (drawings.clouds, 2 / 3), "cartoon": (drawings.cartoon, 5 / 4)}

each = pytest.mark.parametrize(("draw", "ratio"), DRAWINGS.values(), ids=DRAWINGS)


@each
@pytest.mark.parametrize("size", [64, 97, 130])
def test_a_drawing_is_an_image_of_the_size_asked_for(draw, ratio, size):
    pixels = draw(size=size)
    images.check(pixels)
    assert pixels.shape == (1, 3, round(size * ratio), size)
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    assert (pixels.amax(dim=(2, 3)) - pixels.amin(dim=(2, 3)) > 0.25).all()  # something is drawn, in every channel


@each
def test_a_seed_always_gives_the_same_drawing_and_another_seed_another(draw, ratio):
    del ratio
    first = draw(size=64, seed=3)
    assert torch.equal(draw(size=64, seed=3), first)
    assert (draw(size=64, seed=4) - first).abs().max() > 0.1


@each
def test_drawing_neither_reads_nor_moves_the_global_random_numbers(draw, ratio):
    del ratio
    torch.manual_seed(1)
    random.seed(1)
    before, before_plain = torch.get_rng_state(), random.getstate()
    first = draw(size=64)
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == before_plain
    torch.manual_seed(2)
    random.seed(2)
    assert torch.equal(draw(size=64), first)


@each
@pytest.mark.parametrize("size", [63, 0, -1])
def test_a_drawing_too_small_is_refused(draw, ratio, size):
    del ratio
    with pytest.raises(ValueError, match=rf"size is {size} pixels; the least is 64"):
        draw(size=size)


def test_the_sky_is_blue_above_and_paler_below():
    sky = drawings.clouds(size=96)[0]
    top, bottom = sky[:, :8].flatten(1).quantile(0.2, dim=1), sky[:, -8:].mean(dim=(1, 2))
    assert top[2] > top[0] + 0.1
    assert bottom.mean() > top.mean()


def test_the_defaults_are_the_samples():
    assert torch.equal(images.sample("clouds"), drawings.clouds())
    assert torch.equal(images.sample("cartoon"), drawings.cartoon())
