"""Numbers as light and color: tables, signs, the facets of a patchwork."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from helpers.plots.palette import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    PLUM,
    PURPLE,
    RED,
    SAND,
    WIDTH,
    YELLOW,
    blank,
    powers_of_ten,
    styled,
)

SWING = ["#00304d", BLUE, PAPER, ORANGE, "#6b4a00"]  # for what may be on either side of zero
mpl.colormaps.register(LinearSegmentedColormap.from_list("seesaw", SWING), force=True)


@styled
def heat(
    panels: Mapping[str, Tensor],
    *,
    x: str,
    y: str,
    bar: str,
    limits: tuple[float, float] | None = None,
    log: bool = False,
    numbers: bool = False,
    ticks: Sequence[str] = (),
    colors: str = "inferno",
    height: float = 3.4,
) -> Figure:
    """Tables (rows, columns) side by side as light, row 0 at the bottom, on one scale named `bar`.

    Args:
        bar: what the scale means; "" draws no scale, for tables whose `numbers` say it all.
        limits: of the scale; by default the least and the greatest value that is a number.
        log: a logarithmic scale, on which zero is as dark as the least.
        numbers: write each value that is not zero into its cell.
        ticks: what to write along both axes; by default only the number of rows.
        colors: a matplotlib color map, or "seesaw": blue, white in the middle, amber.
    """
    values = torch.cat([table.flatten() for table in panels.values()])
    values = values[values.isfinite() & (values > 0 if log else True)]
    low, high = limits or (float(values.min()), float(values.max()))
    norm = (mpl.colors.LogNorm if log else mpl.colors.Normalize)(low, high, clip=True)
    shade = mpl.colormaps[colors]
    figure = blank(columns=len(panels), height=height, sharey=True, squeeze=False)
    for axes, (name, table) in zip(figure.axes, panels.items(), strict=True):
        image = axes.imshow(np.asarray(table.clamp(min=low)), norm=norm, cmap=shade, origin="lower", aspect="auto")
        axes.set(title=name, xlabel=x, xticks=range(len(ticks)), xticklabels=ticks)
        axes.set(
            yticks=range(len(ticks)) if ticks else [0, len(table) - 1], yticklabels=ticks or ["1", f"{len(table)}"]
        )
        for i, j in table.nonzero().tolist() if numbers else []:
            value = table[i, j].item()
            ink = _ink(shade(norm(value)))
            axes.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=8, color=ink)
    figure.axes[0].set_ylabel(y)
    if bar:
        scale = figure.colorbar(image, ax=figure.axes, label=bar, aspect=30, pad=0.015)
        if log:
            powers_of_ten(scale.ax.yaxis)
    return figure


@styled
def table(values: Tensor, rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Values (rows, columns) as windows with numbers, the higher in rank the brighter, the highest in a frame."""
    figure = blank(height=0.6 * len(rows) + 0.6)
    axes, best = figure.axes[0], divmod(int(values.argmax()), len(columns))
    ranks = values.flatten().argsort().argsort().view_as(values)
    axes.pcolormesh(ranks, cmap="cividis", edgecolors=PAPER, linewidth=3)
    shades = np.asarray(mpl.colormaps["cividis"]((ranks / max(1, values.numel() - 1)).numpy()))
    for i, j in itertools.product(range(len(rows)), range(len(columns))):
        color = _ink(shades[i, j])
        axes.text(j + 0.5, i + 0.5, f"{values[i, j]:.1f}", color=color, ha="center", va="center")
    axes.add_patch(mpl.patches.Rectangle(best[::-1], 1, 1, fill=False, edgecolor=RED, linewidth=3))
    axes.set(xticks=np.arange(len(columns)) + 0.5, xticklabels=columns)
    axes.set(yticks=np.arange(len(rows)) + 0.5, yticklabels=rows)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def tint(values: Tensor) -> Tensor:
    """Values (h, w) from -1 to 1 as a picture (1, 3, h, w): vermilion, white at zero, blue; NaN is pale gray."""
    blue, red = (torch.tensor(mpl.colors.to_rgb(color)).view(3, 1, 1) for color in (BLUE, RED))
    strength = values.detach().clamp(-1, 1).abs()
    return (1 - strength * (1 - torch.where(values > 0, blue, red))).nan_to_num(0.9)[None]


def ink(values: Tensor) -> Tensor:
    """Values (h, w) from 0, bare paper, to 1, full ink, as a picture (1, 3, h, w); those beyond are clipped."""
    return (1 - values.detach().clamp(0, 1)).expand(1, 3, -1, -1)


