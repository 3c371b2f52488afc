"""A message sent back through a chain of neurons: drag the sum, choose how many layers, see what is left."""

from __future__ import annotations

import traitlets

from helpers.explorables.base import FOLDER, Explorable, module

SUMS, LAYERS, WEIGHTS = (-8.0, 8.0), (1, 30), (0.5, 4.0)


class Message(Explorable):
    """Sigmoid, identity and ReLU at one sum, and what each leaves of a message of length 1 after so many layers.

    The chain has one neuron in each layer, all with the same sum and the same weight, so that every layer multiplies
    the message by the weight times the slope.

    Args:
        sum: the weighted sum of every neuron, from -8 to 8.
        layers: how many layers the message goes back, from 1 to 30.
        weight: the weight between each two neurons, from 0.5 to 4.
    """

    _esm = module("message")
    _css = FOLDER / "message.css"
    label = "Three activation functions at a sum to be dragged, and the message that survives so many layers of each"
    sum = traitlets.Float(0.0).tag(sync=True)
    layers = traitlets.Int(10).tag(sync=True)
    weight = traitlets.Float(1.0).tag(sync=True)
    limits = traitlets.Dict({"sum": SUMS, "layers": LAYERS, "weight": WEIGHTS}).tag(sync=True)

    def __init__(self, *, sum: float = 0.0, layers: int = 10, weight: float = 1.0) -> None:
        for name, value, (low, high) in (("sum", sum, SUMS), ("layers", layers, LAYERS), ("weight", weight, WEIGHTS)):
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; it must be from {low:g} to {high:g}")
        super().__init__(sum=sum, layers=layers, weight=weight)
