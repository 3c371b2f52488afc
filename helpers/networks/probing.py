"""What a body does with a picture, found out by giving it a few: which sizes it takes, and how its layers lie."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Order = tuple[int, ...]  # how to permute what a layer gives to (N, C, H, W); empty: not at all
Shape = tuple[int, ...] | str  # of an output; of one that is no tensor: the name of its type


def shadow(body: nn.Module) -> nn.Module:
    """A copy without numbers, on PyTorch's meta device: it has every shape of the body and computes nothing."""
    tensors = [*body.parameters(), *body.buffers()]
    return copy.deepcopy(body, {id(tensor): torch.empty_like(tensor, device="meta") for tensor in tensors})


@contextmanager
def hooked(modules: dict[str, nn.Module], told: Callable[[str, Any, Any], None]) -> Iterator[None]:
    """While it lasts, `told` gets each module's name, inputs and output as the module finishes."""
    handles = []
    try:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(lambda _m, given, made, name=name: told(name, given, made)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def tried(body: nn.Module, size: tuple[int, int], run: Callable[[nn.Module, Tensor], Any]) -> Any:
    """`run` on the body's shadow with a picture of a size (height, width); if that fails, on the body itself.

    Code that looks at values fails in a shadow, and a wrong size fails in both: then the body's own error is raised.
    """
    like = next(body.parameters(), torch.empty(0))
    pixels = torch.zeros(1, 3, *size, dtype=like.dtype, device=like.device)
    with torch.no_grad():
        try:
            return run(shadow(body), pixels.to("meta"))
        except Exception:  # whatever it is, the body's own word counts
            return run(body, pixels)


def shape(made: Any) -> Shape:
    """The shape of an output, or the name of its type if that is no tensor."""
    return tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__


def orders(body: nn.Module, size: int, square: dict[str, Shape]) -> tuple[dict[str, Order], dict[str, str]]:
    """For each module how to turn its output to (N, C, H, W), and for those that give no such thing the reason.

    Three pictures tell: a square one of side `size`, whose shapes are known, one twice as wide and one twice as high. A
    body that takes no other size than its own leaves only the square one to judge by.
    """

    def shapes(tried_body: nn.Module, pixels: Tensor) -> dict[str, Shape]:
        found: dict[str, Shape] = {}
        with hooked(dict(tried_body.named_modules()), lambda name, _given, made: found.update({name: shape(made)})):
            tried_body(pixels)
        return found

    try:
        longer = [tried(body, sides, shapes) for sides in ((size, 2 * size), (2 * size, size))]
    except Exception:  # not its size: whatever an architecture says to that
        longer = []
    turned, refused = {}, {}
    for name, known in square.items():
        order = _order(known, *(found.get(name, known) for found in longer))
        if isinstance(order, str):
            refused[name] = order
        else:
            turned[name] = order
    return turned, refused


def _order(square: Shape, *longer: Shape) -> Order | str:
    """The order, or why there is none; `longer`: the shapes for the wide and the tall picture, if it takes these."""
    if isinstance(square, str):
        return f"gives a {square}, not a tensor"
    if square[:1] != (1,):
        return f"gives shape {square} for one picture, whose first length is not the number of pictures"
    if len(square) != 4:
        return ()
    fixed = square[1] == square[2] != square[3], square[2] == square[3]  # equal lengths tell where nothing else does
    across, down = ([d for d in range(4) if square[d : d + 1] != other[d : d + 1]] for other in longer or [square] * 2)
    if not across and not down and fixed[0]:
        return 0, 3, 1, 2
    if across in ([], [3]) and down in ([], [2]) and (longer or fixed[1]):  # either may be pooled away
        return ()
    if len(across) != 1 or len(down) != 1 or across == down or 0 in across + down:
        return f"gives shape {square}, in which no two lengths are the picture's height and width"
    (channels,) = {1, 2, 3} - {*across, *down}
    return 0, channels, *down, *across
