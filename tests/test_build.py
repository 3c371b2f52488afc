"""What the build does to the text, and to a book whose notebooks fail or contradict their pages."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from book import build, run, words
from helpers import ledger
from helpers.figure import Picture

GLOSSARY = """# Glossary

```{glossary}
ReLU
  A switch.

hidden layer
  Between
  the ends.

layer
  One stage.
```
"""


def test_terms_are_the_lines_above_indented_ones() -> None:
    assert build.terms(GLOSSARY) == ["ReLU", "hidden layer", "layer"]


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("A layer, a layer.", "A {term}`layer <layer>`, a layer."),
        ("Layers of ReLUs", "{term}`Layers <layer>` of {term}`ReLUs <ReLU>`"),
        ("*layers* matter", "*{term}`layers <layer>`* matter"),
        ("a hidden layer, a layer", "a {term}`hidden layer <hidden layer>`, a {term}`layer <layer>`"),
        ("multilayer layer-wise layered", "multilayer layer-wise layered"),
        ("# A layer\n\n`layer` $layer$ [layer](x)", "# A layer\n\n`layer` $layer$ [layer](x)"),
        ("{cite:p}`layer` <b id='layer'>", "{cite:p}`layer` <b id='layer'>"),
        ("```{admonition} layer\nlayer\n```\n", "```{admonition} layer\nlayer\n```\n"),
        ("<div>\nlayer\n</div>\n\nlayer", "<div>\nlayer\n</div>\n\n{term}`layer <layer>`"),
        ("**layer** layer", "**layer** {term}`layer <layer>`"),
        ("Patches, a patch", "Patches, a {term}`patch <patch (of a network)>`"),
    ],
)
def test_the_first_mention_in_the_prose_becomes_a_link(text: str, linked: str) -> None:
    assert build.link_terms(text, {"ReLU", "hidden layer", "layer", "patch (of a network)"}) == linked


def test_a_term_is_linked_once_over_several_texts() -> None:
    wanted = {"layer"}
    assert build.link_terms("layer", wanted) == "{term}`layer <layer>`"
    assert build.link_terms("layer", wanted) == "layer"


def test_a_thumbnail_is_the_figures_picture_made_small() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1280, 320), "red").save(buffer, "PNG")
    picture = Picture("1.4", "A caption.", "All red.", buffer.getvalue(), "png")
    small = build._placed("thumbnail", picture)
    assert small.startswith('<img alt="All red."')
    data = re.findall(r"base64,([^\"]*)", small)[0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (640, 160)
    assert build._placed("figure", picture) == picture.html()
    assert build._placed("figure", None) == build._placed("thumbnail", None) == ""


def test_a_figure_may_be_shown_with_another_caption() -> None:
    placed = build._placed("figure", Picture("6.1", "A cat.", "a", b"b", "webp"), "Four cats.")
    assert placed.endswith("<figcaption>Four cats.</figcaption></figure>")
    assert 'id="figure-6-1"' in placed
    assert build.FIGURE.fullmatch("<!-- figure 6.1: Four\ncats. -->").groups() == ("figure", "6.1", "Four\ncats.")
    assert build.FIGURE.fullmatch("<!-- thumbnail 1.4 -->").groups() == ("thumbnail", "1.4", None)


def test_a_caption_in_the_markdown_is_the_figures() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    picture = Picture("2.1", "", "", buffer.getvalue(), "png")
    output = nbformat.v4.new_output("display_data", picture._repr_mimebundle_())
    below = (
        "**Figure 2.1.** A *red*\nsquare.\n<!-- alt 2.1: All red. -->\n\nSee [E2.1](evidence/02_a.ipynb#figure-E2-1)"
    )
    cells = [nbformat.v4.new_code_cell("1", outputs=[output]), nbformat.v4.new_markdown_cell(below)]
    content = nbformat.v4.new_notebook(cells=cells)
    assert words.captions(content) == {"2.1": "A *red* square."}
    assert words.alts(content) == {"2.1": "All red."}
    assert words.worded(picture, {"2.1": "A"}, {"2.1": "B"}) == Picture("2.1", "A", "B", picture.content, "png")
    worded = Picture("2.1", "Its own.", "Own.", picture.content, "png")
    assert words.worded(worded, {"2.1": "A"}, {"2.1": "B"}) == worded
    code, text = json.loads(build._as_page(content, []))["cells"]
    assert code["outputs"][0]["data"]["text/html"].count('alt="All red."') == 1
    assert text["source"] == (
        ":::{container} figure-caption\n**Figure 2.1.** A *red*\nsquare.\n:::\n\n\n"
        'See <a href="evidence/02_a.html#figure-E2-1">E2.1</a>'
    )


@pytest.mark.book
def test_prose_may_change_without_a_new_run_and_code_may_not(tmp_path: Path) -> None:
    book = tiny_book(tmp_path, **{"01_a": ["# A", "print('seen')"]})
    notebook = book.notebooks[0]
    assert run.execute_stale(book) == [notebook]
    content = nbformat.read(notebook, as_version=4)
    content.cells[0].source = "# Another title"
    content.cells.insert(1, nbformat.v4.new_markdown_cell("More words."))
    content.cells[2].metadata["tags"] = ["hide-input"]
    nbformat.write(content, notebook)
    assert run.execute_stale(book) == []
    copy = nbformat.read(book.copy(notebook), as_version=4)
    assert [cell.source for cell in copy.cells] == ["# Another title", "More words.", "print('seen')"]
    assert copy.cells[2].metadata["tags"] == ["hide-input"]
    assert copy.cells[2].outputs[0].text == "seen\n"
    content.cells[2].source = "print('other')"
    nbformat.write(content, notebook)
    assert run.execute_stale(book) == [notebook]


@pytest.mark.book
def test_a_part_of_the_book_can_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tiny_book(tmp_path, **{"01_a": ["# A", "print('told')"], "02_b": ["# B", "print('later')"]})
    proof = tmp_path / "notebooks" / "evidence" / "01_a.ipynb"
    proof.parent.mkdir()
    source = ["# Evidence", ENTRY.format(claim="1.2", found=0.1)]
    cells = [nbformat.v4.new_markdown_cell(source[0]), nbformat.v4.new_code_cell(source[1])]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}}), proof)
    toc = tmp_path / "book" / "_toc.yml"
    toc.write_text(toc.read_text() + "- file: notebooks/evidence/01_a\n")
    assert [book.relative(n).as_posix() for n in book.notebooks] == ["01_a.ipynb", "evidence/01_a.ipynb", "02_b.ipynb"]
    monkeypatch.setenv("CHAPTERS_ONLY", "1")
    monkeypatch.setenv("ONLY", "01")
    assert build.main(book) == 0
    assert book.copy(book.notebooks[0]).is_file()
    assert not book.copy(proof).exists()
    assert "This page was not executed" in text_of(book.pages / "notebooks/evidence/01_a.html")
    assert "This page was not executed" in text_of(book.pages / "notebooks/02_b.html")
    monkeypatch.delenv("CHAPTERS_ONLY")
    assert build.main(book) == 0
    assert "This page was not executed" not in text_of(book.pages / "notebooks/evidence/01_a.html")
    ledgers = (book.pages / "book/ledger.html").read_text()
    assert 'href="../notebooks/evidence/01_a.html#claim-1-2"' in ledgers
    assert 'href="../notebooks/01_a.html"' in ledgers
    monkeypatch.setenv("ONLY", "07")
    with pytest.raises(SystemExit, match=r"no notebook's name begins with '07'; they are 01_a\.ipynb, 02_b\.ipynb"):
        build.main(book)


def test_the_study_material_of_another_chapter_does_not_concern_a_notebook(tmp_path: Path) -> None:
    book = tiny_book(tmp_path, **{"05_a": ["# A", "1"], "evidence/05_a": ["# A", "1"]})
    folder = tmp_path / "helpers" / "study"
    folder.mkdir(parents=True)
    chapter, evidence = (run.digest(notebook, tmp_path) for notebook in book.notebooks)
    (folder / "chapter4.toml").touch()
    assert run.digest(book.notebooks[0], tmp_path) == chapter
    (folder / "chapter5.toml").touch()
    assert run.digest(book.notebooks[0], tmp_path) != chapter
    assert run.digest(book.notebooks[1], tmp_path) == evidence


def test_no_evidence_asks_for_study_material() -> None:
    assert not [notebook for notebook in run.BOOK.evidence if "study" in run.code(nbformat.read(notebook, 4)).decode()]


ENTRY = """from helpers import ledger
from helpers.figure import Picture
ledger.entry("{claim}", experiment="We looked.", measured="It is {found}.", verdict="holds",
             checks={{"the sea is dry": ledger.below({found}, 0.2)}})"""
CONFIG = "title: Tiny\nonly_build_toc_files: true\nexecute:\n  execute_notebooks: 'off'\n"
CONFIG += "sphinx:\n  config:\n    suppress_warnings: [mystnb.unknown_mime_type]\n"
TOC = "format: jb-book\nroot: book/intro\nchapters:\n- file: book/ledger\n"


def tiny_book(root: Path, **notebooks: list[str]) -> run.Book:
    """A book of notebooks, each a list of cells: code, or text where it begins with a hash and a space."""
    for name, cells in notebooks.items():
        made = [
            nbformat.v4.new_markdown_cell(source)
            if source.startswith(("# ", "<"))
            else nbformat.v4.new_code_cell(source)
            for source in cells
        ]
        path = root / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"language_info": {"name": "python"}}), path)
    (root / "book").mkdir()
    (root / "constraints.txt").touch()
    pages = {
        "_config.yml": CONFIG,
        "_toc.yml": TOC + "".join(f"- file: notebooks/{name}\n" for name in notebooks),
        "glossary.md": "",
        "intro.md": "# Tiny\n\n<!-- figure 2.1: A caption of its own. -->\n\nThe end.\n",
        "ledger.md": "# The ledger\n\n<!-- ledger -->\n\n<!-- runs -->\n",
    }
    for name, text in pages.items():
        (root / "book" / name).write_text(text)
    return run.Book(root)


def text_of(page: Path) -> str:
    """What a reader sees of a page's article."""
    article = re.search(r"<article.*?</article>", page.read_text(encoding="utf-8"), re.DOTALL)
    assert article
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", article[0]))


