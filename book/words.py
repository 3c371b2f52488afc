"""The words of figures that stand in a notebook's Markdown: captions and alternative texts.

A Markdown cell below a figure begins with ``**Figure 5.3.** What to look at.`` and has
``<!-- alt 5.3: What it shows -->`` below that. Such words are the same in every run, and may change without a new one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from nbformat import NotebookNode

from helpers.figure import Picture

NUMBER = r"E?\d+\.\d+"
CAPTION = re.compile(rf"^\*\*Figure ({NUMBER})\.\*\* (.*?)(?=\n\s*\n|\n<!--|\Z)", re.DOTALL | re.MULTILINE)
ALT = re.compile(rf"<!-- alt ({NUMBER}): (.*?) -->", re.DOTALL)


def captions(content: NotebookNode) -> dict[str, str]:
    """Figure's number -> its caption, as Markdown."""
    return {number: " ".join(words.split()) for number, words in _found(content, CAPTION)}


def alts(content: NotebookNode) -> dict[str, str]:
    """Figure's number -> its alternative text."""
    return {number: " ".join(words.split()) for number, words in _found(content, ALT)}


def _found(content: NotebookNode, pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    return [found for cell in content.cells if cell.cell_type == "markdown" for found in pattern.findall(cell.source)]


def worded(picture: Picture, captions: Mapping[str, str], alts: Mapping[str, str]) -> Picture:
    """A picture with the words of the Markdown, where it came without words of its own."""
    if picture.caption:
        return picture
    return replace(picture, caption=captions.get(picture.number, ""), alt=alts.get(picture.number, ""))


def as_paragraphs(markdown: str) -> str:
    """Markdown in which captions look like captions, and alternative texts, which the pictures have, are gone."""
    return ALT.sub("", CAPTION.sub(r":::{container} figure-caption\n\g<0>\n:::", markdown))
