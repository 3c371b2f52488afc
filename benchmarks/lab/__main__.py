"""Measure the laboratory beside its peers: ``python -m benchmarks.lab`` puts the table into book/peers.md."""

from __future__ import annotations

import sys

from benchmarks import lab
from benchmarks.__main__ import ROOT, table, write

if __name__ == "__main__":
    if lacking := lab.lacking():
        sys.exit(f"not measured: {lacking}")
    text = table(lab.rows())
    write(ROOT / "book" / "peers.md", "page", text)
    print(text)
