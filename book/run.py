"""Execute the notebooks whose outputs could have changed, and read what the runs gave.

A notebook is executed again when its own code, anything in ``helpers/``, the pinned versions, Python or this
file changed; a digest of all of them is kept in the executed copy, so time stamps cannot mislead. Its prose may
change without that. The book and the tests read the same copies. A notebook that fails leaves a copy too, whole up to
the failure.

Usage: ``python -m book.run NOTEBOOK FOLDER ROOT`` executes one notebook of the book below ROOT and puts the copy into
the folder; with a further word, ``unsolved``, it leaves the solutions away.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from book import words
from helpers import figure, ledger
from helpers.figure import Picture

AT_A_TIME = 2
CELL_SECONDS = 3600  # after which a cell is given up
SOLUTION = re.compile(r'<details class="solution">.*?```python\n(.*?)```.*?</details>', re.DOTALL)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
STRICT = "import warnings; warnings.simplefilter('error')"
LENIENT = "warnings.resetwarnings()"  # or the kernel stumbles over a warning of its own when it stops
PEAK = """
try:
    import resource as _r
except ImportError:  # on Windows
    print(0)
else:
    print(_r.getrusage(_r.RUSAGE_SELF).ru_maxrss)
"""


@dataclass(frozen=True)
class Book:
    """Where a book's parts lie: its sources below `root`, what is made of them below ``book/_build``."""

    root: Path

    @property
    def chapters(self) -> list[Path]:
        """The notebooks that tell, in order."""
        return sorted((self.root / "notebooks").glob("*.ipynb"))

    @property
    def evidence(self) -> list[Path]:
        """The notebooks that prove what the chapters say, in order."""
        return sorted((self.root / "notebooks" / "evidence").glob("*.ipynb"))

    @property
    def notebooks(self) -> list[Path]:
        """Every chapter, each followed by its evidence."""
        return sorted(self.chapters + self.evidence, key=lambda path: (path.name, is_evidence(path)))

    def asked_for(self, *, chapters_only: bool = False, only: str = "") -> list[Path]:
        """The notebooks that a command names.

        Args:
            chapters_only: without the evidence.
            only: how their names begin, such as "05"; several with commas; empty for all.

        Raises:
            ValueError: no notebook's name begins so.
        """
        beginnings = tuple(filter(None, only.split(",")))
        among = self.chapters if chapters_only else self.notebooks
        asked = [notebook for notebook in among if not beginnings or notebook.name.startswith(beginnings)]
        if beginnings and not asked:
            names = ", ".join(n.name for n in self.chapters)
            raise ValueError(f"no notebook's name begins with {only!r}; they are {names}")
        return asked

    def relative(self, notebook: Path) -> Path:
        """Where a notebook lies below ``notebooks/``, and so its executed copies below their folder."""
        return notebook.relative_to(self.root / "notebooks")

    @property
    def build(self) -> Path:
        """Everything that can be made again."""
        return self.root / "book" / "_build"

    @property
    def executed(self) -> Path:
        """The executed copies."""
        return self.build / "executed"

    @property
    def source(self) -> Path:
        """What the pages are rendered from."""
        return self.build / "source"

    @property
    def pages(self) -> Path:
        """The rendered pages."""
        return self.build / "html"

    def copy(self, notebook: Path) -> Path:
        """Where the executed copy of a notebook lies."""
        return self.executed / self.relative(notebook)


def is_evidence(notebook: Path) -> bool:
    """Whether a notebook proves rather than tells."""
    return notebook.parent.name == "evidence"


ROOT = Path(__file__).resolve().parent.parent
BOOK = Book(ROOT)


def digest(notebook: Path, root: Path = ROOT) -> str:
    """SHA-256 of everything that the notebook's outputs depend on; the evidence asks no quiz and checks no answer."""
    studied = "" if is_evidence(notebook) else notebook.name
    return digest_of(code(nbformat.read(notebook, as_version=4)), studied, root)


def code(content: NotebookNode) -> bytes:
    """What is executed of a notebook: its code cells and, after them, the folded solutions."""
    cells = [cell.source for cell in content.cells if cell.cell_type == "code"]
    return json.dumps([cells, solutions(content)], ensure_ascii=False).encode()


