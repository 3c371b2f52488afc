"""Every figure of the book: one palette, one style, figures returned and never shown behind the reader's back."""

from __future__ import annotations

import base64
import html
import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from helpers import images, ledger

# Okabe and Ito's colors, which color-blind readers can tell apart, on warm paper.
INK, PAPER, GRAY, SAND, PLUM, YELLOW = "#20242c", "#ffffff", "#8a8f98", "#f4efe6", "#8f4670", "#e8d44d"
BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"
COLORS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)

SHADE: dict[str, Any] = {"color": "#8a8f98", "alpha": 0.13, "linewidth": 0}
NIGHT = "#10131a"

Curve = tuple[Sequence[float], Sequence[float]]  # xs, ys
WIDTH = 7.0  # inches; at the width of a page, text of 10 points looks like the page's own
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.axisbelow": True,
    "grid.color": "#e4e6ea",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
}


@dataclass(frozen=True)
class Picture:
    """A picture with its number, caption and alternative text; notebooks and pages show it as one HTML figure."""

    number: str
    caption: str
    alt: str
    content: bytes
    kind: str  # "webp", "png", ...

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.content).decode()
        return (
            f'<figure class="picture" id="figure-{self.number.replace(".", "-")}" style="margin:1em 0">'
            f'<img alt="{html.escape(self.alt)}" src="data:image/{self.kind};base64,{data}" style="max-width:100%">'
            f"<figcaption><b>Figure {self.number}.</b> {self.caption}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"Figure {self.number}. {self.caption}"


def show(source: Figure | Tensor | Path, number: str, *, caption: str, alt: str, quality: int = 88) -> Picture:
    """Dress a matplotlib figure, an image (1, 3, H, W) or a picture file for notebook and page.

    Args:
        source: what to show.
        number: such as "5.3": chapter and place.
        caption: says what to look at; may hold inline HTML such as ``<em>``.
        alt: says what a reader who cannot see the picture needs to know.
        quality: of the WebP compression, 0 to 100.
    """
    if not caption or not alt:
        raise ValueError(f"figure {number} needs a caption and an alternative text")
    caption = ledger.powers_of_ten(caption)
    if isinstance(source, Path):
        kind = source.suffix.lstrip(".").lower()
        return Picture(number, caption, alt, source.read_bytes(), "jpeg" if kind == "jpg" else kind)
    buffer, settings = io.BytesIO(), {"quality": quality, "method": 6}
    if isinstance(source, Figure):
        with mpl.rc_context(STYLE):
            source.savefig(buffer, format="webp", dpi=220, bbox_inches="tight", pad_inches=0.06, pil_kwargs=settings)
    else:
        images.to_pil(source).save(buffer, "WEBP", **settings)
    return Picture(number, caption, alt, buffer.getvalue(), "webp")


def blank(*, rows: int = 1, columns: int = 1, height: float = 3, width: float = WIDTH, **settings: Any) -> Figure:
    """An empty figure in the book's style, `width` by `height` inches, with a grid of axes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.subplots(rows, columns, **settings)
    return figure


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
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(total_width, total_height))
        top, labels = total_height, iter(titles)
        for row, height in zip(rows, heights, strict=True):
            left = 0.0
            for picture in row:
                w, h = picture.shape[-1] * inch, picture.shape[-2] * inch
                box = (left / total_width, (top - head - h) / total_height, w / total_width, h / total_height)
                _picture(figure.add_axes(box), picture, next(labels, ""), smooth=smooth)
                left += w + gap
            top -= height + gap
    return figure


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
    with mpl.rc_context(STYLE):
        axes = np.array(figure.axes).reshape(2, columns)
        for i, (picture, top) in enumerate(zip(pictures, tops, strict=True)):
            _picture(axes[0, i], picture, titles[i] if titles else "")
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


def glow(pixels: Tensor, activation: Tensor) -> Tensor:
    """One channel (h, w) as light on the picture (1, 3, H, W): night where it is dark, amber where it is lit."""
    light = activation.detach().clamp(min=0)[None, None]
    light = light / light.quantile(0.995).clamp(min=1e-6)
    light = torch.nn.functional.interpolate(light, pixels.shape[2:], mode="bicubic").clamp(0, 1)
    gray = pixels.mean(dim=1, keepdim=True)
    night, amber = (torch.tensor(c).view(1, 3, 1, 1).to(pixels) for c in ((0.2, 0.26, 0.4), (1.0, 0.78, 0.25)))
    return (gray * night * (1 - light) + (0.35 + 0.65 * gray) * amber * light).clamp(0, 1)


def lines(
    curves: Mapping[str, Curve],
    *,
    x: str,
    y: str,
    log: bool = False,
    log_x: bool = False,
    dashed: Sequence[str] = (),
    points: Sequence[str] = (),
    bands: Mapping[str, Curve] | None = None,
    colors: Sequence[str] = COLORS,
    height: float = 3.0,
) -> Figure:
    """Curves by name, each (xs, ys), labeled at their right end rather than in a legend; those in `dashed` dashed,
    those in `points` as single dots.

    A curve named in `bands` stands before a band from low to high, such as the spread over seeds.
    """
    figure = blank(height=height)
    axes = figure.axes[0]
    with mpl.rc_context(STYLE):
        axes.set(xlabel=x, ylabel=y, yscale="log" if log else "linear", xscale="log" if log_x else "linear")
        _curves(axes, curves, dashed=dashed, points=points, bands=bands, colors=colors)
        places = sorted({place for xs, _ in curves.values() for place in xs})
        if log_x:
            if len(places) <= 10:
                axes.set_xticks(places)
            axes.set_xticks([], minor=True)
            axes.xaxis.set_major_formatter(lambda place, _: _plain(place))
        elif not log_x and all(isinstance(place, int) for place in places):
            axes.locator_params(axis="x", integer=True)
    return figure


def _plain(number: float) -> str:
    """A number as on paper: 100 rather than a power of ten, 1/8 rather than 0.125."""
    whole = round(1 / number) if 0 < number < 1 else 0
    return f"1/{whole}" if whole and whole & (whole - 1) == 0 and abs(whole * number - 1) < 1e-9 else f"{number:g}"


def tracks(
    rows: Mapping[str, Mapping[str, Curve]], *, x: str, marks: Sequence[float] = (), height: float = 1.9
) -> Figure:
    """Rows of curves over one x axis, each row named at its y axis, with faint vertical lines at `marks`."""
    figure = blank(rows=len(rows), height=height * len(rows) + 0.3, squeeze=False, sharex=True)
    with mpl.rc_context(STYLE):
        for axes, (name, curves) in zip(figure.axes, rows.items(), strict=True):
            for mark in marks:
                axes.axvline(mark, color=GRAY, linewidth=0.6, alpha=0.5)
            axes.set_ylabel(name)
            _curves(axes, curves)
        figure.axes[-1].set_xlabel(x)
    return figure


def _curves(
    axes: Axes,
    curves: Mapping[str, Curve],
    *,
    dashed: Sequence[str] = (),
    points: Sequence[str] = (),
    bands: Mapping[str, Curve] | None = None,
    colors: Sequence[str] = COLORS,
) -> None:
    """Curves with their names at their right ends, moved apart where they would overlap; a blank name is left out."""
    for color, (name, (xs, ys)) in zip(itertools.cycle(colors), curves.items(), strict=False):
        if name in points:
            axes.plot(xs, ys, "o", color=color, alpha=0.6, markersize=4, markeredgewidth=0)
        else:
            axes.plot(xs, ys, color=color, linestyle="--" if name in dashed else "-")
        if bands and name in bands:
            axes.fill_between(xs, *bands[name], color=color, alpha=0.18, linewidth=0)
    axes.grid(axis="y")
    axes.autoscale_view()  # or the names would be spaced on the scale before the curves
    beside = max((curves[name][0][-1] for name in points), default=0)  # dots to the right would lie on the name
    named = {name: color for name, color in zip(curves, itertools.cycle(colors), strict=False) if name.strip()}
    ends = [(beside if name in points else curves[name][0][-1], curves[name][1][-1]) for name in named]
    heights = (axes.transData.transform(ends)[:, 1] * 72 / axes.figure.dpi).tolist() if named else []  # in points
    for (name, color), end, height, free in zip(named.items(), ends, heights, _apart(heights, 13), strict=True):
        place: dict[str, Any] = {"xytext": (6, free - height), "textcoords": "offset points", "va": "center"}
        paper = {"facecolor": PAPER, "alpha": 0.85, "linewidth": 0, "pad": 0.8}  # where another curve passes behind
        axes.annotate(name, end, color=color, bbox=paper, **place)


def functions(
    functions: Mapping[str, Callable[[Tensor], Tensor]],
    *,
    span: tuple[float, float] = (-6, 6),
    flat: float = 0.02,
    x: str = "weighted sum",
    height: float = 3.3,
) -> Figure:
    """Functions of one number side by side, on the same axes, their slopes beneath; shaded where the slope is small.

    Args:
        functions: by name; autograd gives their slopes.
        span: of the horizontal axis.
        flat: a slope below this is shaded.
        x: the label of the horizontal axis.
    """
    grid: dict[str, Any] = {"height_ratios": [1.5, 1], "hspace": 0.02, "wspace": 0.02}
    figure = blank(rows=2, columns=len(functions), height=height, sharex=True, sharey="row", gridspec_kw=grid)
    axes = np.array(figure.axes).reshape(2, -1)
    with mpl.rc_context(STYLE):
        for color, pair, (name, function) in zip(itertools.cycle(COLORS), axes.T, functions.items(), strict=False):
            at = torch.linspace(*span, 1201, requires_grad=True)
            values = function(at)
            slopes = torch.autograd.grad(values.sum(), at)[0].numpy()
            for place, heights in zip(pair, (values.detach().numpy(), slopes), strict=True):
                place.fill_between(
                    at.detach(), 0, 1, where=slopes < flat, transform=place.get_xaxis_transform(), **SHADE
                )
                place.axhline(0, color=GRAY, linewidth=0.7)
                place.plot(at.detach(), heights, color=color, linewidth=2.4, solid_capstyle="round")
                place.spines[["left", "bottom"]].set_visible(False)
                place.tick_params(length=0)
            pair[1].fill_between(at.detach(), 0, slopes, color=color, alpha=0.16, linewidth=0)
            pair[0].axvline(0, color=GRAY, linewidth=0.7)
            pair[0].set(title=name, ylim=(-1.3, 2.3), yticks=[0, 1], xlim=span)
            pair[1].set(xlabel=x, ylim=(-0.08, 1.15), yticks=[0, 0.25, 1], yticklabels=["0", "¼", "1"])
            pair[1].grid(axis="y")
        axes[0, 0].set_ylabel("output")
        axes[1, 0].set_ylabel("slope")
        figure.align_ylabels()
    return figure


def areas(
    curves: Mapping[str, Sequence[float]], *, over: Sequence[float], truth: Sequence[float], columns: int = 3
) -> Figure:
    """Each curve (xs `over`, ys) as a filled silhouette in a panel of its own, the truth a thin line over it."""
    rows = -(-len(curves) // columns)
    figure = blank(rows=rows, columns=columns, height=1.45 * rows, squeeze=False, sharex=True, sharey=True)
    with mpl.rc_context(STYLE):
        for axes in figure.axes:
            axes.set_axis_off()
        for axes, (name, ys) in zip(figure.axes, curves.items(), strict=False):
            axes.fill_between(over, 0, ys, color=INK, linewidth=0)
            axes.plot(over, truth, color=ORANGE, linewidth=0.9)
            axes.set_title(name, fontsize=9.5, pad=3)
    return figure


def heat(
    panels: Mapping[str, Tensor],
    *,
    x: str,
    y: str,
    bar: str,
    limits: tuple[float, float] | None = None,
    log: bool = False,
    numbers: bool = False,
    ticks: Sequence[str] = (),
    colors: str = "inferno",
    height: float = 3.4,
) -> Figure:
    """Tables (rows, columns) side by side as light, row 0 at the bottom, on one scale named `bar`.

    Args:
        bar: what the scale means; "" draws no scale, for tables whose `numbers` say it all.
        limits: of the scale; by default the least and the greatest value.
        log: a logarithmic scale, on which zero is as dark as the least.
        numbers: write each value that is not zero into its cell.
        ticks: what to write along both axes; by default only the number of rows.
        colors: a matplotlib color map.
    """
    low, high = limits or (float(min(t.min() for t in panels.values())), float(max(t.max() for t in panels.values())))
    if log and limits is None:
        low = float(min(t[t > 0].min() for t in panels.values()))
    norm = (mpl.colors.LogNorm if log else mpl.colors.Normalize)(low, high, clip=True)
    shade = mpl.colormaps[colors]
    figure = blank(columns=len(panels), height=height, sharey=True, squeeze=False)
    with mpl.rc_context(STYLE):
        for axes, (name, table) in zip(figure.axes, panels.items(), strict=True):
            image = axes.imshow(np.asarray(table.clamp(min=low)), norm=norm, cmap=shade, origin="lower", aspect="auto")
            axes.set(title=name, xlabel=x, xticks=range(len(ticks)), xticklabels=ticks)
            axes.set(yticks=range(len(ticks)) if ticks else [0, len(table) - 1], yticklabels=ticks or [1, len(table)])
            for i, j in table.nonzero().tolist() if numbers else []:
                value = table[i, j].item()
                ink = _ink(shade(norm(value)))
                axes.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=8, color=ink)
        figure.axes[0].set_ylabel(y)
        if bar:
            figure.colorbar(image, ax=figure.axes, label=bar, aspect=30, pad=0.015)
    return figure


def tint(values: Tensor) -> Tensor:
    """Values (h, w) from -1 to 1 as a picture (1, 3, h, w): vermilion, white at zero, blue; NaN is pale gray."""
    blue, red = (torch.tensor(mpl.colors.to_rgb(color)).view(3, 1, 1) for color in (BLUE, RED))
    strength = values.detach().clamp(-1, 1).abs()
    return (1 - strength * (1 - torch.where(values > 0, blue, red))).nan_to_num(0.9)[None]


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """The heights, moved up where needed so that each lies at least `gap` above the one below it."""
    free, floor = list(heights), -float("inf")
    for i in sorted(range(len(heights)), key=lambda i: heights[i]):
        free[i] = floor = max(heights[i], floor + gap)
    return free


def dots(
    groups: Mapping[str, Sequence[float]],
    *,
    y: str,
    baseline: tuple[str, float] | None = None,
    limits: tuple[float, float] | None = None,
    log: bool = False,
    height: float = 2.8,
) -> Figure:
    """A dot for each value of each group, one column a group, a short line at its mean; a level to compare with.

    The vertical axis spans `limits`, by default the values.
    """
    figure = blank(height=height)
    axes = figure.axes[0]
    with mpl.rc_context(STYLE):
        for i, values in enumerate(groups.values()):
            aside = np.linspace(-0.12, 0.12, len(values)) * (len(values) > 1)  # or equal values would hide each other
            axes.plot(i + aside, values, "o", color=BLUE, alpha=0.75, markeredgewidth=0)
            axes.hlines(sum(values) / len(values), i - 0.22, i + 0.22, color=ORANGE)
        if baseline:
            axes.axhline(baseline[1], color=GRAY, linewidth=1, linestyle="--")
            axes.annotate(baseline[0], (-0.45, baseline[1]), xytext=(0, 3), textcoords="offset points", color=GRAY)
        axes.set(
            xticks=range(len(groups)),
            xticklabels=list(groups),
            xlim=(-0.5, len(groups) - 0.5),
            ylabel=y,
            yscale="log" if log else "linear",
            ylim=limits,
        )
        axes.grid(axis="y")
    return figure


def columns(
    groups: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    *,
    x: str,
    y: str,
    stacked: bool = False,
    height: float = 2.8,
) -> Figure:
    """Bars side by side, or one on the other: a color for each group, a cluster for each label."""
    figure = blank(height=height)
    axes = figure.axes[0]
    width = 0.9 if stacked else 0.8 / len(groups)
    floor = [0.0] * len(labels)
    with mpl.rc_context(STYLE):
        for i, (name, values) in enumerate(groups.items()):
            shift = 0 if stacked else (i - (len(groups) - 1) / 2) * width
            places = [j + shift for j in range(len(values))]
            axes.bar(places, values, width * 0.92, bottom=floor, color=COLORS[i % len(COLORS)], label=name)
            floor = [a + b for a, b in zip(floor, values, strict=True)] if stacked else floor
        axes.set(xticks=range(len(labels)), xticklabels=labels, xlabel=x, ylabel=y)
        axes.grid(axis="y")
        if len(groups) > 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1)) if stacked else axes.legend()
    return figure


def ladder(values: Mapping[str, float], *, x: str, highlight: Sequence[str] = (), log: bool = True) -> Figure:
    """Numbers, one named row each, as dots; some in another color. On a linear axis each has its number beside it."""
    figure = blank(height=0.31 * len(values) + 0.6)
    axes = figure.axes[0]
    colors = [ORANGE if name in highlight else BLUE for name in values]
    with mpl.rc_context(STYLE):
        axes.hlines(range(len(values)), int(log), list(values.values()), color=colors, linewidth=1.2)
        axes.scatter(list(values.values()), range(len(values)), color=colors, zorder=3)
        axes.set(xscale="log" if log else "linear", xlim=(int(log), None), xlabel=x)
        axes.set(yticks=range(len(values)), yticklabels=list(values))
        for row, value in enumerate([] if log else values.values()):
            axes.annotate(f"{value:g}", (value, row), xytext=(7, 0), textcoords="offset points", va="center")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.invert_yaxis()
    return figure


def table(values: Tensor, rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Values (rows, columns) as windows with numbers, the higher in rank the brighter, the highest in a frame."""
    figure = blank(height=0.6 * len(rows) + 0.6)
    axes, best = figure.axes[0], divmod(int(values.argmax()), len(columns))
    with mpl.rc_context(STYLE):
        ranks = values.flatten().argsort().argsort().view_as(values)
        axes.pcolormesh(ranks, cmap="cividis", edgecolors=PAPER, linewidth=3)
        shades = np.asarray(mpl.colormaps["cividis"]((ranks / max(1, values.numel() - 1)).numpy()))
        for i, j in itertools.product(range(len(rows)), range(len(columns))):
            color = _ink(shades[i, j])
            axes.text(j + 0.5, i + 0.5, f"{values[i, j]:.1f}", color=color, ha="center", va="center")
        axes.add_patch(mpl.patches.Rectangle(best[::-1], 1, 1, fill=False, edgecolor=RED, linewidth=3))
        axes.set(xticks=np.arange(len(columns)) + 0.5, xticklabels=columns)
        axes.set(yticks=np.arange(len(rows)) + 0.5, yticklabels=rows)
        axes.invert_yaxis()
        axes.xaxis.tick_top()
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    return figure


def _ink(shade: Sequence[float]) -> str:
    """The color of writing that can be read on a shade (red, green, blue, ...): whichever stands out more."""
    light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade[:3]]
    return INK if np.dot(light, (0.2126, 0.7152, 0.0722)) > 0.2 else PAPER  # WCAG's relative luminance


