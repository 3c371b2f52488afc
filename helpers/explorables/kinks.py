"""A curve out of straight pieces: drag the corners of a line, and see the ReLU neurons that draw it."""

from __future__ import annotations

import traitlets
from torch import Tensor

from helpers.checks import require
from helpers.explorables.base import FOLDER, Explorable, module

MOST = 12


class Kinks(Explorable):
    """A line of straight pieces over the stretch from 0 to 1, its corners to be dragged toward a curve.

    The line is a layer of ReLUs of one input, added up: the first is lit on the whole stretch, each other one from its
    corner on, where it turns the line by its weight. The slider lays the corners evenly on the curve.

    Args:
        curve: heights (N,) from 0 to 1 at N evenly spaced places, to be drawn near.
        neurons: how many pieces the line has at first, from 1 to 12.
        label: what the figure shows, for screen readers.
    """

    _esm = module("kinks")
    _css = FOLDER / "kinks.css"
    curve: traitlets.List[float] = traitlets.List().tag(sync=True)
    neurons = traitlets.Int().tag(sync=True)
    most = traitlets.Int(MOST).tag(sync=True)
    corners: traitlets.List[list[float]] = traitlets.List().tag(sync=True)  # none yet: laid evenly on the curve

    def __init__(self, curve: Tensor, *, neurons: int = 4, label: str) -> None:
        fits = curve.dim() == 1 and len(curve) > 1 and bool(((curve >= 0) & (curve <= 1)).all())
        require(fits, f"the curve has shape {tuple(curve.shape)}; it must be (N,), N > 1, with heights from 0 to 1")
        require(1 <= neurons <= MOST, f"neurons is {neurons}; it must be from 1 to {MOST}")
        self.label = label
        heights = [round(height, 4) for height in curve.tolist()]
        super().__init__(curve=heights, neurons=neurons)
