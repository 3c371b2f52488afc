"""What rounding the weights costs: ``python -m book.lab.precision`` measures it and writes precision.json beside it.

The page shows the table. It is measured by hand, for it takes minutes, and the weights do not change. Measured on crops
of the pictures that the rounding was not fitted to.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy

from book.lab import pack
from book.lab.rounding import FITTED, crops
from helpers import dreams, images, networks
from helpers.networks import Network

CROPS, EVERY = 30, 10  # crops of each picture; of which every tenth is asked for gradients
JUDGED = tuple(name for name in images.samples() if name not in FITTED)
LAYER = "blocks.4.2"
KINDS: dict[str, tuple[pack.Precision, bool]] = {  # how they are rounded, and whether with an eye on the outputs
    "float32, as in Python": (lambda *_: "float32", False),
    "16 bits everywhere": (lambda *_: "float16", False),
    "8 bits, early layers and depthwise filters 16, rounded with an eye on the outputs (here)": (pack.mixed, True),
    "the same, each weight rounded alone": (pack.mixed, False),
    "8 bits everywhere, each weight rounded alone": (lambda *_: "int8", False),
}


@torch.no_grad()
def shares(network: Network, pictures: Tensor) -> Tensor:
    """Probabilities (N, 1000)."""
    return torch.cat([network(part).softmax(1) for part in pictures.split(24)])


def gradients(network: Network, pictures: Tensor, labels: Tensor) -> Iterator[Tensor]:
    """The slopes of an attack and of a dream, each (N, 3, 224, 224)."""

    def attack(x: Tensor) -> Tensor:
        return cross_entropy(network(x), labels, reduction="sum")

    for objective in (attack, dreams.layer_strength(network, LAYER)):
        x = pictures.clone().requires_grad_(True)
        yield torch.autograd.grad(objective(x).sum(), x)[0].flatten(1)


def measure() -> list[dict[str, Any]]:
    """For each way of rounding: megabytes, agreement of the first answers, cosines of the slopes."""
    network, pictures = networks.load(pack.NETWORK, device="cpu"), crops(JUDGED, CROPS, seed=0)
    exact = shares(network, pictures)
    labels = exact.argmax(1)
    some, their = pictures[::EVERY], labels[::EVERY]
    slopes = list(gradients(network, some, their))
    rows = []
    for name, (precision, compensate) in KINDS.items():
        packed = pack.pack(network, precision, compensate=compensate)
        twin = pack.rounded(network, packed)
        agree = (shares(twin, pictures).argmax(1) == labels).double().mean().item()
        pairs = zip(gradients(twin, some, their), slopes, strict=True)
        attack, dream = (cosine_similarity(a, b).mean().item() for a, b in pairs)
        size = len(gzip.compress(packed.content, 9, mtime=0)) / 1e6
        row = {"weights": name, "megabytes": size, "agree": agree, "attack": attack, "dream": dream}
        rows.append({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()})
        print(rows[-1], flush=True)
    return rows


def counts() -> dict[str, int]:
    """On how many pictures and crops it is measured, and on how many of these the slopes."""
    count = len(JUDGED) * CROPS
    return {"pictures": len(JUDGED), "fitted": len(FITTED), "crops": count, "gradients": count // EVERY}


def main() -> None:
    """Measure, and keep it where the build finds it."""
    (pack.LAB / "precision.json").write_text(json.dumps({**counts(), "rows": measure()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
