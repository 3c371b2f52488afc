"""Our networks and our loop beside the plain ones, as ratios measured side by side in one run.

Usage: ``python benchmarks/networks_and_loop.py``. Each ratio is the median over rounds in which both sides run in
turn; the spread is the range of the middle half of the rounds. Below 1 ours is faster.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable

import timm
import torch
from torch import Tensor

from helpers import ascent, images, networks

ROUNDS = 15


def plain_lite0() -> Callable[[Tensor], Tensor]:
    """timm's network with the same weights, nothing folded, and its normalization by hand."""
    body = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    tensors = networks.read_weights(networks.PACKAGED["efficientnet_lite0"]).values()
    body.load_state_dict(dict(zip(body.state_dict(), tensors, strict=True)))
    body.eval().requires_grad_(False)
    return lambda pixels: body((pixels - 0.5) / 0.5)


def gradient(network: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """The gradient of one logit with respect to the image."""
    x = pixels.clone().requires_grad_(True)
    return torch.autograd.grad(network(x)[:, 0].sum(), x)[0]


def bare_loop(network: networks.Network, pixels: Tensor, steps: int) -> Tensor:
    """Forward, backward and update, and nothing else."""
    x = pixels.clone()
    for _ in range(steps):
        x.requires_grad_(True)
        (slope,) = torch.autograd.grad(network(x)[:, 0].sum(), x)
        x.requires_grad_(False)
        x.add_(slope.sign(), alpha=0.001).clamp_(0, 1)
    return x


def ours(network: networks.Network, pixels: Tensor, steps: int) -> Tensor:
    """The same work through the book's loop."""
    return ascent.ascend(
        pixels, lambda x: network(x)[:, 0], steps=steps, rule=ascent.signed(0.001), constraint=ascent.unit_range
    )


def ratio(mine: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float, float]:
    """Median and middle half of my time divided by theirs."""
    found = []
    for _ in range(ROUNDS + 2):
        spent = []
        for work in (mine, theirs):
            start = time.perf_counter()
            work()
            spent.append(time.perf_counter() - start)
        found.append(spent[0] / spent[1])
    low, middle, high = statistics.quantiles(found[2:], n=4)  # the first two warm up
    return middle, low, high


def main() -> None:
    """Measure and print one table."""
    network, plain = networks.load(device="cpu"), plain_lite0()
    cat = images.square(images.sample("cat"))
    rows = {}
    for batch in (1, 6):
        pixels = cat.expand(batch, -1, -1, -1).contiguous()
        rows[f"gradient to the image, batch {batch}: ours / plain timm"] = ratio(
            lambda pixels=pixels: gradient(network, pixels), lambda pixels=pixels: gradient(plain, pixels)
        )
        rows[f"ascent.ascend, 4 steps, batch {batch}: ours / bare loop"] = ratio(
            lambda pixels=pixels: ours(network, pixels, 4), lambda pixels=pixels: bare_loop(network, pixels, 4)
        )
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}")
    for name, (middle, low, high) in rows.items():
        print(f"{name:58} {middle:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