@pytest.mark.book
def test_a_check_that_is_not_met_and_a_notebook_that_fails_leave_a_whole_book(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    book = tiny_book(
        tmp_path,
        **{
            "01_wrong": ["# Wrong", "print('first')", ENTRY.format(claim="1.2", found=0.7), "print('last')"],
            "02_broken": ["# Broken", "print('before')", "print('half')\nlen(5)", "print('never seen')"],
        },
    )
    assert build.main(book) == 1
    said = capfd.readouterr().out
    assert "not so on this machine: claim 1.2, the sea is dry: found 0.7, wanted < 0.2" in said
    assert "02_broken.ipynb failed, and its page ends there: TypeError: object of type 'int' has no len()" in said

    wrong = text_of(book.pages / "notebooks/01_wrong.html")
    assert "not so on this machine" in wrong
    assert "the sea is dry: found 0.7, wanted &lt; 0.2" in wrong
    assert "last" in wrong

    broken = text_of(book.pages / "notebooks/02_broken.html")
    assert "before" in broken
    assert "half" in broken
    assert "the step above failed: TypeError: object of type &#39;int&#39; has no len()" in broken.replace(
        "&#x27;", "&#39;"
    )
    assert "never seen" not in broken
    assert "Traceback" not in broken

    table = text_of(book.pages / "book/ledger.html")
    assert "46 claims: 1 ! not so on this machine." in table
    assert "Not so: the sea is dry: found 0.7, wanted &lt; 0.2." in table
    assert "The end." in text_of(book.pages / "book/intro.html")
    assert not run.is_fresh(book.notebooks[1], book), "a notebook that failed is worth another try"


@pytest.mark.book
def test_a_contradiction_alone_is_no_failure_and_a_whole_book_is_built_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = ["# Right", ENTRY.format(claim="1.3", found=0.1)]
    book = tiny_book(tmp_path, **{"01_wrong": ["# Wrong", ENTRY.format(claim="1.2", found=0.7)], "02_right": whole})
    assert build.main(book) == 0
    assert "executing 01_wrong.ipynb" in capfd.readouterr().out
    assert "1 ✓ holds, 1 ! not so on this machine." in text_of(book.pages / "book/ledger.html")
    assert build.main(book) == 0
    said = capfd.readouterr().out
    assert "executing" not in said
    assert "not so on this machine: claim 1.2" in said


@pytest.mark.parametrize(
    ("cells", "reason", "shown", "hidden"),
    [
        (["# A", "print('seen')", "import os; os._exit(3)", "print('no')"], "DeadKernelError", "seen", "'no'"),
        (["# A", "print('seen')", "raise ValueError('<b>')"], "ValueError: <b>", "&lt;b&gt;", "Traceback"),
        (["# A", "print('seen')", "import warnings; warnings.warn('old')"], "UserWarning: old", "seen", "Traceback"),
        (
            [
                "# A",
                "print('seen')",
                '<details class="solution">\n\n```python\nassert 1 == 2, "sum"\n```\n\n</details>',
            ],
            "AssertionError: sum",
            "a solution below it",
            "Traceback",
        ),
    ],
)
@pytest.mark.book
def test_every_kind_of_failure_keeps_the_page_up_to_it(
    tmp_path: Path, cells: list[str], reason: str, shown: str, hidden: str
) -> None:
    book = tiny_book(tmp_path, **{"01_a": cells})
    result = run.execute(book.notebooks[0], book.executed, book.root)
    assert result["failed"].startswith(reason)
    page = build._as_page(nbformat.read(book.copy(book.notebooks[0]), as_version=4), []).decode()
    assert "This page ends here" in page
    assert shown in page
    assert hidden not in page.partition("This page ends here")[2]
    assert reason.split(":")[0] in page


@pytest.mark.book
def test_a_process_that_is_killed_leaves_a_page_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tiny_book(tmp_path, **{"01_a": ["# A", "print('seen')"]})
    monkeypatch.setattr(run.sys, "executable", "/bin/false")
    run.start(book.notebooks[0], book.executed, environment={}, root=book.root)
    page = build._as_page(nbformat.read(book.copy(book.notebooks[0]), as_version=4), []).decode()
    assert "its run failed: <code>the process ended with code 1</code>" in page


def test_an_unmet_check_reads_back_as_it_was_written() -> None:
    entry = ledger.entry(
        "1.2",
        experiment="e",
        measured="m",
        verdict="holds",
        checks={"so": ledger.below([1.0, 2.0], 3, log=True), "exactly": ledger.equal(["a"], ["a"])},
    )
    assert [ledger.Check.read(check) for check in entry.record()["checks"]] == list(entry.checks.values())
