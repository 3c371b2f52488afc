"""Plain notebooks: nothing of MyST is left, they lead to the published pages, and they run."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from cells import cells
from nbclient import NotebookClient
from pybtex.database import parse_string

from book import plain, run
from book.run import BOOK, Book
from book.site import Site

HERE = Site("1.2.3", "https://github.com/owner/name", "https://owner.github.io/name/")
NOWHERE = Site("1.2.3")
CITED = parse_string(
    r"""@article{one, author={Mont{\'u}far, Guido}, title={T}, year={2014}, doi={10.1000/(x)1}}
    @misc{two, author={Ann Lee and Bo Ray}, title={T}, year={2016a}, eprint={1312.6199}}
    @misc{three, author={Ann Lee and Bo Ray and Cy}, title={T}, year={2017}}""",
    "bibtex",
).entries
LEFT = re.compile(r"\{[\w:]+\}`|^\s*(`{3,}|:{3,})\{|^:{3,}|^\(\w+\)=|<!--", re.MULTILINE)


def unlinked(picture: str, target: str) -> tuple[str, str]:
    return f"<{picture}{target}>", ""


@pytest.mark.parametrize(
    ("myst", "written"),
    [
        ("A {term}`layer`, {term}`Layers <layer>`.", "A layer, Layers."),
        (
            "{cite:p}`one,two`",
            "([Montúfar, 2014](https://doi.org/10.1000/%28x%291); "
            "[Lee and Ray, 2016a](https://arxiv.org/abs/1312.6199))",
        ),
        ("{cite:t}`three` say", "Lee et al. (2017) say"),
        ("{math}`x^2` {ref}`here <there>` {kbd}`Tab`", "$x^2$ here `Tab`"),
        (
            "```{admonition} Predict\n:class: tip\nWhich?\n\nAnd *why*?\n```\nGo on.",
            "> **Predict**\n>\n> Which?\n>\n> And *why*?\nGo on.",
        ),
        (":::{note}\nMind.\n:::", "> **Note**\n>\n> Mind."),
        ("```{tip} In a word\n```", "> **Tip**\n>\n> In a word\n>"),
        ("::::{container} figure-caption\n:::{note}\nIn.\n:::\n::::", "> **Note**\n>\n> In."),
        ("```{math}\n:label: a\nx = 1\n```", "$$\nx = 1\n$$"),
        ("```{dropdown} More\nText.\n```", "<details><summary>More</summary>\n\nText.\n\n</details>"),
        ('```{raw} html\n<div class="lab" data-lab="see"><p>Needs it.</p></div>\n```', plain.ELSEWHERE),
        ("(a-label)=\n## Title", "## Title"),
        (
            "**Figure 5.3.** Look.\n<!-- alt 5.3: Two <cats>\nand a dog. -->",
            "**Figure 5.3.** Look.\n"
            "<details><summary>Figure 5.3 in words</summary>Two &lt;cats&gt; and a dog.</details>",
        ),
        ("```python\nx = {cite}`y`  # [a](b.md)\n```", "```python\nx = {cite}`y`  # [a](b.md)\n```"),
        ("`[a](b.md)` and [c `d`](e.md)", "`[a](b.md)` and <e.md>c `d`"),
        ("[out](https://a.org) ![pic [1]](p.png)", "[out](https://a.org) <!p.png>"),
    ],
)
def test_myst_becomes_plain(myst: str, written: str) -> None:
    assert plain.markdown(myst, CITED, unlinked) == written


def test_a_box_without_a_plain_form_is_named() -> None:
    with pytest.raises(ValueError, match=r"\{tab-set\} box"):
        plain.markdown("::::{tab-set}\n::::", CITED, unlinked)


@pytest.mark.parametrize("notebook", BOOK.notebooks, ids=lambda path: str(BOOK.relative(path)))
@pytest.mark.parametrize("here", [HERE, NOWHERE], ids=["published", "at home"])
def test_nothing_of_myst_is_left_in_the_books_notebooks(notebook: Path, here: Site) -> None:
    content = plain.notebook(notebook, BOOK, here)
    nbformat.validate(content)
    text = "\n\n".join(cell.source for cell in content.cells if cell.cell_type == "markdown")
    assert LEFT.findall(plain.CODE.sub("", text)) == []
    assert not re.search(
        r"\]\((?!https://|http://neural|#|\w+\.ipynb\)|(\.\./|evidence/)\w+\.ipynb\))", plain.CODE.sub("", text)
    )
    assert [c.source for c in content.cells[2:] if c.cell_type == "code"] == [c.source for c in cells(notebook, "code")]


def small(root: Path) -> Book:
    """A book of one notebook that has everything."""
    folder = root / "notebooks" / "evidence"
    folder.mkdir(parents=True)
    picture = "![All *red*](../book/_static/red.png)"
    links = "[The proof](evidence/01_a.ipynb#claim-1-1), [peers](../book/peers.md)."
    solution = '<details class="solution"><summary>Solution</summary>\n\n```python\nanswer = 2\n```\n\n</details>'
    made = nbformat.v4
    cells = [
        made.new_markdown_cell(f"# A\n\n{picture}\n\n{links}"),
        made.new_code_cell("answer = 1\nprint('ran')", metadata={"tags": ["hide-input"]}),
        made.new_markdown_cell(solution),
        made.new_markdown_cell(f"{solution}\n\n**Exercise 1.2** ★ Go on."),
    ]
    for path in (root / "notebooks" / "01_a.ipynb", folder / "01_a.ipynb"):
        nbformat.write(made.new_notebook(cells=cells if path.parent != folder else cells[1:2]), path)
    (root / "book" / "_static").mkdir(parents=True)
    (root / "book" / "_static" / "red.png").write_bytes(b"red")
    return run.Book(root)


def test_links_lead_to_the_pages_where_there_are_pages(tmp_path: Path) -> None:
    book = small(tmp_path)
    text = plain.notebook(book.chapters[0], book, HERE).cells[2].source
    assert '<img alt="All *red*" src="data:image/png;base64,cmVk">' in text
    assert "[The proof](https://owner.github.io/name/notebooks/evidence/01_a.html#claim-1-1)" in text
    assert "[peers](https://owner.github.io/name/book/peers.html)" in text
    text = plain.notebook(book.chapters[0], book, NOWHERE).cells[2].source
    assert "[The proof](evidence/01_a.ipynb), peers." in text


def test_the_first_cell_installs_and_pins_nothing(tmp_path: Path) -> None:
    assert plain.install(HERE).splitlines()[0] == (
        '%pip install -q "under-the-hood @ https://owner.github.io/name/under_the_hood-1.2.3-py3-none-any.whl"'
    )
    assert "git+https://github.com/owner/name" in plain.install(Site("1", "https://github.com/owner/name"))
    content = plain.notebook(small(tmp_path).chapters[0], run.Book(tmp_path), NOWHERE)
    assert "torch" not in content.cells[1].source
    done = NotebookClient(content, timeout=60, kernel_name="python3").execute()
    outputs = [output.text for cell in done.cells for output in cell.get("outputs", [])]
    assert outputs[-1] == "ran\n"
    assert done.cells[3].metadata.jupyter.source_hidden


def test_a_class_gets_notebooks_without_solutions(tmp_path: Path) -> None:
    book = small(tmp_path)
    (tmp_path / "book/_build/teach").mkdir(parents=True)
    (tmp_path / "book/_build/teach/00_old.ipynb").touch()
    folder = plain.write(book, NOWHERE, solved=False)
    assert [path.name for path in folder.rglob("*.ipynb")] == ["01_a.ipynb"]
    text = (folder / "01_a.ipynb").read_text()
    assert "answer = 2" not in text
    assert "Exercise 1.2" in text
    first = plain.write(book, NOWHERE)
    assert "answer = 2" in (first / "01_a.ipynb").read_text()
    stamp = (first / "01_a.ipynb").stat().st_mtime_ns
    plain.write(book, NOWHERE)
    assert (first / "01_a.ipynb").stat().st_mtime_ns == stamp
    assert sorted(path.relative_to(first).as_posix() for path in first.rglob("*.ipynb")) == [
        "01_a.ipynb",
        "evidence/01_a.ipynb",
    ]
