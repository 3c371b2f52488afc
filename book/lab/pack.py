"""Pack the network of the chapters for the page: ``python -m book.lab.pack FOLDER``.

One classic script holds everything: the weights of EfficientNet-Lite0, most of them in 8 bits, the kernels, the
sample photos, and the engine with its worker as strings, because a page that was opened as a file may load nothing
else. The pages load it when a reader asks for it.
"""

from __future__ import annotations

import base64
import copy
import gzip
import hashlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from book.lab import rounding
from helpers import images, networks
from helpers.networks import PACKAGED, Network

LAB = Path(__file__).parent
NETWORK = "efficientnet_lite0"
ALIGNED = 4  # bytes
SAMPLES = {  # name: what it shows, for those who do not see it
    "cat": "a tabby cat, close up",
    "coffee": "a cup of espresso on a wooden table",
    "clouds": "a drawn sky with white clouds",
    "rocket": "a rocket at its launch",
    "astronaut": "a smiling astronaut in an orange suit",
}
SAMPLE_SIDE = 512  # pixels, the longer side
WORKER = (
    "digits",
    "engine",
    "weights",
    "chance",
    "pictures",
    "climbing",
    "waves",
    "worker",
)  # modules in the order of their use
PAGE = (
    "digits",
    "pictures",
    "chance",
    "stitches",
    "page/dom",
    "page/machine",
    "page/photo",
    "page/widgets",
    "page/see",
    "page/attack",
    "page/film",
    "page/dream",
    "page/neuron",
    "page/ledger",
    "page/laboratory",
)
NOTICE = """/*!
 * The weights of EfficientNet-Lite0: Copyright Google LLC, licensed under the Apache License, Version 2.0 (the
 * "License"); you may not use them except in compliance with the License. You may obtain a copy of the License at
 * http://www.apache.org/licenses/LICENSE-2.0. Unless required by applicable law or agreed to in writing, they are
 * distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
 * License for the specific language governing permissions and limitations under the License.
 * Changed: batch norms folded into convolutions; rounded to 8 or 16 bits.
 * Everything else: Copyright (c) 2026 The Under the Hood authors, MIT License.
 */
"""

Precision = Callable[[str, str], str]  # an operation's name and kind -> "int8", "float16" or "float32"


def mixed(name: str, kind: str) -> str:
    """The precision that is shipped: the early layers and the depthwise filters need 16 bits, the rest does with 8."""
    early = name.startswith(tuple(f"blocks.{i}." for i in range(4)))
    return "float16" if early or kind in ("conv", "dw") else "int8"


@dataclass
class Packed:
    """A network for the page: what the page must know of it, and its weights.

    `parameters` are those that the page will compute with: (weights, bias) by the module's name, as PyTorch has them.
    """

    operations: list[dict[str, Any]] = field(default_factory=list)
    content: bytes = b""
    parameters: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


def pack(network: Network, precision: Precision = mixed, *, compensate: bool = True) -> Packed:
    """The operations of a folded EfficientNet-Lite in their order, and its weights, each in its precision.

    Args:
        network: EfficientNet-Lite0, or one of its family.
        precision: of each operation.
        compensate: whether weights of 8 bits are rounded with an eye on what the layers put out (`rounding`).
    """
    layers = [(name, _kind(module), module, more) for name, module, more in _walk(network.body)]
    coarse = [name for name, kind, _, _ in layers if compensate and precision(name, kind) == "int8" and kind != "dw"]
    usual = rounding.usual_inputs(network, coarse) if coarse else {}
    packed, parts = Packed(), _Parts()
    for name, kind, module, more in layers:
        wanted = precision(name, kind)
        matrix, back = _as_matrix(module.weight, kind)
        weights, left = parts.put(matrix, wanted, usual.get(name))
        bias = module.bias.numpy(force=True)[None]
        if name in usual:  # the mean output stays what it was
            bias = bias - usual[name].means.numpy() @ (left - matrix)
        stored, left_bias = parts.put(bias.astype(np.float32), wanted if wanted == "float32" else "float16")
        operation = {"name": name, "kind": kind, **_shape(module, kind), "clip": False, "skip": False, **more}
        packed.operations.append({**operation, "weights": weights, "bias": stored})
        packed.parameters[name] = (torch.from_numpy(back(left)), torch.from_numpy(left_bias[0]))
    packed.content = bytes(parts.content)
    return packed


