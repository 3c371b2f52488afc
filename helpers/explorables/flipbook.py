"""Pictures computed beforehand, turned over by one or two sliders, with bars for what a network says to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import traitlets
from torch import Tensor

from helpers.explorables.base import FOLDER, Explorable, data_url, module


class Flipbook(Explorable):
    """One or two sliders choose a page; a page holds a picture in each panel and, if wanted, bars.

    Args:
        dials: for each slider's name what its stops are called; the first varies slowest from page to page.
        panels: for each panel's title its pictures (N, 3, H, W), one for each page.
        label: what the figure shows, for screen readers.
        bars: for each page its categories with their probabilities, the longest first.
        start: the stop of each slider to begin with.
    """

    _esm = module("flipbook")
    _css = FOLDER / "flipbook.css"
    dials: traitlets.List[list] = traitlets.List().tag(sync=True)  # [name, [stop, ...]]
    panels: traitlets.List[list] = traitlets.List().tag(sync=True)  # [title, [data URL, ...]]
    bars: traitlets.List[list] = traitlets.List().tag(sync=True)  # [page][rank]: [category, probability]
    ratio = traitlets.Float(1.0).tag(sync=True)  # width by height
    stops: traitlets.List[int] = traitlets.List().tag(sync=True)  # where each slider stands

    def __init__(
        self,
        *,
        dials: Mapping[str, Sequence[str]],
        panels: Mapping[str, Tensor],
        label: str,
        bars: Sequence[Sequence[tuple[str, float]]] | None = None,
        start: Sequence[int] | None = None,
    ) -> None:
        stops = [0] * len(dials) if start is None else list(start)
        _check(dials, panels, bars, stops)
        self.label = label
        shape = next(iter(panels.values())).shape
        super().__init__(
            dials=[[name, list(names)] for name, names in dials.items()],
            panels=[[title, [data_url(page[None]) for page in pages]] for title, pages in panels.items()],
            bars=[[[name, round(float(p), 4)] for name, p in top] for top in bars or []],
            ratio=shape[-1] / shape[-2],
            stops=stops,
        )


def _check(dials: Mapping, panels: Mapping[str, Tensor], bars: Sequence | None, stops: Sequence[int]) -> None:
    if not (1 <= len(dials) <= 2 and panels and all(dials.values())):
        raise ValueError(f"{len(dials)} sliders and {len(panels)} panels; one or two sliders and a panel are needed")
    pages = prod(len(names) for names in dials.values())
    counts = {f"panel {title!r}": len(pictures) for title, pictures in panels.items()}
    for name, count in (counts | ({} if bars is None else {"the list of bars": len(bars)})).items():
        if count != pages:
            raise ValueError(f"{name} has {count} pages for {pages} positions of the sliders")
    if len({pictures.shape for pictures in panels.values()}) > 1:
        raise ValueError(f"panels differ in shape: {[tuple(pictures.shape) for pictures in panels.values()]}")
    if len(stops) != len(dials) or not all(0 <= s < len(n) for s, n in zip(stops, dials.values(), strict=True)):
        raise ValueError(
            f"start {tuple(stops)} is no position of sliders with {[len(n) for n in dials.values()]} stops"
        )
