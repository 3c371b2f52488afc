"""Our work beside its peers', in one run and one table: ``make benchmarks``, or ``python -m benchmarks``.

Both sides of a row do the same work on the same network, in turn. The table goes into README.md and book/peers.md,
between the marks that stand there. Without the peers (``pip install -e ".[peers]"``) the run stops at once.
"""

from __future__ import annotations

import datetime
import importlib
import os
import platform
import re
import warnings
from pathlib import Path

import torch

from benchmarks.timing import Spread

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("gradients", "attacks", "visualization", "style", "patchwork")
PAGES = ("README.md", "book/peers.md")
MARKS = re.compile(r"(<!-- peers -->\n).*?(\n<!-- end of peers -->)", re.DOTALL)


def machine() -> str:
    """The processor, as far as the system names it."""
    names = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.*)", names.read_text()) if names.is_file() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def table(rows: dict[str, Spread | str]) -> str:
    """All rows as Markdown, with the date and the machine; a row may hold the reason why it has no figure."""
    lines = ["| The same work, side by side | median | middle half |", "|---|--:|---|"]
    for name, figure in rows.items():
        if isinstance(figure, str):
            lines.append(f"| {name} | – | {figure} |")
        else:
            median, low, high = (f"{value:.3g}" for value in figure)
            lines.append(f"| {name} | {median} | {low} to {high} |")
    today = datetime.date.today().isoformat()
    threads = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return "\n".join([*lines, "", f"*Measured on {today}: {machine()}, {threads}, PyTorch {torch.__version__}.*"])


def write(page: Path, text: str) -> None:
    """Put the table between the page's marks, whole or not at all."""
    content, count = MARKS.subn(lambda marks: marks[1] + text + marks[2], page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page.name} has {count} places for the table; it needs one, between <!-- peers --> marks")
    temporary = page.with_suffix(".partial")
    temporary.write_text(content, encoding="utf-8")
    temporary.replace(page)


def main() -> None:
    """Measure every part, print the table and put it where readers look."""
    warnings.simplefilter("ignore")  # the peers' own
    parts = [importlib.import_module(f"benchmarks.{name}") for name in PARTS]
    rows: dict[str, Spread | str] = {}
    for part in parts:
        print(f"measuring {part.__name__} ...", flush=True)
        rows |= part.rows()
    text = table(rows)
    for page in PAGES:
        write(ROOT / page, text)
    print(text)


if __name__ == "__main__":
    main()
