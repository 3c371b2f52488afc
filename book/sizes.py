"""How large the notebooks are, against what a reader can take in: ``python -m book.sizes`` prints the table.

A chapter is one line of thought for twenty minutes; its evidence may be as long as it needs, within reason.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from book import run
from book.run import BOOK

# What is no prose of the page: alternative texts, folded solutions, code, directives' fences, tags, links' targets.
NOT_WORDS = re.compile(
    r"<!--.*?-->|<details class=\"solution\">.*?</details>|```python.*?```|^(?:```|:).*?$|<[^>]*>|\]\([^)]*\)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Size:
    """How large a notebook is.

    Attributes:
        cells: of all kinds.
        lines: of code.
        folded: lines of code in cells whose input is hidden.
        words: of prose and captions, without folded solutions.
        figures: calls of ``plots.show``.
    """

    cells: int
    lines: int
    folded: int
    words: int
    figures: int

    def over(self, limit: Size) -> list[str]:
        """What exceeds a limit, each in words; nothing if all is well."""
        pairs = {name: (getattr(self, name), getattr(limit, name)) for name in self.__dataclass_fields__}
        return [f"{value} {name}, at most {most}" for name, (value, most) in pairs.items() if value > most]


CHAPTER = Size(cells=45, lines=350, folded=87, words=3500, figures=14)
CHAPTERS_LINES, EVIDENCE_LINES = 2100, 3500  # over all six


def measured(notebook: Path) -> Size:
    """The size of a notebook."""
    cells = nbformat.read(notebook, as_version=4).cells
    code = [(len(cell.source.splitlines()), is_folded(cell)) for cell in cells if cell.cell_type == "code"]
    prose = " ".join(NOT_WORDS.sub(" ", cell.source) for cell in cells if cell.cell_type == "markdown")
    shown = [literal for cell in cells if cell.cell_type == "code" for literal in _captions(cell.source)]
    return Size(
        cells=len(cells),
        lines=sum(lines for lines, _ in code),
        folded=sum(lines for lines, folded in code if folded),
        words=len(f"{prose} {' '.join(shown)}".split()),
        figures=sum(cell.source.count("plots.show(") for cell in cells if cell.cell_type == "code"),
    )


def is_folded(cell: nbformat.NotebookNode) -> bool:
    """Whether a page hides a cell's code until it is asked for."""
    return "hide-input" in cell.metadata.get("tags", [])


def _captions(source: str) -> list[str]:
    """The literal words of the captions that a cell gives to ``plots.show``."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    values = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "caption"]
    constants = [node for value in values for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return [node.value for node in constants if isinstance(node.value, str)]


def hidden_needs(notebook: Path) -> list[str]:
    """Names that a shown cell reads and that only folded cells bind: a reader who types along would miss them."""
    shown: set[str] = set()
    folded: set[str] = set()
    missing: list[str] = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code":
            bound, read = _names(cell.source)
            if not is_folded(cell):
                missing += sorted(read & folded - shown - bound)
            (folded if is_folded(cell) else shown).update(bound)
    return missing


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that code binds, and those that it reads."""
    bound: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return bound, read


def main() -> None:
    """Print every notebook's size, the time of its run, and the sums."""
    print(f"{'':42}{'cells':>6}{'lines':>6}{'folded':>7}{'words':>6}{'figures':>8}{'seconds':>8}")
    for group in (BOOK.chapters, BOOK.evidence):
        total = 0
        for notebook in group:
            size, seconds = measured(notebook), run.about(BOOK.copy(notebook)).get("seconds", "")
            share = f"{size.folded / max(1, size.lines):.0%}"
            name = str(BOOK.relative(notebook).with_suffix(""))
            print(f"{name:42}{size.cells:6}{size.lines:6}{share:>7}{size.words:6}{size.figures:8}{seconds:>8}")
            total += size.lines
        print(f"{'':42}{'':6}{total:6}")


if __name__ == "__main__":
    main()