def scatter(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    *,
    x: str,
    y: str,
    marks: Mapping[str, tuple[float, float]] | None = None,
    diagonal: bool = False,
    front: str = "",
    size: float = 4,
    height: float = 3.2,
) -> Figure:
    """Dots (xs, ys) in a color for each name, panels side by side on the same axes; `marks` are stars with names.

    The dots named `front` are drawn larger and on top of the others.
    """
    figure = blank(columns=len(panels), height=height, squeeze=False, sharex=True, sharey=True)
    with mpl.rc_context(STYLE):
        for axes, (title, groups) in zip(figure.axes, panels.items(), strict=True):
            if diagonal:
                axes.axline((0, 0), slope=1, color=GRAY, linewidth=0.8)
            places = np.concatenate([np.stack([xs, ys], axis=1) for xs, ys in groups.values()])
            _dust(axes, places, np.repeat(COLORS[: len(groups)], [len(xs) for xs, _ in groups.values()]), size)
            for color, name in zip(COLORS, groups, strict=False):
                above = groups[name] if name == front else ([], [])
                axes.scatter(*above, s=2 * size, color=color, edgecolors=PAPER, linewidths=0.4)
                axes.scatter([], [], s=30, color=color, label=name)
            for name, place in (marks or {}).items():
                axes.plot(*place, "*", color=INK, markeredgecolor=PAPER, markersize=17)
                axes.annotate(name, place, xytext=(8, -30), textcoords="offset points", weight="bold", ha="right")
            axes.set(title=title, xlabel=x)
            axes.grid()
        figure.axes[0].set_ylabel(y)
        handles = figure.axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper right", ncols=len(handles[1]), handletextpad=0.2)
    return figure


