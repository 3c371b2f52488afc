"""The public address stands in one place; what needs it is right with it, and left out without it."""

from __future__ import annotations

import hashlib
import io
import re
import runpy
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

from book import build, cards, doors, extension, run, second, site
from book import zip as packing
from book.site import Site
from tests.test_build import CONFIG, tiny_book

PROJECT = '[project]\nname = "a"\nversion = "1.2.3"\n'
HERE = Site("1.2.3", "https://github.com/Owner/name", "https://owner.github.io/name/")


def test_the_address_is_read_from_the_project(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(PROJECT)
    assert site.read(tmp_path) == Site("1.2.3")
    file.write_text(PROJECT + '[project.urls]\nRepository = "https://github.com/Owner/name.git"\n')
    assert site.read(tmp_path) == HERE
    file.write_text(PROJECT + '[project.urls]\nHomepage = "https://a.org/book"\n')
    assert site.read(tmp_path) == Site("1.2.3", "", "https://a.org/book/")
    file.write_text(PROJECT + '[project.urls]\nHomepage = "a.org"\n')
    with pytest.raises(ValueError, match=r"'a\.org' is no https address"):
        site.read(tmp_path)


def test_every_address_comes_from_it_or_is_empty() -> None:
    assert HERE.page("book/a b.html") == "https://owner.github.io/name/book/a%20b.html"
    assert HERE.colab("evidence/05_a.ipynb") == (
        "https://colab.research.google.com/github/Owner/name/blob/plain/evidence/05_a.ipynb"
    )
    assert HERE.source("notebooks/05_a.ipynb") == "https://github.com/Owner/name/blob/main/notebooks/05_a.ipynb"
    assert HERE.report("A title", "a.html").startswith("https://github.com/Owner/name/issues/new?title=A+title")
    assert HERE.wheel == "https://owner.github.io/name/under_the_hood-1.2.3-py3-none-any.whl"
    nowhere = Site("1")
    assert [nowhere.page("a"), nowhere.colab("a"), nowhere.source("a"), nowhere.report("a", "b")] == [""] * 4
    assert nowhere.wheel == nowhere.readme == ""


def test_the_readme_and_the_citation_say_what_the_project_says() -> None:
    here = site.read()
    readme = (site.ROOT / "README.md").read_text(encoding="utf-8")
    assert site.readme(readme, here) == readme, "run `python -m book.site`"
    citation = (site.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert site.citation(citation, here) == citation, "run `python -m book.site`"
    first = re.findall(r"\]\((http[^)]*)\)", site.readme(readme, HERE))[0]
    assert first == HERE.pages
    assert site.readme(site.readme(readme, HERE), here) == readme
    assert "version: 1.2.3\n" in site.citation(citation, HERE)
    assert f"url: {HERE.pages}\n" in site.citation(citation, HERE)
    assert site.citation(site.citation(citation, HERE), here) == citation


def test_the_python_that_the_project_names_is_the_one_that_the_workflow_tries() -> None:
    project = tomllib.loads((site.ROOT / "pyproject.toml").read_text())["project"]
    oldest, beyond = (int(minor) for minor in re.findall(r"3\.(\d+)", project["requires-python"]))
    workflow = (site.ROOT / ".github/workflows/test.yml").read_text()
    assert re.findall(r'"3\.(\d+)"', workflow) == [str(oldest), str(beyond - 1)]


@pytest.mark.parametrize("name", ["links", "publish", "test"])
def test_a_workflow_is_yaml_and_calls_what_there_is(name: str) -> None:
    text = (site.ROOT / f".github/workflows/{name}.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    assert all("timeout-minutes" in job or "needs" in job for job in jobs.values())
    assert {needed for job in jobs.values() if (needed := job.get("needs"))} <= set(jobs)
    for module in re.findall(r"-m (book\.\w+)", text):
        assert (site.ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_a_card_holds_title_words_and_picture() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 60), "red").save(buffer, "PNG")
    plain = cards.card("A title", "A sentence. " * 40)
    assert len(plain) < 200_000
    with Image.open(io.BytesIO(cards.card("A title", "A sentence.", buffer.getvalue()))) as image:
        assert image.size == cards.SIZE
        assert image.convert("RGB").getpixel((900, 300))[0] > 250


CELLS = [
    "# A <b>&</b> title\n\nThe first sentence of this page is long enough to describe it to others.",
    "print('ran')",
]


def rendered(root: Path, urls: str = "") -> Path:
    """The pages of a book of one notebook and one of its evidence, rendered with the extension."""
    book = tiny_book(root, **{"01_a": CELLS, "evidence/01_a": ["# Proof", "1"]})
    extras = "  extra_extensions: [book.extension]\n"
    (root / "book/_config.yml").write_text(CONFIG.replace("sphinx:\n", f"sphinx:\n{extras}"))
    (root / "book/changelog.md").write_text("# Changelog\n\n<!-- changelog -->\n")
    (root / "book/_toc.yml").write_text((root / "book/_toc.yml").read_text() + "- file: book/changelog\n")
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3\n\n- New.\n")
    (root / "pyproject.toml").write_text(PROJECT + urls)
    (book.build).mkdir()
    (book.build / "yardstick").write_text("1.0\n")
    build.assemble(book)
    build.render(book)
    doors.open_all(book)
    return book.pages


@pytest.mark.book
def test_without_an_address_a_page_can_be_downloaded_and_nothing_is_broken(tmp_path: Path) -> None:
    pages = rendered(tmp_path)
    page = (pages / "notebooks/01_a.html").read_text()
    assert '<li><a href="01_a.ipynb" download>Download this notebook</a></li></ul>' in page
    assert (pages / "notebooks/01_a.ipynb").is_file()
    assert (pages / "notebooks/evidence/01_a.ipynb").is_file()
    assert (pages / "teach/01_a.ipynb").is_file()
    assert '<meta name="description" content="The first sentence of this page' in page
    assert '<meta property="og:title" content="A &amp; title">' in page
    assert "og:image" not in page
    assert "canonical" not in page
    assert "Colab" not in page
    assert re.search(r'Version 1\.2\.3 · <a href="\.\./book/changelog\.html">What has changed</a>', page)
    assert "New." in (pages / "book/changelog.html").read_text()
    assert not (pages / "sitemap.xml").exists()
    packed = packing.pack(build.Book(tmp_path))
    assert packed.name == "under-the-hood-1.2.3.zip"
    names = zipfile.ZipFile(packed).namelist()
    assert {"under-the-hood-1.2.3/index.html", "under-the-hood-1.2.3/notebooks/01_a.ipynb"} <= set(names)
    assert not [name for name in names if "_sources" in name or ".doctrees" in name]


@pytest.mark.book
def test_with_an_address_the_pages_say_where_they_are(tmp_path: Path) -> None:
    pages = rendered(tmp_path, '[project.urls]\nRepository = "https://github.com/Owner/name"\n')
    page = (pages / "notebooks/evidence/01_a.html").read_text()
    assert "https://colab.research.google.com/github/Owner/name/blob/plain/evidence/01_a.ipynb" in page
    assert "Report an error" in page
    assert "https://github.com/Owner/name/blob/main/notebooks/evidence/01_a.ipynb" in page
    own = "https://owner.github.io/name/notebooks/evidence/01_a.html"
    assert f'<link rel="canonical" href="{own}" />' in page
    assert f'<meta property="og:url" content="{own}">' in page
    picture = re.findall(r'og:image" content="https://owner\.github\.io/name/([^"]*)"', page)[0]
    with Image.open(pages / picture) as image:
        assert image.size == (1200, 630)
    listed = [one.text for one in ET.parse(pages / "sitemap.xml").iter() if one.tag.endswith("loc")]
    assert own in listed
    assert len(listed) == 5


def test_there_is_nothing_to_pack_before_the_build(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="build the book first"):
        packing.pack(build.Book(tmp_path))


def test_a_description_ends_at_a_word() -> None:
    from docutils import nodes
    from docutils.frontend import get_default_settings
    from docutils.parsers.rst import Parser
    from docutils.utils import new_document

    document = new_document("a", get_default_settings(Parser))
    for text in ("Short.", "Figure 1.1. " + "what it shows " * 9, "word " * 60):
        document += nodes.paragraph("", text)
    said = extension.description(document)
    assert said.endswith("word …")
    assert len(said) <= extension.DESCRIPTION + 2


def test_mathjax_lies_in_the_book_as_its_makers_gave_it() -> None:
    folder = site.ROOT / "book" / "_static" / "mathjax"
    told = (folder / "ORIGIN.txt").read_text().partition("\n\n")[2].splitlines()
    sums = {name: sha for sha, name in (line.split() for line in told)}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.js")} == set(sums)
    for name, sha in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha, name
    assert len(list((folder / "output/chtml/fonts/woff-v2").glob("*.woff"))) == 23
    assert (folder / "LICENSE").is_file()


def test_the_second_renderer_is_told_what_the_first_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    conf = runpy.run_path(str(site.ROOT / "book" / "conf.py"))
    first = yaml.safe_load((site.ROOT / "book" / "_config.yml").read_text())
    assert conf["html_js_files"] == first["sphinx"]["config"]["html_js_files"]
    assert conf["mathjax_path"] == "formulas.js"
    assert conf["mathjax3_config"] == first["sphinx"]["config"]["mathjax3_config"]
    assert "book.extension" in conf["extensions"]
    assert conf["html_theme_options"]["extra_footer"] == first["html"]["extra_footer"]
    assert any(one.startswith("sphinx>=9") for one in second.requirements())


def test_the_second_renderer_needs_an_assembled_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert second.render(build.Book(tmp_path)) == 2
    assert "build the book first" in capsys.readouterr().out


def test_nothing_of_the_build_needs_a_unix() -> None:
    """What a run asks the kernel for its memory must not fail where Python has no such module."""
    for name in sorted((site.ROOT / "book").glob("*.py")):
        text = name.read_text(encoding="utf-8")
        assert not re.search(r"^import (resource|fcntl|pwd)\b", text, re.MULTILINE), name
        assert ".venv" not in text.replace(".venv-plain", ""), name
    said = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['resource'] = None\n{run.PEAK}"],
        capture_output=True,
        text=True,
    )
    assert (said.stdout, said.stderr) == ("0\n", "")
