"""Study that remembers: what a reader did is kept in the browser, shown as progress, exported and forgotten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from book import aids, run
from helpers.explorables.quiz import Question, Quiz
from helpers.study import quizzes

STATIC = run.ROOT / "book" / "_static"
QUIZ = """[[question]]
text = "Is it\\tso?"
right = "Yes & no."
why = "It is <so>."
wrong = {"No." = "It is.", "Perhaps." = "It is so."}
[[question]]
text = "Again?"
right = "Always."
why = "So it is."
wrong = {"Never." = "It comes again."}
"""
CELLS = [
    "# A chapter",
    "```{admonition} Before you begin\n:class: note\n**You will** wait.\n\n**To know** [that](02_b.ipynb#x).\n\n"
    "**Tested here:** two claims.\n```",
    "```{admonition} Predict\n:class: tip\nWhich is larger?\n```",
    "**Exercise 1.1** ★ Do it.\n\n**Exercise 1.2** ★★ Again.",
]
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A</title>
<link rel="stylesheet" href="../_static/study.css"><script src="../_static/study.js"></script></head>
<body><article>{body}</article></body></html>"""
CHAPTER = """<h1>A chapter</h1>
<div class="admonition tip"><p class="admonition-title">Predict</p><p>Which is larger?</p></div>
<p><strong>Exercise 1.1</strong> ★ Do it.</p><p><strong>Exercise 1.2</strong> ★★ Again.</p>
<p>See <strong>Exercise 1.1</strong>.</p>"""


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> run.Book:
    """A book of one chapter with a quiz."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "chapter1.toml").write_text(QUIZ)
    monkeypatch.setattr(quizzes, "FOLDER", tmp_path / "study")
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_markdown_cell(text) for text in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "01_a.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells[:1]), tmp_path / "notebooks" / "02_b.ipynb")
    return run.Book(tmp_path)


def test_what_there_is_to_do_is_counted(book: run.Book) -> None:
    first, second = aids.parts(book)
    assert first == aids.Parts("01_a", "A chapter", questions=2, predictions=1, exercises=2)
    assert second == aids.Parts("02_b", "A chapter", 0, 0, 0)


def test_the_deck_has_a_card_for_each_question_in_ankis_format(book: run.Book) -> None:
    lines = aids.deck(book).splitlines()
    assert lines[:2] == ["#separator:tab", "#html:true"]
    cards = [line.split("\t") for line in lines if not line.startswith("#")]
    assert cards == [
        ["Is it so?", "<b>Yes &amp; no.</b><br>It is &lt;so&gt;.", "under-the-hood::01_a"],
        ["Again?", "<b>Always.</b><br>So it is.", "under-the-hood::01_a"],
    ]


def test_teachers_are_told_what_a_chapter_is_for(book: run.Book) -> None:
    first, said, second = aids.objectives(book).partition("**[A chapter](../notebooks/02_b.ipynb)")
    assert "**[A chapter](../notebooks/01_a.ipynb).** 1 prediction, 2 exercises, 2 quiz questions. <a" in first
    assert "**You will** wait.\n\n**To know** [that](../notebooks/02_b.ipynb)." in first
    assert "Tested here" not in first
    assert said
    assert second.startswith('.** <a href="../teach/02_b.ipynb" download>Without solutions</a>.')


def test_the_books_own_pages_hold_the_places_that_the_build_fills() -> None:
    intro, teach = (run.ROOT / "book" / name for name in ("intro.md", "teach.md"))
    assert intro.read_text(encoding="utf-8").count("<!-- progress -->") == 1
    assert teach.read_text(encoding="utf-8").count("<!-- objectives -->") == 1
    assert f'href="{aids.DECK}"' in teach.read_text(encoding="utf-8")
    assert sum((STATIC / name).stat().st_size for name in ("study.js", "study.css")) < 12_000


@pytest.fixture
def pages(book: run.Book, tmp_path: Path) -> Path:
    """The front page and the chapter's, as a renderer makes them, to be opened from the disk."""
    root = tmp_path / "pages"
    for name in ("study.js", "study.css"):
        (root / "_static").mkdir(parents=True, exist_ok=True)
        shutil.copy(STATIC / name, root / "_static")
    quiz = Quiz([Question("Again?", "Always.", "So it is.", {"Never.": "It comes again."})]).html()
    for name, body in (("book/intro.html", aids.progress(book)), ("notebooks/01_a.html", CHAPTER + quiz)):
        (root / name).parent.mkdir()
        (root / name).write_text(PAGE.format(body=body), encoding="utf-8")
    return root


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    context = browser.new_context(accept_downloads=True, viewport={"width": 390, "height": 800})
    yield context
    context.close()


def test_what_was_done_is_there_again_and_can_be_exported_imported_and_forgotten(
    context: Any, pages: Path, tmp_path: Path
) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    front, chapter = ((pages / name).as_uri() for name in ("book/intro.html", "notebooks/01_a.html"))
    page.goto(front)
    assert "Nothing yet" in page.locator(".study-progress").inner_text()
    assert page.get_by_role("button", name="Export").is_disabled()

    page.goto(chapter)
    assert page.locator(".study-done").count() == 2, "a mention of an exercise is none"
    page.get_by_text("My prediction").first.press("Enter")  # a fold answers to the keyboard
    page.get_by_role("textbox", name="My prediction").fill("The left one.")
    page.get_by_role("checkbox", name="Exercise 1.2 is done").press("Space")
    page.get_by_role("button", name="Always.").press("Enter")
    page.reload()
    page.wait_for_selector(".quiz button.right")
    assert page.get_by_role("textbox", name="My prediction").input_value() == "The left one."
    done = page.get_by_role("checkbox", name="Exercise 1.2 is done")
    assert done.is_checked()
    assert not page.get_by_role("checkbox", name="Exercise 1.1 is done").is_checked()
    assert page.locator(".quiz-why").inner_text() == "✓ So it is."
    page.wait_for_timeout(700)
    assert page.locator(".quiz-why").get_attribute("aria-live") == "polite"

    page.goto(front)
    told = page.locator(".study-progress li").first.inner_text()
    assert "1 of 1 predictions, 1 of 2 exercises, 1 of 2 quiz answers right" in told
    assert page.locator("progress").first.evaluate("bar => [bar.value, bar.max]") == [3, 5]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    exported = tmp_path / "exported.json"
    download.value.save_as(exported)
    kept = json.loads(exported.read_text())
    assert kept["exercises"] == {"01_a/1.2": True}
    assert list(kept["predictions"].values()) == ["The left one."]

    page.get_by_role("button", name="Clear").click()
    assert "Press once more" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Clear everything?").click()
    assert "Nothing yet" in page.locator(".study-progress").inner_text()
    assert page.evaluate("localStorage.length") == 0

    page.locator("input[type=file]").set_input_files(exported)
    page.wait_for_selector(".study-progress li")
    page.locator("input[type=file]").set_input_files(pages / "book" / "intro.html")
    page.wait_for_function("document.querySelector('[role=status]').textContent === 'This file holds no progress.'")
    assert errors == []


def test_a_browser_that_keeps_nothing_still_shows_the_page(context: Any, pages: Path) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('not allowed'); }})")
    page.goto((pages / "notebooks/01_a.html").as_uri())
    page.get_by_role("checkbox", name="Exercise 1.1 is done").check()
    page.wait_for_selector(".quiz button")
    page.get_by_role("button", name="Never.").click()
    assert page.locator(".quiz-why").inner_text() == "✗ It comes again."
    assert errors == []
