"""Two pictures under one sliding divider, with a table of results to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import traitlets
from torch import Tensor

from helpers.explorables.base import FOLDER, Explorable, data_url, module


class Divider(Explorable):
    """The original on the left of the divider, a result on the right; a row of buttons and a slider choose which.

    Args:
        original: (1, 3, H, W).
        results: for each row's name its pictures, one for each column.
        columns: what the slider's positions are called.
        label: what the figure shows, for screen readers.
        row, column: which result to begin with.
    """

    _esm = module("divider")
    _css = FOLDER / "divider.css"
    original = traitlets.Unicode().tag(sync=True)
    frames: traitlets.List[list[str]] = traitlets.List().tag(sync=True)  # [row][column]: data URLs
    rows: traitlets.List[str] = traitlets.List().tag(sync=True)
    columns: traitlets.List[str] = traitlets.List().tag(sync=True)
    names = traitlets.Tuple().tag(sync=True)  # what a row is, and what a column is
    size = traitlets.Tuple().tag(sync=True)  # width, height
    row = traitlets.Int(0).tag(sync=True)
    column = traitlets.Int(0).tag(sync=True)
    position = traitlets.Float(0.5).tag(sync=True)  # of the divider, from 0 at the left to 1

    def __init__(
        self,
        original: Tensor,
        results: Mapping[str, Sequence[Tensor]],
        *,
        columns: Sequence[str],
        label: str,
        names: tuple[str, str] = ("layer", "strength"),
        row: int = 0,
        column: int = 0,
    ) -> None:
        if not results or not columns:
            raise ValueError("a divider needs at least one row and one column of results")
        for name, pictures in results.items():
            _check_row(name, pictures, len(columns), original)
        if not (0 <= row < len(results) and 0 <= column < len(columns)):
            raise ValueError(f"row {row}, column {column} is outside of {len(results)} rows, {len(columns)} columns")
        self.label = label
        super().__init__(
            original=data_url(original, quality=84),
            frames=[[data_url(picture) for picture in pictures] for pictures in results.values()],
            rows=list(results),
            columns=list(columns),
            names=names,
            size=(original.shape[-1], original.shape[-2]),
            row=row,
            column=column,
        )


def _check_row(name: str, pictures: Sequence[Tensor], columns: int, original: Tensor) -> None:
    if len(pictures) != columns:
        raise ValueError(f"row {name!r} has {len(pictures)} pictures for {columns} columns")
    for picture in pictures:
        if picture.shape != original.shape:
            shapes = f"{tuple(picture.shape)}, the original of {tuple(original.shape)}"
            raise ValueError(f"row {name!r} has a picture of shape {shapes}")
