"""How patchworks are drawn: what becomes of facets, points and seams."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from torch import nn

from helpers import patchwork, plots, training

FRAME = (-1.0, 1.0, -1.0, 1.0)


@pytest.fixture(scope="module")
def found():
    return patchwork.patches(training.mlp([2, 6, 1], seed=1), FRAME)


def test_terrain_gives_each_facet_its_color_and_glass_shows_slopes_only(found):
    polygons, colors = plots.terrain(found)
    assert [polygon.tolist() for polygon in polygons] == [patch.polygon.tolist() for patch in found]
    assert colors.shape == (len(found), 3)
    _, glass = plots.terrain(found, glass=True)
    assert np.array_equal(glass, plots.compass(torch.stack([patch.weight[0] for patch in found])))


def test_panels_hold_facets_points_and_seams_on_the_same_frame(found):
    ends, _ = patchwork.seams(found)
    dots = plots.Dots(torch.tensor([[0.0, 0.0], [0.5, 0.5], [-0.5, 0.5]]), torch.tensor([-1.0, 0.0, 1.0]))
    strength = torch.linspace(0, 1, len(ends))
    panels = {"a": found, "b": dots, "c": [plots.Seams(ends, plots.RED, strength), dots]}
    figure = plots.patchworks(panels, columns=2)
    facets, points, both, empty = figure.axes
    for axes in (facets, points, both):
        assert (axes.get_xlim(), axes.get_ylim()) == ((-1, 1), (-1, 1))  # by default what the facets fill
    assert len(facets.collections[0].get_paths()) == len(found)
    colors = points.collections[-1].get_facecolor()[:, :3]
    assert colors[[0, 2]] == pytest.approx(np.array([to_rgb(plots.BLUE), to_rgb(plots.ORANGE)]))
    assert colors[1].min() > 0.8  # pale
    lines = next(part for part in both.collections if isinstance(part, mpl.collections.LineCollection))
    alphas = lines.get_colors()[:, 3]
    assert alphas[0] == 0
    assert alphas[-1] == 1
    assert (np.diff(alphas) > 0).all()
    assert (np.diff(lines.get_linewidths()) > 0).all()
    assert not empty.axison


def test_multiples_share_axes_and_colors_and_leave_blank_names_out_of_the_legend():
    line = ([0, 1], [0, 2])
    panels = {"one": {"a": line, "b": line}, "two": {"b": line}, "three": {"": line}}
    figure = plots.multiples(panels, x="input", colors={"": plots.INK}, marks=[0.5], columns=2, height=2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    first, second, third, _ = figure.axes
    colors = [axes.lines[-1].get_color() for axes in (first, second, third)]
    assert colors == [plots.COLORS[1], plots.COLORS[1], plots.INK]
    assert first.get_ylim() == third.get_ylim()
    assert plots.multiples({"one": {"": line}}, x="input").legends == []


def test_facets_of_several_outputs_are_drawn_by_the_first():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    polygons, colors = plots.terrain(patchwork.patches(network, FRAME))
    assert len(polygons) == len(colors)
