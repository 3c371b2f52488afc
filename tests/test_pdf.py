"""The book as one PDF: what is in it, in which order, and that its contents tell the truth."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from book import browser, pdf, run, site

TOC = """root: book/intro
parts:
  - caption: The chapters
    chapters:
      - file: notebooks/01_a
        sections:
          - file: notebooks/evidence/01_a
      - file: notebooks/02_b
  - caption: The back
    chapters:
      - file: book/laboratory
      - file: book/glossary
"""
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>x</title></head><body>
<article class="bd-article"><section id="{id}"><h1>{title}<a class="headerlink" href="#{id}">#</a></h1>{body}</section>
</article></body></html>"""
BODIES = {
    "book/intro": ("Under", '<a href="../notebooks/02_b.html#far">far</a> <a href="x.ipynb">unknown</a>'),
    "notebooks/01_a": (
        'The "other"',
        "<h2>Exercises</h2><p><strong>Exercise 1.1</strong> Do.</p>"
        '<details class="solution"><summary>Solution</summary>'
        "<p>Forty-two.</p></details><details><summary>Hint</summary><p>Think twice.</p></details><h2>After</h2>",
    ),
    "notebooks/02_b": (
        "Second",
        '<div style="height:600mm">High</div><section id="far"><h2>Far</h2>'
        '<img alt="" loading="lazy" width="99" height="99" src="../_images/a.png"></section>',
    ),
    "notebooks/evidence/01_a": ("Evidence", "<p>Proof.</p>"),
    "book/glossary": ("Glossary", "<p>Words.</p>"),
}


@pytest.fixture
def book(tmp_path: Path) -> run.Book:
    made = run.Book(tmp_path)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "_toc.yml").write_text(TOC)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1.2.3"\n')
    for name, (title, body) in BODIES.items():
        path = made.pages / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(id="one", title=title, body=body))
    (made.pages / "index.html").write_text("x")
    shutil.copytree(run.ROOT / "book" / "_static", made.pages / "_static", ignore=shutil.ignore_patterns("mathjax"))
    (made.pages / "_images").mkdir()
    Image.new("RGB", (99, 99), "red").save(made.pages / "_images" / "a.png")
    return made


def test_every_page_that_paper_can_hold_is_in_it_and_the_evidence_comes_last() -> None:
    toc = {
        "root": "book/intro",
        "parts": [
            {
                "caption": "A",
                "chapters": [{"file": "notebooks/01_a", "sections": [{"file": "notebooks/evidence/01_a"}]}],
            },
            {"caption": "B", "chapters": [{"file": "book/laboratory"}, {"file": "book/glossary"}]},
        ],
    }
    names = [leaf.name for leaf in pdf.leaves(toc)]
    assert names == ["book/intro", "notebooks/01_a", "book/glossary", "notebooks/evidence/01_a"]


@pytest.mark.skipif(browser.find() is None, reason="no Chromium found: no PDF was printed")
@pytest.mark.book
def test_the_contents_name_the_pages_and_links_lead_there(book: run.Book) -> None:
    reader = PdfReader(pdf.print_book(book))
    texts = [re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages]
    assert "Under the Hood" in texts[0]
    assert "Version 1.2.3" in texts[0]

    def page_of(words: str) -> int:
        return next(number for number, text in enumerate(texts, 1) if number > 2 and words in text)

    contents = texts[1]
    for line, words in (("About this book", "far unknown"), ("Second", "High"), ("Far", "Far")):
        assert int(re.findall(rf"{line}\W*?(\d+)", contents)[0]) == page_of(words)
    assert page_of("Far") > page_of("High") + 1
    assert page_of("Far") < page_of("Words.") < page_of("Proof.")
    first = texts[page_of("Forty-two.") - 1]
    assert first.index("Think twice.") < first.index("After") < first.index("Solutions") < first.index("Forty-two.")
    assert '1 The "other"' in first
    titles = [one.title for one in reader.outline if not isinstance(one, list)]
    assert titles == ["About this book", '1 The "other"', "2 Second", "Glossary", "E1 Evidence"]
    link = reader.pages[2]["/Annots"][0].get_object()
    to = reader.named_destinations[link["/Dest"]]
    assert reader.get_destination_page_number(to) + 1 == page_of("Far")
    assert len(reader.pages[page_of("Far") - 1].images) == 1
    assert str(reader.metadata.title) == "Under the Hood"


def test_a_photo_becomes_a_jpeg_and_a_drawing_stays_as_it_is() -> None:
    def png(pixels: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    flat = np.zeros((64, 64, 4), np.uint8)  # transparent: white on paper
    assert pdf.ink(png(noise))[0] == "jpeg"
    kind, content = pdf.ink(png(flat))
    assert kind == "png"
    with Image.open(io.BytesIO(content)) as shown:
        assert shown.getcolors() == [(64 * 64, (255, 255, 255))]


def test_what_is_missing_is_said_in_a_line(book: run.Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="build the book first"):
        pdf.print_book(run.Book(tmp_path / "nowhere"))
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="none was found"):
        pdf.print_book(book)


def test_a_title_may_hold_anything() -> None:
    one = pdf.Drawn(pdf.Leaf("book/a"), "", "", 'a "b" \\ </style>')
    assert pdf._head(0, one) == '@page leaf-0 { @top-right { content: "a \\22 b\\22  \\5c  \\3c /style>"; } }\n'
    assert site.read().version in pdf.whole([one], [], site.read())
