"""Patchworks of the plane, their seams, and the points that they were fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from helpers.plots.curves import Curve
from helpers.plots.palette import BLUE, COLORS, GRAY, INK, ORANGE, SAND, WIDTH, blank, styled
from helpers.plots.shading import compass, mosaic, relief


class Facet(Protocol):
    """A polygon (k, 2) of the plane in which a function is ``weight @ x + bias``, (out, 2) and (out,)."""

    polygon: Tensor
    weight: Tensor
    bias: Tensor


@dataclass(eq=False, slots=True)
class Dots:
    """Points (n, 2) of the plane with values (n,) from -1, blue, over 0, pale, to 1, amber."""

    points: Tensor
    values: Tensor

    def draw(self, axes: Axes, side: float) -> None:
        """As small dots on axes `side` inches wide."""
        values = self.values.numpy()[:, None]
        strength = np.abs(values).clip(max=1)
        ends = np.where(values < 0, to_rgb(BLUE), to_rgb(ORANGE))
        colors = np.array(to_rgb(SAND)) * 0.93 * (1 - strength) + ends * strength
        x, y = self.points.T.numpy()
        axes.scatter(x, y, s=1.3 * side, c=colors, linewidths=0)


@dataclass(eq=False, slots=True)
class Seams:
    """Straight pieces with ends (n, 2, 2), all of one color, the stronger (n,), from 0 to 1, the wider and darker."""

    ends: Tensor
    color: str = INK
    strength: Tensor | None = None
    width: float = 1.2

    def draw(self, axes: Axes, side: float) -> None:
        """As lines on axes `side` inches wide."""
        strength = np.ones(len(self.ends)) if self.strength is None else self.strength.clamp(0, 1).numpy()
        rgba = [(*to_rgb(self.color), alpha) for alpha in strength**0.6]
        widths = self.width * min(1, side / 2.3) * (0.35 + 0.65 * strength)
        axes.add_collection(LineCollection(list(self.ends.numpy()), colors=rgba, linewidths=widths, capstyle="round"))


Panel = Sequence[Facet] | Dots | Sequence[Seams | Dots]


def terrain(facets: Sequence[Facet], *, glass: bool = False) -> tuple[list[Tensor], np.ndarray]:
    """The polygons of facets and their colors (facets, 3), by their first output, for `mosaic` and the explorable.

    Args:
        glass: color each facet by the direction of its slope, as `compass` does, instead of as a lit landscape.
    """
    slopes = torch.stack([facet.weight[0] for facet in facets])
    heights = torch.stack([facet.weight[0] @ facet.polygon.mean(0) + facet.bias[0] for facet in facets])
    return [facet.polygon for facet in facets], compass(slopes) if glass else relief(slopes, heights)


@styled
def patchworks(
    panels: Mapping[str, Panel],
    *,
    bounds: Sequence[float] | None = None,
    columns: int | None = None,
    glass: bool = False,
) -> Figure:
    """Panels side by side under their titles: facets as a landscape, points, or seams as lines.

    Args:
        panels: title -> facets such as `patchwork.patches` finds, or `Dots`, or a list of `Seams` and `Dots`, drawn in
            this order.
        bounds: (xmin, xmax, ymin, ymax) of every panel; by default what the facets fill.
        columns: how many panels in a row; by default all.
        glass: color facets by the direction of their slopes.
    """
    layers: dict[str, Sequence[Seams | Dots]] = {}
    drawn: dict[str, tuple[list[Tensor], np.ndarray]] = {}
    for title, panel in panels.items():
        parts: Any = [panel] if isinstance(panel, Dots) else panel
        flat = not isinstance(parts[0], Seams | Dots)
        layers[title] = [] if flat else parts
        drawn[title] = terrain(parts, glass=glass) if flat else ([], np.zeros((0, 3)))
    if bounds is None:
        corners = torch.cat([polygon for polygons, _ in drawn.values() for polygon in polygons])
        low, high = corners.amin(0).tolist(), corners.amax(0).tolist()
        bounds = (low[0], high[0], low[1], high[1])
    figure = mosaic(drawn, bounds=bounds, columns=columns)
    for axes, group in zip(figure.axes, layers.values(), strict=False):
        for part in group:
            part.draw(axes, WIDTH / (columns or len(panels)))
    return figure


@styled
def multiples(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    x: str,
    colors: Mapping[str, str] | None = None,
    marks: Sequence[float] = (),
    columns: int | None = None,
    height: float = 2.2,
) -> Figure:
    """Small panels of curves (xs, ys) side by side on the same axes, one legend above them, faint lines at `marks`.

    Args:
        panels: title -> name of a curve -> the curve; the same name has the same color everywhere.
        colors: name -> color; by default the palette's, in order. A blank name is not in the legend.
        columns: panels in a row, by default all.
        height: inches of one row.
    """
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    figure = blank(rows=rows, columns=columns, height=rows * height, squeeze=False, sharex=True, sharey=True)
    names = dict.fromkeys(name for curves in panels.values() for name in curves)
    shade = dict(zip(names, COLORS * len(names), strict=False)) | dict(colors or {})
    handles = {}
    for axes, (title, curves) in zip(figure.axes, panels.items(), strict=False):
        axes.axhline(0, color=GRAY, linewidth=0.7)
        for mark in marks:
            axes.axvline(mark, color=GRAY, linewidth=0.7, linestyle=":")
        for name, (xs, ys) in curves.items():
            (handles[name],) = axes.plot(xs, ys, color=shade[name])
        axes.set_title(title)
    for axes in figure.axes[-columns:]:
        axes.set_xlabel(x)
    told = [name for name in names if name.strip()]
    if told:
        figure.legend([handles[n] for n in told], told, loc="outside upper right", ncols=len(told))
    return figure