def solutions(content: NotebookNode) -> list[str]:
    """The code of the folded solutions, in order."""
    return [found for cell in content.cells if cell.cell_type == "markdown" for found in SOLUTION.findall(cell.source)]


def digest_of(executed: bytes, name: str, root: Path = ROOT) -> str:
    """SHA-256 of what is executed, and of all else that the outputs of the notebook of this name depend on.

    Without a name no chapter's study material counts.
    """
    sha = hashlib.sha256(sys.version.encode())
    for path in [root / "constraints.txt", *filter(lambda path: _concerns(path, name), _files(root / "helpers"))]:
        sha.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    sha.update(executed + b"\0" + Path(__file__).read_bytes())
    return sha.hexdigest()


def _files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]


def _concerns(path: Path, name: str) -> bool:
    """Whether a notebook can depend on a file of the helpers: not on the study material of another chapter."""
    chapter = re.fullmatch(r"chapter(\d+)", path.stem)
    return chapter is None or name.startswith(f"{int(chapter[1]):02d}_")


def about(copy: Path) -> dict[str, Any]:
    """What an executed copy says about its run: digest, seconds, peak memory, and how it failed, if it did."""
    return nbformat.read(copy, as_version=4).metadata.get("run", {}) if copy.is_file() else {}


def is_fresh(notebook: Path, book: Book = BOOK) -> bool:
    """Whether the executed copy shows what the notebook would give now; one that failed is worth another try."""
    run = about(book.copy(notebook))
    return run.get("digest") == digest(notebook, book.root) and not run.get("failed")


def refresh(notebook: Path, book: Book = BOOK) -> None:
    """Give the fresh copy of a notebook the prose and the tags that the notebook has now."""
    content, copy = nbformat.read(notebook, as_version=4), nbformat.read(book.copy(notebook), as_version=4)
    ran = iter([cell for cell in copy.cells if cell.cell_type == "code"])
    for cell in content.cells:
        if cell.cell_type == "code":
            was = next(ran)
            cell.outputs, cell.execution_count = was.outputs, was.execution_count
    if content.cells != copy.cells:
        keep(content, book.copy(notebook), copy.metadata["run"])


def execute_stale(book: Book = BOOK, asked: list[Path] | None = None) -> list[Path]:
    """Execute the notebooks that are not fresh, two at a time, each in a process of its own; which they were.

    Args:
        book: whose.
        asked: the notebooks that are wanted; None for all.
    """
    wanted = (book.notebooks if asked is None else asked)[::-1]  # the later take longer
    stale = [notebook for notebook in wanted if not is_fresh(notebook, book)]
    for notebook in (notebook for notebook in wanted if notebook not in stale):
        refresh(notebook, book)
    threads = max(1, (os.cpu_count() or 1) // min(AT_A_TIME, max(1, len(stale))))

    def run(notebook: Path) -> None:
        print(f"executing {book.relative(notebook)} ...", flush=True)
        variables = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}  # on a busy machine none may spin
        start(notebook, book.copy(notebook).parent, environment=variables, root=book.root)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(run, stale))
    return stale


def start(
    notebook: Path,
    folder: Path,
    *,
    environment: dict[str, str],
    root: Path = ROOT,
    solve: bool = True,
    quiet: bool = False,
) -> None:
    """Execute a notebook in a process of its own, with these environment variables; there is a copy afterwards.

    Args:
        notebook: which.
        folder: where the executed copy goes.
        environment: more environment variables of the process.
        root: of the book, whose ``helpers/`` are part of the digest.
        solve: whether the folded solutions are run after the notebook.
        quiet: whether what the process prints is thrown away.
    """
    command = [sys.executable, "-m", "book.run", str(notebook), str(folder), str(root), *["unsolved"] * (not solve)]
    variables = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **environment}
    process = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL if quiet else None)
    if process.returncode:  # it could not even keep what it had, as when memory ran out
        content = nbformat.read(notebook, as_version=4)
        failed = {"failed": f"the process ended with code {process.returncode}", "failed_cell": -1}
        keep(content, folder / notebook.name, {"digest": digest(notebook, root), "seconds": 0, "peak_mb": 0, **failed})


