"""Dropout drawn: a network with some of its neurons off, several runs and their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from helpers.checks import layers_in_order
from helpers.plots.palette import BLUE, COLORS, GRAY, ORANGE, PAPER, RED, blank, styled
from helpers.plots.pictures import draw_picture


@styled
@torch.no_grad()
def wiring(network: nn.Sequential, picture: Tensor, *, halves: int = 3, seed: int = 0, height: float = 3.1) -> Figure:
    """A network of one hidden layer, a panel for each of some random masks and one without, with its answers as bars.

    Wires and neurons are amber where they speak for a category and blue where they speak against it; a neuron that
    hands on 0 is an empty ring without wires. Bars are gray under a mask, red without.

    Args:
        network: a linear layer, an activation, dropout, a linear layer.
        picture: (side * side,) gray levels from 0 to 1, drawn at the left of each panel.
        halves: how many masks, each neuron silent with chance one half.
        seed: of the masks.
    """
    match [layer for _, layer in layers_in_order(network)]:
        case [nn.Linear() as first, activation, nn.Dropout(), nn.Linear() as last]:
            pass
        case layers:
            names = ", ".join(type(layer).__name__ for layer in layers)
            raise ValueError(f"the network is {names}; it must be Linear, an activation, Dropout, Linear")
    coins = torch.rand(halves, first.out_features, generator=torch.Generator().manual_seed(seed)) < 0.5
    masks = [*(2.0 * coins), torch.ones(first.out_features)]
    titles = [*(f"toss {i + 1}" for i in range(halves)), "all together"]
    figure = blank(columns=halves + 1, height=height, squeeze=False, gridspec_kw={"wspace": 0.02})
    side = round(len(picture) ** 0.5)
    gray = picture.view(1, 1, side, side).expand(-1, 3, -1, -1)
    for axes, title, mask in zip(figure.axes, titles, masks, strict=True):
        axes.set(title=title, xlim=(-0.1, 3.2), ylim=(-0.5, 10.1))
        axes.set_axis_off()
        outputs = activation(first(picture)) * mask
        _wires(axes, outputs, last)
        answer = last(outputs).softmax(0).tolist()
        for category, share in enumerate(answer):
            y, best = 9.4 - category, share == max(answer)
            color, alpha = RED if title == titles[-1] else GRAY, 1 if best else 0.55
            axes.barh(y, 0.95 * share, 0.5, left=2.24, color=color, alpha=alpha)
            axes.text(2.08, y, f"{category}", ha="center", va="center", weight="bold" if best else "normal")
        draw_picture(axes.inset_axes((-0.1, 4.2, 0.72, 1.5), transform=axes.transData), gray, smooth=False)
    return figure


def _wires(axes: Axes, outputs: Tensor, last: nn.Linear) -> None:
    """Hidden neurons (H,) as discs, and the wires that lead to and from those that are not 0."""
    places = torch.linspace(9.7, 0.1, len(outputs)).tolist()
    pull = last.weight * outputs
    strength = (pull.abs() / pull.abs().max().clamp(min=1e-9)).clamp(max=1).tolist()
    for i, (y, value) in enumerate(zip(places, outputs.tolist(), strict=True)):
        if value == 0:
            axes.plot(1.05, y, "o", markersize=7, markerfacecolor=PAPER, markeredgecolor=GRAY, zorder=3)
            axes.lines[-1].set_markeredgewidth(0.7)
            continue
        axes.plot([0.62, 1.05], [4.95, y], color=GRAY, linewidth=0.6, alpha=0.6, zorder=1)
        for k in range(len(pull)):
            color = ORANGE if pull[k, i] > 0 else BLUE
            axes.plot([1.05, 1.94], [y, 9.4 - k], color=color, linewidth=1, alpha=0.9 * strength[k][i] ** 1.5, zorder=2)
        color = ORANGE if value > 0 else BLUE
        axes.plot(1.05, y, "o", markersize=8, color=color, markeredgecolor=PAPER, markeredgewidth=0.6, zorder=3)


@styled
def runs(
    panels: Mapping[str, Mapping[str, Tensor]],
    *,
    over: Sequence[float],
    x: str,
    y: str,
    colors: Sequence[str] = COLORS,
    limits: tuple[float, float] | None = None,
    height: float = 3.0,
) -> Figure:
    """Several runs of each name (runs, len(over)) as thin lines, their mean as a thick one, panels on the same axes.

    The names stand in a legend above; a color for each name, the same in every panel. A blank name is left out. The
    vertical axis spans `limits`, by default the values.
    """
    figure = blank(columns=len(panels), height=height, squeeze=False, sharex=True, sharey=True)
    names = dict.fromkeys(name for curves in panels.values() for name in curves)
    hues = dict(zip(names, colors, strict=False))
    for axes, (title, curves) in zip(figure.axes, panels.items(), strict=True):
        for name, values in curves.items():
            axes.plot(over, values.T, color=hues[name], linewidth=0.7, alpha=0.45)
            axes.plot(over, values.mean(0), color=hues[name], linewidth=2.4)
        axes.set(title=title, xlabel=x)
        axes.grid(axis="y")
    figure.axes[0].set_ylabel(y)
    if limits:
        figure.axes[0].set_ylim(limits)
    named = [name for name in names if name.strip()]
    handles = [mpl.lines.Line2D([], [], color=hues[name], linewidth=2.4) for name in named]
    if named:
        figure.legend(handles, named, loc="outside upper right", ncols=len(named))
    return figure
