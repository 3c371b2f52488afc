"""Write plain notebooks, which open anywhere, into ``book/_build/plain``: ``python -m book.plain``.

The notebooks of the book are written in MyST, which JupyterLab shows only with an extension and Colab not at all. Here
its roles and boxes become plain Markdown and HTML, pictures stand inside the notebook, links lead to the published
pages, and one cell in front installs what the notebook needs. ``--unsolved`` leaves the solutions away, for a class,
and writes into ``book/_build/teach``.
"""

from __future__ import annotations

import base64
import codecs
import html
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import latexcodec  # noqa: F401  # registers the codec of accents
import nbformat
from nbformat import NotebookNode
from pybtex.database import Entry, parse_file

from book import files, site, words
from book.run import BOOK, Book
from book.site import Site
from book.sizes import is_folded

FENCE = re.compile(r"^(`{3,}|:{3,})\{([\w:-]+)\}[ ]*(.*)$")
OPTION = re.compile(r"^:([\w-]+):[ ]*(.*)$")
ROLE = re.compile(r"\{([\w:]+)\}`([^`]*)`")
TARGET = re.compile(r"^\([\w:-]+\)=[ ]*\n?", re.MULTILINE)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#|data:)([^()\s]+)\)")
CODE = re.compile(r"(?:^|(?<=\n))(`{3,})(?!\{).*?\n\1[ ]*(?=\n|\Z)", re.DOTALL)
SOLUTION = re.compile(r'<details class="solution">.*?</details>\s*', re.DOTALL)
BOXES = {"note", "tip", "hint", "important", "warning", "caution", "danger", "attention", "error", "seealso"}
LABORATORY = re.compile(r'<div class="lab"[^>]*>.*?</div>', re.DOTALL)
ELSEWHERE = "*Here the chapter's page holds the laboratory: the network, running in the browser.*"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
ON_COLAB = "# On Colab: Runtime > Change runtime type > a GPU makes chapters 4 to 6 faster, and none needs one."


def notebook(path: Path, book: Book, here: Site, *, solved: bool = True) -> NotebookNode:
    """The plain form of a notebook.

    Args:
        path: of the book's notebook.
        book: to which it belongs.
        here: where the book is published.
        solved: whether the solutions stay.
    """
    content = nbformat.read(path, as_version=4)
    own = book.relative(path)
    cited = cited_by(book.root / "book" / "references.bib")
    cells: list[NotebookNode] = []
    for cell in content.cells:
        if cell.cell_type == "markdown":
            source = cell.source if solved else SOLUTION.sub("", cell.source)
            text = markdown(source, cited, lambda picture, to: linked(picture, to, own, book, here))
            if text.strip():
                cells.append(nbformat.v4.new_markdown_cell(text, id=cell.get("id") or f"cell-{len(cells)}"))
        else:
            folded = {"jupyter": {"source_hidden": True}, "cellView": "form"} if is_folded(cell) else {}
            cells.append(
                nbformat.v4.new_code_cell(cell.source, metadata=folded, id=cell.get("id") or f"cell-{len(cells)}")
            )
    head = [
        nbformat.v4.new_markdown_cell(_about(own, here), id="about"),
        nbformat.v4.new_code_cell(install(here), id="install"),
    ]
    return nbformat.v4.new_notebook(
        cells=[*head, *cells], metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )


def _about(own: Path, here: Site) -> str:
    page = here.page(f"notebooks/{own.with_suffix('.html').as_posix()}")
    where = f"[its page]({page})" if page else "its page"
    return f"*From the book Under the Hood, version {here.version}. What the cells print and draw stands on {where}.*"


def install(here: Site) -> str:
    """The cell in front. It names no version of anything, so that the host's PyTorch stays as it is."""
    package = here.wheel or (here.name and f"git+https://github.com/{here.name}")
    if package:
        return f'%pip install -q "under-the-hood @ {package}"\n{ON_COLAB}'
    return (
        "import importlib.util\n\n"
        'if importlib.util.find_spec("helpers") is None:\n'
        '    print("This notebook needs the package of its book: %pip install -q THE-FOLDER-OF-THE-BOOK")'
    )


def markdown(text: str, cited: Mapping[str, Entry], link: Callable[[str, str], tuple[str, str]]) -> str:
    """MyST as plain Markdown and HTML.

    Args:
        text: as it stands in the book.
        cited: the references, by key.
        link: the words or the mark of a picture and a relative target -> what takes its place; see `linked`.
    """
    text = LABORATORY.sub(ELSEWHERE, words.ALT.sub(_alternative, TARGET.sub("", _unboxed(text))))
    parts, done = [], 0
    for code in CODE.finditer(text):
        parts += [_inline(text[done : code.start()], cited, link), code[0]]
        done = code.end()
    return re.sub(r"\n{3,}", "\n\n", "".join([*parts, _inline(text[done:], cited, link)])).strip("\n")


def _inline(text: str, cited: Mapping[str, Entry], link: Callable[[str, str], tuple[str, str]]) -> str:
    """Roles and relative links, in text without blocks of code; a role's own backquotes make it no code."""
    text = ROLE.sub(lambda match: _role(match[1], match[2], cited), text)

    def place(match: re.Match[str]) -> str:
        before, after = link(match[1], match[3])
        return before.replace("ALT", html.escape(match[2])) if match[1] else f"{before}{match[2]}{after}"

    pieces = re.split(r"(`[^`\n]+`)", text)
    held = {f"\0{i}\0": piece for i, piece in enumerate(pieces) if i % 2}  # so that no link is sought in code
    whole = "".join(f"\0{i}\0" if i % 2 else piece for i, piece in enumerate(pieces))
    return re.sub(r"\0\d+\0", lambda match: held[match[0]], LINK.sub(place, whole))


