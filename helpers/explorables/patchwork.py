"""A point to drag over a patchwork: its patch, the neurons lit there, and the single-layer network in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import traitlets
from torch import Tensor, nn

from helpers.checks import layers_in_order
from helpers.explorables.base import FOLDER, Explorable, module

State = tuple[nn.Sequential, Sequence[Tensor], np.ndarray]  # network, polygons (k, 2), colors (polygons, 3)


class Patchwork(Explorable):
    """Networks of two inputs and one output, each with its patches, under a point that mouse, finger and keys move.

    Args:
        states: name -> (network, its polygons, their colors from 0 to 1); buttons choose one. The page runs the
            networks by itself.
        bounds: (xmin, xmax, ymin, ymax) of the picture.
        label: what the figure shows, for screen readers.
        start: where the point lies at first.
    """

    _esm = module("patchwork")
    _css = FOLDER / "patchwork.css"
    states: traitlets.List[dict[str, object]] = traitlets.List().tag(sync=True)
    bounds = traitlets.Tuple().tag(sync=True)
    chosen = traitlets.Int(0).tag(sync=True)  # which state
    point = traitlets.Tuple().tag(sync=True)

    def __init__(
        self, states: Mapping[str, State], *, bounds: Sequence[float], label: str, start: tuple[float, float]
    ) -> None:
        self.label = label
        ready = [_ready(name, *state) for name, state in states.items()]
        super().__init__(states=ready, bounds=tuple(bounds), point=start, chosen=len(ready) - 1)


def _ready(name: str, network: nn.Sequential, polygons: Sequence[Tensor], colors: np.ndarray) -> dict[str, object]:
    layers = [layer for _, layer in layers_in_order(network)]
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    kinds = [type(layer) for layer in layers]
    if kinds != [nn.Linear, *[nn.ReLU, nn.Linear] * (len(linear) - 1)] or any(layer.bias is None for layer in linear):
        raise ValueError(f"{name!r} is {network}; the figure draws Linear and ReLU in turn, with biases")
    if linear[0].in_features != 2 or linear[-1].out_features != 1:
        sizes = f"{linear[0].in_features} inputs and {linear[-1].out_features} outputs"
        raise ValueError(f"{name!r} has {sizes}; the figure draws networks of two inputs and one output")
    return {
        "name": name,
        "layers": [{"weight": layer.weight.tolist(), "bias": layer.bias.tolist()} for layer in linear],
        "polygons": [polygon.mul(1e4).round().div(1e4).flatten().tolist() for polygon in polygons],
        "colors": ["#" + "".join(f"{round(255 * part):02x}" for part in color) for color in colors],
    }
