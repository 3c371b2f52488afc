"""The diagram of style transfer: one picture between a painting and a photo."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import Tensor

from helpers.plots.palette import BLUE, GRAY, INK, ORANGE, PAPER, SAND, WIDTH, styled
from helpers.plots.pictures import draw_picture

HEIGHT = 4.1  # inches
LANES = {"painting": 3.14, "picture": 1.9, "photo": 0.66}  # the middle of each, inches from the bottom
PICTURE = 1.02, 1.3  # the most that a picture may take: height and width in inches
LEFT = 0.05  # where pictures begin
BLOCKS = [1.78 + 0.38 * block for block in range(5)]  # where the blocks of the network begin
BLOCK = 0.32  # how wide each is
BOXES = 4.4, 1.3  # where the two errors begin, and how wide they are
LOSS = 6.2, 0.7  # the same of the loss


@styled
def demands(painting: Tensor, picture: Tensor, photo: Tensor) -> Figure:
    """How a picture is pulled two ways: its Gram matrices to the painting's, its features to the photo's.

    All three (1, 3, H, W). Orange is for style, blue for content, here as in the chapter's charts.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    sheet = figure.add_axes((0, 0, 1, 1))
    sheet.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    sheet.set_axis_off()
    pictures = {
        "painting": (painting, "the painting"),
        "picture": (picture, "the picture, x"),
        "photo": (photo, "the photo"),
    }
    for lane, (pixels, title) in pictures.items():
        _picture(figure, LANES[lane], pixels, title)
    middle = LANES["picture"]
    _network(sheet, middle)
    for lane, color, up in (("painting", ORANGE, 0), ("picture", INK, 0.14), ("photo", BLUE, 0)):
        _arrow(sheet, (LEFT + PICTURE[1] + 0.03, LANES[lane] + up), (BLOCKS[0] - 0.03, LANES[lane] + up), color)
    style, content = (middle + sign * 0.9 for sign in (1, -1))
    _box(sheet, (BOXES[0], style), "Gram matrices,\nx and painting:\nstyle error", ORANGE, width=BOXES[1])
    _box(sheet, (BOXES[0], content), "place by place,\nx and photo:\ncontent error", BLUE, width=BOXES[1])
    _taps(sheet, middle, range(5), style, ORANGE, "five layers")
    _taps(sheet, middle, [3], content, BLUE, "one layer")
    _box(sheet, (LOSS[0], middle), "loss", INK, width=LOSS[1], height=0.56)
    for box, color in ((style, ORANGE), (content, BLUE)):
        side = 1 if box > middle else -1
        _line(sheet, [(sum(BOXES), box), (LOSS[0] + LOSS[1] / 2, box)], color)
        _arrow(sheet, (LOSS[0] + LOSS[1] / 2, box), (LOSS[0] + LOSS[1] / 2, middle + side * 0.3), color)
    _way_back(sheet, middle - 0.14)
    return figure


def _picture(figure: Figure, middle: float, pixels: Tensor, title: str) -> None:
    high, wide = pixels.shape[2:]
    scale = min(PICTURE[0] / high, PICTURE[1] / wide)
    height, width = high * scale, wide * scale
    left = LEFT + (PICTURE[1] - width) / 2
    box = (left / WIDTH, (middle - height / 2) / HEIGHT, width / WIDTH, height / HEIGHT)
    draw_picture(figure.add_axes(box), pixels, title)


def _network(sheet: Axes, middle: float) -> None:
    """Five blocks, across all three lanes: it is the same network three times."""
    for block, left in enumerate(BLOCKS):
        _box(sheet, (left, middle), "", GRAY, width=BLOCK, height=_height(block))
        sheet.text(
            left + BLOCK / 2, middle + 0.62, f"block {block + 1}", rotation=90, ha="center", va="center", fontsize=9.5
        )
    sheet.text(
        (BLOCKS[0] + BLOCKS[-1] + BLOCK) / 2, 3.92, "VGG-19, its weights fixed", ha="center", va="center", fontsize=9.5
    )


def _height(block: int) -> float:
    return 3.4 - 0.28 * block


def _taps(sheet: Axes, middle: float, blocks: Iterable[int], box: float, color: str, words: str) -> None:
    """Lines from some blocks, above or below the network, gathered into one that leads to a box."""
    side = 1 if box > middle else -1
    rail, end = middle + side * 1.8, BOXES[0] + BOXES[1] / 2
    for block in blocks:
        x, edge = BLOCKS[block] + BLOCK / 2, middle + side * _height(block) / 2
        _line(sheet, [(x, edge), (x, rail), (end, rail)], color)
        sheet.plot(x, edge, "o", color=color, markersize=4)
    _arrow(sheet, (end, rail), (end, box + side * 0.39), color)
    sheet.text(end - 0.1, rail - side * 0.05, words, ha="right", va="top" if side > 0 else "bottom", fontsize=9.5)


def _box(
    sheet: Axes, left_middle: tuple[float, float], text: str, color: str, *, width: float, height: float = 0.72
) -> None:
    left, middle = left_middle
    corner = left, middle - height / 2
    sheet.add_patch(
        FancyBboxPatch(
            corner,
            width,
            height,
            "round,pad=0,rounding_size=0.06",
            facecolor=SAND if color == GRAY else PAPER,
            edgecolor=color,
            linewidth=1.4,
        )
    )
    sheet.text(left + width / 2, middle, text, ha="center", va="center", fontsize=9.5, color=INK)


def _arrow(sheet: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    sheet.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=9, color=color, linewidth=1.3, shrinkA=0, shrinkB=0
        )
    )


def _line(sheet: Axes, points: list[tuple[float, float]], color: str) -> None:
    sheet.plot(*zip(*points, strict=True), color=color, linewidth=1.3, solid_joinstyle="round")


def _way_back(sheet: Axes, level: float) -> None:
    """From the loss back through all blocks to the picture: the gradient."""
    end = LEFT + PICTURE[1] + 0.03
    sheet.plot([LOSS[0] - 0.03, end + 0.1], [level, level], color=INK, linewidth=1.3, linestyle=(0, (4, 2)), zorder=3)
    _arrow(sheet, (end + 0.12, level), (end, level), INK)
    words = "gradient: backward through\nthe network, to the pixels"
    sheet.text((BLOCKS[-1] + BLOCK + LOSS[0]) / 2, level + 0.06, words, ha="center", va="bottom", fontsize=9.5)
