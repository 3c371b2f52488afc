"""The book as one PDF: ``python -m book.pdf``, after ``python -m book.build``; ``make pdf`` does both.

Headless Chromium opens each page as a reader would, and what it drew, formulas and explorables included, is gathered
into one document: a title page, the contents, the chapters with their solutions at the end of each, and the evidence as
an appendix. It is printed twice: once to learn on which page everything stands, and once more with these numbers in the
contents. How it looks stands in ``book/_static/print.css``, as for any page on paper, and ``edition.css``.
"""

from __future__ import annotations

import html
import io
import logging
import re
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import yaml
from PIL import Image

from book import browser, site
from book.run import BOOK, Book

ON_SCREEN = {"book/laboratory", "book/teach", "book/changelog"}  # of use there alone
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # the same on every machine
EDITION = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")  # run inside the browser
MINUTES = 10


@dataclass(frozen=True)
class Leaf:
    """A page of the book.

    Attributes:
        name: such as "notebooks/05_android_dreams".
        part: what the part of the book is called.
    """

    name: str
    part: str = ""

    @property
    def anchor(self) -> str:
        """Its id in the PDF."""
        return re.sub(r"\W+", "-", self.name)


@dataclass
class Drawn:
    """What the browser made of a page: its HTML, the style of its formulas, its title and its sections."""

    leaf: Leaf
    html: str
    style: str
    title: str
    sections: list[tuple[str, str]] = field(default_factory=list)  # id, title

    @property
    def number(self) -> str:
        """Of the chapter, or "E" and the number of what it proves; nothing for other pages."""
        found = re.fullmatch(r"notebooks/(evidence/)?0*(\d+)_\w+", self.leaf.name)
        return f"{'E' * bool(found[1])}{found[2]}" if found else ""

    @property
    def named(self) -> str:
        """Its title, with the number."""
        return f"{self.number} {self.title}".strip()


def leaves(toc: dict[str, Any]) -> list[Leaf]:
    """The pages that are printed, in the order of the table of contents, with the evidence behind all others."""
    found, appendix = [Leaf(toc["root"])], []
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            found.append(Leaf(chapter["file"], part["caption"]))
            appendix += [Leaf(section["file"], "Appendix: the evidence") for section in chapter.get("sections", [])]
    return [leaf for leaf in [*found, *appendix] if leaf.name not in ON_SCREEN]


def print_book(book: Book = BOOK) -> Path:
    """Write ``book/_build/under-the-hood-VERSION.pdf`` and give its path.

    Raises:
        FileNotFoundError: there are no pages, or no Chromium.
    """
    if not (book.pages / "index.html").is_file():
        raise FileNotFoundError(f"there are no pages in {book.pages}; build the book first: python -m book.build")
    toc = yaml.safe_load((book.root / "book" / "_toc.yml").read_text(encoding="utf-8"))
    here = site.read(book.root)
    with browser.chromium() as running, browser.served(book.pages) as address:
        page = running.new_page(reduced_motion="reduce", color_scheme="light")
        page.set_default_timeout(MINUTES * 60_000)
        drawn, sheets = _gather(page, address, leaves(toc), here)
        page.route("**/edition/fonts/*", lambda route: route.fulfill(path=FONTS / route.request.url.rpartition("/")[2]))
        page.route(re.compile(r"/_images/.*\.(webp|png)$"), lambda route: _ink(route, book.pages))
        document = whole(drawn, sheets, here)
        page.route("**/edition.html", lambda route: route.fulfill(body=document, content_type="text/html"))
        page.goto(f"{address}/edition.html", wait_until="load")
        page.evaluate(EDITION)
        page.evaluate("edition.settle()")
        at = numbers(_pdf(page))
        page.evaluate("numbers => edition.number(numbers)", at)
        content = _pdf(page)
    return _write(content, drawn, at, book.build / f"under-the-hood-{here.version}.pdf")


def _gather(page: Any, address: str, wanted: list[Leaf], here: site.Site) -> tuple[list[Drawn], list[str]]:
    """What the browser draws of each page, and the addresses of the style sheets."""
    drawn: list[Drawn] = []
    sheets: list[str] = []
    told = {"anchors": {leaf.name: leaf.anchor for leaf in wanted}, "public": here.pages}
    page.emulate_media(media="print")
    for leaf in wanted:
        page.goto(f"{address}/{leaf.name}.html", wait_until="load")
        page.evaluate(EDITION)
        sheets = sheets or page.evaluate("edition.sheets()")
        made = page.evaluate("told => edition.gather(told)", {**told, "name": leaf.name})
        drawn.append(Drawn(leaf, **made))
    return drawn, sheets


def _ink(route: Any, pages: Path) -> None:
    """Give a picture in the form that is smaller in a PDF, which keeps JPEG as it is and only deflates all else."""
    path = pages / route.request.url.partition("/_images/")[1].lstrip("/") / route.request.url.rpartition("/")[2]
    kind, content = ink(path.read_bytes())
    route.fulfill(body=content, content_type=f"image/{kind}")


