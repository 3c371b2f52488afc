"""Chapter 4: pictures that a network takes for what no person would see in them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, SupportsIndex

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from helpers import ascent, disturbance, images
from helpers.networks import Network

Classifier = Network | Callable[[Tensor], Tensor]  # pixels in [0, 1] -> logits (N, categories)
Labels = Tensor | np.ndarray | Sequence[str | SupportsIndex] | str | SupportsIndex
WIDTH, DEPTH = 24, 6  # neurons in a layer of the network that paints, and its layers
WAVES = torch.tensor([0.7, 1.4, 2.1])  # across the picture, and as many down: what the network knows of a place
SMALLEST, LARGEST = 64, 1024  # pixels: side of a painting; the largest takes 4.4 GB
CERTAIN = 0.995  # the probability at which a painting is finished


def fgsm(network: Classifier, pixels: Tensor, labels: Labels, *, epsilon: float, targeted: bool = False) -> Tensor:
    """One step of size `epsilon` for every pixel, up or down: the fast gradient sign method (Goodfellow et al. 2015).

    Arguments, result and errors are those of `pgd`.
    """
    return pgd(network, pixels, labels, epsilon=epsilon, step_size=epsilon, steps=1, targeted=targeted)


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
            without a classifier.
    """
    numbers = _checked(network, pixels, labels, epsilon=epsilon, steps=steps, targeted=targeted)
    images.require(step_size is None or step_size >= 0, f"step_size is {step_size}; it must be 0 or more, or None")
    reach = torch.full((len(pixels),), float(epsilon))
    moved = pixels.detach().clone()
    if seed is not None:
        noise = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(seed)).to(pixels)
        moved = (moved + epsilon * (2 * noise - 1)).clamp(0, 1)
    with suppress(KeyboardInterrupt):
        _attack(network, pixels, numbers, moved, reach, step_size, steps=steps, targeted=targeted, on_step=on_step)
    return moved


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
    enough.
    Arguments and errors are those of `pgd`.
    """
    images.require(halvings >= 0, f"halvings is {halvings}; it must be 0 or more")
    numbers = _checked(network, pixels, labels, epsilon=most, steps=steps, targeted=targeted)

    def wanted(pictures: Tensor) -> Tensor:
        with torch.no_grad():
            return (network(pictures).argmax(1).cpu() == numbers) == targeted

    def succeeds(reach: Tensor) -> Tensor:
        moved = pixels.detach().clone()
        _attack(network, pixels, numbers, moved, reach, None, steps=steps, targeted=targeted)
        return wanted(moved)

    low, high = torch.zeros(len(pixels)), torch.full((len(pixels),), float(most))
    possible = succeeds(high)
    for _ in range(halvings):
        middle = (low + high) / 2
        hit = succeeds(middle)
        low, high = torch.where(hit, low, middle), torch.where(hit, middle, high)
    return torch.where(possible, high, torch.inf).masked_fill(wanted(pixels), 0)


def near(pixels: Tensor, epsilon: float | Tensor) -> ascent.Constraint:
    """Constraint: within `epsilon` of the pixels, and between black and white."""
    low, high = (pixels - epsilon).clamp(0, 1), (pixels + epsilon).clamp(0, 1)

    def constraint(x: Tensor) -> None:
        x.clamp_(low, high)

    return constraint


def predicted_change(network: Classifier, pixels: Tensor, change: Tensor) -> Tensor:
    """What the single-layer network in force at `pixels` says that a change does to the logits, (N, categories).

    That is the matrix of all slopes times the change: exact for as long as no neuron switches. Autograd multiplies by
    that matrix from the left; as the product is linear in what it was multiplied by, its own slope has the rest.
    """
    with torch.enable_grad():
        x = pixels.detach().requires_grad_(True)
        logits = network(x)
        weights = torch.zeros_like(logits, requires_grad=True)
        (slope,) = torch.autograd.grad(logits, x, weights, create_graph=True)
    return torch.autograd.grad(slope, weights, change)[0]


@torch.no_grad()
def switched(network: Network, pixels: Tensor, moved: Tensor) -> float:
    """The share of the neurons behind a ReLU that are dark, lit or full (at 6) in one picture and not in the other."""
    layers = [layer for layer in network.layers if "relu" in layer]
    images.require(len(layers) > 0, f"{network.name} has no layer called relu")
    shapes = f"shape {tuple(pixels.shape)}, and {tuple(moved.shape)} when moved; they must be the same"
    images.require(pixels.shape == moved.shape, shapes)
    before, after = network.features(pixels, layers), network.features(moved, layers)
    differ = sum(int((_state(before[layer]) != _state(after[layer])).sum()) for layer in layers)
    return differ / sum(values.numel() for values in before.values())


def _state(values: Tensor) -> Tensor:
    return (values > 0).byte() + (values == 6)


def _attack(
    network: Classifier,
    pixels: Tensor,
    numbers: Tensor,
    moved: Tensor,
    reach: Tensor,
    step_size: float | None,
    *,
    steps: int,
    targeted: bool,
    on_step: ascent.OnStep | None = None,
) -> None:
    """The loop, on `moved` in place, with an epsilon for each image, `reach` (N,)."""
    numbers, sign = numbers.to(pixels.device), -1 if targeted else 1
    reach = reach.to(pixels).view(-1, *[1] * (pixels.dim() - 1))
    ascent.climb(
        moved,
        lambda x: sign * cross_entropy(network(x), numbers, reduction="none"),
        steps=steps,
        rule=ascent.signed(2.5 / steps * reach if step_size is None else step_size),
        constraint=near(pixels.detach(), reach),
        on_step=on_step,
    )


def _checked(
    network: Classifier, pixels: Tensor, labels: Labels, *, epsilon: float, steps: int, targeted: bool
) -> Tensor:
    """The labels as a tensor of indices (N,), once everything that could be wrong has been looked at."""
    gray = "pixels go from 0 to 1, so it must lie there too (two gray levels of 255 are 2/255)"
    images.require(0 <= epsilon <= 1, f"epsilon is {epsilon}; {gray}")
    images.require(steps >= 1, f"steps is {steps}; it must be 1 or more")
    if isinstance(network, Network):
        images.check(pixels)
        network.index(0)  # a network without a classifier says so
    else:
        low, high = (bound.item() for bound in pixels.detach().aminmax())
        images.require(low >= 0 and high <= 1, f"pixels go from {low:.3g} to {high:.3g}; bring them into 0 to 1")
    if isinstance(labels, np.ndarray):
        labels = torch.as_tensor(labels)
    if not isinstance(labels, Tensor):
        labels = [labels] * len(pixels) if isinstance(labels, (str, SupportsIndex)) else labels
        index: Callable[[Any], int] = network.index if isinstance(network, Network) else operator.index
        labels = torch.tensor([index(i) for i in labels])
    if labels.shape != (len(pixels),) or labels.is_floating_point() or labels.dtype == torch.bool:
        given = f"{labels.dtype} of shape {tuple(labels.shape)}"
        raise ValueError(f"labels are {given}; {len(pixels)} images need {len(pixels)} whole numbers or names")
    labels = labels.detach().cpu().long()
    named = len(network.categories or ()) if isinstance(network, Network) else 0
    logits = torch.empty(0, named)
    if targeted or not named:  # otherwise the network need not be asked
        with torch.no_grad():
            logits = network(pixels if targeted else pixels[:1]).cpu()
    if (outside := labels[(labels < 0) | (labels >= logits.shape[1])]).numel():
        raise ValueError(f"label {outside[0]} is not a category; they go from 0 to {logits.shape[1] - 1}")
    if targeted and (there := (logits.argmax(1) == labels).nonzero()).numel():
        i = int(there[0])
        raise ValueError(f"target {labels[i]} is what the network says of image {i} already; choose another target")
    return labels


def paint(
    network: Network,
    category: str | int,
    *,
    size: int = 224,
    steps: int = 200,
    seed: int = 0,
    on_step: ascent.OnStep | None = None,
) -> Tensor:
    """An abstract painting that the network takes for `category`.

    What moves is not the picture but the weights of the small network that draws it (`canvas`), so nothing can appear
    but what smooth functions of the place draw. It is finished as soon as the network gives it the probability 0.995.

    Args:
        network: a classifier.
        category: its name or index.
        size: side of the square painting in pixels.
        steps: of Adam at the most; an interrupt returns the painting so far.
        seed: of the drawing network's first weights. Some never find the category: try another.
        on_step: told of each step, with the painting as its image.

    Returns:
        (1, 3, size, size) on the CPU, rounded to 8 bits a channel.
    """
    neuron = network.index(category)
    images.require(SMALLEST <= size <= LARGEST, f"size is {size} pixels; it must be from {SMALLEST} to {LARGEST}")

    def likeness(weights: Tensor) -> Tensor:
        picture = canvas(weights, size)
        seen = picture + (images.rounded(picture) - picture).detach()  # rounding has no slope: as if it were not there
        return network(seen).log_softmax(1)[:, neuron]

    weights = first_weights(torch.Generator().manual_seed(seed)).to(network.device)
    told = ascent.later(on_step, 0, steps, lambda weights: canvas(weights, size))
    with suppress(KeyboardInterrupt):
        rule, enough = ascent.adam(0.004), math.log(CERTAIN)
        ascent.climb(weights, likeness, steps=steps, rule=rule, enough=enough, on_step=told)
    return images.rounded(canvas(weights, size)).cpu()


def first_weights(generator: torch.Generator) -> Tensor:
    """Random weights of a drawing network, all in one row (1, n)."""
    rows, inputs = [], 4 * len(WAVES)
    for outputs in [*[WIDTH] * DEPTH, 3]:
        rows += [1.1 * torch.randn(inputs * outputs, generator=generator) / math.sqrt(inputs), torch.zeros(outputs)]
        inputs = 2 * outputs
    disturbance.disturb(rows)
    return torch.cat(rows)[None]


def canvas(weights: Tensor, side: int) -> Tensor:
    """What the drawing network with these weights (1, n) draws, (1, 3, side, side).

    It turns each place, given by the sines and cosines of a few slow waves (as in Tancik et al. 2020), into a color.
    After each layer stand the arctangent of its sums, and the square of that: a smooth step and a smooth dent, for
    edges and for lines.
    """
    turns = math.pi * torch.linspace(-1, 1, side, device=weights.device)[:, None] * WAVES.to(weights)
    waves = torch.cat([turns.sin(), turns.cos()], dim=1)  # (side, waves): along an edge of the picture
    down, across = (waves.repeat_interleave(side, dim=0), waves.repeat(side, 1))
    values, rest = torch.cat([across, down], dim=1), weights[0]  # (places, inputs)
    for outputs in [*[WIDTH] * DEPTH, 3]:
        inputs = values.shape[1]
        matrix, shift, rest = rest.split([inputs * outputs, outputs, len(rest) - (inputs + 1) * outputs])
        sums = torch.addmm(shift, values, matrix.view(inputs, outputs))
        steps = sums.atan()
        values = torch.cat([steps / 0.67, steps.square() / 0.6], dim=1)
    return sums.sigmoid().T.view(1, 3, side, side)
