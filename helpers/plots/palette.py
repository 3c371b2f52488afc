"""The colors and the style in which every figure is drawn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from cycler import cycler
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from helpers import typography

P = ParamSpec("P")
R = TypeVar("R")

# Okabe and Ito's colors, which color-blind readers can tell apart, on warm paper.
INK, PAPER, GRAY, SAND, PLUM, YELLOW = "#20242c", "#ffffff", "#8a8f98", "#f4efe6", "#8f4670", "#e8d44d"
BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"
COLORS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
NIGHT = "#10131a"

WIDTH = 7.0  # inches; at the width of a page, text of 10 points looks like the page's own
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.axisbelow": True,
    "grid.color": "#e4e6ea",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "text.parse_math": False,  # a name may hold dollars
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """A function that draws in the book's style, and leaves matplotlib's settings as they were."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **settings: P.kwargs) -> R:
        with mpl.rc_context(STYLE):
            return draw(*args, **settings)

    return drawn


@styled
def blank(*, rows: int = 1, columns: int = 1, height: float = 3, width: float = WIDTH, **settings: Any) -> Figure:
    """An empty figure in the book's style, `width` by `height` inches, with a grid of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.subplots(rows, columns, **settings)
    return figure


class PowersOfTen(LogFormatter):
    """The places of a logarithmic axis as on paper, without the dollars of matplotlib's own, which would be shown."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return super().__call__(x, pos) and typography.power_of_ten(x)


def powers_of_ten(axis: Axis) -> None:
    """Write the places of a logarithmic axis as on paper."""
    axis.set_major_formatter(PowersOfTen())
    axis.set_minor_formatter(PowersOfTen())
