"""Execute every notebook under many small disturbances that stand for other machines, and show the runs side by side.

What a page says must be true of every run. Each run multiplies the first weights of all networks by 1 + 1e-6 times
noise of its own (`helpers.disturbance`), and takes one or two threads in turn; on request it also holds the processor
to a smaller instruction set. The page that this makes shows for every check of the ledger its number in each run, in
how many runs it held, and its margin: the distance of the nearest run from the bound, in standard deviations of the
runs. For every figure it shows all runs. Captions are written from this page.

Usage: ``python -m book.shake [--runs 8] [--isa] [--only 05] [--scheduler tcp://...]``. It ends with code 1 where a
check failed in any run or has a margin under two.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import nbformat
import torch

from book import run
from book.margins import THIN, are_checks, rows
from book.run import BOOK, Book
from book.sheets import write_page
from helpers import disturbance

WORDS = {"caption", "alt", "experiment", "measured", "verdict", "caveat"}  # arguments that change no number
INSTRUCTION_SETS = {  # what the processor can be held to: oneDNN's name and PyTorch's own
    "DEFAULT": ("SSE41", "default"),
    "AVX2": ("AVX2", "avx2"),
}


@dataclass(frozen=True)
class Shake:
    """One disturbance: a seed, a number of threads, perhaps an instruction set."""

    seed: int
    threads: int
    isa: str = ""

    @property
    def name(self) -> str:
        """Short enough for a folder and for a column."""
        return f"{self.seed}-{self.threads}t" + (f"-{self.isa.lower()}" if self.isa else "")

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which a notebook's process runs."""
        variables = {disturbance.SEED: str(self.seed), "OMP_NUM_THREADS": str(self.threads)}
        variables |= {"OMP_WAIT_POLICY": "passive"}  # more threads than cores must not spin
        if self.isa:
            variables["ONEDNN_MAX_CPU_ISA"], variables["ATEN_CPU_CAPABILITY"] = INSTRUCTION_SETS[self.isa]
        return variables


def shakes(runs: int, *, isa: bool = False) -> list[Shake]:
    """The disturbances: seeds from 1, one and two threads in turn, and on request the smaller instruction sets in turn.

    Raises:
        ValueError: fewer than two runs, which have no spread; or no instruction set below the processor's own.
    """
    if runs < 2:
        raise ValueError(f"RUNS is {runs}; a spread needs 2 or more")
    if not isa:
        return [Shake(seed, 2 - seed % 2) for seed in range(1, runs + 1)]
    own = torch.backends.cpu.get_cpu_capability()
    smaller = [name for name in INSTRUCTION_SETS if name != own]
    if own == "DEFAULT":
        raise ValueError("this processor knows nothing below its own instruction set; leave ISA away")
    if own == "AVX2":
        smaller = ["DEFAULT"]
    return [Shake(seed, 2 - seed % 2, smaller[seed % len(smaller)]) for seed in range(1, runs + 1)]


class _Numbers(ast.NodeTransformer):
    """Takes from code what changes no number: captions, the ledger's words and its checks."""

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        return ast.Constant("") if node.values and are_checks(node) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for keyword in node.keywords:
            if keyword.arg in WORDS:
                keyword.value = ast.Constant("")
        if called == "Markdown":
            node.args = []
        return node


def digest(notebook: Path, root: Path = run.ROOT) -> str:
    """SHA-256 of what a notebook's numbers and pictures depend on.

    Words, checks, the borders of cells and solutions may change without a new shake, as long as the checks measure
    nothing new.
    """
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    statements = [ast.dump(_Numbers().visit(statement)) for source in cells for statement in ast.parse(source).body]
    return run.digest_of("\n".join(statements).encode(), "", root)  # of no chapter: quizzes and self-checks are words


def execute(content: str, path: Path, environment: dict[str, str]) -> str:
    """The job: execute a notebook, given as text, on whatever machine this is; the executed copy as text.

    The machine needs a checkout of the same version with its requirements; the copy keeps the digest of what it has.
    That depends on the path below ``notebooks/``, for evidence rests on less than a chapter.
    """
    with tempfile.TemporaryDirectory() as folder:
        notebook, out = Path(folder) / path, Path(folder, "executed")
        notebook.parent.mkdir(exist_ok=True)
        notebook.write_text(content, encoding="utf-8")
        run.start(notebook, out, environment=environment, solve=False, quiet=True)  # no page shows what solutions give
        return (out / path.name).read_text(encoding="utf-8")


def folder(book: Book, shake: Shake) -> Path:
    """Where the copies of one run are kept."""
    return book.build / "shake" / shake.name


def is_kept(book: Book, notebook: Path, shake: Shake, numbers: str) -> bool:
    """Whether a run of a notebook's present numbers, known by their digest, is kept."""
    return run.about(folder(book, shake) / book.relative(notebook)).get("numbers") == numbers