def _dust(axes: Axes, places: np.ndarray, colors: np.ndarray, size: float) -> None:
    """Dots (n, 2) in random order, for else one color would lie over the other."""
    order = np.random.default_rng(0).permutation(len(places))
    axes.scatter(places[order, 0], places[order, 1], s=size, color=colors[order], alpha=0.4, linewidths=0)


def clouds(
    answers: Sequence[Tensor],
    pictures: Sequence[Tensor],
    truths: Sequence[int],
    *,
    marks: Mapping[str, Sequence[Tensor]],
    columns: int = 3,
) -> Figure:
    """Many answers to each picture as a cloud by night, in a polygon with a corner for each category.

    An answer lies at the mean of the corners, weighted by its probabilities, so the mean of answers lies at the mean
    of their places. It is blue when its likeliest category is the true one, orange when not.

    Args:
        answers: for each picture the probabilities (M, K) that M networks give K categories.
        pictures: (1, 3, H, W) each, drawn small into a corner.
        truths: for each picture its true category.
        marks: single answers (K,), one for each picture, by the matplotlib marker that shows them in white.
        columns: panels in a row.
    """
    rows = -(-len(answers) // columns)
    grid = {"wspace": 0.015, "hspace": 0.015}
    figure = blank(rows=rows, columns=columns, height=WIDTH / columns * rows, squeeze=False, gridspec_kw=grid)
    turn = 2 * np.pi * np.arange(answers[0].shape[1]) / answers[0].shape[1]
    corners = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    with mpl.rc_context(STYLE):
        for i, (axes, shares) in enumerate(zip(figure.axes, answers, strict=False)):
            axes.set(xlim=(-1.26, 1.26), ylim=(-1.26, 1.26), aspect="equal", facecolor=NIGHT, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.add_patch(mpl.patches.Polygon(corners, fill=False, edgecolor=GRAY, linewidth=0.5))
            right = shares.argmax(dim=1).numpy() == truths[i]
            _dust(axes, shares.numpy() @ corners, np.where(right, SKY, ORANGE), 1.6)
            for category, (x, y) in enumerate(1.14 * corners):
                axes.text(x, y, f"{category}", color=PAPER if category == truths[i] else GRAY, ha="center", va="center")
            for marker, chosen in marks.items():
                x, y = chosen[i].numpy() @ corners
                style: dict[str, Any] = {"mfc": PAPER, "ms": 13} if marker == "*" else {"mfc": "none", "ms": 8}
                axes.plot(x, y, marker, color=PAPER, **style)
            _picture(axes.inset_axes((0.03, 0.03, 0.17, 0.17)), pictures[i], smooth=False)
    return figure


def neurons(activations: Mapping[str, float | Tensor], *, label: Sequence[tuple[int, str]] = ()) -> Figure:
    """Rows of values (n,), one thin bar a neuron, as a barcode: who is lit and who is dark."""
    figure = blank(rows=len(activations), height=0.95 * len(activations) + 0.35, squeeze=False)
    with mpl.rc_context(STYLE):
        for axes, (name, values) in zip(figure.axes, activations.items(), strict=True):
            heights = torch.as_tensor(values).tolist()
            axes.vlines(range(len(heights)), 0, heights, color=BLUE, linewidth=1.2)
            axes.set(xlim=(-5, len(heights) + 5), ylim=(0, max(heights) * 1.25 or 1), title=name)
            axes.spines["left"].set_visible(False)
            axes.set_yticks([])
        figure.axes[-1].set_xlabel("number of the neuron")
        for i, text in label:
            value = float(torch.as_tensor(list(activations.values())[-1])[i])
            figure.axes[-1].annotate(f"{text} {value:.2f}", (i, value), xytext=(4, 2), textcoords="offset points")
    return figure


def mosaic(
    panels: Mapping[str, tuple[Sequence[Tensor], np.ndarray]],
    *,
    bounds: Sequence[float],
    columns: int | None = None,
) -> Figure:
    """Polygons (k, 2) filled with their colors (polygons, 3) and joined by thin light seams, a panel for each title.

    Args:
        panels: title -> (polygons, colors).
        bounds: (xmin, xmax, ymin, ymax) of every panel.
        columns: how many panels in a row; by default all.
    """
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    side = WIDTH / columns
    height = rows * (side * (bounds[3] - bounds[2]) / (bounds[1] - bounds[0]) + 0.24 * any(panels))
    figure = blank(rows=rows, columns=columns, height=height, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.02, wspace=0, hspace=0)
    for axes, (title, (polygons, colors)) in zip(figure.axes, panels.items(), strict=False):
        corners = [polygon.numpy() for polygon in polygons]
        seams = np.array([_thickness(ring) for ring in corners]) * 72 * side / (bounds[1] - bounds[0])
        widths = np.minimum(0.08 * seams, 0.16 + 0.035 * side).tolist()  # no sliver may vanish under its seams
        axes.add_collection(PolyCollection(corners, facecolors=colors, edgecolors=colors, linewidths=0.2))
        axes.add_collection(PolyCollection(corners, facecolors="none", edgecolors=(1, 1, 1, 0.7), linewidths=widths))
        axes.set(xlim=bounds[:2], ylim=bounds[2:], aspect="equal")
        axes.set_axis_off()
        axes.set_title(title, fontsize=9.5, pad=3)
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    return figure


def compass(slopes: Tensor) -> np.ndarray:
    """Colors (N, 3) for slopes (N, 2) by how they differ from the middle one: hue for where to, pale for little."""
    away = (slopes - slopes.median(dim=0).values).numpy()
    length = np.hypot(*away.T)
    strength = np.minimum(length / max(np.quantile(length, 0.85), 1e-12), 1)[:, None] ** 0.6
    hues = LinearSegmentedColormap.from_list("compass", [PLUM, BLUE, SKY, YELLOW, ORANGE, RED, PLUM], 512)
    return _mixed(SAND, hues(np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi) % 1)[:, :3], strength)


def relief(slopes: Tensor, heights: Tensor) -> np.ndarray:
    """Colors (N, 3) of facets by slopes (N, 2) and heights (N,): blue below 0, amber above, lit from the upper left."""
    steepness = slopes.norm(dim=1)
    tilt = ((slopes[:, 0] - slopes[:, 1]) / 2**0.5 / (steepness + steepness.median() + 1e-12)).numpy()
    far = (heights / (heights.abs() + heights.abs().quantile(0.4) + 1e-12)).numpy()
    kind = np.where(far[:, None] < 0, to_rgb(BLUE), to_rgb(ORANGE))
    base = _mixed(SAND, kind, np.minimum(np.abs(1.35 * far), 1)[:, None] ** 0.7)
    return np.clip(base * (1 + 0.35 * tilt * np.where(tilt > 0, 0.6, 1))[:, None], 0, 1)


def _thickness(ring: np.ndarray) -> float:
    """Four times the area over the perimeter: the width of a long strip twice, the side of a square."""
    step = np.roll(ring, -1, axis=0) - ring
    x, y = (ring - ring[0]).T
    return float(2 * abs(np.sum(x * step[:, 1] - y * step[:, 0])) / np.hypot(*step.T).sum())


def _mixed(start: str, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.array(to_rgb(start)) * (1 - share) + end * share


def _picture(axes: Axes, picture: Tensor, title: str = "", *, smooth: bool = True) -> None:
    axes.imshow(np.asarray(images.to_pil(picture)), interpolation="lanczos" if smooth else "nearest", aspect="auto")
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=9.5, pad=3)


def _bars(axes: Axes, top: Sequence[tuple[str, float]], highlight: Sequence[str]) -> None:
    names, values = [name for name, _ in top][::-1], [p for _, p in top][::-1]
    axes.barh(names, values, height=0.34, color=[ORANGE if n in highlight else BLUE for n in names])
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        axes.text(0, i + 0.27, name, fontsize=8.5, va="bottom")
        axes.text(value + 0.02, i, _share(value), fontsize=8.5, va="center", color=GRAY)
    axes.set(xlim=(0, 1.15), ylim=(-0.4, len(names) - 0.2), yticks=[])
    axes.set_axis_off()


def _share(value: float) -> str:
    return f"{value:.2f}" if 0.005 <= value < 0.995 else "< 0.01" if value < 0.5 else "> 0.99"
