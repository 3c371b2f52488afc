"""Squashing functions: the message sent backward, starts that keep it alive, depth that collapses, things to learn.

A pre-activation is what a neuron adds up before its activation function: the output of an `nn.Linear`. The message that
a layer is sent is the gradient of the loss with respect to its pre-activations; the weights below it are adjusted by
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers import disturbance, training
from helpers.checks import layers_in_order
from helpers.state import check_weights, usual_state

HOUSES = (  # left wall, right wall, roof
    *((0.03, 0.08, 0.3), (0.09, 0.13, 0.46), (0.15, 0.2, 0.26), (0.225, 0.265, 0.62), (0.3, 0.37, 0.36)),
    *((0.4, 0.44, 0.55), (0.6, 0.65, 0.42), (0.66, 0.7, 0.72), (0.72, 0.78, 0.33), (0.9, 0.96, 0.28)),
)
SPIRES = ((0.245, 0.95, 14), (0.68, 0.98, 22), (0.515, 0.66, 20), (0.845, 0.5, 6))  # middle, top, how steep


@usual_state()
@torch.enable_grad()
def preactivation_gradients(
    network: nn.Module, x: Tensor, y: Tensor, *, loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy
) -> list[Tensor]:
    """The messages sent back: the gradient of the loss by the pre-activations of each `nn.Linear`, in running order.

    Args:
        network: any module.
        x: inputs (n, ...).
        y: targets (n, ...).
        loss: of (outputs, targets). With one that averages over the inputs, an input's own message is n times its row.

    Returns:
        For each time that an `nn.Linear` ran, (n, width).
    """
    check_weights(network)
    preactivations: list[Tensor] = []

    def keep(_layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        preactivations.append(output)
        return output.clone()  # an in-place activation would overwrite it

    hooks = [layer.register_forward_hook(keep) for layer in _layers(network)]
    try:
        wrong = loss(network(x.detach().clone().requires_grad_()), y.clone())  # frozen weights carry a message too
    finally:
        for hook in hooks:
            hook.remove()
    return list(torch.autograd.grad(wrong, preactivations))


@usual_state()
@torch.no_grad()
def orthogonal(network: nn.Module, *, gain: float = 1.0, center: float = 0.0, seed: int = 0) -> nn.Module:
    """Start each `nn.Linear` of a network, in place, with random weights that turn a message and keep its length.

    Args:
        network: its weights become matrices of orthonormal rows or columns (Saxe et al. 2014), its biases zero.
        gain: by which the weights are multiplied: 1 suits the identity, the square root of 2 the ReLU (He et al.
            2015), 4 the sigmoid, whose slope at 0 is a quarter.
        center: what a neuron puts out at pre-activation 0, such as 0.5 for the sigmoid. The biases of all layers but
            the first take it away again, so that the pre-activations stay around zero at any depth.
        seed: of the weights.
    """
    generator = torch.Generator().manual_seed(seed)
    for i, layer in enumerate(_layers(network)):
        start = torch.empty(layer.weight.shape, dtype=layer.weight.dtype)  # on the CPU, as the generator is
        layer.weight.copy_(nn.init.orthogonal_(start, gain, generator=generator))
        if layer.bias is not None:
            layer.bias.copy_(-center * layer.weight.sum(1) * (i > 0))
    disturbance.disturb(network.parameters())
    return network


def message_map(activation: Callable[[], nn.Module], *, layers: int = 30, width: int = 64, seed: int = 0) -> Tensor:
    """The sizes (layers, width) of the messages about one handwritten 3, first layer first.

    The network is untrained, its weights orthogonal and the same for every activation function.
    """
    digits = training.digits()
    network = orthogonal(training.mlp([64] + [width] * layers + [10], activation, seed=seed), seed=seed)
    three = digits.test_x[digits.test_y == 3][:1]
    return torch.cat(preactivation_gradients(network, three, torch.tensor([3]))[:-1]).abs()


@usual_state()
@torch.no_grad()
def collapse(network: nn.Module) -> nn.Linear:
    """The one layer that does what a network of `nn.Linear` and `nn.Identity` in `nn.Sequential` does.

    It is multiplied out in double precision. Any other kind of layer is a ValueError that names it.
    """
    linear = [layer for name, layer in layers_in_order(network) if _is_linear(name, layer)]
    layers: list[Any] = linear or _layers(network)
    weight = torch.eye(layers[0].in_features).to(layers[0].weight).double()
    bias = torch.zeros_like(weight[0])
    for layer in layers:
        own = torch.zeros(()) if layer.bias is None else layer.bias
        weight, bias = layer.weight.double() @ weight, layer.weight.double() @ bias + own
    single = torch.nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0]).to(layers[0].weight)
    single.weight.copy_(weight)
    single.bias.copy_(bias)
    return single


def yin_yang(points: Tensor) -> Tensor:
    """1 where the yin-yang symbol is white, 0 where it is black, for points (n, 2) of the unit disc."""
    x, y = points.T
    head, tail = torch.hypot(x, y - 0.5), torch.hypot(x, y + 0.5)
    white = ((x < 0) | (head < 0.5)) & (tail >= 0.5)
    return ((white & (head >= 0.17)) | (tail < 0.17)).long()


def disc_points(n: int, *, seed: int = 0) -> Tensor:
    """Random points (n, 2) of the unit disc."""
    generator = torch.Generator().manual_seed(seed)
    angle, area = 2 * torch.pi * torch.rand(n, generator=generator), torch.rand(n, generator=generator)
    return area.sqrt()[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)


def square_grid(side: int) -> Tensor:
    """The points (side * side, 2) of the square around the unit disc, row by row from the upper left."""
    at = torch.linspace(-1, 1, side)
    return torch.cartesian_prod(-at, at).flip(1)


def skyline(x: Tensor) -> Tensor:
    """The height of a city's outline at places from 0 to 1: hills, ten houses, a dome, three spires and a pyramid."""
    height = 0.06 + 0.05 * torch.sin(5 * x)
    for left, right, top in HOUSES:
        height = torch.where((x > left) & (x < right), top, height)
    dome = 0.24 + 0.26 * (1 - ((x - 0.515) / 0.055) ** 2).clamp(min=0).sqrt()
    height = torch.where((x - 0.515).abs() < 0.055, dome, height)
    for middle, top, fall in SPIRES:
        height = torch.maximum(height, top - fall * (x - middle).abs())
    return height


def _layers(network: nn.Module) -> list[nn.Linear]:
    found = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not found:
        raise ValueError("the network has no nn.Linear; give it at least one")
    return found


def _is_linear(name: str, layer: nn.Module) -> bool:
    """Whether a layer is an `nn.Linear`; if not, it must be an `nn.Identity`."""
    if type(layer).forward not in (nn.Linear.forward, nn.Identity.forward):  # a subclass may run in a way of its own
        raise ValueError(
            f"layer {name!r} is a {type(layer).__name__}; only nn.Linear and nn.Identity in nn.Sequential collapse "
            "into one layer. Put an nn.Identity() in its place, or see chapter 2 for what ReLUs leave"
        )
    return type(layer).forward is nn.Linear.forward