def execute_all(book: Book, notebooks: list[Path], wanted: list[Shake], scheduler: str = "") -> None:
    """Execute what is not kept, two at a time here or as a Dask cluster takes it; each copy is kept as it comes."""
    now = {notebook: digest(notebook, book.root) for notebook in notebooks[::-1]}  # the later take longer
    todo = [_Todo.of(book, n, s, now[n]) for s in wanted for n in now if not is_kept(book, n, s, now[n])]
    print(f"{len(notebooks) * len(wanted)} runs, {len(todo)} of them to be made", flush=True)
    began = time.monotonic()
    with _workers(scheduler):
        work = joblib.Parallel(n_jobs=-1 if scheduler else run.AT_A_TIME, return_as="generator_unordered")
        for done, (job, copy) in enumerate(work(map(joblib.delayed(_work), todo)), start=1):
            outcome = keep(folder(book, job.shake) / job.path, job, copy)
            left = (time.monotonic() - began) / done * (len(todo) - done) / 60
            print(
                f"{done} of {len(todo)}: {job.path} in run {job.shake.name}, {outcome['seconds']} s, {left:.0f} min "
                f"left. {outcome.get('failed', '')}",
                flush=True,
            )


@dataclass(frozen=True)
class _Todo:
    """A run to be made: what goes to the machine that makes it, and what must come back."""

    path: Path  # below notebooks/
    content: str
    shake: Shake
    expected: str  # the digest that the executed copy must have
    numbers: str  # the digest under which it is kept

    @classmethod
    def of(cls, book: Book, notebook: Path, shake: Shake, numbers: str) -> _Todo:
        content = notebook.read_text(encoding="utf-8")
        return cls(book.relative(notebook), content, shake, run.digest(notebook), numbers)


def _work(job: _Todo) -> tuple[_Todo, str]:
    return job, execute(job.content, job.path, job.shake.environment)


@contextmanager
def _workers(scheduler: str) -> Iterator[None]:
    """Threads here, for the work is done in processes of their own; or the workers of a Dask cluster."""
    if not scheduler:
        with joblib.parallel_config(backend="threading"):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        sys.exit("SCHEDULER needs the package distributed: pip install distributed")
    with Client(scheduler) as client, joblib.parallel_config(backend="dask", client=client):
        yield


def keep(path: Path, job: _Todo, copy: str) -> dict[str, Any]:
    """Keep an executed copy, under the digest of its numbers; what it says about its run.

    Raises:
        RuntimeError: it comes from a machine with another version of the book.
    """
    content = nbformat.reads(copy, as_version=4)
    if content.metadata["run"]["digest"] != job.expected:
        raise RuntimeError(f"{job.path} was executed with another version of the book, Python or the requirements")
    outcome = {**content.metadata["run"], "numbers": job.numbers}
    run.keep(content, path, outcome)
    return outcome


def main() -> int:
    """Shake what the command line asks for; 1 where a check failed or is thin, or a notebook stopped."""
    parser = argparse.ArgumentParser(prog="python -m book.shake", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=8, help="disturbances (default 8)")
    parser.add_argument("--isa", action="store_true", help="hold the processor to smaller instruction sets as well")
    parser.add_argument("--only", default="", help="notebooks whose name begins so, such as 05; several with commas")
    parser.add_argument("--scheduler", default="", help="address of a Dask cluster, such as tcp://10.0.0.1:8786")
    asked = parser.parse_args()
    try:
        return shake_book(BOOK, asked.runs, isa=asked.isa, only=asked.only, scheduler=asked.scheduler)
    except ValueError as error:
        sys.exit(str(error))


def shake_book(book: Book, runs: int, *, isa: bool = False, only: str = "", scheduler: str = "") -> int:
    """Execute, compare, write the page, print the thinnest margins; 1 if anything failed or is thin."""
    wanted = shakes(runs, isa=isa)
    notebooks = book.asked_for(only=only)
    execute_all(book, notebooks, wanted, scheduler)
    copies = {n: [folder(book, shake) / book.relative(n) for shake in wanted] for n in notebooks}
    found = {notebook: rows(notebook, of_one) for notebook, of_one in copies.items()}
    stopped = [
        f"{book.relative(notebook)} in run {shake.name}: {reason}"
        for notebook, of_one in copies.items()
        for shake, copy in zip(wanted, of_one, strict=True)
        if (reason := run.about(copy).get("failed"))
    ]
    page = write_page(book, [shake.name for shake in wanted], found, stopped)
    everything = sorted((row for of_one in found.values() for row in of_one), key=lambda row: row.margin)
    for line in stopped:
        print(f"stopped: {line}")
    print(f"{len(everything)} checks in {len(wanted)} runs. The thinnest margins, in standard deviations:")
    for row in everything[:10]:
        print(f"{row.margin:8.2f}  held in {row.held} of {len(wanted)}  {row.claim} {row.words}: {row}")
    print(f"All of them, and every figure: {page.as_uri()}")
    return int(bool(stopped) or any(row.margin < THIN for row in everything))


if __name__ == "__main__":
    sys.exit(main())
