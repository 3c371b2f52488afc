"""The diagram of style transfer, and light on a scale of one's own."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import plots


def drawn(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    return np.asarray(Image.open(buffer).convert("RGB"))


def test_the_diagram_shows_its_three_pictures_each_in_its_shape_and_says_what_they_are(noise):
    shapes = {"the painting": (80, 60), "the picture, x": (40, 60), "the photo": (60, 60)}
    figure = plots.demands(*(noise(1, 3, *shape, seed=i) for i, shape in enumerate(shapes.values())))
    sheet, *pictures = figure.axes
    assert [axes.get_title(loc="left") for axes in pictures] == list(shapes)
    width, height = figure.get_size_inches()
    for axes, shape in zip(pictures, shapes.values(), strict=True):
        box = axes.get_position()
        assert box.height * height / (box.width * width) == pytest.approx(shape[0] / shape[1])
    words = {text.get_text() for text in sheet.texts}
    assert {*(f"block {i}" for i in range(1, 6)), "five layers", "one layer", "loss"} <= words
    assert any("gradient" in text for text in words)
    assert any("style error" in text for text in words)
    assert any("content error" in text for text in words)
    assert drawn(figure).std() > 1


def test_pictures_of_the_diagram_do_not_overlap(noise):
    figure = plots.demands(*(noise(1, 3, 90, side, seed=side) for side in (30, 90, 200)))
    boxes = [axes.get_position() for axes in figure.axes[1:]]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_light_on_a_scale_of_ones_own(photo):
    channel = torch.zeros(8, 8)
    channel[2:4, 2:4] = 1
    own, dim, dark = (plots.glow(photo, channel, full=full) for full in (1.0, 4.0, 1e6))
    assert (own - plots.glow(photo, channel)).abs().max() < 1e-5  # one place in two hundred exceeds 1 here
    assert own.sum() > dim.sum() > dark.sum()
    assert torch.allclose(dark, plots.glow(photo, torch.zeros(8, 8)), atol=1e-4)
