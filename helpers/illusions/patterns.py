"""Patterns drawn from a few numbers, in three families, and the search for numbers that please a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from cmaes import SepCMA
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from helpers import ascent, images
from helpers.checks import require
from helpers.networks import Network
from helpers.state import usual_state

Spans = tuple[Tensor, Tensor]  # starts and ends, each (N, k), as parts of a side
ROWS, COLUMNS, PANELS = 8, 3, 3  # of the rectangles
SMALLEST = 16  # pixels: least side of a drawing


@dataclass(frozen=True)
class Family:
    """Patterns that differ in `length` numbers from 0 to 1.

    ``draw(numbers, side)`` turns numbers (N, length) into pictures (N, 3, side, side). For a plain drawing all numbers
    are one half, but for those in `settings`.
    """

    length: int
    draw: Callable[[Tensor, int], Tensor]
    settings: Mapping[int, float] = field(default_factory=dict)

    @property
    def plain(self) -> Tensor:
        """The numbers (1, length) of a plain drawing: what a person would draw who was told the pattern in a word."""
        numbers = torch.full((1, self.length), 0.5)
        for place, value in self.settings.items():
            numbers[0, place] = value
        return numbers


def stitches(numbers: Tensor, side: int) -> Tensor:
    """Five columns of red stitches on white: pairs of short arms along curved seams. Takes numbers (N, 16)."""
    white, tint, red, other, gap, shift, bow, sway = _scaled(
        numbers[:, :8], (0.97, 1), (0, 0.03), (0.6, 0.95), (0, 0.25), (0.12, 0.19), (-0.05, 0.05), (-1, 1), (-0.4, 0.4)
    )
    lean, step, arm, thick, slope, seam, phase, stagger = _scaled(
        numbers[:, 8:],
        (-0.2, 0.2),
        (0.04, 0.14),
        (0.02, 0.055),
        (3e-3, 0.012),
        (-1.2, 1.2),
        (-3e-3, 6e-3),
        (0, 1),
        (-0.5, 0.5),
    )
    along = (torch.arange(side) + 0.5) / side
    x, y = along[None, None, :], along[None, :, None]
    ink = torch.zeros(len(numbers), side, side)
    for column in range(-2, 3):
        curve = (bow + sway * (-1) ** column) * ((y - 0.5).square() - 0.08) + lean * (y - 0.5)
        aside = (x - 0.5 - shift - column * gap - curve).abs()  # from the seam
        turn = (y - slope * aside.minimum(arm)) / step + phase + stagger * column
        above = ((turn + 0.5) % 1 - 0.5).abs() * step / (1 + slope.square()).sqrt()  # from the nearest arm
        inside = (thick - torch.hypot(above, (aside - arm).clamp(min=0))).maximum(seam - aside)
        ink = ink.maximum((inside * side + 0.5).clamp(0, 1))
    paper, thread = torch.stack([white, white - tint / 2, white - tint], 1), torch.stack([red, other, other], 1)
    return paper + (thread - paper) * ink[:, None]


def ripples(numbers: Tensor, side: int) -> Tensor:
    """Flowing areas of black, gray and orange: a landscape of waves, colored by height. Takes numbers (N, 36)."""
    waves, areas, shades = numbers.split([25, 7, 4], dim=1)
    count = torch.arange(5.0)
    calm = torch.hypot(count[:, None], count[None, :]).clamp(min=1) ** 1.3  # the shorter a wave, the lower
    profile = torch.cos(math.pi * count[:, None] * (torch.arange(side) + 0.5) / side)  # (5, side)
    land = torch.einsum("nij,iy,jx->nyx", (2 * waves.view(-1, 5, 5) - 1) / calm, profile, profile).flatten(1)
    levels = land[:, ::13].sort(dim=1).values
    rank = torch.searchsorted(levels, land.contiguous())  # how many of the sampled places lie lower
    height = torch.linspace(0, 1, levels.shape[1] + 1)  # of each rank: equal areas for equal parts
    borders = (3 * areas).softmax(1).cumsum(1)[:, :-1, None]
    past = torch.sigmoid((height - borders) * 60 * 8 ** shades[:, 3].view(-1, 1, 1))  # (N, 6, ranks)
    dark, light, warm = (shades[:, i] for i in range(3))
    black, gray = (0.15 * dark).expand(3, -1).T, (0.35 + 0.4 * light).expand(3, -1).T
    orange = torch.stack([0.9 + 0 * warm, 0.4 + 0.25 * warm, 0.05 + 0 * warm], dim=1)
    bands = torch.stack([black, gray, orange, black, gray, orange, black], dim=1)  # (N, 7, 3)
    palette = bands[:, 0, :, None] + torch.einsum("nbr,nbc->ncr", past, bands.diff(dim=1))
    return palette.gather(2, rank[:, None].expand(-1, 3, -1)).view(-1, 3, side, side)


def rectangles(numbers: Tensor, side: int) -> Tensor:
    """A tilted grid: three panels, eight rows of three rectangles, one more in each. Takes numbers (N, 54)."""
    ground, panel, place, heights, widths, tall, broad, light, lighter, hues, key = numbers.split(
        [3, 3, 4, ROWS, COLUMNS, ROWS, COLUMNS, ROWS, COLUMNS, ROWS, 3], dim=1
    )
    gap, margin = (0.02 + 0.33 * place[:, :1]) / (2 * PANELS), 0.12 * place[:, 1:2]
    high, wide = (margin, 1 - margin), (gap, 1 / PANELS - gap)
    rows, columns = _cut(high, heights, tall), _cut(wide, widths, broad)
    gray = (light[:, :, None] + 0.8 * lighter[:, None] - 0.4).clamp(0, 1)  # (N, rows, columns)
    outer = _tinted(gray, hues[:, :, None], 0.55 * key[:, :1, None])
    inner = (outer + 1.2 * key[:, 1].view(-1, 1, 1, 1) - 0.6).clamp(0, 1)
    below, body = (_tinted(c[:, :1, None], c[:, 1:2, None], 0.12 * c[:, 2:, None]) for c in (ground, panel))
    picture = below.permute(0, 3, 1, 2).expand(-1, -1, side, side)
    picture = _lay(_lay(picture, high, wide, body), rows, columns, outer)
    share = 0.2 + 0.7 * key[:, 2:]
    picture = _lay(picture, _shrunk(rows, share), _shrunk(columns, share), inner)
    return _tilted(picture, 1.2 * place[:, 2] - 0.6, 0.75 + 0.5 * place[:, 3])


STITCHES = Family(16, stitches, {13: 1.0})  # a seam along each column
RIPPLES = Family(36, ripples, {5: 0.9, 16: 0.7})  # two waves
RECTANGLES = Family(54, rectangles, {0: 0.9, 1: 0.1, 2: 0.2, 3: 0.1, 5: 0.1, 51: 0.1})  # dark on pale


@dataclass(frozen=True)
class Found:
    """The best drawing of a search: its numbers (n,), its picture (1, 3, H, W), and (drawings tried, best so far)."""

    numbers: Tensor
    picture: Tensor
    history: list[tuple[int, float]]


@usual_state()
def search(
    network: Network,
    category: str | int,
    family: Family,
    *,
    size: int = 224,
    tries: int = 1600,
    enough: float = 0.995,
    population: int = 16,
    seed: int = 0,
    on_step: ascent.OnStep | None = None,
) -> Found:
    """Look through a family of drawings for one that the network takes for `category`, without any gradient.

    First six populations drawn at random; then, around the best of them, the evolution strategy sep-CMA-ES (Ros and
    Hansen 2008), which learns from the better half of each generation where, and how widely, to draw the next.

    Args:
        network: a classifier.
        category: its name or index.
        family: what to look through, such as `STITCHES`.
        size: side of the drawings in pixels.
        tries: how many drawings; each is shown to the network once, rounded to 8 bits a channel.
        enough: the probability at which the search stops.
        population: drawings in a generation.
        seed: of the search.
        on_step: told of each generation, with the best drawing so far as the image.

    Returns:
        The best drawing; an interrupt returns the best so far, and is let through as long as there is none.
    """
    neuron = network.index(category)
    require(len(network.categories or ()) > 1, f"{network.name} has one category, so it is certain of it already")
    _check(size=size, tries=tries, enough=enough, population=population, seed=seed)
    candidates = np.random.default_rng(seed).random((6 * population, family.length))
    strategy: SepCMA | None = None
    best, tried, top = Found(torch.empty(0), torch.empty(0), []), 0, -math.inf
    with ascent.interruptible(on_step, ready=lambda: bool(best.history)):
        while tried + len(candidates) <= tries and top < math.log(enough):
            numbers = torch.tensor(candidates, dtype=torch.float32)
            pictures = images.quantize(family.draw(numbers, size))
            scores = _log_probabilities(network, pictures, neuron)
            winner, tried = int(scores.argmax()), tried + len(candidates)
            if scores[winner] > top:
                top = float(scores[winner])
                best = Found(numbers[winner], pictures[winner : winner + 1].clone(), best.history)
            best.history.append((tried, math.exp(top)))
            if on_step is not None:  # the last step says that it is the last
                last = top >= math.log(enough) or tried + population > tries
                on_step(ascent.Step(tried, tried if last else tries, top, best.picture))
            if strategy is None:
                bounds = np.tile([0.0, 1.0], (family.length, 1))
                strategy = SepCMA(candidates[winner].copy(), 0.2, bounds, seed=seed, population_size=population)
            else:
                strategy.tell(list(zip(candidates, -scores, strict=True)))
            candidates = np.stack([strategy.ask() for _ in range(population)])
    return best


def _check(*, size: int, tries: int, enough: float, population: int, seed: int) -> None:
    few = f"tries is {tries} and population {population}; give a population of 2, and six of them to try"
    require(population >= 2 and tries >= 6 * population, few)
    require(size >= SMALLEST, f"size is {size} pixels; the least is {SMALLEST}")
    require(enough > 0, f"enough is {enough}; a probability to stop at must be above 0")
    require(0 <= seed < 2**32, f"seed is {seed}; it must be from 0 to {2**32 - 1}")


@torch.no_grad()
def _log_probabilities(network: Network, pictures: Tensor, neuron: int) -> np.ndarray:
    parts = [network(part).log_softmax(1)[:, neuron] for part in pictures.split(8)]  # small parts stay in the cache
    return torch.cat(parts).double().numpy()


def _scaled(numbers: Tensor, *ranges: Sequence[float]) -> tuple[Tensor, ...]:
    """Each column of the numbers (N, n), from 0 to 1, brought to its range, as (N, 1, 1)."""
    low, high = torch.tensor(ranges).T
    return (low + (high - low) * numbers).T[:, :, None, None].unbind()


def _cut(whole: Spans, sizes: Tensor, shares: Tensor) -> Spans:
    """Spans side by side, in proportion to e to twice the sizes (N, k), each filled to a share (N, k)."""
    parts = (2 * sizes).softmax(1) * (whole[1] - whole[0])
    ends = whole[0] + parts.cumsum(1)
    return _shrunk((ends - parts, ends), 0.2 + 0.75 * shares)


def _shrunk(spans: Spans, share: Tensor) -> Spans:
    middle, half = (spans[0] + spans[1]) / 2, (spans[1] - spans[0]) / 2 * share
    return middle - half, middle + half


def _lay(picture: Tensor, rows: Spans, columns: Spans, colors: Tensor) -> Tensor:
    """A grid of rectangles of colors (N, rows, columns, 3) laid on each panel of pictures (N, 3, side, side)."""
    along = torch.arange(picture.shape[-1]) / picture.shape[-1]
    down, across = _covered(rows, along), _covered(columns, along % (1 / PANELS))  # (N, k, side)
    hidden = torch.einsum("nry,ncx->nyx", down, across)[:, None]
    return picture * (1 - hidden) + torch.einsum("nry,nrkx->nkyx", down, torch.einsum("nrck,ncx->nrkx", colors, across))


def _covered(spans: Spans, along: Tensor) -> Tensor:
    """How much of each pixel, which starts at `along`, lies in each span."""
    start, end = (edge[:, :, None] for edge in spans)
    width = 1 / len(along)
    return ((end.clamp(max=along + width) - start.clamp(min=along)) / width).clamp(0, 1)


def _tinted(light: Tensor, hue: Tensor, strength: Tensor) -> Tensor:
    """Colors (..., 3): gray of some lightness, tinted with a hue from 0 to 1."""
    turns = hue[..., None] - torch.arange(3) / 3
    return (light[..., None] + strength[..., None] * torch.cos(2 * math.pi * turns)).clamp(0, 1)


def _tilted(pictures: Tensor, angle: Tensor, zoom: Tensor) -> Tensor:
    """Pictures turned by an angle (N,) in radians and scaled; beyond their borders they go on as in a mirror."""
    cosine, sine, zero = zoom * angle.cos(), zoom * angle.sin(), torch.zeros_like(angle)
    turn = torch.stack([cosine, -sine, zero, sine, cosine, zero], dim=1).view(-1, 2, 3)
    where = affine_grid(turn, list(pictures.shape), align_corners=False)
    return grid_sample(pictures, where, padding_mode="reflection", align_corners=False)
