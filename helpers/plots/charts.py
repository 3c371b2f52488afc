"""Dots, bars and rows of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers.plots.palette import (
    BLUE,
    COLORS,
    GRAY,
    INK,
    NIGHT,
    ORANGE,
    PAPER,
    SKY,
    WIDTH,
    blank,
    powers_of_ten,
    styled,
)
from helpers.plots.pictures import draw_picture


@styled
def dots(
    groups: Mapping[str, Sequence[float]],
    *,
    y: str,
    baseline: tuple[str, float] | None = None,
    limits: tuple[float, float] | None = None,
    log: bool = False,
    height: float = 2.8,
) -> Figure:
    """A dot for each value of each group, one column a group, a short line at its mean; a level to compare with.

    The vertical axis spans `limits`, by default the values.
    """
    figure = blank(height=height)
    axes = figure.axes[0]
    for i, values in enumerate(groups.values()):
        aside = np.linspace(-0.12, 0.12, len(values)) * (len(values) > 1)  # or equal values would hide each other
        axes.plot(i + aside, values, "o", color=BLUE, alpha=0.75, markeredgewidth=0)
        axes.hlines(sum(values) / len(values), i - 0.22, i + 0.22, color=ORANGE)
    if baseline:
        axes.axhline(baseline[1], color=GRAY, linewidth=1, linestyle="--")
        axes.annotate(baseline[0], (-0.45, baseline[1]), xytext=(0, 3), textcoords="offset points", color=GRAY)
    axes.set(
        xticks=range(len(groups)),
        xticklabels=list(groups),
        xlim=(-0.5, len(groups) - 0.5),
        ylabel=y,
        yscale="log" if log else "linear",
        ylim=limits,
    )
    if log:
        powers_of_ten(axes.yaxis)
    axes.grid(axis="y")
    return figure


@styled
def columns(
    groups: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    *,
    x: str,
    y: str,
    stacked: bool = False,
    colors: Sequence[str] = COLORS,
    height: float = 2.8,
) -> Figure:
    """Bars side by side, or one on the other: a color for each group, a cluster for each label."""
    figure = blank(height=height)
    axes = figure.axes[0]
    width = 0.9 if stacked else 0.8 / len(groups)
    floor, bars = [0.0] * len(labels), []
    for i, values in enumerate(groups.values()):
        shift = 0 if stacked else (i - (len(groups) - 1) / 2) * width
        places = [j + shift for j in range(len(values))]
        bars.append(axes.bar(places, values, width * 0.92, bottom=floor, color=colors[i % len(colors)]))
        floor = [a + b for a, b in zip(floor, values, strict=True)] if stacked else floor
    axes.set(xticks=range(len(labels)), xticklabels=labels, xlabel=x, ylabel=y)
    axes.grid(axis="y")
    if len(groups) > 1:
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if stacked else {}
        axes.legend(bars, list(groups), **place)
    return figure


@styled
def ladder(values: Mapping[str, float], *, x: str, highlight: Sequence[str] = (), log: bool = True) -> Figure:
    """Numbers, one named row each, as dots; some in another color. On a linear axis each has its number beside it."""
    figure = blank(height=0.31 * len(values) + 0.6)
    axes = figure.axes[0]
    colors = [ORANGE if name in highlight else BLUE for name in values]
    axes.hlines(range(len(values)), int(log), list(values.values()), color=colors, linewidth=1.2)
    axes.scatter(list(values.values()), range(len(values)), color=colors, zorder=3)
    axes.set(xscale="log" if log else "linear", xlim=(int(log), None), xlabel=x)
    axes.set(yticks=range(len(values)), yticklabels=list(values))
    if log:
        powers_of_ten(axes.xaxis)
    for row, value in enumerate([] if log else values.values()):
        axes.annotate(f"{value:g}", (value, row), xytext=(7, 0), textcoords="offset points", va="center")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.invert_yaxis()
    return figure


@styled
def scatter(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    *,
    x: str,
    y: str,
    marks: Mapping[str, tuple[float, float]] | None = None,
    front: str | None = None,
    colors: Sequence[str] = COLORS,
    size: float = 4,
    height: float = 3.2,
) -> Figure:
    """Dots (xs, ys) in a color for each name, panels side by side on the same axes; `marks` are stars with names.

    The dots named `front` are drawn larger and on top of the others.
    """
    figure = blank(columns=len(panels), height=height, squeeze=False, sharex=True, sharey=True)
    names = dict.fromkeys(name for groups in panels.values() for name in groups)
    hues, handles = dict(zip(names, itertools.cycle(colors), strict=False)), {}
    for axes, (title, groups) in zip(figure.axes, panels.items(), strict=True):
        places = np.concatenate([np.stack([xs, ys], axis=1) for xs, ys in groups.values()])
        counts = [len(xs) for xs, _ in groups.values()]
        _dust(axes, places, np.repeat([hues[name] for name in groups], counts), size)
        for name in groups:
            above = groups[name] if name == front else ([], [])
            axes.scatter(*above, s=2 * size, color=hues[name], edgecolors=PAPER, linewidths=0.4)
            handles[name] = axes.scatter([], [], s=30, color=hues[name])
        for name, place in (marks or {}).items():
            axes.plot(*place, "*", color=INK, markeredgecolor=PAPER, markersize=17)
            axes.annotate(name, place, xytext=(8, -30), textcoords="offset points", weight="bold", ha="right")
        axes.set(title=title, xlabel=x)
        axes.grid()
    figure.axes[0].set_ylabel(y)
    figure.legend(
        [handles[name] for name in names], list(names), loc="outside upper right", ncols=len(names), handletextpad=0.2
    )
    return figure


@styled
def clouds(
    answers: Sequence[Tensor],
    pictures: Sequence[Tensor],
    truths: Sequence[int],
    *,
    marks: Mapping[str, Sequence[Tensor]],
    columns: int = 3,
) -> Figure:
    """Many answers to each picture as a cloud by night, in a polygon with a corner for each category.

    An answer lies at the mean of the corners, weighted by its probabilities, so the mean of answers lies at the mean
    of their places. It is blue when its likeliest category is the true one, orange when not.

    Args:
        answers: for each picture the probabilities (M, K) that M networks give K categories.
        pictures: (1, 3, H, W) each, drawn small into a corner.
        truths: for each picture its true category.
        marks: single answers (K,), one for each picture, by the matplotlib marker that shows them in white.
        columns: panels in a row.
    """
    rows = -(-len(answers) // columns)
    grid = {"wspace": 0.015, "hspace": 0.015}
    figure = blank(rows=rows, columns=columns, height=WIDTH / columns * rows, squeeze=False, gridspec_kw=grid)
    turn = 2 * np.pi * np.arange(answers[0].shape[1]) / answers[0].shape[1]
    corners = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    for i, (axes, shares) in enumerate(zip(figure.axes, answers, strict=False)):
        axes.set(xlim=(-1.26, 1.26), ylim=(-1.26, 1.26), aspect="equal", facecolor=NIGHT, xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.add_patch(mpl.patches.Polygon(corners, fill=False, edgecolor=GRAY, linewidth=0.5))
        right = shares.argmax(dim=1).numpy() == truths[i]
        _dust(axes, shares.numpy() @ corners, np.where(right, SKY, ORANGE), 1.6)
        for category, (x, y) in enumerate(1.14 * corners):
            axes.text(x, y, f"{category}", color=PAPER if category == truths[i] else GRAY, ha="center", va="center")
        for marker, chosen in marks.items():
            x, y = chosen[i].numpy() @ corners
            style: dict[str, Any] = {"mfc": PAPER, "ms": 13} if marker == "*" else {"mfc": "none", "ms": 8}
            axes.plot(x, y, marker, color=PAPER, **style)
        draw_picture(axes.inset_axes((0.03, 0.03, 0.17, 0.17)), pictures[i], smooth=False)
    return figure


@styled
def neurons(activations: Mapping[str, float | Tensor], *, label: Sequence[tuple[int, str]] = ()) -> Figure:
    """Rows of values (n,), one thin bar a neuron, as a barcode: who is lit and who is dark."""
    figure = blank(rows=len(activations), height=0.95 * len(activations) + 0.35, squeeze=False)
    for axes, (name, values) in zip(figure.axes, activations.items(), strict=True):
        heights = torch.as_tensor(values).tolist()
        axes.vlines(range(len(heights)), 0, heights, color=BLUE, linewidth=1.2)
        axes.set(xlim=(-5, len(heights) + 5), ylim=(0, max(heights) * 1.25 or 1), title=name)
        axes.spines["left"].set_visible(False)
        axes.set_yticks([])
    figure.axes[-1].set_xlabel("number of the neuron")
    for i, text in label:
        value = float(torch.as_tensor(list(activations.values())[-1])[i])
        figure.axes[-1].annotate(f"{text} {value:.2f}", (i, value), xytext=(4, 2), textcoords="offset points")
    return figure


def _dust(axes: Axes, places: np.ndarray, colors: np.ndarray, size: float) -> None:
    """Dots (n, 2) in random order, for else one color would lie over the other."""
    order = np.random.default_rng(0).permutation(len(places))
    axes.scatter(places[order, 0], places[order, 1], s=size, color=colors[order], alpha=0.4, linewidths=0)
