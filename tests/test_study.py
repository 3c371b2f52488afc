"""Self-checks: the first fault is told, errors are told, and no answer is neither right nor wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from helpers import study
from helpers.explorables.quiz import Question
from helpers.study import Check, quizzes

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


def test_a_quiz_is_read_from_the_chapters_data(tmp_path, monkeypatch):
    data = """[[question]]
text = "Is it so?"
right = "Yes."
why = "It is."
wrong = {"No." = "It is.", "Perhaps." = "It is so."}
"""
    (tmp_path / "chapter3.toml").write_text(data)
    monkeypatch.setattr(quizzes, "FOLDER", tmp_path)
    assert study.questions(3) == [Question("Is it so?", "Yes.", "It is.", {"No.": "It is.", "Perhaps.": "It is so."})]
    answers = study.quiz(3).questions[0]["answers"]
    assert sorted(answer["text"] for answer in answers) == ["No.", "Perhaps.", "Yes."]
    with pytest.raises(ValueError, match="there is no quiz for chapter 4; there are quizzes for 3"):
        study.quiz(4)
    (tmp_path / "chapter3.toml").write_text(data.replace("why", "because"))
    with pytest.raises(ValueError, match=r"chapter3\.toml: every question needs text, right, why and wrong"):
        study.questions(3)
