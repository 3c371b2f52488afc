"""Chapter 5: what a neuron wants to see, and what a layer dreams of."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate
from torchvision.transforms.functional import gaussian_blur

from helpers import ascent, images
from helpers.checks import require
from helpers.networks import Network
from helpers.state import check_weights, usual_state

SMALLEST_OCTAVE = 32  # pixels: EfficientNet-Lite0 halves the sides five times
LARGEST_SIZE = 1024  # pixels: of a class image
REMEDY = "what is to grow stays the same whatever the picture: choose another layer, category or start"

# How red, green and blue vary together in natural photos: its columns are the directions of lightness, of blue
# against red, and of green against both, as long as they are strong. Measured on ImageNet by Lucid's authors.
COLOR = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], device="cpu").float()


@usual_state()
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
        The dream, (N, 3, H, W) on the device of `pixels`. An interrupt returns the dream so far.

    Raises:
        ValueError: a setting out of range, a layer that is unknown, has no places or passes no slope, more octaves than
            fit, or a size that the network does not take.
    """
    images.check(pixels)
    objective = layer_strength(network, layer) if guide is None else likeness(network, layer, guide)
    for height, width in octave_sizes(pixels, octaves=octaves, octave_scale=octave_scale):
        network.require_size(height, width, layer)
    dream = climb_octaves(
        pixels.to(network.device),
        objective,
        octaves=octaves,
        octave_scale=octave_scale,
        steps=steps,
        rule=natural_steps(step_size, color=color, blur=blur),
        jitter=jitter,
        seed=seed,
        on_step=on_step,
    )
    return dream.to(pixels.device)


@usual_state()
def climb_octaves(
    pixels: Tensor,
    objective: ascent.Objective,
    *,
    octaves: int,
    octave_scale: float,
    steps: int,
    rule: ascent.Rule,
    jitter: int,
    seed: int,
    on_step: ascent.OnStep | None = None,
) -> Tensor:
    """Climb any objective from coarse to fine, and put back at each size the detail that the smaller one lost.

    Settings, result and errors are those of `deep_dream`.
    """
    images.check(pixels)
    pixels = pixels.detach()
    sizes = octave_sizes(pixels, octaves=octaves, octave_scale=octave_scale)
    require(jitter >= 0, f"jitter is {jitter} pixels; it must be 0 or more")
    shifted = jittered(objective, jitter, torch.Generator().manual_seed(seed))
    detail = torch.zeros_like(pixels)  # what the climb has added so far
    settings: Any = {"steps": steps, "rule": ascent.with_slope(rule, REMEDY), "constraint": ascent.unit_range}
    with ascent.interruptible(on_step):
        for octave, size in enumerate(sizes):
            original = images.resize(pixels, size)
            x = (original + _resample(detail, size)).clamp(0, 1)
            report = ascent.offset_progress(on_step, octave * steps, octaves * steps)
            try:
                ascent.ascend(x, shifted, **settings, inplace=True, on_step=report)
            finally:
                detail = x - original
    return (pixels + _resample(detail, sizes[-1])).clamp(0, 1)


def octave_sizes(pixels: Tensor, *, octaves: int, octave_scale: float) -> list[tuple[int, int]]:
    """The (height, width) of each octave, smallest first; the last is the picture's own."""
    height, width = pixels.shape[2:]
    scales = ascent.octave_scales(octaves=octaves, octave_scale=octave_scale)
    shrinking = ((round(height * scale), round(width * scale)) for scale in scales)
    sizes = list(itertools.takewhile(lambda size: min(size) >= SMALLEST_OCTAVE, shrinking))
    require(
        len(sizes) == octaves,
        f"octaves is {octaves}, and the smallest needs {SMALLEST_OCTAVE} pixels a side; "
        f"this picture of {width} x {height} takes " + (f"at most {len(sizes)}" if sizes else "none: enlarge it first"),
    )
    return sizes[::-1]


def layer_strength(network: Network, layer: str) -> ascent.Objective:
    """Objective: the mean square of a layer's outputs, of each image (N,): whatever is there, more of it."""
    network.require(layer)
    check_weights(network)
    return lambda x: _places(network, layer, x).square().mean(dim=(1, 2, 3))