def ink(content: bytes) -> tuple[str, bytes]:
    """A picture as a JPEG, or as a PNG where that is no larger in a PDF: a drawing with few colors."""
    with Image.open(io.BytesIO(content)) as shown:
        plain = Image.new("RGB", shown.size, "white")
        plain.paste(shown, mask=shown.getchannel("A") if shown.mode == "RGBA" else None)
    photo, drawing = io.BytesIO(), io.BytesIO()
    plain.save(photo, "JPEG", quality=84, optimize=True)
    if len(zlib.compress(plain.tobytes(), 6)) > len(photo.getvalue()):
        return "jpeg", photo.getvalue()
    plain.save(drawing, "PNG")
    return "png", drawing.getvalue()


def whole(drawn: list[Drawn], sheets: list[str], here: site.Site) -> str:
    """The document that is printed, as HTML."""
    links = "".join(f'<link rel="stylesheet" href="{html.escape(sheet)}">' for sheet in sheets)
    heads = "".join(_head(place, one) for place, one in enumerate(drawn))
    styles = "\n".join(dict.fromkeys(one.style for one in drawn))
    body = "".join(
        f'<section class="leaf" style="page: leaf-{place}"><article class="bd-article" id="{one.leaf.anchor}">'
        f"{one.html}</article></section>"
        for place, one in enumerate(drawn)
    )
    return (
        f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Under the Hood</title>'
        f'{links}<link rel="stylesheet" href="/_static/edition.css"><style>{styles}\n{heads}</style></head><body>'
        f'{_title_page(here)}{contents(drawn)}<main class="bd-content">{body}</main></body></html>'
    )


def _head(place: int, one: Drawn) -> str:
    """What stands above each page of a chapter."""
    title = one.named.replace("\\", r"\5c ").replace('"', r"\22 ").replace("<", r"\3c ")
    return f'@page leaf-{place} {{ @top-right {{ content: "{title}"; }} }}\n'


def _title_page(here: site.Site) -> str:
    address = f'<p><a href="{here.pages}">{here.pages}</a></p>' if here.pages else ""
    return (
        '<section class="title-page"><p class="stripes"><i></i><i></i><i></i><i></i><i></i><i></i></p>'
        '<p class="book-title">Under the Hood</p>'
        '<p class="subtitle">How deep image networks see, learn, are fooled, and dream</p>'
        f'<div class="imprint"><p>Version {html.escape(here.version)}</p>{address}'
        "<p>Text CC BY 4.0, code MIT. The numbers in the chapters were measured when the book was built. What moves, "
        "and the code of the pictures, is in the notebooks and on the pages.</p></div></section>"
    )


def contents(drawn: list[Drawn]) -> str:
    """The table of contents; the numbers come later."""
    lines, part = [], ""
    for one in drawn:
        if one.leaf.part != part:
            part = one.leaf.part
            lines.append(f'<li class="part">{html.escape(part)}</li>')
        lines.append(_line(one.leaf.anchor, one.number, one.title, "chapter"))
        if one.number.isdigit():
            lines += [_line(anchor, "", title, "section") for anchor, title in one.sections]
    return f'<nav class="toc"><p class="toc-title">Contents</p><ol>{"".join(lines)}</ol></nav>'


def _line(anchor: str, number: str, title: str, kind: str) -> str:
    numbered = f"<b>{number}</b>" if number else ""
    return (
        f'<li class="{kind}"><a href="#{anchor}">{numbered}<span>{html.escape(title)}</span>'
        f'<span class="dots"></span><span class="at" data-to="{anchor}"></span></a></li>'
    )


def _pdf(page: Any) -> bytes:
    return page.pdf(prefer_css_page_size=True, print_background=True, tagged=True)


def numbers(content: bytes) -> dict[str, int]:
    """On which page of a PDF each of its named places is, from 1."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # Chromium counts its objects otherwise than pypdf
    reader = PdfReader(io.BytesIO(content))
    found = {name: reader.get_destination_page_number(place) for name, place in reader.named_destinations.items()}
    return {name.lstrip("/"): number + 1 for name, number in found.items() if number is not None}


def _write(content: bytes, drawn: list[Drawn], at: dict[str, int], path: Path) -> Path:
    """Keep the PDF, with what it is called, who wrote it, and bookmarks."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.pdf_header = "%PDF-1.7"
    writer.add_metadata({"/Title": "Under the Hood", "/Author": "The Under the Hood authors"})
    for one in drawn:
        chapter = writer.add_outline_item(title=one.named, page_number=at[one.leaf.anchor] - 1)
        for anchor, title in one.sections:
            if anchor in at:
                writer.add_outline_item(title=title, page_number=at[anchor] - 1, parent=chapter)
    writer.page_mode = "/UseOutlines"
    writer.write(path)
    return path


if __name__ == "__main__":
    try:
        made = print_book()
    except FileNotFoundError as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        sys.exit(f"The PDF needs the Python package {error.name}: pip install playwright pypdf")
    print(f"{made} ({made.stat().st_size / 1e6:.1f} MB)")
