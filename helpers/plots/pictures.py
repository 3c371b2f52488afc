"""Pictures in rows, with what a network says to them and where it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers import images
from helpers.plots.palette import BLUE, GRAY, ORANGE, WIDTH, blank, styled


@styled
def strip(
    pictures: Sequence[Tensor],
    titles: Sequence[str] = (),
    *,
    columns: int | None = None,
    width: float = WIDTH,
    smooth: bool = True,
) -> Figure:
    """Pictures (1, 3, H, W) side by side, row by row, every pixel at the same scale; a title over each."""
    if not pictures:
        raise ValueError("there are no pictures to draw")
    columns = columns or len(pictures)
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    widest = max(sum(p.shape[-1] for p in row) for row in rows)
    inch = width / widest  # of one pixel
    lines_of_title = max((title.count("\n") + 1 for title in titles), default=0)
    gap, head = 0.08, (0.07 + 0.155 * lines_of_title) * (lines_of_title > 0)
    heights = [max(p.shape[-2] for p in row) * inch + head for row in rows]
    total_width, total_height = width + gap * (columns - 1), sum(heights) + gap * (len(rows) - 1)
    figure = Figure(figsize=(total_width, total_height))
    top, labels = total_height, iter(titles)
    for row, height in zip(rows, heights, strict=True):
        left = 0.0
        for picture in row:
            w, h = picture.shape[-1] * inch, picture.shape[-2] * inch
            box = (left / total_width, (top - head - h) / total_height, w / total_width, h / total_height)
            draw_picture(figure.add_axes(box), picture, next(labels, ""), smooth=smooth)
            left += w + gap
        top -= height + gap
    return figure


@styled
def guesses(
    pictures: Sequence[Tensor],
    tops: Sequence[Sequence[tuple[str, float]]],
    titles: Sequence[str] = (),
    *,
    highlight: Sequence[str] = (),
) -> Figure:
    """Each picture (1, 3, H, W) above bars of its likeliest categories, as `Network.top` gives them."""
    if not pictures:
        raise ValueError("there are no pictures to draw")
    columns, bars = len(pictures), max(len(top) for top in tops)
    tallest = max(p.shape[-2] / p.shape[-1] for p in pictures) * WIDTH / columns
    figure = blank(
        rows=2,
        columns=columns,
        height=tallest + 0.42 * bars + 0.4,
        squeeze=False,
        gridspec_kw={"height_ratios": [tallest, 0.42 * bars]},
    )
    axes = np.array(figure.axes).reshape(2, columns)
    labels = iter(titles)
    for i, (picture, top) in enumerate(zip(pictures, tops, strict=True)):
        draw_picture(axes[0, i], picture, next(labels, ""))
        axes[0, i].set_aspect("equal", anchor="SW")
        _bars(axes[1, i], top, highlight)
    return figure


def maps(
    pixels: Tensor, activations: Mapping[str, Tensor], *, channels: int = 4, titles: Mapping[str, str] | None = None
) -> Figure:
    """The strongest channels of each layer as light over the picture, a row a layer.

    Args:
        pixels: (1, 3, H, W).
        activations: layer to (1, C, h, w), as `Network.features` gives them.
        channels: how many to show of each layer, those of the largest peak above their own mean.
        titles: what to write beside each row; by default the layer's name.
    """
    panels, labels = [], []
    for layer, values in activations.items():
        if not 1 <= channels <= values.shape[1]:
            raise ValueError(f"channels is {channels}; for layer {layer!r} it must be from 1 to {values.shape[1]}")
        for channel in strongest(values, channels):
            panels.append(glow(pixels, values[0, channel]))
            labels.append(f"channel {channel}")
        labels[-channels] = (titles or {}).get(layer, layer) + f": {labels[-channels]}"
    return strip(panels, labels, columns=channels)


def strongest(activations: Tensor, k: int) -> list[int]:
    """The `k` channels of (1, C, h, w) that speak loudest about little: brightest two percent against their mean.

    A frame of an eighth of the shorter side is left out, for there the network sees the padding around the picture.
    """
    height, width = activations.shape[2:]
    cut = min(height, width) // 8
    inside = activations[0, :, cut : height - cut, cut : width - cut].flatten(1)
    bright = inside.topk(max(1, inside.shape[1] // 50), dim=1).values.mean(dim=1)
    return (bright - 3 * inside.mean(dim=1)).topk(k).indices.tolist()


def glow(pixels: Tensor, activation: Tensor, *, full: float | None = None) -> Tensor:
    """One channel (h, w) as light on the picture (1, 3, H, W): night where it is dark, amber where it is lit.

    `full` is what is lit fully; by default what only one place in two hundred exceeds.
    """
    light = activation.detach().clamp(min=0)[None, None]
    light = light / (light.quantile(0.995).clamp(min=1e-6) if full is None else full)
    light = torch.nn.functional.interpolate(light, pixels.shape[2:], mode="bicubic").clamp(0, 1)
    gray = pixels.mean(dim=1, keepdim=True)
    night, amber = (torch.tensor(c).view(1, 3, 1, 1).to(pixels) for c in ((0.2, 0.26, 0.4), (1.0, 0.78, 0.25)))
    return (gray * night * (1 - light) + (0.35 + 0.65 * gray) * amber * light).clamp(0, 1)


def draw_picture(axes: Axes, picture: Tensor, title: str = "", *, smooth: bool = True) -> None:
    """A picture (1, 3, H, W) that fills its axes, every pixel of it drawn, under its title."""
    axes.imshow(np.asarray(images.to_pil(picture)), interpolation="lanczos" if smooth else "nearest", aspect="auto")
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=9.5, pad=3)


def _bars(axes: Axes, top: Sequence[tuple[str, float]], highlight: Sequence[str]) -> None:
    names, values = [name for name, _ in top][::-1], [p for _, p in top][::-1]
    rows = range(len(names))  # not the names, for two categories may have the same: crane and crane
    axes.barh(rows, values, height=0.34, color=[ORANGE if n in highlight else BLUE for n in names])
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        axes.text(0, i + 0.27, name, fontsize=8.5, va="bottom")
        axes.text(value + 0.02, i, _share(value), fontsize=8.5, va="center", color=GRAY)
    axes.set(xlim=(0, 1.15), ylim=(-0.4, len(names) - 0.2), yticks=[])
    axes.set_axis_off()


def _share(value: float) -> str:
    return f"{value:.2f}" if 0.005 <= value < 0.995 else "< 0.01" if value < 0.5 else "> 0.99"
