"""Chapter 1's drawings: a chain of neurons, journeys on one scale, what each neuron is told, discs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers import typography
from helpers.plots.curves import Curve, _curves
from helpers.plots.palette import COLORS, GRAY, INK, PAPER, SAND, WIDTH, blank, powers_of_ten, styled
from helpers.plots.pictures import strip
from helpers.plots.shading import tint

Bands = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # low, high


@styled
def chain(messages: Mapping[str, Sequence[float]], *, colors: Sequence[str] = COLORS) -> Figure:
    """Neurons in single file, a row for each name; under each neuron a bar as long as the message that reaches it.

    Over the arrow between two neighbors stands what the message is multiplied by on its way back.

    Args:
        messages: the size of the message at each neuron, first neuron first; none is zero.
        colors: of the rows.
    """
    figure = blank(rows=len(messages), height=1.25 * len(messages), squeeze=False)
    plain = {name: [float(size) for size in sizes] for name, sizes in messages.items()}
    tallest = max(max(map(abs, sizes)) for sizes in plain.values())
    rows = zip(figure.axes, itertools.cycle(colors), plain.items(), strict=False)
    for axes, color, (name, sizes) in rows:
        last = len(sizes) - 1
        axes.set(xlim=(-1.35, last + 0.6), ylim=(-1.2, 0.42))
        axes.set_axis_off()
        axes.text(-1.3, 0, name, va="center", color=color, fontsize=11)
        arrow = {"arrowstyle": "->", "color": color, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
        for i, size in enumerate(sizes):
            axes.plot(i, 0, "o", markersize=17, color=SAND, markeredgecolor=INK)
            axes.text(i, -0.01, f"{i + 1}", ha="center", va="center", fontsize=9)
            tall = abs(size) / tallest * 0.85
            axes.bar(i, -tall, 0.3, bottom=-0.27, color=color)
            axes.text(i + 0.19, -0.29, f"{size:.3g}", va="top", fontsize=8.5)
        for i, (near, far) in enumerate(itertools.pairwise(sizes)):
            axes.annotate("", (i + 0.22, 0), (i + 0.78, 0), arrowprops=arrow)
            axes.text(i + 0.5, 0.07, f"× {near / far:.2g}", ha="center", va="bottom", fontsize=8.5, color=color)
    return figure


@styled
def journeys(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    x: Sequence[str],
    y: str,
    bands: Mapping[str, Bands] | None = None,
    dashed: Sequence[str] = (),
    colors: Sequence[str] = COLORS,
    height: float = 3.1,
) -> Figure:
    """Curves in panels side by side on one logarithmic scale, each named at its end; `x` labels panel by panel.

    Args:
        panels: title -> name -> (xs, ys).
        bands: title -> name -> (lows, highs), the spread around a curve.
        dashed: curves that are no measurement.
        colors: of the curves, in order; the dashed ones are gray.
    """
    figure = blank(columns=len(panels), height=height, squeeze=False, sharey=True)
    for axes, label, (title, curves) in zip(figure.axes, x, panels.items(), strict=True):
        axes.set(xlabel=label, yscale="log", title=title)
        axes.locator_params(axis="x", integer=True)
        axes.margins(y=0.1)  # room for the names at the ends
        paints = iter(colors)
        chosen = [GRAY if name in dashed else next(paints) for name in curves]
        _curves(axes, curves, dashed=dashed, bands=(bands or {}).get(title), colors=chosen)
    figure.axes[0].set_ylabel(y)
    powers_of_ten(figure.axes[0].yaxis)
    return figure


def sheets(changes: Mapping[str, Tensor], *, scale: float, side: int = 8, columns: int = 3) -> Figure:
    """What each neuron is told to change, as sheets of small tiles: blue up, vermilion down, one scale for all.

    Args:
        changes: title -> (neurons, inputs), where both numbers are `side` squared.
        scale: the change that gets the full color.
        side: tiles along a sheet, and pixels along a tile.
        columns: sheets in a row.
    """
    pictures = []
    for change in changes.values():
        tiles = change.float().view(side, side, side, side) / scale
        edged = torch.nn.functional.pad(tiles, (1, 0, 1, 0), value=torch.nan)  # lines between the tiles
        sheet = edged.permute(0, 2, 1, 3).reshape(side * (side + 1), -1)
        pictures.append(tint(torch.nn.functional.pad(sheet, (0, 1, 0, 1), value=torch.nan)))
    titles = [typography.powers_of_ten(title) for title in changes]
    return strip(pictures, titles, columns=columns, smooth=False)


@styled
def discs(rows: Mapping[str, Mapping[str, Tensor | None]], *, titles: bool = True) -> Figure:
    """Discs from black (0) to white (1), a named row each; None leaves a place empty.

    Args:
        rows: name of the row ("" for none) -> title -> (n, n) on the square around the disc.
        titles: whether each disc has its title above it, or only those of the first row.
    """
    columns, aside = max(map(len, rows.values())), 0.9 if any(rows) else 0.0
    side = min((WIDTH - aside) / columns, 2.1 if len(rows) == 1 else 1.75)
    size = {"height": (side + 0.22) * len(rows), "width": side * columns + aside}
    figure = blank(rows=len(rows), columns=columns, squeeze=False, **size)
    places = iter(figure.axes)
    for number, (name, row) in enumerate(rows.items()):
        for place, (title, white) in enumerate(itertools.islice(_padded(row, columns), columns)):
            axes = next(places)
            axes.set_axis_off()
            axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal")
            if white is not None:
                _disc(axes, white)
                axes.set_title(title if titles or number == 0 else "", loc="center", fontsize=9.5, pad=3)
            if place == 0 and name:
                axes.text(-1.15, 0, name, ha="right", va="center")
    return figure


def _disc(axes: Axes, white: Tensor) -> None:
    rim = mpl.patches.Circle((0, 0), 1, facecolor="none", edgecolor=GRAY, linewidth=0.8)
    image = axes.imshow(white.numpy(), cmap="gray", vmin=0, vmax=1, extent=(-1, 1, -1, 1), interpolation="bilinear")
    axes.add_patch(rim)
    image.set_clip_path(rim)
    axes.set_facecolor(PAPER)


def _padded(row: Mapping[str, Tensor | None], columns: int) -> list[tuple[str, Tensor | None]]:
    return [*row.items(), *[("", None)] * (columns - len(row))]
