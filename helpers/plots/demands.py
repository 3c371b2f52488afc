"""The diagram of style transfer: one picture between a painting and a photo."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import Tensor

from helpers.plots.palette import BLUE, GRAY, INK, ORANGE, PAPER, SAND, WIDTH, styled
from helpers.plots.pictures import draw_picture

HEIGHT = 4.0  # inches
LANES = {"painting": 3.22, "picture": 1.98, "photo": 0.74}  # the middle of each, inches from the bottom
PICTURE = 1.02, 1.3  # the most that a picture may take: height and width in inches
LEFT = 0.25  # where pictures begin; the way back runs to the left of them


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
    _network(sheet)
    middle = LANES["picture"]
    for lane, color in (("painting", ORANGE), ("picture", INK), ("photo", BLUE)):
        _arrow(sheet, (LEFT + PICTURE[1] + 0.02, LANES[lane]), (1.88, LANES[lane]), color)
    style, content = (middle + sign * 0.83 for sign in (1, -1))
    _box(sheet, (4.42, style), "Gram matrices\nof five layers:\nstyle error", ORANGE)
    _box(sheet, (4.42, content), "one layer,\nplace by place:\ncontent error", BLUE)
    for lane, box, color in (
        ("painting", style, ORANGE),
        ("picture", style, INK),
        ("picture", content, INK),
        ("photo", content, BLUE),
    ):
        _arrow(sheet, (3.72, LANES[lane]), (4.4, box + 0.18 * (1 if LANES[lane] > box else -1)), color)
    _box(sheet, (6.05, middle), "loss", INK, width=0.68, height=0.44)
    for box, color in ((style, ORANGE), (content, BLUE)):
        _arrow(sheet, (5.62, box), (6.36, middle + (0.24 if box > middle else -0.24)), color)
    _way_back(sheet, middle)
    return figure


def _picture(figure: Figure, middle: float, pixels: Tensor, title: str) -> None:
    high, wide = pixels.shape[2:]
    scale = min(PICTURE[0] / high, PICTURE[1] / wide)
    height, width = high * scale, wide * scale
    left = LEFT + (PICTURE[1] - width) / 2
    box = (left / WIDTH, (middle - height / 2) / HEIGHT, width / WIDTH, height / HEIGHT)
    draw_picture(figure.add_axes(box), pixels, title)


def _network(sheet: Axes) -> None:
    """Five blocks, across all three lanes: it is the same network three times."""
    for block in range(5):
        width, height = 0.3, 3.5 - 0.28 * block
        _box(sheet, (1.92 + 0.36 * block, LANES["picture"]), f"{block + 1}", GRAY, width=width, height=height)
    sheet.text(2.8, 3.9, "VGG-19, its weights fixed", ha="center", va="center", fontsize=9.5)


def _box(
    sheet: Axes, left_middle: tuple[float, float], text: str, color: str, *, width: float = 1.2, height: float = 0.72
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


def _way_back(sheet: Axes, middle: float) -> None:
    """From the loss down, under everything, and up to the picture: the gradient."""
    low, far = 0.1, 0.1
    sheet.plot(
        [6.39, 6.39, far, far], [middle - 0.3, low, low, middle], color=INK, linewidth=1.3, linestyle=(0, (4, 2))
    )
    _arrow(sheet, (far, middle), (LEFT - 0.01, middle), INK)
    sheet.text(4.35, low + 0.03, "gradient: move the pixels", ha="center", va="bottom", fontsize=9.5)
