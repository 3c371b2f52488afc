"""A network together with all it needs: its normalization, its categories, and names for its layers."""

from __future__ import annotations

import copy
import operator
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn

from helpers import images
from helpers.networks import folding, probing
from helpers.networks.names import unknown


class Network(nn.Module):
    """A frozen copy of an image network that normalizes its own input and answers on the device of the pixels.

    The body that is given stays as it was; the copy has its batch norms folded in, and pictures are given to it to
    find out what its layers put out. Layers that put out no tensor, or four lengths without a height and a width
    among them, are not offered.

    Args:
        body: the layers proper; takes normalized images.
        name: what error messages call the network.
        scale, shift: the body sees ``pixels * scale + shift``, per RGB channel.
        bgr: whether the body wants its channels in the order blue, green, red.
        categories: one name per output, or None for a network without a classifier.
        size: side in pixels of a square picture that the body surely accepts.

    Attributes:
        bn_stats: for each convolution that took in a batch norm, the mean and the standard deviation (C,) that the
            batch norm gave its channels in training: what is usual there.

    Raises:
        ValueError: a body that does not take pictures of `size`, or that has categories and does not answer with
            a tensor.
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
        self.size = size
        self.categories = None if categories is None else tuple(categories)
        like = next(body.parameters(), torch.empty(0, device="cpu"))
        # Tensors that are made in inference mode could never take part in a gradient.
        with torch.inference_mode(False), torch.autocast(like.device.type, enabled=False):
            for key, values in (("scale", scale), ("shift", shift)):
                channels = torch.tensor(values, dtype=like.dtype, device=like.device)
                self.register_buffer(key, channels.view(1, 3, 1, 1))
            self.body = _prepared(body)
            self.eval()
            self._examine()

    def _examine(self) -> None:
        generator = torch.Generator("cpu").manual_seed(0)
        sample = torch.rand(1, 3, self.size, self.size, generator=generator, dtype=torch.float32, device="cpu")
        sample = sample.to(self.scale)
        try:
            trace = folding.watch(self.body, sample)
        except Exception as error:
            raise ValueError(
                f"{self.name} does not take a picture of {self.size} x {self.size} pixels ({error}); "
                "say with `size` which square picture it takes"
            ) from error
        if self.categories is not None and not isinstance(trace.answer, Tensor):
            raise ValueError(
                f"{self.name} gives a {type(trace.answer).__name__}, not a tensor of logits; "
                "wrap the part of it that gives the logits, or give no categories"
            )
        modules, self.bn_stats = folding.fold(self.body, sample, trace)
        folding.multiply_pointwise(self.body)
        self._orders, self._refused = probing.orders(self.body, self.size, trace.shapes)
        self._modules_of = {layer: module for layer, module in modules.items() if module not in self._refused}

    @property
    def layers(self) -> tuple[str, ...]:
        """The names that `features` accepts, in the order in which the layers finish."""
        return tuple(self._modules_of)

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        return self.scale.device

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, 3, H, W) in [0, 1] to logits (N, categories)."""
        self._require_classifier()
        x = self._normalized(pixels)
        with self._sized(pixels):
            return self.body(x).to(pixels.device)

    def features(self, pixels: Tensor, layers: str | Iterable[str]) -> dict[str, Tensor]:
        """Outputs of the named layers, each (N, C, H, W); nothing past the last of them is computed.

        Layers that keep the channels last are turned. What has no places comes as it is, such as logits (N, categories)
        or the (N, tokens, C) of a transformer. What comes is yours: nothing that runs later writes into it.

        Raises:
            ValueError: a layer that the network does not have or offer, pixels that are no image, or of a size that
                the network does not take.
        """
        return self._gather(pixels, layers, whole=False)[0]

    def logits_and_features(self, pixels: Tensor, layers: str | Iterable[str]) -> tuple[Tensor, dict[str, Tensor]]:
        """What the network answers, (N, categories), and what `features` gives, in one pass.

        Raises:
            ValueError: as `features`, and for a network without a classifier.
        """
        self._require_classifier()
        found, answer = self._gather(pixels, layers, whole=True)
        return answer.to(pixels.device), found

    def require_size(self, height: int, width: int, layers: str | Iterable[str] | None = None) -> None:
        """Raise a ValueError unless the network takes pictures of this size; as a rule nothing is computed for that.

        Args:
            height, width: in pixels.
            layers: only as far as `features` of these layers would run; the whole network by default.
        """
        wanted = {} if layers is None else self._wanted(layers)

        def run(body: nn.Module, pixels: Tensor) -> None:
            _collect(body, pixels, wanted, whole=not wanted)

        try:
            probing.tried(self.body, (height, width), run)
        except Exception as error:
            raise ValueError(
                f"{self.name} does not take a picture of {width} x {height} pixels ({error}); "
                f"it does take {self.size} x {self.size}"
            ) from error

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
            unknown("category", category, self.categories, owner=self.name)
        return same[0]

    def require(self, layer: str) -> str:
        """The layer's name, if the network has and offers it; otherwise a ValueError, with the near misses."""
        if layer in self._refused:
            raise ValueError(f"layer {layer!r} of {self.name} is not offered: it {self._refused[layer]}")
        if layer not in self._modules_of:
            unknown("layer", layer, self.layers, owner=self.name)
        return layer

    def _require_classifier(self) -> None:
        if self.categories is None:
            raise ValueError(f"{self.name} has no classifier, so it gives no logits; ask for network.features(...)")

    def _wanted(self, layers: str | Iterable[str]) -> dict[str, str]:
        names = [layers] if isinstance(layers, str) else list(layers)
        return {name: self._modules_of[self.require(name)] for name in names}

    def _normalized(self, pixels: Tensor) -> Tensor:
        images.check(pixels)
        x = pixels.to(self.scale) * self.scale + self.shift
        x = x.flip(1) if self.bgr else x
        return x.contiguous(memory_format=torch.channels_last)

    def _gather(self, pixels: Tensor, layers: str | Iterable[str], *, whole: bool) -> tuple[dict[str, Tensor], Any]:
        wanted = self._wanted(layers)
        x = self._normalized(pixels)
        with self._sized(pixels, wanted=None if whole else wanted):
            found, answer = _collect(self.body, x, wanted, whole=whole)
        for name, module in wanted.items():
            if name not in found:
                raise ValueError(f"layer {name!r} of {self.name} takes no part in what it does with this picture")
            if order := self._orders.get(module):
                found[name] = found[name].permute(order)
        return {name: found[name].to(pixels.device) for name in wanted}, answer

    @contextmanager
    def _sized(self, pixels: Tensor, wanted: Iterable[str] | None = None) -> Iterator[None]:
        """Where the body fails, say so if it fails at any picture of this size."""
        try:
            yield
        except (RuntimeError, AssertionError, ValueError, IndexError, TypeError):
            self.require_size(pixels.shape[2], pixels.shape[3], wanted)
            raise


