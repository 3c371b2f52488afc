"""Every figure of the book: one palette, one style, figures returned and never shown behind the reader's back."""

from helpers.plots.changes import named, twins, walks
from helpers.plots.charts import clouds, columns, dots, ladder, neurons, scatter
from helpers.plots.curves import areas, functions, lines, tracks
from helpers.plots.demands import demands
from helpers.plots.dropout import runs, wiring
from helpers.plots.messages import chain, discs, journeys, sheets
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
from helpers.plots.patchworks import Dots, Seams, multiples, patchworks, terrain
from helpers.plots.pictures import glow, guesses, maps, strip, strongest
from helpers.plots.shading import compass, heat, ink, mosaic, relief, table, tint
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
    "Dots",
    "Seams",
    "areas",
    "blank",
    "chain",
    "clouds",
    "columns",
    "compass",
    "demands",
    "discs",
    "dots",
    "functions",
    "glow",
    "guesses",
    "heat",
    "ink",
    "journeys",
    "ladder",
    "lines",
    "maps",
    "mosaic",
    "multiples",
    "named",
    "neurons",
    "patchworks",
    "relief",
    "runs",
    "scatter",
    "sheets",
    "show",
    "strip",
    "strongest",
    "table",
    "terrain",
    "tint",
    "tracks",
    "twins",
    "walks",
    "wiring",
]
