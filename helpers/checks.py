"""Small questions that many rooms ask: is a setting in range, which layers run, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn


def require(condition: bool, message: str) -> None:
    """Raise a ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def layers_in_order(network: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers of nested `nn.Sequential` with their names, in the order in which they run.

    A layer that runs twice comes twice. A module of any other kind is one layer, for whatever is inside, it runs in a
    way of its own; so is a subclass of `nn.Sequential` with another ``forward``. A network that is one layer has the
    given name, by default "".
    """
    if type(network).forward is nn.Sequential.forward:
        for key, layer in network._modules.items():
            yield from layers_in_order(layer, f"{name}.{key}".strip("."))  # type: ignore[arg-type]
    else:
        yield name, network


def relu6_states(values: Tensor) -> Tensor:
    """Which neurons are dark, lit or full: for outputs of a ReLU6, or of a ReLU, of any shape, 0, 1 or 2 (uint8)."""
    return (values > 0).byte() + (values >= 6)
