"""Round weights to 8 bits so that the layers put out nearly what they did: as GPTQ does (Frantar et al. 2023).

Plain rounding treats each weight alone. Here each layer's weights are rounded one input after the other, and what the
rounding of one input does to the outputs is made good by the inputs that are still to come, as well as usual inputs
allow. What is usual is measured on crops of half of the book's pictures; `precision` judges on the other half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from helpers import images
from helpers.networks import Network

FITTED = ("astronaut", "cartoon", "church_at_auvers", "coffee", "lake", "otter", "rocket", "valley")
CROPS, BATCH = 8, 8  # crops of each picture; of which so many go through the network at a time
SIDE = 224  # pixels
# Of the mean square of an input: how little is known of inputs that hardly vary. Of 0.01, 0.1, 0.5 and 1, the last two
# moved the probabilities least on pictures that the weights were not fitted to, whichever half they were fitted to.
DAMPING = 0.5
SHRINKING = (1, 0.95, 0.9, 0.85, 0.8, 0.7)  # how far the largest weights may be clipped for finer steps
PIECE = 128  # inputs between two corrections of all that are to come


@dataclass
class Inputs:
    """What is usual at the input of a layer: products of its channels (C, C), and their means (C,)."""

    products: Tensor
    means: Tensor


def crops(names: Iterable[str], count: int, *, seed: int) -> Tensor:
    """Squares of some of the book's pictures, half of them mirrored, by chance: (pictures * count, 3, 224, 224)."""
    chance, found = torch.Generator().manual_seed(seed), []
    for name in names:
        whole = images.sample(name)
        height, width = whole.shape[2:]
        for _ in range(count):
            part, down, across, mirror = torch.rand(4, generator=chance).tolist()
            side = int(min(height, width) * (0.45 + 0.55 * part))
            top, left = int(down * (height - side + 1)), int(across * (width - side + 1))
            view = images.resize(whole[:, :, top : top + side, left : left + side], (SIDE, SIDE))
            found.append(view.flip(3) if mirror < 0.5 else view)
    return torch.cat(found)


@torch.no_grad()
def usual_inputs(network: Network, names: Iterable[str], seed: int = 1) -> dict[str, Inputs]:
    """What is usual at the inputs of these 1 by 1 convolutions and linear layers, by their names."""
    found: dict[str, Inputs] = {}
    counts: dict[str, int] = {}

    def watch(name: str, given: Tensor) -> None:
        rows = given.permute(0, 2, 3, 1).flatten(0, 2) if given.dim() == 4 else given
        old = found.setdefault(name, Inputs(torch.zeros(rows.shape[1], rows.shape[1]), torch.zeros(rows.shape[1])))
        old.products += rows.T @ rows
        old.means += rows.sum(0)
        counts[name] = counts.get(name, 0) + len(rows)

    handles = [
        network.body.get_submodule(name).register_forward_pre_hook(lambda _, given, name=name: watch(name, given[0]))
        for name in names
    ]
    try:
        for part in crops(FITTED, CROPS, seed=seed).split(BATCH):
            network(part)
    finally:
        for handle in handles:
            handle.remove()
    return {name: Inputs(one.products / counts[name], one.means / counts[name]) for name, one in found.items()}


def compensated(matrix: np.ndarray, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """A matrix (inputs, outputs) in 8 bits, and the scale of each output.

    Returns:
        Whole numbers from -127 to 127, (inputs, outputs), and scales (outputs,) in float32.
    """
    weights = torch.from_numpy(matrix.T.copy()).double()  # (outputs, inputs)
    products = inputs.products.double()
    products += DAMPING * products.diag().mean() * torch.eye(len(products)).double()
    scale = _scales(weights, products)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(products))
    factor = torch.linalg.cholesky(inverse, upper=True)
    bits = torch.zeros_like(weights)
    for start in range(0, len(products), PIECE):
        end = min(start + PIECE, len(products))
        errors = torch.zeros(len(weights), end - start).double()
        for i in range(start, end):
            bits[:, i] = (weights[:, i] / scale).round().clamp(-127, 127)
            error = (weights[:, i] - bits[:, i] * scale) / factor[i, i]
            weights[:, i:end] -= error[:, None] * factor[i, i:end]
            errors[:, i - start] = error
        weights[:, end:] -= errors @ factor[start:end, end:]
    return bits.T.numpy().astype(np.int8), scale.numpy().astype(np.float32)


def _scales(weights: Tensor, products: Tensor) -> Tensor:
    """For each output the step with which plain rounding does least harm, were its inputs unrelated, (outputs,)."""
    widest = (weights.abs().amax(dim=1) / 127).clamp(min=1e-12)
    found: list[tuple[Tensor, Tensor]] = []
    for by in SHRINKING:
        scale = (widest * by)[:, None]
        off = (weights / scale).round().clamp(-127, 127) * scale - weights
        found.append((off.square() @ products.diag(), scale[:, 0]))
    best = torch.stack([harm for harm, _ in found]).argmin(0)
    return torch.stack([scale for _, scale in found]).gather(0, best[None])[0]
