"""Checks of the exercises of chapter 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from helpers import squashing, training
from helpers.study import Check

LAYERS = [64] * 31 + [10]


def _slope(z: float) -> float:
    s = 1 / (1 + torch.exp(torch.tensor(-z, dtype=torch.float64)))
    return float(s * (1 - s))


@cache
def _kept_by_tanh() -> float:
    """The share of the message that thirty layers of tanh leave, for the hundred digits and weights of the chapter."""
    digits = training.digits()
    network = squashing.orthogonal(training.mlp(LAYERS, nn.Tanh)).double()
    found = squashing.preactivation_gradients(network, digits.test_x[:100].double(), digits.test_y[:100])
    return float(found[0].norm() / found[-1].norm())


def _message(loss: Callable[[Tensor], Tensor]) -> float:
    """What calculus says of a sigmoid at sum -12, by PyTorch: the slope of the loss with respect to the sum."""
    z = torch.tensor(-12.0, dtype=torch.float64, requires_grad=True)
    return float(torch.autograd.grad(loss(torch.sigmoid(z)), z)[0])


@torch.no_grad()
def _right(network: nn.Module) -> float:
    """The share of new points of the yin-yang that a network reads correctly, asked about all at once."""
    points = squashing.disc_points(3000, seed=1)
    return float((network(points).argmax(1) == squashing.yin_yang(points)).float().mean())


check_1 = Check(
    {
        "That keeps the message whole at sum 0, where the slope is a quarter. What is the slope at 2?": lambda a: (
            abs(a - 4) < 0.01
        ),
        "That is the slope. By what must you multiply it to get 1?": lambda a: abs(a - _slope(2)) < 0.01,
        "Not yet: the weight times the slope at sum 2 must be 1.": lambda a: abs(a - 1 / _slope(2)) > 0.05,
    },
    "Right. Far from zero slopes are small, and weights must be large: but such weights make large sums, and so on.",
)
check_2 = Check(
    {
        "More than the identity leaves? With orthogonal weights no slope up to 1 can do that.": lambda a: a > 1,
        "So little? That is a sigmoid's share; did you use nn.Tanh?": lambda a: a < 1e-3,
        "Nearly. Take the last of the lengths that `journey` gives: the one at the first layer.": lambda a: (
            abs(a - _kept_by_tanh()) > 0.01
        ),
    },
    "Right. It is not the squashing that dims the message, but the slope at which the neurons stand.",
)
check_3 = Check(
    {
        "Give two messages: for the squared error, then for the cross-entropy.": lambda a: len(a) != 2,
        "A larger sum would lower both losses, so both messages are negative.": lambda a: max(a) > 0,
        "The squared error: two times (σ − 1), times the slope.": lambda a: (
            abs(a[0] / _message(lambda s: (s - 1) ** 2) - 1) > 0.01
        ),
        "The cross-entropy: −1/σ, times the slope σ (1 − σ).": lambda a: (
            abs(a[1] / _message(lambda s: -torch.log(s)) - 1) > 0.01
        ),
    },
    "Right. The cross-entropy divides by exactly what the slope multiplies with.",
)
check_4 = Check(
    {
        "Give the network itself, after training.": lambda a: not isinstance(a, nn.Module),
        "Keep all layers of sigmoids (nn.Sigmoid).": lambda a: (
            sum(isinstance(part, nn.Sigmoid) for part in a.modules()) < 29
        ),
        "It reads new points little better than a coin would. Was it trained, and does every sigmoid get rescaled "
        "sums?": lambda a: _right(a) < 0.65,
    },
    "Right. The layers that drew a gray disc have learned, from the same start.",
)
