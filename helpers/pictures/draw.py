"""Draws two pictures of this folder: a sky of cumulus clouds to dream on, a comic panel to take a style from.

``python helpers/pictures/draw.py`` writes them anew, or into another folder that it is given.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from PIL import Image, ImageColor, ImageDraw
from torch import Tensor
from torch.nn.functional import interpolate

SMALLEST_SIZE = 64  # pixels

SLICES = 40  # of the air, from front to back
DEPTH = 0.36  # of the air, in widths of the picture

INK, PAPER, RED, YELLOW, BLUE, GREEN = "#17130f", "#fff3d4", "#e63a3f", "#ffc722", "#2c84d8", "#27a884"
FINER = 4  # drawn this many times as large, then scaled down, for clean edges

Outline = Sequence[tuple[float, float]]  # on a sheet of 400 x 500


def clouds(*, size: int = 384, seed: int = 21) -> Image.Image:
    """A daytime sky with cumulus clouds, flat below and heaped above, that shrink toward a pale horizon.

    Args:
        size: the width in pixels, from 64; the height is two thirds of it.
        seed: another number, another sky.
    """
    _check(size)
    generator = torch.Generator().manual_seed(seed)
    shape = [SLICES, round(size * 2 / 3), size]
    heaps, sky = _heaps(shape, generator), _sky(shape[1:], generator)
    density = (3 * heaps + 3.6 * _billows(shape, generator) - 2.1).clamp(0, 1)
    opacity = 1 - torch.exp(-0.76 * density)
    seen = opacity * torch.cumprod(torch.cat([torch.ones_like(opacity[:1]), 1 - opacity[:-1]]), 0)
    cover = seen.sum(0)
    light = (seen * _sunlight(density)).sum(0) / cover.clamp_min(1e-3)
    haze = 0.5 * torch.linspace(0, 1, shape[1])[:, None] ** 3
    cloud = _mix("#c7d9ed", _mix("#fff9ed", "#64779a", light), haze)
    pixels = _mix(cloud, sky, cover).clamp(0, 1)
    return Image.fromarray((pixels * 255).round().byte().permute(1, 2, 0).numpy())


def _heaps(shape: list[int], generator: torch.Generator, clouds: int = 16, puffs: int = 28) -> Tensor:
    """Logarithm of a sum of round puffs, cut off flat at each cloud's base; lengths in widths of the picture."""

    def spread(low: float, high: float, columns: int = puffs) -> Tensor:
        return low + (high - low) * torch.rand(clouds, columns, generator=generator)

    far = torch.linspace(0, 1, clouds)[:, None]  # 0 overhead, 1 at the horizon
    width = 0.36 * (1 - far) ** 2.5 + spread(0.17, 0.30, 1)
    base = 0.215 + 0.42 * far**0.5 + spread(-0.012, 0.012, 1)
    middle = (torch.arange(clouds)[:, None] * 0.618 + torch.rand(1, generator=generator)) % 1  # neighbors lie apart
    aside = spread(-1, 1)
    radius = width * spread(0.06, 0.15) * (1.1 - 0.6 * aside.abs()) * (1 - 0.3 * far)
    rise = width * spread(0, 0.55) ** 2 * (1 - aside.abs()) * (1 - far) ** 0.7
    z, y, x = (extent * _centers(n // 2) for extent, n in zip((DEPTH, 2 / 3, 1), shape, strict=True))
    floor = base + (0.35 * (1 - far) + 0.02) * (z - DEPTH / 2)  # tilts, for one looks up at the underside
    above = torch.sigmoid((floor[..., None] - y) / (0.02 * width[..., None]))
    front = _bell(z, DEPTH / 2 + spread(-0.15, 0.15) * width, radius)
    side = _bell(y, base - rise, radius * (1 - 0.55 * far))
    part = torch.einsum("cpz,cpy,czy->cpzy", front, side, above)
    total = torch.einsum("cpzy,cpx->zyx", part, _bell(x, middle + aside * width / 2, radius))
    return _resize((total + 1e-3).log(), shape)


def _centers(cells: int) -> Tensor:
    return (torch.arange(cells) + 0.5) / cells


def _bell(at: Tensor, center: Tensor, radius: Tensor) -> Tensor:
    return torch.exp(-(((at - center[..., None]) / radius[..., None]) ** 2))


def _billows(shape: list[int], generator: torch.Generator) -> Tensor:
    """Noise of every scale down to 4 pixels; the absolute value makes it round outside and creased inside."""
    total, weight, cells = torch.zeros(1, 1, 1), 1.0, 12
    while 4 * cells <= shape[2]:
        grid = [min(SLICES, round(4 * cells * DEPTH)), round(4 * cells * 2 / 3), 4 * cells]
        bumps = torch.randn([math.ceil(n / 4) + 1 for n in grid], generator=generator)
        bumps = _resize(bumps, [math.ceil(n / 2) for n in grid])  # twice: one linear step alone shows its grid
        total = _resize(total, grid) + weight * _resize(bumps, grid).abs()
        weight, cells = weight * 0.72, cells * 2
    return _resize(total, shape) * (0.28 / 0.55) / (1 - weight)


def _sunlight(density: Tensor) -> Tensor:
    """Light that is left at each point after its way through the cloud, from the upper left, row by row."""
    slices, height, width = density.shape
    thick = torch.zeros_like(density)
    row = torch.zeros(slices, width)
    lean = min(1, 96 / width)  # slices a row: as steep in every size
    for y in range(1, height):
        row = (row + density[:, y - 1]) * (1 - 4.6 / width)  # forgets: light also comes from the side
        row = 0.3 * row + 0.7 * torch.cat([row[:, :1], row[:, :-1]], 1)
        row = (1 - lean) * row + lean * row.roll(-1, 0)
        thick[:, y] = row
    thick *= 38 / width
    return 0.7 * torch.exp(-1.3 * thick) + 0.3 * torch.exp(-0.25 * thick)


def _sky(shape: list[int], generator: torch.Generator) -> Tensor:
    """Blue that pales downward, veiled by thin high cloud."""
    down = torch.linspace(0, 1, shape[0])[:, None].expand(shape)
    veil = torch.full(shape, 0.08)
    for cells in (2, 4, 8, 16, 32):
        noise = torch.randn(1, 1, 2 * cells + 1, cells + 1, generator=generator)
        veil = veil + 0.22 / cells**0.7 * interpolate(noise, shape, mode="bicubic")[0, 0]
    return _mix("#d9e6f5", _mix("#b4d3ec", "#336bbd", down), veil.clamp(0, 0.45))


def _resize(volume: Tensor, shape: list[int]) -> Tensor:
    return interpolate(volume[None, None], shape, mode="trilinear")[0, 0]


def _mix(new: Tensor | str, old: Tensor | str, share: Tensor) -> Tensor:
    new, old = (_rgb(color) if isinstance(color, str) else color for color in (new, old))
    return old + (new - old) * share


def _rgb(color: str) -> Tensor:
    return torch.tensor(ImageColor.getrgb(color))[:, None, None] / 255


def cartoon(*, size: int = 400, seed: int = 0) -> Image.Image:
    """A comic panel of a cat that dreams of a fish: flat colors, even black outlines, printed dots, hatching.

    Args:
        size: the width in pixels, from 64; the height is five quarters of it.
        seed: where the sunbeams and the hatches fall.
    """
    _check(size)
    sheet, luck = _Sheet(size), random.Random(seed)
    _draw_sky(sheet, luck)
    _draw_land(sheet, luck)
    for x, y, radius in ((365, 385, 22), (318, 420, 17), (350, 462, 20), (30, 430, 18)):
        _draw_flower(sheet, x, y, radius)
    _draw_cat(sheet)
    _draw_bubble(sheet)
    return sheet.image.resize((size, round(size * 5 / 4)), Image.Resampling.LANCZOS)


class _Sheet:
    def __init__(self, size: int) -> None:
        self.scale = FINER * size / 400
        self.image = Image.new("RGB", (FINER * size, FINER * round(size * 5 / 4)), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def shape(
        self, path: Outline, fill: str, dots: str = "", *, pitch: float = 10, rounds: int = 3, line: float = 4
    ) -> None:
        """A closed outline, its corners rounded, filled with one color and perhaps with dots that grow downward."""
        path = [(x * self.scale, y * self.scale) for x, y in _smoothed([*path, path[0]], rounds, closed=True)]
        self.draw.polygon(path, fill)
        if dots:
            mask = Image.new("1", self.image.size)
            ImageDraw.Draw(mask).polygon(path, 1)
            printed = self.image.copy()
            _print_dots(printed, path, dots, pitch * self.scale)
            self.image.paste(printed, mask=mask)
        if line:
            self.draw.line([*path, path[1]], INK, round(line * self.scale), "curve")

    def stroke(self, path: Outline, *, line: float = 4, color: str = INK) -> None:
        path = [(x * self.scale, y * self.scale) for x, y in _smoothed(path, 3)]
        self.draw.line(path, color, round(line * self.scale), "curve")
        for point in path:  # round ends, and no gaps at the bends
            self.draw.circle(point, line * self.scale / 2, color)


def _smoothed(path: Outline, rounds: int, *, closed: bool = False) -> Outline:
    """Chaikin's curve: cut every corner off, again and again."""
    for _ in range(rounds):
        sides = pairwise(path)
        cut = [(a + (c - a) * t, b + (d - b) * t) for (a, b), (c, d) in sides for t in (0.25, 0.75)]
        path = [*cut, cut[0]] if closed else [path[0], *cut, path[-1]]
    return path


def _print_dots(image: Image.Image, path: Outline, color: str, pitch: float) -> None:
    draw = ImageDraw.Draw(image)
    left, right = min(x for x, _ in path), max(x for x, _ in path)
    top, bottom = min(y for _, y in path), max(y for _, y in path)
    for row in range(int(top / pitch * 2), int(bottom / pitch * 2) + 1):
        y = row * pitch / 2
        radius = pitch * (0.14 + 0.28 * (y - top) / (bottom - top))
        for column in range(int(left / pitch) - 1, int(right / pitch) + 2):
            draw.circle(((column + row % 2 / 2) * pitch, y), radius, color)


def _oval(x: float, y: float, rx: float, ry: float, lobes: int = 0) -> Outline:
    """An oval, or a scalloped one: clouds, treetops and petals."""
    angles = [turn * math.pi / 48 for turn in range(96)]
    reach = [1 + 0.32 * abs(math.sin(lobes * angle / 2)) for angle in angles]
    return [(x + r * rx * math.cos(a), y + r * ry * math.sin(a)) for a, r in zip(angles, reach, strict=True)]


def _draw_sky(sheet: _Sheet, luck: random.Random) -> None:
    sheet.shape([(-20, -20), (420, -20), (420, 330), (-20, 330)], PAPER, BLUE, pitch=11, rounds=0)
    start = luck.random()
    for beam in range(18):
        a, b = ((beam + start + side) * math.pi / 9 for side in (-0.24, 0.24))
        tips = [(310 + 700 * math.cos(angle), 105 + 700 * math.sin(angle)) for angle in (a, b)]
        sheet.shape([(310, 105), *tips], YELLOW, rounds=0, line=2.5)
    sheet.shape(_oval(310, 105, 58, 58), YELLOW, RED, pitch=9)


def _draw_land(sheet: _Sheet, luck: random.Random) -> None:
    sheet.shape([(-40, 290), (60, 230), (150, 240), (260, 300), (340, 240), (460, 260), (460, 540), (-40, 540)], GREEN)
    for step in range(26):
        x, y = 15 * step + luck.uniform(-3, 3), 300 + luck.uniform(-6, 14)
        sheet.stroke([(x + 14, y), (x, y + 26)], line=2.5)
    sheet.shape([(288, 225), (350, 225), (350, 300), (288, 300)], PAPER, rounds=0)
    sheet.shape([(276, 232), (319, 188), (362, 232)], RED, rounds=0)
    sheet.shape([(298, 246), (316, 246), (316, 264), (298, 264)], BLUE, rounds=0, line=3)
    sheet.shape([(325, 300), (325, 250), (340, 250), (340, 300)], YELLOW, rounds=0, line=3)
    sheet.shape([(36, 370), (42, 240), (54, 240), (60, 370)], RED, rounds=0)
    sheet.shape(_oval(48, 225, 38, 40, 7), GREEN, YELLOW, pitch=9, rounds=0)
    sheet.shape([(-60, 400), (60, 320), (200, 350), (330, 310), (470, 360), (470, 560), (-60, 560)], YELLOW, GREEN)


def _draw_flower(sheet: _Sheet, x: float, y: float, radius: float) -> None:
    sheet.stroke([(x, y), (x - 8, y + 60), (x + 6, 520)], line=5)
    sheet.shape(_oval(x, y, radius, radius, 8), PAPER, rounds=0)
    sheet.shape(_oval(x, y, radius * 0.45, radius * 0.45), RED)


def _draw_cat(sheet: _Sheet) -> None:
    tail = [(200, 490), (285, 520), (300, 460), (268, 440), (276, 412)]
    sheet.stroke(tail, line=28)
    sheet.stroke(tail, line=20, color=RED)
    sheet.shape([(112, 395), (78, 460), (66, 560), (234, 560), (222, 460), (188, 395)], RED)
    sheet.shape([(130, 410), (112, 470), (120, 560), (180, 560), (188, 470), (170, 410)], PAPER, RED, pitch=8)
    left = [(150, 302), (130, 302), (94, 262), (90, 262), (88, 330), (80, 375), (104, 415)]
    right = [(300 - x, y) for x, y in reversed(left[1:])]
    sheet.shape([*left, (150, 428), *right], RED)
    for x in (135, 150, 165):
        sheet.stroke([(x, 312), (x, 330 - abs(x - 150) / 3)], line=6)
    for x, side in ((121, -1), (179, 1)):
        sheet.shape(_oval(x, 362, 19, 21), YELLOW)
        sheet.shape(_oval(x, 354, 9, 13), INK)
        sheet.shape(_oval(x - 2, 348, 3.5, 4), PAPER, line=0)
        for y in (440, 462, 484):
            sheet.stroke([(150 + side * (0.3 * y - 72), y), (150 + side * (0.3 * y - 90), y + 4)], line=6)
        for y in (388, 396, 404):
            sheet.stroke([(150 + side * 42, y), (150 + side * 92, 2.2 * y - 476)], line=2.5)
    sheet.shape(_oval(136, 397, 16, 13), PAPER)
    sheet.shape(_oval(164, 397, 16, 13), PAPER)
    sheet.shape([(140, 382), (160, 382), (150, 395)], INK, rounds=1)


def _draw_bubble(sheet: _Sheet) -> None:
    sheet.shape(_oval(118, 90, 78, 54, 11), PAPER, rounds=0)
    sheet.shape(_oval(150, 192, 13, 10), PAPER)
    sheet.shape(_oval(166, 228, 8, 6), PAPER)
    sheet.shape([(138, 89), (186, 52), (172, 89), (186, 126)], BLUE)
    sheet.shape([(60, 90), (90, 56), (130, 62), (160, 90), (130, 116), (90, 122)], BLUE, PAPER, pitch=8)
    sheet.shape(_oval(88, 84, 5, 5), INK)
    sheet.stroke([(108, 70), (116, 90), (106, 110)], line=3)


def _check(size: int) -> None:
    if size < SMALLEST_SIZE:
        raise ValueError(f"size is {size} pixels; the least is {SMALLEST_SIZE}; draw at that size and scale down")


def main(folder: Path) -> None:
    """Draw both pictures into a folder."""
    for name, draw in {"clouds": clouds, "cartoon": cartoon}.items():
        draw().save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