def average_pooling(network: Network) -> Network:
    """A copy of a network in which each `nn.MaxPool2d` averages instead; the weights stay the same.

    Gatys et al. (2016) recommend it for VGG-19: the picture's gradient then reaches every pixel of a pool. A maximum
    that is taken by a function instead of a module stays.

    Raises:
        ValueError: a pooling without such a counterpart: one that is dilated, gives indices, or has code of its own.
    """
    copied = copy.deepcopy(network)
    for name, module in network.body.named_modules(remove_duplicate=False):
        if not isinstance(module, nn.MaxPool2d):
            continue
        if type(module) is not nn.MaxPool2d or module.return_indices or module.dilation not in (1, (1, 1)):
            raise ValueError(f"{name!r} of {network.name} is {module}, for which there is no average pooling")
        average = nn.AvgPool2d(
            module.kernel_size, module.stride, module.padding, module.ceil_mode, count_include_pad=False
        )
        copied.body.set_submodule(name, average)
    return copied


class _EnoughError(Exception):
    """Every layer asked for has been computed."""


def _collect(body: nn.Module, x: Tensor, wanted: dict[str, str], *, whole: bool) -> tuple[dict[str, Tensor], Any]:
    """Outputs of the wanted modules, and the body's answer if the whole of it shall run."""
    found: dict[str, Tensor] = {}
    mine, over = threading.get_ident(), False  # a panel runs the same network in a thread of its own

    def told(name: str, _given: Any, output: Tensor) -> None:
        if over or threading.get_ident() != mine:  # over: an interrupt may leave a hook behind
            return
        last = not whole and len(found.keys() | {name}) == len(wanted)
        found[name] = output if last else output.clone()  # what runs next may work in place
        if last:
            raise _EnoughError

    answer = None
    try:
        with probing.hooked({name: body.get_submodule(module) for name, module in wanted.items()}, told):
            if wanted or whole:
                answer = body(x)
    except _EnoughError:
        pass
    finally:
        over = True
    return found, answer


def _prepared(body: nn.Module) -> nn.Module:
    copied = copy.deepcopy(body).requires_grad_(False).eval()
    for tensor in copied.parameters():
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
    for module in copied.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # type: ignore[assignment]  # or a norm would be folded across an activation
    return copied
