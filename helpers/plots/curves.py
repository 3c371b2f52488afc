"""Curves that are named at their ends, functions over their slopes, silhouettes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers.plots.palette import COLORS, GRAY, INK, ORANGE, PAPER, blank, powers_of_ten, styled

Curve = tuple[Sequence[float], Sequence[float]]  # xs, ys
SHADE: dict[str, Any] = {"color": GRAY, "alpha": 0.13, "linewidth": 0}


@styled
def lines(
    curves: Mapping[str, Curve],
    *,
    x: str,
    y: str,
    log: bool = False,
    log_x: bool = False,
    dashed: Sequence[str] = (),
    points: Sequence[str] = (),
    bands: Mapping[str, Curve] | None = None,
    colors: Sequence[str] = COLORS,
    height: float = 3.0,
) -> Figure:
    """Curves by name, each (xs, ys), labeled at their right end rather than in a legend; those in `dashed` dashed,
    those in `points` as single dots.

    A curve named in `bands` stands before a band from low to high, such as the spread over seeds.
    """
    figure = blank(height=height)
    axes = figure.axes[0]
    axes.set(xlabel=x, ylabel=y, yscale="log" if log else "linear", xscale="log" if log_x else "linear")
    if log:
        powers_of_ten(axes.yaxis)
    _curves(axes, curves, dashed=dashed, points=points, bands=bands, colors=colors)
    places = sorted({place for xs, _ in curves.values() for place in xs})
    if log_x:
        if len(places) <= 10:
            axes.set_xticks(places)
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(lambda place, _: _plain(place))
    elif not log_x and all(isinstance(place, int) for place in places):
        axes.locator_params(axis="x", integer=True)
    return figure


@styled
def tracks(
    rows: Mapping[str, Mapping[str, Curve]], *, x: str, marks: Sequence[float] = (), height: float = 1.9
) -> Figure:
    """Rows of curves over one x axis, each row named at its y axis, with faint vertical lines at `marks`."""
    figure = blank(rows=len(rows), height=height * len(rows) + 0.3, squeeze=False, sharex=True)
    for axes, (name, curves) in zip(figure.axes, rows.items(), strict=True):
        for mark in marks:
            axes.axvline(mark, color=GRAY, linewidth=0.6, alpha=0.5)
        axes.set_ylabel(name)
        _curves(axes, curves)
    figure.axes[-1].set_xlabel(x)
    return figure


@styled
def functions(
    functions: Mapping[str, Callable[[Tensor], Tensor]],
    *,
    span: tuple[float, float] = (-4, 4),
    flat: float = 0.045,
    x: str = "weighted sum",
    height: float = 2.15,
) -> Figure:
    """Functions of one number side by side, their slopes beneath, all to one scale; shaded where the slope is small.

    Args:
        functions: by name; autograd gives their slopes.
        span: of the horizontal axis.
        flat: a slope below this is shaded; a sigmoid's is beyond ±3.
        x: the label of the horizontal axis.
    """
    grid: dict[str, Any] = {"height_ratios": [3.6, 1.5], "hspace": 0.02, "wspace": 0.02}
    figure = blank(rows=2, columns=len(functions), height=height, sharex=True, sharey="row", gridspec_kw=grid)
    axes = np.array(figure.axes).reshape(2, -1)
    for color, pair, (name, function) in zip(itertools.cycle(COLORS), axes.T, functions.items(), strict=False):
        at = torch.linspace(*span, 1201, requires_grad=True)
        values = function(at)
        slopes = torch.autograd.grad(values.sum(), at)[0].numpy()
        for place, heights in zip(pair, (values.detach().numpy(), slopes), strict=True):
            place.fill_between(at.detach(), 0, 1, where=slopes < flat, transform=place.get_xaxis_transform(), **SHADE)
            place.axhline(0, color=GRAY, linewidth=0.7)
            place.plot(at.detach(), heights, color=color, linewidth=2.4, solid_capstyle="round")
            place.spines[["left", "bottom"]].set_visible(False)
            place.tick_params(length=0)
            place.set_aspect("equal")  # a slope of 1 rises at 45 degrees
        pair[1].fill_between(at.detach(), 0, slopes, color=color, alpha=0.16, linewidth=0)
        pair[0].axvline(0, color=GRAY, linewidth=0.7)
        pair[0].set(title=name, ylim=(-1.3, 2.3), yticks=[0, 1], xlim=span)
        pair[1].set(xlabel=x, ylim=(-0.15, 1.35), yticks=[0.25, 1], yticklabels=["¼", "1"])
        pair[1].grid(axis="y")
    axes[0, 0].set_ylabel("output")
    axes[1, 0].set_ylabel("slope")
    figure.align_ylabels()
    return figure


@styled
def areas(
    curves: Mapping[str, Sequence[float]], *, over: Sequence[float], truth: Sequence[float], columns: int = 3
) -> Figure:
    """Each curve (xs `over`, ys) as a filled silhouette in a panel of its own, the truth a thin line over it."""
    rows = -(-len(curves) // columns)
    figure = blank(rows=rows, columns=columns, height=1.45 * rows, squeeze=False, sharex=True, sharey=True)
    for axes in figure.axes:
        axes.set_axis_off()
    for axes, (name, ys) in zip(figure.axes, curves.items(), strict=False):
        axes.fill_between(over, 0, ys, color=INK, linewidth=0)
        axes.plot(over, truth, color=ORANGE, linewidth=0.9)
        axes.set_title(name, fontsize=9.5, pad=3)
    return figure


def _curves(
    axes: Axes,
    curves: Mapping[str, Curve],
    *,
    dashed: Sequence[str] = (),
    points: Sequence[str] = (),
    bands: Mapping[str, Curve] | None = None,
    colors: Sequence[str] = COLORS,
) -> None:
    """Curves with their names at their right ends, moved apart where they would overlap; a blank name is left out."""
    for color, (name, (xs, ys)) in zip(itertools.cycle(colors), curves.items(), strict=False):
        if name in points:
            axes.plot(xs, ys, "o", color=color, alpha=0.6, markersize=4, markeredgewidth=0)
        else:
            axes.plot(xs, ys, color=color, linestyle="--" if name in dashed else "-")
        if bands and name in bands:
            axes.fill_between(xs, *bands[name], color=color, alpha=0.18, linewidth=0)
    axes.grid(axis="y")
    axes.autoscale_view()  # or the names would be spaced on the scale before the curves
    beside = max((curves[name][0][-1] for name in points), default=0)  # dots to the right would lie on the name
    named = {name: color for name, color in zip(curves, itertools.cycle(colors), strict=False) if name.strip()}
    ends = [(beside if name in points else curves[name][0][-1], curves[name][1][-1]) for name in named]
    heights = (axes.transData.transform(ends)[:, 1] * 72 / axes.figure.dpi).tolist() if named else []  # in points
    sizes = [13 * (name.count("\n") + 1) for name in named]
    for (name, color), end, height, free in zip(named.items(), ends, heights, _apart(heights, sizes), strict=True):
        place: dict[str, Any] = {"xytext": (6, free - height), "textcoords": "offset points", "va": "center"}
        paper = {"facecolor": PAPER, "alpha": 0.85, "linewidth": 0, "pad": 0.8}  # where another curve passes behind
        axes.annotate(name, end, color=color, bbox=paper, **place)


def _apart(middles: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """The middles of labels, moved up where needed so that none of these sizes lies over the one below it."""
    free, floor = list(middles), -float("inf")
    for i in sorted(range(len(middles)), key=lambda i: middles[i]):
        free[i] = max(middles[i], floor + sizes[i] / 2)
        floor = free[i] + sizes[i] / 2
    return free


def _plain(number: float) -> str:
    """A number as on paper: 100 rather than a power of ten, 1/8 rather than 0.125."""
    whole = round(1 / number) if 0 < number < 1 else 0
    return f"1/{whole}" if whole and whole & (whole - 1) == 0 and abs(whole * number - 1) < 1e-9 else f"{number:g}"
