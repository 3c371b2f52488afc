"""How fast this machine is: the seconds that a thousand bare gradients of the classifier take, on one thread.

What a chapter costs differs from machine to machine; beside this number it can be compared. A bare gradient is that of
one logit of plain EfficientNet-Lite0 with respect to one picture of 224 by 224 pixels. Usage: ``python -m
book.yardstick`` prints the number.
"""

from __future__ import annotations

import statistics
import time

import timm
import torch

GRADIENTS = 20


def seconds() -> float:
    """A thousand times the median of a few gradients, after one that warms up."""
    torch.set_num_threads(1)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval().requires_grad_(False)
    taken = []
    for _ in range(1 + GRADIENTS):
        pixels = torch.zeros(1, 3, 224, 224, requires_grad=True)
        began = time.perf_counter()
        torch.autograd.grad(network(pixels)[0, 0], pixels)
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken[1:])


if __name__ == "__main__":
    print(f"{seconds():.0f}")
