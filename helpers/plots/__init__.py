"""Every figure of the book: one palette, one style, figures returned and never shown behind the reader's back."""

from helpers.plots.charts import clouds, columns, dots, ladder, neurons, scatter
from helpers.plots.curves import areas, functions, lines, tracks
from helpers.plots.demands import demands
from helpers.plots.palette import (
    BLUE,
    COLORS,
    GRAY,
    GREEN,
    INK,
    NIGHT,
    ORANGE,
    PAPER,
    PLUM,
    PURPLE,
    RED,
    SAND,
    SKY,
    WIDTH,
    YELLOW,
    blank,
)
from helpers.plots.pictures import glow, guesses, maps, strip, strongest
from helpers.plots.shading import compass, heat, mosaic, relief, table, tint
from helpers.plots.show import show

__all__ = [
    "BLUE",
    "COLORS",
    "GRAY",
    "GREEN",
    "INK",
    "NIGHT",
    "ORANGE",
    "PAPER",
    "PLUM",
    "PURPLE",
    "RED",
    "SAND",
    "SKY",
    "WIDTH",
    "YELLOW",
    "areas",
    "blank",
    "clouds",
    "columns",
    "compass",
    "demands",
    "dots",
    "functions",
    "glow",
    "guesses",
    "heat",
    "ladder",
    "lines",
    "maps",
    "mosaic",
    "neurons",
    "relief",
    "scatter",
    "show",
    "strip",
    "strongest",
    "table",
    "tint",
    "tracks",
]