@usual_state()
def likeness(network: Network, layer: str, guide: Tensor) -> ascent.Objective:
    """Objective: at each place, the dot product with the best-matching place of a guide picture's features."""
    network.require(layer)
    check_weights(network)
    images.check(guide)
    require(len(guide) == 1, f"a guide is one picture (1, 3, H, W), not a batch of {len(guide)}")

    @functools.cache
    def vocabulary() -> Tensor:  # (C, places)
        with usual_state(), torch.no_grad():
            return _places(network, layer, guide.to(network.device))[0].flatten(1)

    def objective(x: Tensor) -> Tensor:
        features = _places(network, layer, x).flatten(2)  # (N, C, places)
        words = vocabulary().to(x.device)
        with torch.no_grad():  # (N, places), some places at a time: all at once may take tens of gigabytes
            some = features.split(max(1, 2**24 // words.shape[1]), dim=2)
            best = torch.cat([torch.einsum("cg,ncp->ngp", words, part).argmax(dim=1) for part in some], dim=1)
        wanted = words[:, best].transpose(0, 1)  # (N, C, places)
        return (features * wanted).mean(dim=(1, 2))

    return objective


def jittered(objective: ascent.Objective, most: int, generator: torch.Generator) -> ascent.Objective:
    """The objective of the picture rolled by up to `most` pixels either way, anew at each call."""

    def shifted(x: Tensor) -> Tensor:
        dy, dx = torch.randint(-most, most + 1, (2,), generator=generator).tolist()
        return objective(x.roll((dy, dx), dims=(2, 3)))

    return shifted


def natural_steps(step_size: float, *, color: float, blur: float) -> ascent.Rule:
    """`ascent.normalized`, smoothed over `blur` pixels and drawn by `color` (0 to 1) to the colors of photos."""
    require(0 <= color <= 1, f"color is {color}; it must be from 0 to 1")
    require(0 <= blur <= 2, f"blur is {blur}; it must be from 0 to 2 pixels")
    require(math.isfinite(step_size), f"step_size is {step_size}; it must be finite")
    covariance = COLOR @ COLOR.T
    mixing = color * covariance * (3**0.5 / covariance.norm()) + (1 - color) * torch.eye(3).to(covariance)
    step = ascent.normalized(step_size)

    def rule(x: Tensor, gradient: Tensor) -> None:
        smooth = gaussian_blur(gradient, 9, blur) if blur else gradient
        step(x, torch.einsum("dc,nchw->ndhw", mixing.to(x), smooth))

    return rule


@usual_state()
def visualize(
    networks: Network | Sequence[Network],
    categories: str | int | Sequence[str | int],
    *,
    size: int = 112,
    steps: int = 100,
    seed: int = 0,
    on_step: ascent.OnStep | None = None,
) -> Tensor:
    """Images of what the neurons of some categories want to see, all drawn together.

    They climb the neurons' logits in the Fourier basis and decorrelated color of Olah et al. (2017), seen from
    four sides at each step, and keep each block's channels near the mean and spread that they had in training, as in
    Yin et al. (2020): all images together, so that a single one may be as unusual as its category is.

    Args:
        networks: a classifier, or several that take turns, step by step, so that all of them have to agree.
        categories: a name or index, or several.
        size: side of the square images in pixels.
        steps: of Adam; an interrupt returns the images so far.
        seed: of the faint noise at the start and of the views.
        on_step: told of each step.

    Returns:
        (N, 3, size, size) on the CPU, one image for each category.
    """
    judges = [networks] if isinstance(networks, Network) else list(networks)
    wanted = [categories] if isinstance(categories, (str, int)) else list(categories)
    require(
        bool(judges and wanted), f"{len(judges)} networks and {len(wanted)} categories; at least one each is needed"
    )
    limits = f"size is {size} pixels; the least is {SMALLEST_OCTAVE}, the most {LARGEST_SIZE}"
    require(SMALLEST_OCTAVE <= size <= LARGEST_SIZE, limits)
    generator = torch.Generator().manual_seed(seed)
    scores = [class_score(n, [n.index(category) for category in wanted], bn_weight=12) for n in judges]

    def drawn_at(waves: Tensor, done: int = steps) -> Tensor:
        return compose(waves, finest=finest_at(done, steps, most=size / 4))  # finer waves would only be grain

    def objective(waves: Tensor, done: int) -> Tensor:
        drawn = drawn_at(waves, done)
        return scores[done % len(scores)](views(drawn, generator, count=4))

    waves = ascent.ascend(
        faint_waves(size, generator, count=len(wanted)).to(judges[0].device),
        objective,
        steps=steps,
        rule=ascent.with_slope(ascent.adam(0.12, cool_over=steps), REMEDY),
        scheduled=True,
        on_step=ascent.offset_progress(on_step, 0, steps, drawn_at),
    )
    return drawn_at(waves).cpu()


def finest_at(done: int, steps: int, *, most: float = 128) -> float:
    """How fine the waves of a class image may be after so many of its steps: from 4 along a side, coarse, to 128.

    With fewer as the `most`, it rises as fast and stops there.
    """
    return min(4 * 32 ** min(1, done / (0.8 * steps)), most)


def class_score(network: Network, neurons: int | Sequence[int], *, bn_weight: float = 0) -> ascent.Objective:
    """Objective: the neurons' mean logit, less `bn_weight` times how far the blocks are from what is usual in them.

    Given several neurons it takes as many images, or several views of each, view by view of one after the other, and
    asks each neuron about its own; what is usual is asked of all of them together.

    What is usual is `network.bn_stats`: of each block's last convolution in EfficientNets, of every convolution
    elsewhere. Early ones, which see what every picture has in common, count more than late ones. A network without
    such numbers is asked for the logit alone.
    """
    check_weights(network)
    wanted = torch.tensor([neurons] if isinstance(neurons, int) else list(neurons))
    usual = network.bn_stats if bn_weight else {}
    watched = [layer for layer in usual if layer.endswith("conv_pwl")] or list(usual)
    weights = torch.softmax(torch.arange(len(watched)) * math.log(0.85), dim=0).tolist()

    def objective(x: Tensor) -> Tensor:
        logits, features = network.logits_and_features(x, watched)
        asked = wanted.to(x.device).repeat_interleave(len(x) // len(wanted))
        score = logits.gather(1, asked[:, None]).mean()
        for layer, weight in zip(watched, weights, strict=True):
            mean, deviation = (value.to(x.device) for value in usual[layer])
            values = features[layer]
            miss = (values.mean((0, 2, 3)) - mean).square() + (values.std((0, 2, 3)) - deviation).square()
            score = score - bn_weight * weight * miss.mean() / deviation.square().mean()
        return score

    return objective


@usual_state()
def faint_waves(size: int, generator: torch.Generator, *, count: int = 1) -> Tensor:
    """Where class images start: waves (count, 3, size, size // 2 + 1, 2), cosines and sines, that make nearly gray."""
    return 0.05 * torch.randn(count, 3, size, size // 2 + 1, 2, generator=generator)


def compose(waves: Tensor, *, finest: float | None = None, color: bool = True) -> Tensor:
    """Waves (N, 3, H, W // 2 + 1, 2) in decorrelated colors to images (N, 3, H, W), H = W.

    Long waves weigh more than short ones, much as they do in photos.

    Args:
        waves: cosines and sines; of size 1 they make strong contrast.
        finest: lets in waves up to about so many along a side; all of them by default.
        color: whether the three planes are decorrelated colors, or red, green and blue.
    """
    size = waves.shape[2]
    rows, columns = torch.fft.fftfreq(size, device=waves.device), torch.fft.rfftfreq(size, device=waves.device)
    frequency = torch.hypot(rows[:, None], columns[None])
    height = frequency.clamp_min(1 / size) ** -1.35
    height = height * 1.4 / (2 * height.square().mean()).sqrt()
    if finest is not None:
        height = height * torch.sigmoid((finest - frequency * size) / 4)
    planes = torch.fft.irfft2(torch.view_as_complex(waves) * height, s=(size, size), norm="ortho")
    mixing = (COLOR / COLOR.norm(dim=0).max()).to(waves) if color else torch.eye(3).to(waves)
    return torch.einsum("rc,nchw->nrhw", mixing, planes).sigmoid()


def views(pixels: Tensor, generator: torch.Generator, *, count: int = 1) -> Tensor:
    """Images (N, 3, H, W) as (N * count, 3, H, W), `count` views of the first, then of the second, and so on.

    Each is turned, mirrored, moved, zoomed on gray, lit and grained anew.
    """
    pixels = pixels.repeat_interleave(count, dim=0)

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(pixels), generator=generator)

    turn, shrink = between(-0.2, 0.2), torch.exp(-between(math.log(0.6), math.log(1.2)))
    cosine, sine, mirror = shrink * turn.cos(), shrink * turn.sin(), between(-1, 1).sign()
    across = torch.stack([cosine * mirror, -sine, between(-0.12, 0.12)], dim=1)
    down = torch.stack([sine * mirror, cosine, between(-0.12, 0.12)], dim=1)
    where = affine_grid(torch.stack([across, down], dim=1), list(pixels.shape), align_corners=False)
    seen = 0.5 + grid_sample(pixels - 0.5, where.to(pixels), align_corners=False)
    light, grain = between(-0.05, 0.05).view(-1, 1, 1, 1), 0.03 * torch.randn(seen.shape, generator=generator)
    return (seen + (light + grain).to(pixels)).clamp(0, 1)


def _places(network: Network, layer: str, x: Tensor) -> Tensor:
    values = network.features(x, layer)[layer]
    require(values.dim() == 4, f"layer {layer!r} has no places: its output has shape {tuple(values.shape)}")
    return values


def _resample(detail: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(detail.shape[2:]) == size:
        return detail
    return interpolate(detail, size, mode="bicubic", antialias=True)
