"""Execute the notebooks that need it, then render the book from the executed copies.

A notebook is executed again when its own text, anything in ``helpers/``, the pinned versions, Python or this
file changed; a digest of all of them is kept in the executed copy, so time stamps cannot mislead. The tests read
the same copies. Usage: ``python book/build.py``.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from helpers import ledger

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "book" / "_build"
EXECUTED, SOURCE, PAGES = BUILD / "executed", BUILD / "source", BUILD / "html"
AT_A_TIME = 2
SOLUTION = re.compile(r'<details class="solution">.*?```python\n(.*?)```.*?</details>', re.DOTALL)
FIGURE = re.compile(r"<!-- figure (\d+\.\d+) -->")
STRICT = "import warnings; warnings.simplefilter('error')"
LENIENT = "warnings.resetwarnings()"  # or the kernel stumbles over a warning of its own when it stops
PEAK = "import resource as _r; print(_r.getrusage(_r.RUSAGE_SELF).ru_maxrss)"


def main() -> None:
    """Build what is out of date and print the page to open."""
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    execute_stale(notebooks)
    assemble(notebooks)
    render()
    print(f"The book is ready: open {(PAGES / 'index.html').as_uri()}")


def digest(notebook: Path, root: Path = ROOT) -> str:
    """SHA-256 of everything that the notebook's outputs depend on."""
    sha = hashlib.sha256(sys.version.encode())
    helpers = (p for p in sorted((root / "helpers").rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
    for path in [root / "constraints.txt", *helpers]:
        sha.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    sha.update(notebook.read_bytes() + b"\0" + Path(__file__).read_bytes())
    return sha.hexdigest()


def is_fresh(notebook: Path, root: Path = ROOT, executed: Path = EXECUTED) -> bool:
    """Whether the executed copy shows what the notebook would give now."""
    copy = executed / notebook.name
    if not copy.is_file():
        return False
    return nbformat.read(copy, as_version=4).metadata.get("run", {}).get("digest") == digest(notebook, root)


def execute_stale(notebooks: Iterable[Path]) -> None:
    """Execute the notebooks that are not fresh, two at a time, each in a process of its own."""
    stale = [notebook for notebook in notebooks if not is_fresh(notebook)]
    if not stale:
        return
    threads = max(1, (os.cpu_count() or 1) // min(AT_A_TIME, len(stale)))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    def run(notebook: Path) -> int:
        print(f"executing {notebook.name} ...", flush=True)
        return subprocess.run([sys.executable, __file__, str(notebook)], env=environment).returncode

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        if any(list(pool.map(run, stale))):
            sys.exit("A notebook failed; its error stands above.")


def execute(notebook: Path) -> None:
    """Run one notebook and its folded solutions in a fresh kernel, with warnings as errors, and keep the result."""
    content = nbformat.read(notebook, as_version=4)
    before = digest(notebook)
    solutions = [code for cell in content.cells for code in SOLUTION.findall(cell.source)]
    EXECUTED.mkdir(parents=True, exist_ok=True)
    scratch = BUILD / "scratch" / notebook.stem  # a notebook must not rely on where it lies
    scratch.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        content, timeout=900, kernel_name="python3", store_widget_state=False, extra_arguments=["--log-level=ERROR"]
    )
    with client.setup_kernel(cwd=str(scratch)):
        _run(client, STRICT)
        start = time.monotonic()
        for index, cell in enumerate(content.cells):
            client.execute_cell(cell, index)
        seconds = time.monotonic() - start
        peak = int(_run(client, PEAK).outputs[0].text)
        for code in solutions:
            _run(client, code)
        _run(client, LENIENT)
    shutil.rmtree(scratch)
    content.metadata["run"] = {
        "digest": before,
        "seconds": round(seconds),
        "peak_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10)),
        "solutions": len(solutions),
    }
    temporary = EXECUTED / f".{notebook.name}"
    nbformat.write(content, temporary)
    temporary.replace(EXECUTED / notebook.name)
    print(f"executed {notebook.name} in {seconds:.0f} s, {len(solutions)} solutions after it", flush=True)


def _run(client: NotebookClient, code: str) -> NotebookNode:
    """Run a cell that is not part of the notebook."""
    client.nb.cells.append(nbformat.v4.new_code_cell(code))
    try:
        return client.execute_cell(client.nb.cells[-1], len(client.nb.cells) - 1, store_history=False)
    finally:
        client.nb.cells.pop()


def outputs(notebook: Path, mime: str) -> Iterator:
    """Everything of one MIME type that the executed copy of a notebook shows, in order."""
    for cell in nbformat.read(EXECUTED / notebook.name, as_version=4).cells:
        for output in cell.get("outputs", []):
            if mime in output.get("data", {}):
                yield output["data"][mime]


def assemble(notebooks: list[Path]) -> None:
    """Lay out the book's sources: the pages of ``book/``, and the executed notebooks in place of the plain ones."""
    wanted: dict[Path, bytes] = {Path("notebooks") / n.name: (EXECUTED / n.name).read_bytes() for n in notebooks}
    figures = {
        number: figure
        for notebook in notebooks
        for figure in outputs(notebook, "text/html")
        for number in re.findall(r'<figure class="picture" id="figure-([\d-]+)"', figure)
    }
    for path in (ROOT / "book").rglob("*"):
        if not path.is_file() or BUILD in path.parents or path.suffix == ".py" or "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        if path.suffix == ".md":
            page = FIGURE.sub(lambda match: figures[match[1].replace(".", "-")], content.decode())
            content = page.replace("<!-- ledger -->", ledger_table(notebooks)).encode()
        wanted[path.relative_to(ROOT)] = content
    _mirror(wanted, SOURCE)


def _mirror(wanted: dict[Path, bytes], folder: Path) -> None:
    """Make `folder` hold exactly these files; what is the same already keeps its time stamp."""
    for path in [p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder) not in wanted]:
        path.unlink()
    for name, content in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def ledger_table(notebooks: list[Path]) -> str:
    """All claims with what was measured, as HTML; a claim that no notebook measures says so."""
    entries = {
        entry["id"]: (entry, f"../notebooks/{notebook.stem}.html#{ledger.anchor(entry['id'])}")
        for notebook in notebooks
        for entry in outputs(notebook, ledger.MIME)
    }
    rows = []
    for number, claim in ledger.claims().items():
        entry, link = entries.get(number, ({}, ""))
        verdict = entry.get("verdict", "not measured yet")
        mark = f"{ledger.VERDICTS.get(verdict, '·')} {verdict}"
        shown = f'<a href="{link}">{mark}</a>' if link else mark
        measured = html.escape(entry.get("measured", ""))
        caveat = f"<br><em>{html.escape(entry['caveat'])}</em>" if entry.get("caveat") else ""
        rows.append(
            f'<tr class="{verdict.replace(" ", "-")}"><th scope="row">{number}</th><td>{html.escape(claim)}</td>'
            f"<td>{measured}{caveat}</td><td>{shown}</td></tr>"
        )
    head = "<tr><th>Claim</th><th>What the text says</th><th>What we measured</th><th>Verdict</th></tr>"
    return f'<table class="ledger-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def render() -> None:
    """Render the pages, unless they show these very sources already; a warning is a failure."""
    sha = hashlib.sha256((ROOT / "constraints.txt").read_bytes())
    for path in sorted(p for p in SOURCE.rglob("*") if p.is_file()):
        sha.update(str(path.relative_to(SOURCE)).encode() + b"\0" + path.read_bytes() + b"\0")
    stamp = BUILD / "rendered"
    if stamp.is_file() and stamp.read_text() == sha.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    config = ["--config", str(SOURCE / "book/_config.yml"), "--toc", str(SOURCE / "book/_toc.yml")]
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(SOURCE), *config]
    result = subprocess.run([*command, "--path-output", str(ROOT / "book"), "-W", "--keep-going", "--quiet"])
    if result.returncode:
        sys.exit("The book did not render; the warnings stand above.")
    stamp.write_text(sha.hexdigest())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        execute(Path(sys.argv[1]))
    else:
        main()
