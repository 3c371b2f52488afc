"""Chapter 5: what a neuron wants to see, and what a layer dreams of."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from helpers import ascent, images
from helpers.networks import Network

SMALLEST_OCTAVE = 32  # pixels: EfficientNet-Lite0 halves the sides five times

# How red, green and blue vary together in natural photos: its columns are the directions of lightness, of blue
# against red, and of green against both, as long as they are strong. Measured on ImageNet by Lucid's authors.
COLOR = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


def deep_dream(
    network: Network,
    pixels: Tensor,
    layer: str,
    *,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 20,
    step_size: float = 0.015,
    jitter: int = 16,
    guide: Tensor | None = None,
    color: float = 0.6,
    blur: float = 0.5,
    seed: int = 0,
    on_step: ascent.OnStep | None = None,
) -> Tensor:
    """Amplify whatever `layer` finds in a picture, from coarse to fine, as Deep Dream did (Mordvintsev et al. 2015).

    Departures from the original: steps are also smoothed a little and drawn toward the color directions of
    photos (`natural_steps`), which leaves the shapes and calms the neon; and jitter is part of the objective.

    Args:
        network: any network with the layer.
        pixels: (N, 3, H, W) in [0, 1].
        layer: one of ``network.layers``; early ones give strokes, late ones eyes, snouts and heads.
        octaves: how many sizes to dream at, each `octave_scale` times the one before; the last is the picture's.
        steps: steps at each octave.
        step_size: root mean square change of a pixel value in one step.
        jitter: each step looks at the picture shifted by up to so many pixels, at random.
        guide: another picture (1, 3, H', W'), whose features are amplified instead of the picture's own.
        color: how far steps are drawn toward the colors of photos, from 0, not at all, to 1.
        blur: over how many pixels steps are smoothed; 0 for not at all.
        seed: of the jitter.
        on_step: told of each step; its image has the size of the octave at work.

    Returns:
        The dream, (N, 3, H, W) on the network's device. An interrupt returns the dream so far.

    Raises:
        ValueError: a setting out of range, an unknown layer, or more octaves than the picture can take.
    """
    images.check(pixels)
    sizes = octave_sizes(pixels, octaves=octaves, octave_scale=octave_scale)
    _require(steps >= 0, f"steps is {steps}; it must be 0 or more")
    _require(jitter >= 0, f"jitter is {jitter} pixels; it must be 0 or more")
    pixels = pixels.to(network.device)
    score = layer_strength(network, layer) if guide is None else likeness(network, layer, guide.to(network.device))
    objective = jittered(score, jitter, torch.Generator().manual_seed(seed))

    detail = torch.zeros_like(pixels)  # what the dream has added so far
    for octave, size in enumerate(sizes):
        original = images.resize(pixels, size)
        dream = (original + _resample(detail, size)).clamp(0, 1)
        told = _offset(on_step, octave * steps, octaves * steps)
        try:
            ascent.climb(
                dream,
                objective,
                steps=steps,
                rule=natural_steps(step_size, color=color, blur=blur),
                constraint=ascent.unit_range,
                on_step=told,
            )
        except KeyboardInterrupt:
            return (pixels + _resample(dream - original, sizes[-1])).clamp(0, 1)
        detail = dream - original
    return (pixels + detail).clamp(0, 1)


def octave_sizes(pixels: Tensor, *, octaves: int, octave_scale: float) -> list[tuple[int, int]]:
    """The (height, width) of each octave, smallest first; the last is the picture's own."""
    _require(octaves >= 1, f"octaves is {octaves}; it must be 1 or more")
    _require(octave_scale > 1, f"octave_scale is {octave_scale}; it must be above 1")
    height, width = pixels.shape[2:]
    sizes = [(round(height / octave_scale**o), round(width / octave_scale**o)) for o in reversed(range(octaves))]
    fitting = sum(min(size) >= SMALLEST_OCTAVE for size in sizes)
    _require(
        fitting == octaves,
        f"octaves is {octaves}, and the smallest would be {sizes[0][1]} x {sizes[0][0]} pixels, under "
        f"{SMALLEST_OCTAVE}; this picture of {width} x {height} takes "
        + (f"at most {fitting}" if fitting else "none: enlarge it first"),
    )
    return sizes


def layer_strength(network: Network, layer: str) -> ascent.Objective:
    """Objective: the mean square of a layer's outputs, of each image (N,): whatever is there, more of it."""
    network.require(layer)
    return lambda x: network.features(x, layer)[layer].square().mean(dim=(1, 2, 3))


def likeness(network: Network, layer: str, guide: Tensor) -> ascent.Objective:
    """Objective: at each place, the dot product with the best-matching place of a guide picture's features."""
    images.check(guide)
    vocabulary = network.features(guide, layer)[layer][0].flatten(1)  # (C, places)

    def objective(x: Tensor) -> Tensor:
        features = network.features(x, layer)[layer].flatten(2)  # (N, C, places)
        with torch.no_grad():
            best = torch.einsum("cg,ncp->ngp", vocabulary, features).argmax(dim=1)  # (N, places)
        wanted = vocabulary[:, best].transpose(0, 1)  # (N, C, places)
        return (features * wanted).mean(dim=(1, 2))

    return objective


def jittered(objective: ascent.Objective, most: int, generator: torch.Generator) -> ascent.Objective:
    """The objective of the picture rolled by up to `most` pixels either way, anew at each call."""

    def shifted(x: Tensor) -> Tensor:
        dy, dx = torch.randint(-most, most + 1, (2,), generator=generator).tolist()
        return objective(x.roll((dy, dx), dims=(2, 3)))

    return shifted


def natural_steps(step_size: float, *, color: float, blur: float) -> ascent.Rule:
    """`ascent.steepest`, smoothed over `blur` pixels and drawn by `color` (0 to 1) to the colors of photos."""
    covariance = COLOR @ COLOR.T
    mixing = color * covariance * (3**0.5 / covariance.norm()) + (1 - color) * torch.eye(3)
    step = ascent.steepest(step_size)

    def rule(x: Tensor, gradient: Tensor) -> None:
        smooth = gaussian_blur(gradient, 9, blur) if blur else gradient
        step(x, torch.einsum("dc,nchw->ndhw", mixing.to(x), smooth))

    return rule


def _resample(detail: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.nn.functional.interpolate(detail, size, mode="bicubic", antialias=True)


def _offset(on_step: ascent.OnStep | None, done: int, total: int) -> ascent.OnStep | None:
    if on_step is None:
        return None
    return lambda step: on_step(replace(step, step=done + step.step, total=total))


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