def execute(notebook: Path, folder: Path, root: Path = ROOT, *, solve: bool = True) -> dict[str, Any]:
    """Run one notebook and its folded solutions in a fresh kernel, with warnings as errors, and keep the result.

    Returns:
        What is kept beside the outputs: digest, seconds, peak_mb, solutions; and if it failed, `failed`, the error
        in a line, and `failed_cell`, which of the code cells it was (as many as there are, if it was a solution).
    """
    content, before = nbformat.read(notebook, as_version=4), digest(notebook, root)
    folded = solutions(content) if solve else []
    result: dict[str, Any] = {"digest": before, "peak_mb": 0, "solutions": 0}
    with tempfile.TemporaryDirectory() as scratch:  # a notebook must not rely on where it lies
        client = NotebookClient(
            content,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            store_widget_state=False,
            extra_arguments=["--log-level=ERROR"],
        )
        begun, done = time.monotonic(), 0
        try:
            with client.setup_kernel(cwd=scratch):
                _run(client, STRICT)
                begun = time.monotonic()
                for index, cell in enumerate(content.cells):
                    client.execute_cell(cell, index)
                    done += cell.cell_type == "code"
                result["seconds"] = round(time.monotonic() - begun)
                peak = int(_run(client, PEAK).outputs[0].text)
                result["peak_mb"] = round(peak / (2**20 if sys.platform == "darwin" else 2**10))
                for solution in folded:
                    _run(client, solution)
                    result["solutions"] += 1
                _run(client, LENIENT)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            result |= {"failed": _in_a_line(error), "failed_cell": done}
        result.setdefault("seconds", round(time.monotonic() - begun))
    keep(content, folder / notebook.name, result)
    return result


def _in_a_line(error: Exception) -> str:
    """The error's name and message, without colors and without the code that raised it."""
    if isinstance(error, CellExecutionError):
        return ANSI.sub("", f"{error.ename}: {error.evalue}")
    return f"{type(error).__name__}: {ANSI.sub('', str(error)).strip().splitlines()[0]}"


def keep(content: NotebookNode, path: Path, result: dict[str, Any]) -> None:
    """Write an executed copy with what is to be known about its run; whole or not at all."""
    content.metadata["run"] = result
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    nbformat.write(content, temporary)
    temporary.replace(path)


def _run(client: NotebookClient, source: str) -> NotebookNode:
    """Run a cell that is not part of the notebook."""
    client.nb.cells.append(nbformat.v4.new_code_cell(source))
    try:
        return client.execute_cell(client.nb.cells[-1], len(client.nb.cells) - 1, store_history=False)
    finally:
        client.nb.cells.pop()


def outputs(copy: Path, mime: str) -> Iterator[dict[str, Any]]:
    """The data, by MIME type, of every output of an executed copy that has this one; nothing if there is no copy."""
    for cell in nbformat.read(copy, as_version=4).cells if copy.is_file() else ():
        yield from (out["data"] for out in cell.get("outputs", []) if mime in out.get("data", {}))


def entries(copy: Path) -> list[dict[str, Any]]:
    """The ledger's entries in an executed copy, in order."""
    return [data[ledger.MIME] for data in outputs(copy, ledger.MIME)]


def figures(copy: Path) -> list[Picture]:
    """The figures in an executed copy, in order, with the captions and alternative texts of its Markdown."""
    shown = [Picture.of(data) for data in outputs(copy, figure.MIME)]
    if not shown:
        return []
    content = nbformat.read(copy, as_version=4)
    captions, alts = words.captions(content), words.alts(content)
    return [words.worded(picture, captions, alts) for picture in shown]


if __name__ == "__main__":
    name, where, book_root = (Path(argument).resolve() for argument in sys.argv[1:4])
    outcome = execute(name, where, book_root, solve="unsolved" not in sys.argv[4:])
    solved = f", {outcome['solutions']} solutions after it"
    print(f"{name.name}: {outcome['seconds']} s{solved}. " + outcome.get("failed", ""), flush=True)