def _shape(module: Any, kind: str) -> dict[str, int]:
    """How large the filters of an operation are, their stride, and the channels before and after it."""
    outputs, inputs = module.weight.shape[:2]
    channels = {"inputs": {"dw": outputs, "conv": 27}.get(kind, inputs), "outputs": outputs}
    if kind == "fc":
        return {"size": 1, "step": 1, **channels}
    return {"size": module.kernel_size[0], "step": module.stride[0], **channels}


@torch.no_grad()
def rounded(network: Network, packed: Packed) -> Network:
    """A copy of the network with the weights that the page computes with."""
    twin = copy.deepcopy(network)
    for name, (weight, bias) in packed.parameters.items():
        module = twin.body.get_submodule(name)
        module.weight.copy_(weight)  # type: ignore[operator]
        module.bias.copy_(bias)  # type: ignore[operator]
    return twin


class _Parts:
    """Arrays behind one another in one string of bytes."""

    def __init__(self) -> None:
        self.content = bytearray()

    def put(
        self, matrix: np.ndarray, kind: str, usual: rounding.Inputs | None = None
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Add a matrix (inputs, outputs); where it lies, and what is left of it after rounding."""
        if kind != "int8":
            values = matrix.astype(kind)
            return self._stored(values, kind), values.astype(np.float32)
        if usual is None:
            scale = np.maximum(np.abs(matrix).max(axis=0) / 127, 1e-12).astype(np.float32)
            bits = np.rint(matrix / scale).clip(-127, 127).astype(np.int8)
        else:
            bits, scale = rounding.compensated(matrix, usual)
        self._align()
        self.content += scale.tobytes()
        stored = self._stored(bits, kind, scales=len(scale))
        return stored, bits.astype(np.float32) * scale

    def _stored(self, values: np.ndarray, kind: str, **more: int) -> dict[str, Any]:
        self._align()
        at = len(self.content)
        self.content += values.tobytes()
        return {"at": at, "count": values.size, "kind": kind, **more}

    def _align(self) -> None:
        self.content += bytes(-len(self.content) % ALIGNED)


def _walk(body: Any) -> Iterable[tuple[str, Any, dict[str, Any]]]:
    """Each convolution of an EfficientNet-Lite, and its last layer, in order: name, module, what follows it."""
    yield "conv_stem", body.conv_stem, {"clip": True}
    for i, stage in enumerate(body.blocks):
        for j, block in enumerate(stage):
            name, end = f"blocks.{i}.{j}", {"block": f"blocks.{i}.{j}", "skip": bool(block.has_skip)}
            names = ["conv_pw", "conv_dw", "conv_pwl"] if hasattr(block, "conv_pwl") else ["conv_dw", "conv_pw"]
            for part in names:
                more = end if part == names[-1] else {"clip": True}
                yield f"{name}.{part}", getattr(block, part), more
    yield "conv_head", body.conv_head, {"clip": True}
    yield "classifier", body.classifier, {}


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.Linear):
        return "fc"
    assert isinstance(module, nn.Conv2d)
    if module.groups > 1:
        return "dw"
    return "pw" if module.kernel_size == (1, 1) else "conv"


def _as_matrix(weight: Tensor, kind: str) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Weights as the engine wants them, a matrix with the outputs as columns; and the way back to PyTorch's shape."""
    array, shape = weight.numpy(force=True), tuple(weight.shape)
    if kind == "conv":  # rows in the order down, across, channel
        return array.transpose(2, 3, 1, 0).reshape(-1, shape[0]), lambda matrix: np.ascontiguousarray(
            matrix.reshape(shape[2], shape[3], shape[1], shape[0]).transpose(3, 2, 0, 1)
        )
    return array.reshape(shape[0], -1).T, lambda matrix: np.ascontiguousarray(matrix.T).reshape(shape)


def usual(network: Network) -> dict[str, dict[str, list[float]]]:
    """Mean and spread that the last convolution of each block gave its channels in training."""
    stats = {name: both for name, both in network.bn_stats.items() if name.endswith("conv_pwl")}
    return {name: {"mean": _short(mean), "spread": _short(spread)} for name, (mean, spread) in stats.items()}


def _short(values: Tensor) -> list[float]:
    return [float(f"{value:.5g}") for value in values.tolist()]


def description(network: Network, packed: Packed) -> dict[str, Any]:
    """What the page must know of the network beside its weights."""
    return {"operations": packed.operations, "categories": network.categories, "usual": usual(network)}


def bundle(names: Iterable[str], folder: Path = LAB) -> str:
    """Modules as one script: without what they import from one another and export.

    Raises:
        ValueError: two modules give one name to two things.
    """
    owners: dict[str, str] = {}
    parts = []
    for name in names:
        text = (folder / f"{name}.js").read_text(encoding="utf-8")
        text = re.sub(r"^import [^;]*;\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^export (?=async |function|const|let|class)", "", text, flags=re.MULTILINE)
        for own in re.findall(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", text, flags=re.MULTILINE):
            if owners.setdefault(own, name) != name:
                raise ValueError(f"{name}.js and {owners[own]}.js both have something called {own}")
        parts.append(text)
    return "\n".join(parts)


def samples() -> list[dict[str, str | int]]:
    """The book's own photos as WebP inside data URLs."""
    made: list[dict[str, str | int]] = []
    for name, words in SAMPLES.items():
        large = max(images.sample(name).shape[2:]) > SAMPLE_SIDE
        picture, buffer = images.sample(name, size=SAMPLE_SIDE if large else None), io.BytesIO()
        images.to_pil(picture).save(buffer, "WEBP", quality=85, method=6)
        url = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
        made.append({"name": name, "words": words, "url": url, "size": SAMPLE_SIDE if large else 0})
    return made


def script(network: Network, packed: Packed, extra: Mapping[str, Any] | None = None) -> str:
    """The one script that a page loads: it defines `underTheHood`, whose `mount` makes an element a laboratory."""
    parts = {
        "network": description(network, packed),
        "weights": base64.b85encode(gzip.compress(packed.content, 9, mtime=0)).decode(),
        "kernels": {
            name: base64.b85encode((LAB / f"{name}.wasm").read_bytes()).decode()
            for name in ("kernels", "kernels_relaxed")
        },
        "worker": bundle(WORKER),
        "samples": samples(),
        **(extra or {}),
    }
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return f'{NOTICE}(() => {{\n"use strict";\nconst PACKED = {text};\n{bundle(PAGE)}\n}})();\n'


def build(folder: Path, packed: Packed | None = None) -> list[Path]:
    """Write what the pages need into a folder, unless it is there already; which files they are.

    Args:
        folder: where they go.
        packed: the network, if it is packed already.
    """
    made, stamp = [folder / "network.js", folder / "lab.css"], folder / ".digest"
    wanted = digest()
    if all(path.is_file() for path in made) and stamp.is_file() and stamp.read_text() == wanted:
        return made
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    network = networks.load(NETWORK, device="cpu")
    made[0].write_text(script(network, packed or pack(network), {"precision": precision_table()}), encoding="utf-8")
    made[1].write_text((LAB / "page" / "lab.css").read_text(encoding="utf-8"), encoding="utf-8")
    stamp.write_text(wanted)
    return made


def precision_table() -> dict[str, Any]:
    """What rounding the weights costs, as `book.lab.precision` measured it."""
    return json.loads((LAB / "precision.json").read_text(encoding="utf-8"))


def digest() -> str:
    """SHA-256 of everything that the script is made of."""
    sha = hashlib.sha256(PACKAGED[NETWORK].sha256.encode())
    suffixes = {".js", ".css", ".wasm", ".py", ".json"}
    inside = (path for path in LAB.rglob("*") if path.suffix in suffixes and "__pycache__" not in path.parts)
    for path in sorted([*inside, *(path for path in images.PICTURES.iterdir() if path.stem in SAMPLES)]):
        sha.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()


if __name__ == "__main__":
    for path in build(Path(sys.argv[1])):
        print(f"{path}: {path.stat().st_size:,} bytes")
