"""What stands in the cells of a notebook, found by the names that they define: a cell may move, grow or be split."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
FOLD = re.compile(r"<summary>Without our helpers</summary>(?:(?!</details>).)*?```python\n(.*?)```", re.DOTALL)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    """The cells of a notebook that are "code" or "markdown"."""
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a definition or an assignment gives a meaning."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if not isinstance(statement, ast.Assign):
        return set()
    targets = [node for target in statement.targets for node in ast.walk(target)]
    return {node.id for node in targets if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def written(notebook: str, *names: str, **room: Any) -> dict[str, Any]:
    """What a notebook writes by hand, without what it then does with it.

    Executed are the functions and classes of the one cell that binds all of these names, and those of its assignments
    that bind one of them.

    Args:
        notebook: its path below `notebooks`, without the ending.
        names: what one cell defines or assigns.
        room: the names that are there already, such as torch.
    """
    path = NOTEBOOKS / f"{notebook}.ipynb"
    found = [ast.parse(cell.source).body for cell in cells(path, "code")]
    found = [body for body in found if set(names) <= set().union(*map(_bound, body))]
    assert len(found) == 1, f"{len(found)} cells of {path.name} define {', '.join(names)}"
    definition = ast.FunctionDef | ast.ClassDef
    parts = [part for part in found[0] if isinstance(part, definition) or _bound(part) & set(names)]
    exec(compile(ast.Module(parts, []), str(path), "exec"), room)
    return room


def without_helpers(notebook: str) -> str:
    """The lines of Python in the fold *Without our helpers* of a chapter."""
    text = "\n".join(cell.source for cell in cells(NOTEBOOKS / f"{notebook}.ipynb", "markdown"))
    (lines,) = FOLD.findall(text)
    return lines
