"""Pictures that were changed, what a network says of them, and what many small changes add up to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from helpers.plots.palette import BLUE, GRAY, INK, ORANGE, blank, styled
from helpers.plots.pictures import guesses, strip

Guesses = Sequence[tuple[str, float]]  # categories and their probabilities, as one row of `Network.top`


def twins(
    before: Tensor,
    after: Tensor,
    tops: Sequence[Guesses],
    *,
    titles: tuple[str, str] = ("a photo", "the same photo, changed"),
    highlight: Sequence[str] = (),
) -> Figure:
    """A picture, what was added to it, and the sum, with bars for what a network says of the first and the last.

    Args:
        before, after: (1, 3, H, W). Their difference is drawn around gray, as strong as it can be.
        tops: what the network says of each of the two.
        titles: of the two.
        highlight: categories whose bars are orange.
    """
    change = after - before
    times = 0.5 / max(float(change.abs().max()), 1e-6)
    added = (0.5 + times * change).clamp(0, 1)
    names = [titles[0], f"+ the change, {times:.0f} times as strong", f"= {titles[1]}"]
    figure = guesses([before, added, after], [tops[0], [], tops[1]], names, highlight=highlight)
    figure.axes[4].set_axis_off()
    return figure


def named(
    pictures: Sequence[Tensor], tops: Sequence[Guesses], *, columns: int | None = None, before: Sequence[str] = ()
) -> Figure:
    """Pictures (1, 3, H, W) row by row, over each the likeliest category that a network gives, and its probability.

    Args:
        pictures: all of one width, or in rows that are equally wide.
        tops: what the network says of each, as `Network.top` gives it.
        columns: pictures in a row; by default all.
        before: a first line over each, above what the network says.
    """
    says = [f"{name} {f'{p:.2f}' if p < 0.995 else '> 0.99'}" for ((name, p), *_) in tops]
    lines = [f"{first}\n{line}" for first, line in zip(before, says, strict=True)] if before else says
    return strip(pictures, lines, columns=columns)


@styled
def walks(chosen: Tensor, coins: Sequence[Tensor], *, gap: float, gap_name: str, y: str, height: float = 3.1) -> Figure:
    """Two panels: what many small pushes add up to, all the same way or by coin; and the coins alone, enlarged.

    Args:
        chosen: the pushes (C, H, W), all of them the same way; they are added up in reading order.
        coins: pushes (C, H, W) of the same sizes with signs thrown by a coin, one tensor for each throw.
        gap: how far the sum has to come, a dashed line named `gap_name`.
        gap_name: what it is far enough for.
        y: what is added up.
    """
    figure = blank(columns=2, height=height, gridspec_kw={"width_ratios": [1.5, 1]})
    left, right = figure.axes
    at = torch.linspace(0, 1, 400).mul(chosen.numel() - 1).long()  # so many places are enough to draw

    def sums(pushes: Tensor) -> Tensor:
        return pushes.permute(1, 2, 0).flatten().double().cumsum(0)[at]

    for axes in (left, right):
        for walk in coins:
            axes.plot(at / 1000, sums(walk), color=BLUE, linewidth=1)
        axes.set_xlabel("numbers changed so far, in thousands")
        axes.grid(axis="y")
    left.plot(at / 1000, sums(chosen), color=ORANGE)
    left.axhline(gap, color=INK, linewidth=1, linestyle="--")
    end = (chosen.numel() / 1000, gap)  # below the line, where the chosen ones have left it
    left.annotate(gap_name, end, xytext=(0, -5), textcoords="offset points", color=INK, ha="right", va="top")
    left.set(title="signs chosen (orange), by coin (blue)", ylabel=y)
    right.set_title("by coin, enlarged")
    right.axhline(0, color=GRAY, linewidth=0.8)
    return figure
