"""Pictures that were changed, and what many small changes add up to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from helpers.plots.palette import BLUE, GRAY, INK, ORANGE, blank, styled
from helpers.plots.pictures import guesses

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


@styled
def walks(chosen: Tensor, coins: Sequence[Tensor], *, gap: float, gap_name: str, y: str, height: float = 3.1) -> Figure:
    """Two panels on the same numbers: a march of small pushes and random walks of equal steps; the walks, enlarged.

    Args:
        chosen: the pushes (n,), all of them the same way, added up from left to right.
        coins: pushes (n,) of the same sizes with signs thrown by a coin, one tensor for each throw.
        gap: how far the sum has to come, a dashed line named `gap_name`.
        gap_name: what it is far enough for.
        y: what is added up.
    """
    figure = blank(columns=2, height=height, gridspec_kw={"width_ratios": [1.5, 1]})
    left, right = figure.axes
    at = torch.linspace(0, 1, 400).mul(len(chosen) - 1).long()  # so many places are enough to draw
    for axes in (left, right):
        for walk in coins:
            axes.plot(at / 1000, walk.cumsum(0)[at], color=BLUE, linewidth=1)
        axes.set_xlabel("numbers changed so far, in thousands")
        axes.grid(axis="y")
    left.plot(at / 1000, chosen.cumsum(0)[at], color=ORANGE)
    left.axhline(gap, color=INK, linewidth=1, linestyle="--")
    left.annotate(gap_name, (0, gap), xytext=(2, 4), textcoords="offset points", color=INK)
    left.set(title="signs chosen, and by coin", ylabel=y)
    right.set_title("by coin alone, enlarged")
    right.axhline(0, color=GRAY, linewidth=0.8)
    return figure
