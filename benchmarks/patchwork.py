"""`patchwork.patches` beside a naive splitter and beside relucent, and its time against the number of patches.

The networks have two inputs and PyTorch's own initialization; the window is a million wide on either side, so that it
holds every crossing. relucent (it needs gurobipy, whose free edition is enough here) walks from patch to patch over the
whole plane. It takes so long that it runs on the smallest network only and in a few rounds; its checks of its own
result (``verify``) are off, for speed. ``python -m benchmarks.patchwork`` prints the growth too.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import platform
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.timing import Spread, ratio, seconds
from helpers import patchwork, training

Array = NDArray[np.float64]
Piece = tuple[Array, Array]  # a polygon (k, 2), and the affine map (3, neurons) of the layer in force there
PLANE = (-1e6, 1e6, -1e6, 1e6)


def cut(polygon: Array, line: Array) -> list[Array]:
    """The parts of a convex polygon on the two sides of the line a x + b y + c = 0, one corner after the other."""
    heights, parts = polygon @ line[:2] + line[2], ([], [])
    for i, height in enumerate(heights):
        above = heights[i - 1]
        if above * height < 0:
            crossing = polygon[i - 1] + above / (above - height) * (polygon[i] - polygon[i - 1])
            parts[0].append(crossing)
            parts[1].append(crossing)
        if height >= 0:
            parts[0].append(polygon[i])
        if height <= 0:
            parts[1].append(polygon[i])
    return [np.array(part) for part in parts if len(part) > 2]


def naive(network: nn.Sequential, bounds: Sequence[float]) -> list[Piece]:
    """Every patch as a polygon of its own, cut by one neuron after the other: no mesh, no shared corners."""
    left, right, bottom, top = bounds
    corners = np.array([[left, bottom], [right, bottom], [right, top], [left, top]], dtype=float)
    pieces = [(corners, np.eye(3, 2))]
    for layer in network:
        if isinstance(layer, nn.Linear):
            weight, bias = (part.detach().double().numpy() for part in (layer.weight, layer.bias))
            pieces = [(polygon, map_ @ weight.T + np.outer([0, 0, 1], bias)) for polygon, map_ in pieces]
        else:
            for i in range(pieces[0][1].shape[1]):
                pieces = [(part, map_) for polygon, map_ in pieces for part in split(polygon, map_[:, i])]
            pieces = [(p, m * (np.append(p.mean(axis=0), 1) @ m > 0)) for p, m in pieces]
    return pieces


def split(polygon: Array, line: Array) -> list[Array]:
    """`cut`, but for polygons that lie on one side of the line, which is most of them, at once."""
    heights = polygon @ line[:2] + line[2]
    return [polygon] if (heights > 0).all() or (heights < 0).all() else cut(polygon, line)


def relucent(network: nn.Sequential) -> int:
    """How many patches the peer finds in the whole plane; without its progress bars."""
    peer = importlib.import_module("relucent")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        complex_ = peer.Complex(network)
        complex_.bfs(verify=False)
    return len(complex_)


def rows() -> dict[str, Spread | str]:
    """Each comparison's ratio of times, or the reason why a peer has none."""
    found: dict[str, Spread | str] = {}
    for width in (16, 32, 64):
        network = training.mlp([2, width, width, 1], seed=0)
        count = len(patchwork.patches(network, PLANE))
        if (theirs := len(naive(network, PLANE))) != count:
            raise RuntimeError(f"{count} patches and {theirs}: not the same work")
        found[f"{count:,} patches of a network, exactly: ours / naive splitter"] = ratio(
            lambda n=network: patchwork.patches(n, PLANE), lambda n=network: naive(n, PLANE), rounds=11, warm_up=1
        )
    network = training.mlp([2, 16, 16, 1], seed=0)
    name = f"{len(patchwork.patches(network, PLANE)):,} patches of a network, exactly: ours / relucent"
    try:
        count = relucent(network)
    except ImportError as error:
        return found | {name: f"could not run: {error}"}
    if (mine := len(patchwork.patches(network, PLANE))) != count:
        raise RuntimeError(f"{mine} patches and {count}: not the same work")
    found[name] = ratio(lambda: patchwork.patches(network, PLANE), lambda: relucent(network), rounds=3, warm_up=0)
    return found


def folded(layers: int) -> nn.Sequential:
    """A network each layer of which folds the unit square in four, so that it has 4 ** layers patches there."""
    up, down = nn.Linear(2, 4), nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        up.weight.copy_(torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]]))
        up.bias.copy_(torch.tensor([0.0, -1.0, 0.0, -1.0]))
        down.weight.copy_(torch.tensor([[1.0, -2.0, 0.0, 0.0], [0.0, 0.0, 1.0, -2.0]]))
    return nn.Sequential(*[up, nn.ReLU(), down] * layers)


def growth() -> list[tuple[str, int, list[float]]]:
    """Kind of network, number of patches, and the sorted seconds of three runs, up to about 100,000 patches."""
    random = ([16] * 2, [32] * 2, [64] * 2, [64] * 4, [96] * 4, [160] * 3)
    cases = [(f"random, {sum(sizes)} neurons", training.mlp([2, *sizes, 1], seed=0), PLANE) for sizes in random]
    cases += [(f"folded, {4 * layers} neurons", folded(layers), (0, 1, 0, 1)) for layers in (4, 5, 6, 7, 8)]
    found = []
    for name, network, bounds in cases:
        times = sorted(seconds(lambda n=network, b=bounds: patchwork.patches(n, b)) for _ in range(3))
        found.append((name, len(patchwork.patches(network, bounds)), times))
    return found


def main() -> None:
    """Measure and print two tables."""
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}", flush=True)
    for name, figure in rows().items():
        print(f"{name:66}", figure if isinstance(figure, str) else " ".join(f"{value:.4f}" for value in figure))
    print(f"{'network':22} {'patches':>9}   seconds (least to most of three)   microseconds for each patch")
    for name, count, (least, middle, most) in growth():
        spread = f"{middle:.3f} ({least:.3f} to {most:.3f})"
        print(f"{name:22} {count:9,}   {spread:33}  {1e6 * middle / count:.0f}")


if __name__ == "__main__":
    main()