def mosaic(
    panels: Mapping[str, tuple[Sequence[Tensor], np.ndarray]],
    *,
    bounds: Sequence[float],
    columns: int | None = None,
) -> Figure:
    """Polygons (k, 2) filled with their colors (polygons, 3) and joined by thin light seams, a panel for each title.

    Args:
        panels: title -> (polygons, colors).
        bounds: (xmin, xmax, ymin, ymax) of every panel.
        columns: how many panels in a row; by default all.
    """
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    side = WIDTH / columns
    height = rows * (side * (bounds[3] - bounds[2]) / (bounds[1] - bounds[0]) + _head(panels))
    figure = blank(rows=rows, columns=columns, height=height, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.02, wspace=0, hspace=0)
    for axes, (title, (polygons, colors)) in zip(figure.axes, panels.items(), strict=False):
        draw_facets(axes, polygons, colors, bounds=bounds, side=side)
        axes.set_title(title, fontsize=9.5, pad=3)
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    return figure


def draw_facets(
    axes: Axes, polygons: Sequence[Tensor], colors: np.ndarray, *, bounds: Sequence[float], side: float
) -> None:
    """Polygons (k, 2) in their colors (polygons, 3), joined by thin light seams, on axes `side` inches wide."""
    corners = [polygon.numpy() for polygon in polygons]
    seams = np.array([_thickness(ring) for ring in corners]) * 72 * side / (bounds[1] - bounds[0])
    widths = np.minimum(0.08 * seams, 0.16 + 0.035 * side).tolist()  # no sliver may vanish under its seams
    axes.add_collection(PolyCollection(corners, facecolors=colors, edgecolors=colors, linewidths=0.2))
    axes.add_collection(PolyCollection(corners, facecolors="none", edgecolors=(1, 1, 1, 0.7), linewidths=widths))
    axes.set(xlim=bounds[:2], ylim=bounds[2:], aspect="equal")
    axes.set_axis_off()


def compass(slopes: Tensor) -> np.ndarray:
    """Colors (N, 3) for slopes (N, 2) by how they differ from the middle one: hue for where to, pale for little."""
    away = (slopes - slopes.median(dim=0).values).numpy()
    length = np.hypot(*away.T)
    strength = np.minimum(length / max(np.quantile(length, 0.85), 1e-12), 1)[:, None] ** 0.6
    wheel = [PLUM, PURPLE, YELLOW, GREEN, INK, PLUM]  # neither amber nor blue, which stand for signs
    hues = LinearSegmentedColormap.from_list("compass", wheel, 512)
    return _mixed(SAND, hues(np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi) % 1)[:, :3], strength)


def relief(slopes: Tensor, heights: Tensor) -> np.ndarray:
    """Colors (N, 3) of facets by slopes (N, 2) and heights (N,): blue below 0, amber above, lit from the upper left."""
    steepness = slopes.norm(dim=1)
    tilt = ((slopes[:, 0] - slopes[:, 1]) / 2**0.5 / (steepness + steepness.median() + 1e-12)).numpy()
    far = (heights / (heights.abs() + heights.abs().quantile(0.4) + 1e-12)).numpy()
    kind = np.where(far[:, None] < 0, to_rgb(BLUE), to_rgb(ORANGE))
    base = _mixed(SAND, kind, np.minimum(np.abs(1.35 * far), 1)[:, None] ** 0.7)
    return np.clip(base * (1 + 0.35 * tilt * np.where(tilt > 0, 0.6, 1))[:, None], 0, 1)


def _head(titles: Iterable[str]) -> float:
    """Inches that the titles of a row need."""
    return max((0.24 + 0.155 * title.count("\n") for title in titles if title), default=0)


def _ink(shade: Sequence[float]) -> str:
    """The color of writing that can be read on a shade (red, green, blue, ...): whichever stands out more."""
    light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade[:3]]
    return INK if np.dot(light, (0.2126, 0.7152, 0.0722)) > 0.2 else PAPER  # WCAG's relative luminance


def _thickness(ring: np.ndarray) -> float:
    """Four times the area over the perimeter: the width of a long strip twice, the side of a square."""
    step = np.roll(ring, -1, axis=0) - ring
    x, y = (ring - ring[0]).T
    return float(2 * abs(np.sum(x * step[:, 1] - y * step[:, 0])) / np.hypot(*step.T).sum())


def _mixed(start: str, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.array(to_rgb(start)) * (1 - share) + end * share
