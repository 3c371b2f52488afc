"""Self-checks: the first fault is told, errors are told, and no answer is neither right nor wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from helpers.study import Check

HALF = Check(
    {
        "It is negative.": lambda a: a < 0,
        "Too large by a factor of two.": lambda a: a == 1,
        "Not one half.": lambda a: a != 0.5,
    },
    "One half.",
)


@pytest.mark.parametrize(
    ("answer", "right", "message"),
    [
        (0.5, True, "One half."),
        (-1, False, "It is negative."),
        (1, False, "Too large by a factor of two."),
        (0.4, False, "Not one half."),
        (..., None, "Write your answer in place of the three dots, and run this cell again."),
        (
            "a",
            False,
            "Your answer cannot be used here: TypeError: '<' not supported between instances of 'str' and 'int'",
        ),
    ],
)
def test_what_is_said(answer: Any, right: bool | None, message: str) -> None:
    verdict = HALF(answer)
    assert verdict.right is right
    assert verdict.message == repr(verdict) == message


def test_html_is_escaped() -> None:
    assert "a &lt; b" in Check({"a < b": lambda _: True})(1)._repr_html_()


@pytest.mark.parametrize(
    "answer",
    [float("nan"), torch.tensor([0.5, float("nan")]), np.array([[float("nan")]]), (0.5, [float("nan")])],
    ids=["number", "tensor", "array", "nested"],
)
def test_an_answer_that_holds_nan_is_never_right(answer):
    verdict = Check({"Too far off.": lambda a: (torch.as_tensor(a) - 0.5).abs().max() > 0.1})(answer)
    assert verdict.right is False
    assert "NaN" in verdict.message
