"""The quizzes of the chapters, which are data: ``chapter5.toml`` beside this file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from helpers.explorables.quiz import Question, Quiz

FOLDER = Path(__file__).parent


def questions(chapter: int) -> list[Question]:
    """The questions that close a chapter.

    Raises:
        ValueError: there is no such quiz, or a question lacks a part.
    """
    path = FOLDER / f"chapter{chapter}.toml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem.removeprefix("chapter") for found in FOLDER.glob("chapter*.toml")))
        raise ValueError(f"there is no quiz for chapter {chapter!r}; there are quizzes for {known or 'none yet'}")
    try:
        return [Question(**question) for question in tomllib.loads(path.read_text(encoding="utf-8"))["question"]]
    except TypeError as error:
        raise ValueError(f"{path.name}: every question needs text, right, why and wrong: {error}") from error


def quiz(chapter: int) -> Quiz:
    """The quiz that closes a chapter, as a figure that answers in the notebook and in the page."""
    return Quiz(questions(chapter))
