"""Pack the rendered book into one file that opens without Python and without a connection: ``python -m book.zip``."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from book import site
from book.run import BOOK, Book

LEFT_OUT = {"_sources", ".buildinfo", ".buildinfo.bak", ".doctrees", "objects.inv", ".nojekyll"}
HOW = "Unpack all of it, and open index.html in a browser. Nothing is loaded from outside.\n"


def pack(book: Book = BOOK) -> Path:
    """Write ``book/_build/under-the-hood-VERSION.zip`` and give its path.

    Raises:
        FileNotFoundError: there are no pages.
    """
    if not (book.pages / "index.html").is_file():
        raise FileNotFoundError(f"there are no pages in {book.pages}; build the book first: python -m book.build")
    name = f"under-the-hood-{site.read(book.root).version}"
    packed = book.build / f"{name}.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(f"{name}/HOW TO READ.txt", HOW)
        for path in sorted(book.pages.rglob("*")):
            own = path.relative_to(book.pages)
            if path.is_file() and not LEFT_OUT & set(own.parts):
                archive.write(path, f"{name}/{own.as_posix()}")
    return packed


if __name__ == "__main__":
    try:
        made = pack()
    except FileNotFoundError as error:
        sys.exit(str(error))
    print(f"{made} ({made.stat().st_size / 1e6:.1f} MB)")
