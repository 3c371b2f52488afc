"""Execute the notebooks whose outputs could have changed, and read what the runs gave.

A notebook is executed again when its own text, anything in ``helpers/``, the pinned versions, Python or this
file changed; a digest of all of them is kept in the executed copy, so time stamps cannot mislead. The book and
the tests read the same copies. Usage: ``python -m book.run NOTEBOOK`` executes one.
"""

from __future__ import annotations

import hashlib
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

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "book" / "_build"
EXECUTED = BUILD / "executed"
AT_A_TIME = 2
SOLUTION = re.compile(r'<details class="solution">.*?```python\n(.*?)```.*?</details>', re.DOTALL)
STRICT = "import warnings; warnings.simplefilter('error')"
LENIENT = "warnings.resetwarnings()"  # or the kernel stumbles over a warning of its own when it stops
PEAK = "import resource as _r; print(_r.getrusage(_r.RUSAGE_SELF).ru_maxrss)"


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
    stale = [notebook for notebook in notebooks if not is_fresh(notebook)][::-1]  # the later ones take longer
    if not stale:
        return
    threads = max(1, (os.cpu_count() or 1) // min(AT_A_TIME, len(stale)))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    def run(notebook: Path) -> int:
        print(f"executing {notebook.name} ...", flush=True)
        return subprocess.run([sys.executable, "-m", "book.run", str(notebook)], cwd=ROOT, env=environment).returncode

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


if __name__ == "__main__":
    execute(Path(sys.argv[1]).resolve())
