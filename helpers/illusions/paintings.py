"""Paintings: a small network draws them, and is trained until another one takes them for something."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from helpers import ascent, disturbance, images
from helpers.checks import require
from helpers.networks import Network
from helpers.state import check_weights, usual_state

WIDTH, DEPTH = 24, 6  # neurons in a layer of the network that paints, and its layers
WAVES = torch.tensor([0.7, 1.4, 2.1], device="cpu")  # across the picture, and as many down: how it tells places apart
SMALLEST, LARGEST = 64, 1024  # pixels: side of a painting; the largest takes 4.4 GB
CERTAIN = 0.995  # the probability at which a painting is finished


@usual_state()
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

    What moves is not the picture but the weights of the small network that draws it (`cppn`), so nothing can appear
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
    check_weights(network)
    require(SMALLEST <= size <= LARGEST, f"size is {size} pixels; it must be from {SMALLEST} to {LARGEST}")
    require(len(network.categories or ()) > 1, f"{network.name} has one category, so it is certain of it already")

    def likeness(weights: Tensor) -> Tensor:
        picture = cppn(weights, size)
        seen = picture + (images.quantize(picture) - picture).detach()  # rounding has no slope: as if it were not there
        return network(seen).log_softmax(1)[:, neuron]

    weights = ascent.ascend(
        init_cppn(torch.Generator().manual_seed(seed)).to(network.device),
        likeness,
        steps=steps,
        rule=ascent.with_slope(ascent.adam(0.004), "nothing that is painted changes the category: try another"),
        enough=math.log(CERTAIN),
        on_step=ascent.offset_progress(on_step, 0, steps, lambda weights: cppn(weights, size)),
    )
    return images.quantize(cppn(weights, size)).cpu()


@usual_state()
def init_cppn(generator: torch.Generator) -> Tensor:
    """Random first weights of a drawing network (see `cppn`), all in one row (1, n)."""
    rows, inputs = [], 4 * len(WAVES)
    for outputs in [*[WIDTH] * DEPTH, 3]:
        rows += [1.1 * torch.randn(inputs * outputs, generator=generator) / math.sqrt(inputs), torch.zeros(outputs)]
        inputs = 2 * outputs
    disturbance.disturb(rows)
    return torch.cat(rows)[None]


def cppn(weights: Tensor, side: int) -> Tensor:
    """What the drawing network with these weights (1, n) draws, (1, 3, side, side).

    A compositional pattern-producing network, CPPN (Stanley 2007): it turns each place, given by the sines and cosines
    of a few slow waves (as in Tancik et al. 2020), into a color. After each layer stand the arctangent of its
    pre-activations, and the square of that: a smooth step and a smooth dent, for edges and for lines.
    """
    turns = math.pi * torch.linspace(-1, 1, side, device=weights.device)[:, None] * WAVES.to(weights)
    waves = torch.cat([turns.sin(), turns.cos()], dim=1)  # (side, waves): along an edge of the picture
    down, across = (waves.repeat_interleave(side, dim=0), waves.repeat(side, 1))
    values, rest = torch.cat([across, down], dim=1), weights[0]  # (places, inputs)
    for outputs in [*[WIDTH] * DEPTH, 3]:
        inputs = values.shape[1]
        matrix, shift, rest = rest.split([inputs * outputs, outputs, len(rest) - (inputs + 1) * outputs])
        preactivations = torch.addmm(shift, values, matrix.view(inputs, outputs))
        steps = preactivations.atan()
        values = torch.cat([steps / 0.67, steps.square() / 0.6], dim=1)
    return preactivations.sigmoid().T.view(1, 3, side, side)
