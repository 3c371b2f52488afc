"""The pictures that the book draws for itself: what the script draws is what lies in the folder."""

from __future__ import annotations

import random
import runpy
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import images
from helpers.pictures import draw

DRAWINGS = {"clouds": (draw.clouds, 2 / 3), "cartoon": (draw.cartoon, 5 / 4)}

each = pytest.mark.parametrize(("paint", "ratio"), DRAWINGS.values(), ids=DRAWINGS)


def values(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, dtype=int)


def test_the_script_draws_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [draw.__file__, str(tmp_path)])
    runpy.run_path(draw.__file__, run_name="__main__")
    for name in DRAWINGS:
        drawn, kept = Image.open(tmp_path / f"{name}.png"), Image.open(images.PICTURES / f"{name}.png")
        assert drawn.mode == kept.mode == "RGB"
        assert drawn.size == kept.size
        away = np.abs(values(drawn) - values(kept))
        assert away.mean() < 0.05, name  # another processor rounds differently, by one gray level here and there
        assert np.quantile(away, 0.999) <= 2, name


def test_the_files_are_the_samples_and_small():
    for name in DRAWINGS:
        path = images.PICTURES / f"{name}.png"
        assert path.stat().st_size < 500_000
        assert np.array_equal(values(images.to_pil(images.sample(name))), values(Image.open(path)))
    assert tuple(images.sample("clouds").shape) == (1, 3, 256, 384)
    assert tuple(images.sample("cartoon").shape) == (1, 3, 500, 400)


@pytest.mark.parametrize(("size", "height"), [(256, 171), (576, 384), (1200, 800)])
def test_the_sky_may_be_asked_for_at_any_size(size, height):
    sky = images.sample("clouds", size=size)
    images.check(sky)
    assert tuple(sky.shape) == (1, 3, height, size)


def test_every_picture_has_its_credit():
    credit = (images.PICTURES / "CREDITS.md").read_text(encoding="utf-8")
    for path in images.PICTURES.iterdir():
        assert path.suffix in {".md", ".py", ""} or f"`{path.name}`" in credit


@each
@pytest.mark.parametrize("size", [64, 97, 130])
def test_a_drawing_has_the_size_asked_for(paint, ratio, size):
    picture = paint(size=size)
    assert picture.mode == "RGB"
    assert picture.size == (size, round(size * ratio))
    pixels = values(picture)
    assert (pixels.max(axis=(0, 1)) - pixels.min(axis=(0, 1)) > 64).all()  # something is drawn, in every channel


@each
def test_a_seed_always_gives_the_same_drawing_and_another_seed_another(paint, ratio):
    del ratio
    first = values(paint(size=64, seed=3))
    assert np.array_equal(values(paint(size=64, seed=3)), first)
    assert np.abs(values(paint(size=64, seed=4)) - first).max() > 25


@each
def test_drawing_neither_reads_nor_moves_the_global_random_numbers(paint, ratio):
    del ratio
    torch.manual_seed(1)
    random.seed(1)
    before, before_plain = torch.get_rng_state(), random.getstate()
    first = values(paint(size=64))
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == before_plain
    torch.manual_seed(2)
    random.seed(2)
    assert np.array_equal(values(paint(size=64)), first)


@each
@pytest.mark.parametrize("size", [63, 0, -1])
def test_a_drawing_too_small_is_refused(paint, ratio, size):
    del ratio
    with pytest.raises(ValueError, match=rf"size is {size} pixels; the least is 64"):
        paint(size=size)


def test_the_sky_is_blue_above_and_paler_below():
    sky = images.from_pil(draw.clouds(size=96))[0]
    top, bottom = sky[:, :8].flatten(1).quantile(0.2, dim=1), sky[:, -8:].mean(dim=(1, 2))
    assert top[2] > top[0] + 0.1
    assert bottom.mean() > top.mean()