def _role(name: str, inside: str, cited: Mapping[str, Entry]) -> str:
    if name.startswith("cite"):
        shown = [_citation(cited[key.strip()], in_text=name.endswith(":t")) for key in inside.split(",")]
        return ", ".join(shown) if name.endswith(":t") else f"({'; '.join(shown)})"
    label, _, _target = inside.partition(" <")
    if name == "math":
        return f"${inside}$"
    return label if name in ("term", "ref", "doc", "numref", "abbr") else f"`{inside}`"


def _citation(entry: Entry, *, in_text: bool) -> str:
    people = ["".join(person.last_names) if person.last_names else str(person) for person in entry.persons["author"]]
    names = people[0] if len(people) == 1 else " and ".join(people) if len(people) == 2 else f"{people[0]} et al."
    names = re.sub(r"[{}]", "", _accents(names))
    year = entry.fields["year"]
    shown = f"{names} ({year})" if in_text else f"{names}, {year}"
    fields = entry.fields
    address = (
        f"https://doi.org/{quote_brackets(fields['doi'])}"
        if "doi" in fields
        else f"https://arxiv.org/abs/{fields['eprint']}"
        if "eprint" in fields
        else fields.get("url", "")
    )
    return f"[{shown}]({address})" if address else shown


def quote_brackets(address: str) -> str:
    """An address that may stand in the brackets of a Markdown link."""
    return address.replace("(", "%28").replace(")", "%29")


def _accents(text: str) -> str:
    return codecs.lookup("ulatex").decode(text)[0] if "\\" in text else text  # type: ignore[arg-type]


@cache
def cited_by(bib: Path) -> Mapping[str, Entry]:
    """The references of a file, by key; none where there is no file."""
    return parse_file(str(bib)).entries if bib.is_file() else {}


def _alternative(match: re.Match[str]) -> str:
    """What a figure shows, as a fold below its caption: the live picture has no alternative text of its own."""
    said = html.escape(" ".join(match[2].split()), quote=False)
    return f"<details><summary>Figure {match[1]} in words</summary>{said}</details>"


def _unboxed(text: str) -> str:
    """Directives as plain Markdown: boxes are quotations that begin with their title.

    Raises:
        ValueError: a directive is not known here.
    """
    lines, out = text.split("\n"), []
    while lines:
        line = lines.pop(0)
        match = FENCE.match(line)
        if not match:
            out.append(line)
            continue
        fence, name, title = match.groups()
        inside = []
        while lines and not re.fullmatch(rf"{fence}{fence[0]}*\s*", lines[0]):
            inside.append(lines.pop(0))
        del lines[:1]
        out += _plain_directive(name, title, inside)
    return "\n".join(out)


def _plain_directive(name: str, title: str, inside: list[str]) -> list[str]:
    while inside and OPTION.match(inside[0]):
        inside.pop(0)
    body = _unboxed("\n".join(inside)).strip("\n").split("\n")
    if name in ("container", "raw"):
        return body
    if name == "math":
        return ["$$", *([title] if title else []), *body, "$$"]
    if name in BOXES:
        body, title = ([title, *body] if title else body), {"seealso": "See also"}.get(name, name.capitalize())
    elif name == "dropdown":
        return ["<details><summary>" + title + "</summary>", "", *body, "", "</details>"]
    elif name != "admonition":
        raise ValueError(f"a notebook has a {{{name}}} box, of which book/plain.py knows no plain form")
    return [f"> **{title}**", ">", *[f"> {line}".rstrip() for line in body]]


def linked(picture: str, target: str, own: Path, book: Book, here: Site) -> tuple[str, str]:
    """What stands before and after the words of a relative link; for a picture ("!"), the picture alone.

    Args:
        picture: "!" for a picture, else "".
        target: relative to the notebook.
        own: the notebook's path below ``notebooks/``.
        book: to which it belongs.
        here: where the book is published.
    """
    path, _, anchor = target.partition("#")
    file = (book.root / "notebooks" / own.parent / path).resolve()
    if picture:
        kind = file.suffix.lstrip(".").replace("jpg", "jpeg")
        data = base64.b64encode(file.read_bytes()).decode()
        return f'<img alt="ALT" src="data:image/{kind};base64,{data}">', ""
    below = file.relative_to(book.root.resolve()).as_posix()
    if here.pages and file.suffix in (".ipynb", ".md"):
        page = here.page(re.sub(r"\.(ipynb|md)$", ".html", below))
        return "[", f"]({page}{'#' * bool(anchor)}{anchor})"
    if file.suffix == ".ipynb":
        return "[", f"]({path})"  # the other plain notebook, without the anchor, which only a page has
    return "", ""


def write(book: Book = BOOK, here: Site | None = None, *, solved: bool = True) -> Path:
    """Write the plain notebooks and give their folder; what is the same already keeps its time stamp."""
    here = here or site.read(book.root)
    folder = book.build / ("plain" if solved else "teach")
    wanted = {
        book.relative(path): f"{nbformat.writes(notebook(path, book, here, solved=solved))}\n".encode()
        for path in (book.notebooks if solved else book.chapters)
    }
    files.mirror(wanted, folder)
    return folder


if __name__ == "__main__":
    print(write(solved="--unsolved" not in sys.argv[1:]))
