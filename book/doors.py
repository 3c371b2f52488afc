"""What stands beside the rendered pages, so that the book can be taken along: ``python -m book.doors``.

Plain notebooks to download, notebooks without solutions for a class, a deck for Anki. The build calls this at its end.
"""

from __future__ import annotations

from pathlib import Path

from book import aids, plain, site
from book.run import BOOK, Book


def fill(page: str, book: Book) -> str:
    """A Markdown page with what the book knows about itself in the place of its marks."""
    page = page.replace("<!-- progress -->", aids.progress(book))
    if "<!-- objectives -->" in page:
        page = page.replace("<!-- objectives -->", aids.objectives(book))
    if "<!-- changelog -->" in page:
        page = page.replace("<!-- changelog -->", changelog(book))
    return page


def changelog(book: Book) -> str:
    """CHANGELOG.md below the title of its page."""
    return (book.root / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n")[2].strip()


def open_all(book: Book = BOOK) -> None:
    """Write what is to be taken along, and lay copies beside the pages."""
    here = site.read(book.root)
    made = plain.write(book, here)
    plain.write(book, here, solved=False)
    for notebook in made.rglob("*.ipynb"):
        _lay(notebook.read_bytes(), book.pages / "notebooks" / notebook.relative_to(made))
    for chapter in (book.build / "teach").rglob("*.ipynb"):
        _lay(chapter.read_bytes(), book.pages / "teach" / chapter.name)
    _lay(aids.deck(book).encode(), book.pages / "book" / aids.DECK)


def _lay(content: bytes, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


if __name__ == "__main__":
    open_all()
