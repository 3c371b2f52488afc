"""Render the assembled book a second way, with Sphinx alone: ``python -m book.second [PYTHON]``.

PYTHON is the interpreter of an environment of its own, with what ``python -m book.second --requirements`` prints: the
extra ``plain`` of pyproject.toml, without PyTorch. Build the book first: this renders what ``python -m book.build`` put
together, into ``book/_build/second``. A warning is a failure. ``make plain`` does all of it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib

from book.run import BOOK, ROOT, Book


def requirements() -> list[str]:
    """What the second renderer needs, as pip wants it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["optional-dependencies"]["plain"])


def render(book: Book = BOOK, python: str = sys.executable) -> int:
    """Sphinx's exit status; 2 if the book was not assembled."""
    if not (book.source / "book" / "_toc.yml").is_file():
        print("There is nothing to render; build the book first: python -m book.build")
        return 2
    # Sphinx would not copy over what book/trim.py made smaller.
    shutil.rmtree(book.build / "second", ignore_errors=True)
    command = [python, "-m", "sphinx", "-b", "html", "-c", str(book.root / "book")]
    how = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env", "--write-all"]
    return subprocess.run([*command, *how, str(book.source), str(book.build / "second")], cwd=ROOT).returncode


if __name__ == "__main__":
    if sys.argv[1:] == ["--requirements"]:
        print("\n".join(requirements()))
    else:
        sys.exit(render(python=sys.argv[1] if len(sys.argv) > 1 else sys.executable))
