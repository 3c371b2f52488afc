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
            median, low, high = (written(value) for value in figure)
            lines.append(f"| {name} | {median} | {low} to {high} |")
    return "\n".join([*lines, "", place()])


def written(ratio: float) -> str:
    """Two decimals, or a fraction where these would say too little."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}"


def place() -> str:
    """When and where a table was measured."""
    threads = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"*Measured on {datetime.date.today().isoformat()}: {machine()}, {threads}, PyTorch {torch.__version__}.*"


def write(page: Path, name: str, text: str) -> None:
    """Put a table between the page's marks of that name, whole or not at all."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end of {name} -->)", re.DOTALL)
    content, count = marks.subn(lambda found: found[1] + text + found[2], page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page.name} has {count} places for the table; it needs one, between <!-- {name} --> marks")
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
        write(ROOT / page, "peers", text)
    print(text)


if __name__ == "__main__":
    main()
