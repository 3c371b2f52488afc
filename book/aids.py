"""What the build makes for those who study and teach: see book/teach.md and book/_static/study.js.

Everything comes from the chapters themselves: how many questions, predictions and exercises each has, what its reader
will be able to do, and a deck of the quizzes' questions for Anki.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat

from book.run import Book
from helpers import study
from helpers.explorables.quiz import Question

PREDICT = re.compile(r"^(?:`{3,}|:{3,})\{admonition\} Predict\s*$", re.MULTILINE)
EXERCISE = re.compile(r"^\*\*Exercise (\d+\.\d+)\*\*", re.MULTILINE)
BEFORE = re.compile(r"\{admonition\} Before you begin\n(?::\w+:[^\n]*\n)*(.*?)\n(?:`{3,}|:{3,})", re.DOTALL)
TESTED = re.compile(r"\n+(?:- )?\*\*Tested here:\*\*[^\n]*")  # the same line in each box
RELATIVE = re.compile(r"\]\(((?:evidence/)?\w+\.ipynb)(?:#[\w-]*)?")  # from a chapter to another
DECK = "key-questions.txt"


@dataclass(frozen=True)
class Parts:
    """What there is to do in a chapter.

    Attributes:
        page: its file's name without the ending.
        title: its title.
        questions: in its quiz.
        predictions: that it asks for.
        exercises: at its end.
    """

    page: str
    title: str
    questions: int
    predictions: int
    exercises: int


def parts(book: Book) -> list[Parts]:
    """What there is to do in each chapter of a book."""
    return [_parts(chapter) for chapter in book.chapters]


def _parts(chapter: Path) -> Parts:
    text = prose(chapter)
    predictions, exercises = len(PREDICT.findall(text)), len(EXERCISE.findall(text))
    return Parts(chapter.stem, title(chapter), len(questions(chapter)), predictions, exercises)


def title(notebook: Path) -> str:
    """The title of a notebook; its file's name where it has none."""
    found = re.search(r"^# (.*)$", prose(notebook), flags=re.MULTILINE)
    return found[1] if found else notebook.stem


def prose(notebook: Path) -> str:
    """The Markdown of a notebook."""
    cells = nbformat.read(notebook, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def questions(chapter: Path) -> list[Question]:
    """The quiz of a chapter; nothing where it has none in its data."""
    number = re.match(r"\d+", chapter.name)
    try:
        return study.questions(int(number[0])) if number else []
    except ValueError:
        return []


def progress(book: Book) -> str:
    """The place on the front page where study.js shows what is done, as HTML; without it, or scripts, nothing shows."""
    data = html.escape(json.dumps([asdict(one) for one in parts(book)], ensure_ascii=False))
    return f'<section class="study-progress" aria-labelledby="your-progress" data-chapters="{data}" hidden></section>'


def objectives(book: Book) -> str:
    """What each chapter's box "Before you begin" says of the reader, as Markdown."""
    shown = []
    for chapter in book.chapters:
        one, box = _parts(chapter), BEFORE.search(prose(chapter))
        counts = [
            f"{number} {name}{'s' * (number != 1)}"
            for number, name in (
                (one.predictions, "prediction"),
                (one.exercises, "exercise"),
                (one.questions, "quiz question"),
            )
            if number
        ]
        said = RELATIVE.sub(r"](../notebooks/\1", TESTED.sub("", box[1]).strip()) if box else ""
        handout = f'<a href="../teach/{chapter.name}" download>Without solutions</a>.'
        todo = f"{', '.join(counts)}. " if counts else ""
        shown += [f"**[{one.title}](../notebooks/{chapter.name}).** {todo}{handout}", *filter(None, [said])]
    return "\n\n".join(shown)


def deck(book: Book) -> str:
    """The questions of all quizzes as a deck in the format that Anki imports: one card a line."""
    head = ["#separator:tab", "#html:true", "#notetype:Basic", "#deck:Under the Hood", "#tags column:3"]
    cards = [
        f"{_field(one.text)}\t<b>{_field(one.right)}</b><br>{_field(one.why)}\tunder-the-hood::{chapter.stem}"
        for chapter in book.chapters
        for one in questions(chapter)
    ]
    return "\n".join([*head, *cards]) + "\n"


def _field(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False)
