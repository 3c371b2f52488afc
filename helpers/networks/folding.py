"""The same network with less to compute: batch norms inside convolutions, and 1 by 1 convolutions as products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized

from helpers.networks.probing import Shape, hooked, shape

Stats = dict[str, tuple[Tensor, Tensor]]  # mean and standard deviation (C,) by the convolution's name


class Pointwise(nn.Conv2d):
    """A 1 by 1 convolution as one matrix product over all places, on CPUs; channels-last makes that a mere view."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H, W)."""
        if input.dim() != 4 or not input.is_cpu:
            return super().forward(input)
        places = input.permute(0, 2, 3, 1)
        return nn.functional.linear(places, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Trace:
    """What one pass through a body showed; modules go by their names."""

    once: list[str]  # those called exactly once, as they finish
    shapes: dict[str, Shape]  # what each puts out
    fed_by: dict[str, str]  # batch norm: the convolution whose output it takes
    answer: Any


@torch.no_grad()
def watch(body: nn.Module, sample: Tensor) -> Trace:
    """Run the body once and see what its modules do."""
    modules = dict(body.named_modules())
    del modules[""]
    finished: list[str] = []
    shapes: dict[str, Shape] = {}
    made: dict[int, tuple[Tensor, str]] = {}  # the tensor is kept so that its id stays its own
    fed_by: dict[str, str] = {}

    def told(name: str, given: Any, output: Any) -> None:
        finished.append(name)
        shapes[name] = shape(output)
        if isinstance(modules[name], nn.Conv2d):
            made[id(output)] = (output, name)
        if isinstance(modules[name], nn.BatchNorm2d) and given and id(given[0]) in made:
            fed_by[name] = made[id(given[0])][1]

    with hooked(modules, told):
        answer = body(sample)
    calls = Counter(finished)
    names = Counter(id(module) for _, module in body.named_modules(remove_duplicate=False))
    single = {name for name in modules if calls[name] == 1 and names[id(modules[name])] == 1}
    return Trace(
        once=[name for name in finished if calls[name] == 1],
        shapes=shapes,
        fed_by={
            norm: conv for norm, conv in fed_by.items() if {norm, conv} <= single and _parent(norm) == _parent(conv)
        },
        answer=answer,
    )


@torch.no_grad()
def fold(body: nn.Module, sample: Tensor, trace: Trace) -> tuple[dict[str, str], Stats]:
    """Fold each batch norm into the convolution that feeds it, in place, by what `watch` saw of the sample.

    timm keeps the activation inside its batch norm: what is left of ``bn1`` after folding is that activation, a layer
    by the name ``relu1``. A norm that cannot be folded stays; and where folding changes what the body says, because a
    convolution feeds more than its norm, all of them stay.

    Returns:
        Each layer's module by the layer's name, in running order; and for each convolution that took in a norm the mean
        and the standard deviation that the norm gave its channels in training.
    """
    before, stats, folded = dict(body.named_modules()), {}, {}
    for norm, convolution in trace.fed_by.items():
        if _can_fold(before[convolution], before[norm]):
            folded[norm] = convolution
            stats[convolution] = (before[norm].bias.clone(), before[norm].weight.abs())
            body.set_submodule(convolution, fuse_conv_bn_eval(before[convolution], before[norm]))
            body.set_submodule(norm, getattr(before[norm], "act", nn.Identity()))
    if folded and not _alike(body(sample), trace.answer):
        for name in [*folded, *folded.values()]:
            body.set_submodule(name, before[name])
        folded, stats = {}, {}
    left, layers = dict(body.named_modules()), {}
    for name in trace.once:
        if not isinstance(left.get(name, nn.Identity()), (nn.Identity, nn.Sequential)):
            layers[_renamed(name, left) if name in folded else name] = name
    return layers, stats


def multiply_pointwise(body: nn.Module) -> None:
    """Let each plain 1 by 1 convolution compute as `Pointwise`, in place; weights, names and hooks stay."""
    for module in body.modules():
        plain = type(module) is nn.Conv2d and module.groups == 1 and module.padding in ((0, 0), "valid")
        if plain and module.kernel_size == module.stride == (1, 1):
            module.__class__ = Pointwise


def _can_fold(convolution: nn.Module, norm: nn.Module) -> bool:
    usual = isinstance(norm, nn.BatchNorm2d) and norm.affine and norm.running_mean is not None
    return usual and not is_parametrized(convolution) and not convolution._forward_pre_hooks


def _parent(name: str) -> str:
    # A convolution in another block may feed more than this norm, such as a shortcut around it.
    return name.rpartition(".")[0]


def _renamed(norm: str, taken: dict[str, nn.Module]) -> str:
    parent, dot, own = norm.rpartition(".")
    name = parent + dot + own.replace("bn", "relu")
    return norm if name in taken else name


def _alike(found: Any, expected: Any) -> bool:
    pairs = list(zip(_tensors(found), _tensors(expected), strict=True))
    return all(torch.allclose(a, b, rtol=0, atol=1e-3 * b.abs().max().item()) for a, b in pairs)


def _tensors(answer: Any) -> Iterator[Tensor]:
    if isinstance(answer, Tensor):
        yield answer.float()
    elif isinstance(answer, (dict, list, tuple)):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from _tensors(part)
