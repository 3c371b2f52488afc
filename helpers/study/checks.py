"""Self-checks for the exercises: they say what is wrong with an answer, not only that it is."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to say about it; `right` is None while there is no answer."""

    right: bool | None
    message: str

    def _repr_html_(self) -> str:
        sign = {True: "✓", False: "✗", None: "…"}[self.right]
        color = {True: "#009e73", False: "#d55e00", None: "#8a8f98"}[self.right]
        return (
            f'<p class="self-check" style="border-left:4px solid {color};padding-left:.7em">'
            f"<b>{sign}</b> {html.escape(self.message, quote=False)}</p>"
        )

    def __repr__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Check:
    """A check of one exercise.

    Args:
        faults: what to say -> whether the answer has this fault, asked in this order; the first found is told.
        praise: what to say of an answer without faults.

    Called with an answer it gives a `Verdict`; ``...``, Python's own "to be filled in", is no answer yet. An answer
    that makes a question fail, such as a function that raises an error, is told the error.
    """

    faults: Mapping[str, Callable[[Any], Any]]
    praise: str = "Right."

    def __call__(self, answer: Any) -> Verdict:
        if answer is ...:
            return Verdict(None, "Write your answer in place of the three dots, and run this cell again.")
        if _holds_nan(answer):
            return Verdict(
                False, "Your answer holds NaN, “not a number”: look for 0 / 0, or for the logarithm of 0 times 0."
            )
        for message, has_fault in self.faults.items():
            try:
                found = bool(has_fault(answer))
            except Exception as error:  # the reader's own code may fail in any way
                return Verdict(False, f"Your answer cannot be used here: {type(error).__name__}: {error}")
            if found:
                return Verdict(False, message)
        return Verdict(True, self.praise)


def _holds_nan(answer: Any) -> bool:
    """Whether NaN is somewhere in it: no comparison would notice."""
    if isinstance(answer, (list, tuple)):
        return any(map(_holds_nan, answer))
    try:
        return bool(torch.as_tensor(answer).isnan().any())
    except (TypeError, ValueError, RuntimeError):  # no number, and so no NaN
        return False
