"""What is made is written so that what is the same already stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def mirror(wanted: Mapping[Path, bytes], folder: Path) -> None:
    """Make `folder` hold exactly these files, by their paths in it; what is the same already keeps its time stamp."""
    for path in [p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder) not in wanted]:
        path.unlink()
    for name, content in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
