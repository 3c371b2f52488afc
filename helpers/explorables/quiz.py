"""Questions with answers to choose from; each answer says why it is right or wrong."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import traitlets

from helpers.explorables.base import FOLDER, Explorable, module


@dataclass(frozen=True)
class Question:
    """One question.

    Args:
        text: the question.
        right: the right answer, and `why` it is.
        wrong: wrong answer -> what is wrong with it.
    """

    text: str
    right: str
    why: str
    wrong: Mapping[str, str]


class Quiz(Explorable):
    """A chapter's closing quiz. The answers are shuffled once, in the same way at every run.

    The right ones take every place about equally often.
    """

    _esm = module("quiz")
    _css = FOLDER / "quiz.css"
    label = "quiz"
    questions: traitlets.List[dict[str, object]] = traitlets.List().tag(sync=True)
    chosen: traitlets.List[int] = traitlets.List().tag(sync=True)  # of each question, the answer; -1 for none

    def __init__(self, questions: Sequence[Question]) -> None:
        if not questions:
            raise ValueError("a quiz needs at least one question")
        if lonely := [question.text for question in questions if not question.wrong]:
            raise ValueError(f"a question needs a wrong answer too: {lonely[0]!r}")
        turns = list(range(len(questions)))
        random.Random(questions[0].text).shuffle(turns)
        super().__init__(
            questions=[_shuffled(question, turn) for question, turn in zip(questions, turns, strict=True)],
            chosen=[-1] * len(questions),
        )


def _shuffled(question: Question, turn: int) -> dict[str, object]:
    answers = [{"text": text, "right": False, "why": why} for text, why in question.wrong.items()]
    random.Random(question.text).shuffle(answers)
    answers.insert(turn % (len(answers) + 1), {"text": question.right, "right": True, "why": question.why})
    return {"text": question.text, "answers": answers}
