"""Attacks: the smallest change of a picture that leads a network astray, and why so little is enough."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from helpers import ascent, images
from helpers.checks import relu6_states, require
from helpers.networks import Network
from helpers.state import check_weights, usual_state

Classifier = Network | Callable[[Tensor], Tensor]  # pixels in [0, 1] -> logits (N, categories)
Labels = Tensor | np.ndarray | Sequence[str | SupportsIndex] | str | SupportsIndex


def fgsm(network: Classifier, pixels: Tensor, labels: Labels, *, epsilon: float, targeted: bool = False) -> Tensor:
    """One step of size `epsilon` for every pixel, up or down: the fast gradient sign method (Goodfellow et al. 2015).

    Arguments, result and errors are those of `pgd`.
    """
    return pgd(network, pixels, labels, epsilon=epsilon, step_size=epsilon, steps=1, targeted=targeted)


@usual_state()
def pgd(
    network: Classifier,
    pixels: Tensor,
    labels: Labels,
    *,
    epsilon: float,
    step_size: float | None = None,
    steps: int = 20,
    targeted: bool = False,
    seed: int | None = None,
    on_step: ascent.OnStep | None = None,
) -> Tensor:
    """The most misleading picture within `epsilon` of the original: projected gradient descent (Madry et al. 2018).

    Args:
        network: a classifier of the book, or any function from pixels to logits (N, categories).
        pixels: (N, 3, H, W) in [0, 1]; for a function of one's own, a batch of any shape.
        labels: what to lead away from, or toward if `targeted`: one name or index for all images, one for each, or
            a tensor of indices (N,).
        epsilon: the most that any pixel may change, in units of the pixels; two gray levels of 255 are 2/255.
        step_size: of one step; by default 2.5 * epsilon / steps, enough to reach the border and to move along it.
        steps: how many.
        targeted: whether the labels are where to go.
        seed: of a random start within epsilon; None starts at the picture itself.
        on_step: told of each step.

    Returns:
        The changed pictures, in [0, 1]; an interrupt returns them as far as they came.

    Raises:
        ValueError: a setting out of range, labels that do not fit, a target that is the answer already, a network
            without a classifier or of a single logit, a picture at which the network has no slope.
    """
    numbers = _checked(network, pixels, labels, epsilon=epsilon, steps=steps, targeted=targeted)
    require(step_size is None or step_size >= 0, f"step_size is {step_size}; it must be 0 or more, or None")
    start, reach = pixels.detach(), torch.full((len(pixels),), float(epsilon))
    if seed is not None:
        noise = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(seed)).to(pixels)
        start = (start + epsilon * (2 * noise - 1)).clamp(0, 1)
    plan = _plan(network, pixels, numbers, reach, step_size, steps=steps, targeted=targeted)
    return ascent.ascend(start, **plan, on_step=on_step)


@usual_state()
def least_epsilon(
    network: Classifier,
    pixels: Tensor,
    labels: Labels,
    *,
    most: float = 8 / 255,
    halvings: int = 6,
    steps: int = 20,
    targeted: bool = False,
) -> Tensor:
    """The smallest epsilon at which `pgd` succeeds, for each image (N,), found by bisection from 0 to `most`.

    It is an upper bound, for a stronger attack may need less; 0 where nothing need change, infinite where `most` is not
    enough. An interrupt returns the bounds so far; before it is known whether `most` is enough, it is passed on.
    Arguments and errors are those of `pgd`.
    """
    require(halvings >= 0, f"halvings is {halvings}; it must be 0 or more")
    numbers = _checked(network, pixels, labels, epsilon=most, steps=steps, targeted=targeted)

    def wanted(pictures: Tensor) -> Tensor:
        with torch.no_grad():
            return (network(pictures).argmax(1).cpu() == numbers) == targeted

    def succeeds(reach: Tensor) -> Tensor:
        moved, plan = pixels.detach().clone(), _plan(network, pixels, numbers, reach, steps=steps, targeted=targeted)
        return wanted(ascent.ascend(moved, **plan, inplace=True))  # one cut short would count as one that failed

    low, high = torch.zeros(len(pixels)), torch.full((len(pixels),), float(most))
    already = wanted(pixels)
    possible: Tensor | None = None
    with ascent.interruptible(ready=lambda: possible is not None):
        possible = succeeds(high)
        for _ in range(halvings):
            middle = (low + high) / 2
            hit = succeeds(middle)
            low, high = torch.where(hit, low, middle), torch.where(hit, middle, high)
    assert possible is not None  # or the interrupt was passed on
    return torch.where(possible, high, torch.inf).masked_fill(already, 0)


def linf_ball(pixels: Tensor, epsilon: float | Tensor) -> ascent.Constraint:
    """Constraint: near the pixels, no value farther than `epsilon` (an L∞ ball), and between black and white."""
    low, high = (pixels - epsilon).clamp(0, 1), (pixels + epsilon).clamp(0, 1)

    def constraint(x: Tensor) -> None:
        x.clamp_(low, high)

    return constraint


@usual_state()
def predicted_change(network: Classifier, pixels: Tensor, change: Tensor) -> Tensor:
    """What the single-layer network in force at `pixels` says that a change does to the logits, (N, categories).

    That is the matrix of all slopes times the change: exact for as long as no neuron switches. Autograd multiplies by
    that matrix from the left; as the product is linear in what it was multiplied by, its own slope has the rest.
    """
    check_weights(network)
    with torch.enable_grad():
        x = pixels.detach().clone().requires_grad_(True)
        logits = network(x)
        weights = torch.zeros_like(logits, requires_grad=True)
        (slope,) = torch.autograd.grad(logits, x, weights, create_graph=True)
    return torch.autograd.grad(slope, weights, change)[0]


@torch.no_grad()
def switched(network: Network, pixels: Tensor, moved: Tensor) -> float:
    """The share of the neurons behind a ReLU that are dark, lit or full (at 6) in one picture and not in the other."""
    layers = [layer for layer in network.layers if "relu" in layer]
    require(len(layers) > 0, f"{network.name} has no layer called relu")
    shapes = f"shape {tuple(pixels.shape)}, and {tuple(moved.shape)} when moved; they must be the same"
    require(pixels.shape == moved.shape, shapes)
    before, after = network.features(pixels, layers), network.features(moved, layers)
    differ = sum(int((relu6_states(before[layer]) != relu6_states(after[layer])).sum()) for layer in layers)
    return differ / sum(values.numel() for values in before.values())


def _plan(
    network: Classifier,
    pixels: Tensor,
    numbers: Tensor,
    reach: Tensor,
    step_size: float | None = None,
    *,
    steps: int,
    targeted: bool,
) -> dict[str, Any]:
    """What `ascent.ascend` is asked to do, with an epsilon for each image, `reach` (N,)."""
    numbers, sign = numbers.to(pixels.device), -1 if targeted else 1
    reach = reach.to(pixels).view(-1, *[1] * (pixels.dim() - 1))
    rule = ascent.signed(2.5 / steps * reach if step_size is None else step_size)
    remedy = "the network's answer does not depend on it, or is so sure that the loss is flat: attack its plain logits"
    return {
        "objective": lambda x: sign * cross_entropy(network(x), numbers, reduction="none"),
        "steps": steps,
        "rule": ascent.with_slope(rule, remedy),
        "constraint": linf_ball(pixels.detach(), reach),
    }


def _checked(
    network: Classifier, pixels: Tensor, labels: Labels, *, epsilon: float, steps: int, targeted: bool
) -> Tensor:
    """The labels as a tensor of indices (N,), once everything that could be wrong has been looked at."""
    gray = "pixels go from 0 to 1, so it must lie there too (two gray levels of 255 are 2/255)"
    require(0 <= epsilon <= 1, f"epsilon is {epsilon}; {gray}")
    require(steps >= 1, f"steps is {steps}; it must be 1 or more")
    check_weights(network)
    if isinstance(network, Network):
        images.check(pixels)
        network.index(0)  # a network without a classifier says so
    else:
        low, high = (bound.item() for bound in pixels.detach().aminmax())
        require(low >= 0 and high <= 1, f"pixels go from {low:.3g} to {high:.3g}; bring them into 0 to 1")
    labels = _indices(network, labels, len(pixels))
    named = len(network.categories or ()) if isinstance(network, Network) else 0
    logits = torch.empty(0, named)
    if targeted or not named:  # otherwise the network need not be asked
        with torch.no_grad():
            logits = network(pixels if targeted else pixels[:1]).cpu()
    shape = f"the network gives logits of shape {tuple(logits.shape)}"
    one = "with less than two categories the loss has no slope: for one logit z give torch.cat([0 * z, z], dim=1)"
    require(logits.dim() == 2 and logits.shape[1] >= 2, f"{shape}; it must be (N, categories), and {one}")
    if (outside := labels[(labels < 0) | (labels >= logits.shape[1])]).numel():
        raise ValueError(f"label {outside[0]} is not a category; they go from 0 to {logits.shape[1] - 1}")
    if targeted and (there := (logits.argmax(1) == labels).nonzero()).numel():
        i = int(there[0])
        raise ValueError(f"target {labels[i]} is what the network says of image {i} already; choose another target")
    return labels


def _indices(network: Classifier, labels: Labels, count: int) -> Tensor:
    """Labels of any kind as indices (count,) on the CPU."""
    if isinstance(labels, np.ndarray):
        labels = torch.as_tensor(labels)
    if not isinstance(labels, Tensor):
        labels = [labels] * count if isinstance(labels, (str, SupportsIndex)) else labels
        index: Callable[[Any], int] = network.index if isinstance(network, Network) else operator.index
        labels = torch.tensor([index(i) for i in labels])
    if labels.shape != (count,) or labels.is_floating_point() or labels.dtype == torch.bool:
        given = f"{labels.dtype} of shape {tuple(labels.shape)}"
        raise ValueError(f"labels are {given}; {count} images need {count} whole numbers or names")
    return labels.detach().cpu().long().clone()
