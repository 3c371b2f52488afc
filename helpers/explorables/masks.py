"""Dropout to play with: throw masks on a small network and watch the mean of its answers settle."""

from __future__ import annotations

import traitlets
from torch import Tensor, nn

from helpers.checks import layers_in_order
from helpers.explorables.base import FOLDER, Explorable, module


class Masks(Explorable):
    """A network of one hidden layer whose neurons go dark at random, and the running mean of its answers.

    Args:
        network: a linear layer, tanh, dropout, a linear layer; up to 16 hidden neurons.
        pictures: inputs (N, side * side) from 0 to 1, to choose from and to paint on.
        label: what the figure shows, for screen readers.
    """

    _esm = module("masks")
    _css = FOLDER / "masks.css"
    layers: traitlets.List[dict[str, list]] = traitlets.List().tag(sync=True)  # weight [out][in] and bias [out]
    pictures: traitlets.List[list[float]] = traitlets.List().tag(sync=True)
    p = traitlets.Float(0.5).tag(sync=True)  # the chance of a neuron to be switched off
    chosen = traitlets.Int(0).tag(sync=True)  # which picture
    mean = traitlets.Enum(("geometric", "arithmetic"), "geometric").tag(sync=True)

    def __init__(self, network: nn.Module, pictures: Tensor, *, label: str) -> None:
        parts = [layer for _, layer in layers_in_order(network)]
        match parts:
            case [nn.Linear() as first, nn.Tanh(), nn.Dropout() as drop, nn.Linear() as last] if (
                first.bias is not None and last.bias is not None
            ):
                self.label = label
            case _:
                names = ", ".join(type(part).__name__ for part in parts)
                raise ValueError(f"the network is {names}; it must be Linear, Tanh, Dropout, Linear, with biases")
        if first.out_features > 16 or round(pictures.shape[1] ** 0.5) ** 2 != pictures.shape[1]:
            given = f"{first.out_features} hidden neurons and {pictures.shape[1]} pixels"
            raise ValueError(f"there are {given}; up to 16 neurons can be drawn, and pictures must be square")
        if first.in_features != pictures.shape[1]:
            raise ValueError(f"pictures have {pictures.shape[1]} pixels; the network takes {first.in_features}")
        layers = [{"weight": _to_json(layer.weight), "bias": _to_json(layer.bias)} for layer in (first, last)]
        super().__init__(layers=layers, pictures=_to_json(pictures), p=drop.p)


def _to_json(values: Tensor) -> list:
    """Nested lists of numbers with four decimals, which is all that a page needs."""
    return values.detach().double().mul(1e4).round().div(1e4).tolist()
