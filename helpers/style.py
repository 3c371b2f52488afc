"""Chapter 6: a photo adjusted until a network finds a painting's correlations in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from helpers import ascent, images
from helpers.checks import require
from helpers.networks import Network
from helpers.state import check_weights, usual_state

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"

SMALLEST_SIDE = 32  # pixels: relu5_1 still has two places a side
LARGEST_SIZE = 1024  # pixels: one gradient at this size takes about 4 GB
FIRST_STEP = 0.1  # mean size of the first step, before the sigmoid; L-BFGS finds all others by itself
Errors = Callable[[Tensor], tuple[Tensor, Tensor]]  # picture -> (content error, style error)


def gram(features: Tensor) -> Tensor:
    """How the channels of a layer go together over the whole picture: (N, C, H, W) to (N, C, C).

    Each number is the sum, over all places, of one channel times another, divided by C * H * W.
    """
    shape = tuple(features.shape)
    require(len(shape) == 4 and 0 not in shape, f"features have shape (N, C, H, W) and hold places, unlike {shape}")
    places = features.flatten(2)  # (N, C, H * W)
    return places @ places.transpose(1, 2) / places[0].numel()


@usual_state()
def errors(
    network: Network,
    *,
    content: Tensor | None = None,
    painting: Tensor | None = None,
    content_layer: str = CONTENT_LAYER,
    style_layers: str | Iterable[str] = STYLE_LAYERS,
) -> Errors:
    """A function from a picture to its content error and its style error, both of shape ().

    The content error compares the features of one layer with the photo's, place by place. The style error compares
    Gram matrices with the painting's and is the mean over the layers. A departure from Gatys et al. (2016): each is
    a mean square divided by the mean square of what is wanted, so that 0 is a match, 1 is as far off as a picture
    without features, and no layer outweighs another only because its numbers are larger.

    Without content (1, 3, H, W) or painting (1, 3, H', W') its error is 0. Unknown or no layers are a ValueError.
    """
    known = [network.require(layer) for layer in _each_once(style_layers)]
    check_weights(network)
    require(len(known) > 0, "a style needs at least one layer")
    with torch.no_grad():
        features = {} if content is None else network.features(content, network.require(content_layer))
        painted = {} if painting is None else network.features(painting, known)
        grams = {layer: gram(values) for layer, values in painted.items()}

    def compare(pixels: Tensor) -> tuple[Tensor, Tensor]:
        found, nothing = network.features(pixels, [*features, *grams]), pixels.new_zeros(())
        away = (relative_mse(found[layer], wanted) for layer, wanted in features.items())
        unlike = (relative_mse(gram(found[layer]), wanted) for layer, wanted in grams.items())
        return sum(away, nothing), sum(unlike, nothing) / len(known)

    return compare


def _each_once(layers: str | Iterable[str]) -> tuple[str, ...]:
    return (layers,) if isinstance(layers, str) else tuple(dict.fromkeys(layers))


def relative_mse(found: Tensor, wanted: Tensor) -> Tensor:
    """How far off: the mean square error of features of any shape, divided by the mean square of those wanted; ()."""
    return (found - wanted).square().mean() / (wanted.square().mean() + 1e-12)


def goal(
    network: Network, content: Tensor, painting: Tensor, *, style_weight: float, smoothness: float = 0, **layers: Any
) -> ascent.Objective:
    """The number that `transfer` lowers: content error, weighted style error (see `errors`) and total variation."""
    require(0 < style_weight < math.inf, f"style_weight is {style_weight}; it must be above 0 and finite")
    require(0 <= smoothness < math.inf, f"smoothness is {smoothness}; it must be 0 or more and finite")
    find = errors(network, content=content, painting=painting, **layers)

    def loss(pixels: Tensor) -> Tensor:
        away, unlike = find(pixels)
        return away + style_weight * unlike + smoothness * total_variation(pixels)

    return loss


def total_variation(pixels: Tensor) -> Tensor:
    """Roughness: how much neighboring pixels differ on average (Mahendran and Vedaldi 2015), of shape ()."""
    here, right, below = pixels[..., :-1, :-1], pixels[..., :-1, 1:], pixels[..., 1:, :-1]
    return ((right - here).square() + (below - here).square() + 1e-4).sqrt().mean()


@usual_state()
def descend(pixels: Tensor, loss: ascent.Objective, *, steps: int, on_step: ascent.OnStep | None = None) -> Tensor:
    """Adjust a copy of a picture until `loss` is low, by PyTorch's L-BFGS; an interrupt hands back the best so far.

    Nothing is clamped, for a clamped pixel passes no slope: each pixel is the sigmoid of a free number, and starts at
    least 0.02 from black and white. `steps` counts gradients, and `on_step` is told of each.
    """
    images.check(pixels)
    free = _free(pixels)
    with ascent.interruptible(on_step):
        _lbfgs(free, loss, steps=steps, on_step=on_step)
    return torch.sigmoid(free)


def _free(pixels: Tensor) -> Tensor:
    return pixels.detach().clamp(0.02, 0.98).logit().contiguous()


def _lbfgs(free: Tensor, loss: ascent.Objective, *, steps: int, on_step: ascent.OnStep | None) -> None:
    """The work of `descend`: moves `free` in place and lets an interrupt through; what is left is the best found."""
    require(steps >= 1, f"steps is {steps}; it must be 1 or more")
    best, lowest, taken = free.clone(), math.inf, 0
    unit = FIRST_STEP * free.numel()
    scaled = (free / unit).requires_grad_(True)
    settings: Any = {"tolerance_grad": 0, "tolerance_change": 0, "line_search_fn": "strong_wolfe"}

    def slope() -> Tensor:
        nonlocal lowest, taken
        if taken == steps:
            raise StopIteration  # a line search may ask for more than was granted
        pixels = torch.sigmoid(unit * scaled)
        value = loss(pixels).sum()
        start = f"the loss is {value.item()} at the start; look for 0 / 0 or log(0) in it"
        require(taken > 0 or bool(value.isfinite()), start)
        scaled.grad = torch.autograd.grad(value, scaled)[0].contiguous()  # L-BFGS takes no channels-last layout
        if value < lowest:
            best.copy_(unit * scaled.detach())
            lowest = value.item()
        taken += 1
        if on_step is not None:
            on_step(ascent.Step(taken, steps, value.item(), pixels.detach()))
        return value

    try:
        torch.optim.LBFGS([scaled], max_iter=steps, **settings).step(slope)
        if on_step is not None and taken < steps:  # it found nothing lower: the last step says that it is the last
            on_step(ascent.Step(steps, steps, lowest, torch.sigmoid(best)))
    except StopIteration:
        pass
    finally:
        free.copy_(best)


@usual_state()
def transfer(
    network: Network,
    content: Tensor,
    painting: Tensor,
    *,
    size: int = 400,
    steps: int = 12,
    octaves: int = 3,
    octave_scale: float = 1.6,
    style_weight: float = 10.0,
    smoothness: float = 5.0,
    content_layer: str = CONTENT_LAYER,
    style_layers: str | Iterable[str] = STYLE_LAYERS,
    preserve_color: bool = False,
    noise: float = 0.0,
    seed: int = 0,
    on_step: ascent.OnStep | None = None,
) -> Tensor:
    """A photo as the painter of another picture might have painted it (Gatys et al. 2016).

    Departures from the paper: it starts from the photo instead of noise; works from small to large, and each time lays
    what it has changed over the sharp photo; measures relative errors; asks for smoothness; and lets a sigmoid keep the
    pixels in range.

    Args:
        network: VGG-19, best with `networks.average_pooling`, or any network with the layers.
        content: the photo, (1, 3, H, W) in [0, 1].
        painting: (1, 3, H', W'); it is scaled to cover as much area as the photo.
        size: longer side of the result in pixels.
        steps: gradients at the full size; each smaller size gets twice as many as the next larger one.
        octaves: how many sizes, each `octave_scale` times the one before; those too small for the layers are left out.
        style_weight, smoothness: how much the style error and the total variation count against the content error.
        content_layer, style_layers: some of ``network.layers``.
        preserve_color: paint in gray and keep the photo's colors, as in Gatys et al. (2016), "Preserving Color".
        noise, seed: how much of the start is noise instead of the photo, from 0 to 1, and which noise.
        on_step: told of each gradient; its image has the size of the octave at work.

    Returns:
        (1, 3, H, W) on the device of `content`. An interrupt returns the picture so far.

    Raises:
        ValueError: a setting out of range, an unknown layer, or a picture too narrow for the size.
    """
    sizes = octave_sizes(content, painting, size=size, octaves=octaves, octave_scale=octave_scale)
    require(steps >= 1, f"steps is {steps}; it must be 1 or more")
    require(0 <= noise <= 1, f"noise is {noise}; it must be from 0 to 1")
    weights = {"style_weight": style_weight, "smoothness": smoothness}
    layers: Any = {"content_layer": content_layer, "style_layers": _each_once(style_layers)}
    photo, model = content.detach().to(network.device), painting.detach().to(network.device)
    if preserve_color:
        photo, model = images.luminance(photo), images.luminance(model)
        model = ((model - model.mean()) / (model.std() + 1e-6) * photo.std() + photo.mean()).clamp(0, 1)
    start = images.resize(photo, sizes[0][0])
    chance = torch.rand(start.shape, generator=torch.Generator().manual_seed(seed)).to(start)
    free = _free(start.lerp(chance, noise))
    lengths = [steps * 2**smaller for smaller in reversed(range(len(sizes)))]
    with ascent.interruptible(on_step):
        for octave, (ours, theirs) in enumerate(sizes):
            free = _free(_enlarged(torch.sigmoid(free), photo, ours))
            loss = goal(network, images.resize(photo, ours), images.resize(model, theirs), **weights, **layers)
            report = ascent.offset_progress(on_step, sum(lengths[:octave]), sum(lengths))
            _lbfgs(free, loss, steps=lengths[octave], on_step=report)
    result = _enlarged(torch.sigmoid(free), photo, sizes[-1][0]).to(content.device)
    return images.recolor(result, content.detach()) if preserve_color else result


def _enlarged(painted: Tensor, photo: Tensor, size: tuple[int, int]) -> Tensor:
    """A photo painted at one size, at another: the change is enlarged and laid over the photo, which stays sharp."""
    height, width = painted.shape[2:]
    if (height, width) == size:
        return painted
    change = painted - images.resize(photo, (height, width))
    larger = torch.nn.functional.interpolate(change, size, mode="bicubic", antialias=True)
    return (images.resize(photo, size) + larger).clamp(0, 1)


def octave_sizes(
    content: Tensor, painting: Tensor, *, size: int, octaves: int, octave_scale: float
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """(height, width) of the photo and of the painting at each octave, smallest first; both cover the same area."""
    for name, pixels in (("content", content), ("painting", painting)):
        images.check(pixels)
        require(len(pixels) == 1, f"{name} is one picture (1, 3, H, W), not a batch of {len(pixels)}")
    require(SMALLEST_SIDE <= size <= LARGEST_SIZE, f"size is {size}; it must be {SMALLEST_SIDE} to {LARGEST_SIZE}")
    height, width = content.shape[2:]
    scales = ascent.octave_scales(octaves=octaves, octave_scale=octave_scale)
    areas = [(size * scale / max(height, width)) ** 2 * height * width for scale in scales]
    sizes = [(_covering(content, area), _covering(painting, area)) for area in areas]
    for name, (high, wide) in zip(("content", "painting"), sizes[0], strict=True):
        scaled = f"the {name} comes to {wide} x {high} pixels at size {size}"
        require(min(high, wide) >= SMALLEST_SIDE, f"{scaled}; a side needs {SMALLEST_SIDE}: crop it or raise the size")
    return [both for both in reversed(sizes) if min(*both[0], *both[1]) >= SMALLEST_SIDE]


def _covering(pixels: Tensor, area: float) -> tuple[int, int]:
    """The (height, width) at which a picture covers so many square pixels."""
    height, width = pixels.shape[2:]
    ratio = math.sqrt(area / (height * width))
    return max(1, round(height * ratio)), max(1, round(width * ratio))
