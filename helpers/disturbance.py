"""A stand-in for another machine: first weights that differ in the seventh digit. Off unless the environment asks.

Processors round differently, and long computations make much of little. A page may say only what is true on all of
them, so the book is executed many times with this switched on (`make shake`), once for each value of `SEED`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import Tensor

SEED = "UNDER_THE_HOOD_SHAKE"  # the environment variable that switches it on: the seed of the noise
SIZE = 1e-6  # relative; a float32 carries about 1e-7


@torch.no_grad()
def disturb(weights: Iterable[Tensor]) -> None:
    """Multiply floating-point weights, in place, by 1 + `SIZE` times normal noise; do nothing when it is off.

    Every place where a network gets its first weights calls this: where one is loaded, and where one is made.

    Raises:
        ValueError: the environment variable is set, and not to a whole number of 0 or more.
    """
    seed = os.environ.get(SEED, "")
    if not seed:
        return
    if not seed.isdecimal():
        raise ValueError(f"{SEED} is {seed!r}; set it to a whole number of 0 or more, or unset it")
    generator = torch.Generator().manual_seed(int(seed))
    for weight in weights:
        if weight.is_floating_point():
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            weight.copy_(weight.double() * (1 + SIZE * noise.to(weight.device)))
