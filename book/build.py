"""Execute the notebooks that need it, then render the book from the executed copies: ``python -m book.build``.

With ``CHAPTERS_ONLY=1`` in the environment the evidence is not executed, with ``ONLY=05`` only what begins so (several
with commas): for a quick look at a part. The other pages then show text and code without results, unless they were
executed before.

There is a book at the end on any machine. Where a run contradicts the page, the ledger says so, and the build lists it;
where a notebook fails, its page ends there, and the build ends with code 1.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from PIL import Image

from book import aids, doors, files, run, words
from book.lab import pack
from book.run import BOOK, Book
from helpers import figure, ledger, typography
from helpers.figure import Picture

MARKS = {**ledger.VERDICTS, ledger.NOT_SO: "!"}
FIGURE = re.compile(r"<!-- (figure|thumbnail) (\d+\.\d+)(?:: (.*?))? -->", re.DOTALL)
ANCHOR = re.compile(r"\[([^\]]*)\]\(((?:\.\./|evidence/)*\w+)\.ipynb#((?:claim|figure|without)-[\w-]+)\)")
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # its command, wherever it was installed
NOT_EXECUTED = (
    "```{note}\nThis page was not executed when these pages were built: it shows text and code without results.\n```"
)
# Where a glossary term must not become a link: code, math, HTML, links, roles, headings and bold labels.
NOT_PROSE = re.compile(
    r"```.*?```|\{[\w:]+\}`[^`]*`|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|^<.*?(?=\n\s*\n|\Z)|<[^>]*>|!?\[[^\]]*\]\([^)]*\)|^#.*?$"
    r"|\*\*.*?\*\*",
    re.DOTALL | re.MULTILINE,
)


def main(book: Book = BOOK) -> int:
    """Build what is out of date; print what did not go as the pages say, and the page to open. 1: a notebook failed."""
    try:
        chapters_only = bool(os.environ.get("CHAPTERS_ONLY"))
        asked = book.asked_for(chapters_only=chapters_only, only=os.environ.get("ONLY", ""))
    except ValueError as error:
        sys.exit(str(error))
    if run.execute_stale(book, asked) or not (book.build / "yardstick").is_file():
        _measure_the_machine(book)
    copies = [book.copy(notebook) for notebook in asked]
    failed = {copy: reason for copy in copies if (reason := run.about(copy).get("failed"))}
    assemble(book)
    render(book, strict=not failed and asked == book.notebooks)
    doors.open_all(book)
    for entry, check in unmet(copies):
        print(f"{ledger.NOT_SO}: claim {entry['id']}, {check['words']}: {ledger.Check.read(check)}")
    for copy, reason in failed.items():
        print(f"{copy.name} failed, and its page ends there: {reason}")
    print(f"The book is ready: open {(book.pages / 'index.html').as_uri()}")
    return 1 if failed else 0


def _measure_the_machine(book: Book) -> None:
    """Keep how fast this machine is, in a process of its own, beside the copies that were just executed on it."""
    command = [sys.executable, "-m", "book.yardstick"]
    measured = subprocess.run(command, cwd=run.ROOT, capture_output=True, text=True, check=True)
    (book.build / "yardstick").write_text(measured.stdout)


def unmet(copies: list[Path]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each ledger entry of executed copies, with each of its checks that was not met."""
    entries = [entry for copy in copies for entry in run.entries(copy)]
    return [(entry, check) for entry in entries for check in entry["checks"] if not check["met"]]


def assemble(book: Book) -> None:
    """Lay out the book's sources: the pages of ``book/``, and the executed notebooks in place of the plain ones."""
    glossary = terms((book.root / "book" / "glossary.md").read_text(encoding="utf-8"))
    wanted = {Path("notebooks") / book.relative(n): _as_page(_newest(n, book), glossary) for n in book.notebooks}
    figures = {picture.number: picture for n in book.notebooks for picture in run.figures(book.copy(n))}
    for path in (book.root / "book").rglob("*"):
        unpublished = book.build in path.parents or book.root / "book" / "lab" in path.parents
        if not path.is_file() or unpublished or path.suffix == ".py" or "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        if path.suffix == ".md":
            page = FIGURE.sub(lambda match: _placed(match[1], figures.get(match[2]), match[3]), content.decode())
            page = page.replace("<!-- ledger -->", ledger_table(book))
            content = doors.fill(page.replace("<!-- runs -->", run_table(book)), book).encode()
        wanted[path.relative_to(book.root)] = content
    if (book.root / "book" / "laboratory.md").is_file():
        for made in pack.build(BOOK.build / "lab"):  # kept at one place, also for the small books of the tests
            wanted[Path("book/_static/lab") / made.name] = made.read_bytes()
    files.mirror(wanted, book.source)


def _newest(notebook: Path, book: Book) -> NotebookNode:
    """A notebook with the outputs of its run; the bare notebook, with a note, where no run shows its present code."""
    copy = book.copy(notebook)
    if run.about(copy).get("digest") == run.digest(notebook, book.root):
        return nbformat.read(copy, as_version=4)
    content = nbformat.read(notebook, as_version=4)
    content.cells.insert(1, nbformat.v4.new_markdown_cell(NOT_EXECUTED))
    return content


def _placed(kind: str, picture: Picture | None, caption: str | None = None) -> str:
    """A figure as its notebook shows it, or with another caption, or its picture alone, small enough for a card.

    Nothing where the figure is missing, because its notebook failed before it.
    """
    if picture is None:
        return ""
    if kind == "figure":
        return picture.html() if caption is None else replace(picture, caption=caption).html(numbered=False)
    with Image.open(io.BytesIO(picture.content)) as image:
        small = image.convert("RGB")
        small.thumbnail((640, 640))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return replace(picture, content=buffer.getvalue(), kind="webp").image()


def terms(glossary: str) -> list[str]:
    """The terms of a page with a ``{glossary}`` list: the lines that an indented line follows."""
    return re.findall(r"^(\S.*)\n(?=[ \t]+\S)", glossary, flags=re.MULTILINE)


def link_terms(text: str, wanted: set[str]) -> str:
    """Turn the first mention of each wanted term in the prose of `text` into a link, and take it from `wanted`.

    What stands in brackets behind a term, as in "patch (of a network)", need not be mentioned.
    """

    def link(match: re.Match[str]) -> str:
        term = names[match[1].lower()]
        if term not in wanted:
            return match[0]
        wanted.discard(term)
        return f"{{term}}`{match[0]} <{term}>`"

    names = {term.partition(" (")[0].lower(): term for term in wanted}
    if not names:
        return text
    longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    mention = re.compile(rf"(?<![\w-])({longest_first})s?(?![\w-])", re.IGNORECASE)
    done, parts = 0, []
    for skipped in NOT_PROSE.finditer(text):
        parts += [mention.sub(link, text[done : skipped.start()]), skipped[0]]
        done = skipped.end()
    return "".join(parts) + mention.sub(link, text[done:])


def _as_page(content: NotebookNode, glossary: list[str]) -> bytes:
    """A notebook as its page shows it.

    Each term of the glossary is a link where the notebook first uses it, captions look like captions, and numbers in
    computed prose are written as on paper. A notebook that failed ends at the failure.
    """
    wanted, alts = set(glossary), words.alts(content)
    if reason := content.metadata.get("run", {}).get("failed"):
        _end_at_failure(content, reason)
    for cell in content.cells:
        if cell.cell_type == "markdown":
            cell.source = link_terms(_link_anchors(words.as_paragraphs(cell.source)), wanted)
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            if "text/markdown" in data:
                data["text/markdown"] = typography.powers_of_ten("".join(data["text/markdown"]))
            if figure.MIME in data and not (picture := Picture.of(data)).caption:
                data["text/html"] = replace(picture, alt=alts.get(picture.number, "")).html()
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _link_anchors(markdown: str) -> str:
    """Links to a figure, a ledger's card or a fold of another notebook as HTML: the renderer does not know these."""
    return ANCHOR.sub(r'<a href="\2.html#\3">\1</a>', markdown)


def _end_at_failure(content: NotebookNode, reason: str) -> None:
    """Cut a notebook behind the cell that failed, and say plainly what happened in the place of a traceback."""
    codes = [place for place, cell in enumerate(content.cells) if cell.cell_type == "code"]
    last = content.metadata["run"]["failed_cell"]
    is_solution = last >= len(codes)
    cells = content.cells if is_solution else content.cells[: codes[last] + 1] if last >= 0 else content.cells[:1]
    for cell in cells:
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.output_type != "error"]
    if cells[-1].cell_type == "code":  # the code that failed is worth seeing
        cells[-1].metadata["tags"] = [t for t in cells[-1].metadata.get("tags", []) if t != "hide-input"]
    place = "a solution below it" if is_solution else "the step above" if last >= 0 else "its run"
    note = (
        '<div class="admonition error"><p class="admonition-title">This page ends here</p>'
        f"<p>On the machine that built these pages, {place} failed: <code>{html.escape(reason)}</code></p></div>"
    )
    content.cells = [*cells, NotebookNode({"cell_type": "markdown", "id": "failed", "metadata": {}, "source": note})]


def run_table(book: Book) -> str:
    """Seconds and memory that each chapter and its evidence took when these pages were built, as a Markdown table."""
    evidence = {notebook.name: notebook for notebook in book.evidence}
    rows = []
    for notebook in book.chapters:
        link = f"[{aids.title(notebook)}](../notebooks/{notebook.name})"
        costs = [_cost(one, book) for one in (notebook, evidence.get(notebook.name))]
        rows.append(f"| {int(notebook.name[:2])} | {link} | {' | '.join(costs)} |")
    head = "| No. | Chapter | Time | Peak memory | Its evidence | Peak memory |"
    table = "\n".join([head, "|---|---|---|---|---|---|", *rows])
    yardstick = (book.build / "yardstick").read_text().strip()
    return (
        f"{table}\n\nFor comparison with your machine: a thousand bare gradients of the classifier (one picture of "
        f"224 by 224 pixels at a time, one thread) took {yardstick} seconds in the same build."
    )


def _cost(notebook: Path | None, book: Book) -> str:
    """Two cells of a table: seconds and peak memory of a run, or dashes."""
    cost = run.about(book.copy(notebook)) if notebook else {}
    peak = f"{cost['peak_mb'] * 2**20 / 1e9:.1f} GB" if cost.get("peak_mb") else "—"  # unknown on Windows
    return f"{cost['seconds']} s | {peak}" if cost else "— | —"


def ledger_table(book: Book) -> str:
    """All claims with what was measured, as HTML, after a count; a claim that no notebook measures says so."""
    entries = {
        entry["id"]: (entry, f"../{_page(notebook, book)}#{ledger.anchor(entry['id'])}")
        for notebook in book.notebooks
        for entry in run.entries(book.copy(notebook))
    }
    chapters = {notebook.stem[:2].lstrip("0"): notebook for notebook in book.chapters}
    rows: list[str] = []
    for number, claim in ledger.claims().items():
        if (chapter := number.partition(".")[0]) in chapters:
            notebook = chapters.pop(chapter)
            link = f'<a href="../{_page(notebook, book)}">{chapter} {aids.title(notebook)}</a>'
            rows.append(f'<tr class="chapter"><th colspan="4">{link}</th></tr>')
        rows.append(_ledger_row(number, claim, *entries.get(number, ({}, ""))))
    counts = Counter(_verdict(entry) for entry, _ in entries.values())
    shown = [f"{counts[verdict]} {mark} {verdict}" for verdict, mark in MARKS.items() if counts[verdict]]
    head = "<tr><th>Claim</th><th>What is claimed</th><th>What we measured</th><th>Verdict</th></tr>"
    table = f'<table class="ledger-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<p class="ledger-count">{len(ledger.claims())} claims: {", ".join(shown)}.</p>{table}'


def _page(notebook: Path, book: Book) -> str:
    """The rendered page of a notebook, below the folder of the pages."""
    return (Path("notebooks") / book.relative(notebook)).with_suffix(".html").as_posix()


def _verdict(entry: dict[str, Any]) -> str:
    if not entry:
        return "not measured yet"
    return entry["verdict"] if all(check["met"] for check in entry["checks"]) else ledger.NOT_SO


def _ledger_row(number: str, claim: str, entry: dict[str, Any], link: str) -> str:
    """One claim as a row of the ledger's table; a check that was not met stands there with its numbers."""
    verdict = _verdict(entry)
    mark = f"{MARKS.get(verdict, '·')} {verdict}"
    shown = f'<a href="{link}">{mark}</a>' if link else mark
    notes = [html.escape(entry["caveat"])] if entry.get("caveat") else []
    notes += [
        html.escape(f"Not so: {check['words']}: {typography.powers_of_ten(str(ledger.Check.read(check)))}.")
        for check in entry.get("checks", [])
        if not check["met"]
    ]
    measured = html.escape(entry.get("measured", "")) + "".join(f"<br><em>{note}</em>" for note in notes)
    return (
        f'<tr class="{verdict.replace(" ", "-")}"><th scope="row">{number}</th><td>{html.escape(claim)}</td>'
        f"<td>{measured}</td><td>{shown}</td></tr>"
    )


def render(book: Book, *, strict: bool = True) -> None:
    """Render the pages, unless they show these very sources already; a warning is a failure if `strict`."""
    sha = hashlib.sha256((run.ROOT / "constraints.txt").read_bytes())
    code = ("build", "extension", "light", "trim", "site", "cards")
    for name in (*(f"book/{module}.py" for module in code), "pyproject.toml"):
        sha.update((run.ROOT / name).read_bytes())
    for path in sorted(p for p in book.source.rglob("*") if p.is_file()):
        sha.update(str(path.relative_to(book.source)).encode() + b"\0" + path.read_bytes() + b"\0")
    stamp = book.build / "rendered"
    if stamp.is_file() and stamp.read_text() == sha.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(book.pages, ignore_errors=True)  # a renderer leaves there what is no longer a page
    config = ["--config", str(book.source / "book/_config.yml"), "--toc", str(book.source / "book/_toc.yml")]
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(book.source), *config]
    how = ["--path-output", str(book.root / "book"), "--all", "--keep-going", "--quiet", *["-W"] * strict]
    if subprocess.run([*command, *how], cwd=run.ROOT).returncode:  # where Sphinx finds book/extension.py
        sys.exit("The book did not render; the warnings stand above.")
    stamp.write_text(sha.hexdigest())


if __name__ == "__main__":
    if sys.argv[1:]:  # a build takes minutes: do not begin one for a question
        sys.exit(f"book.build takes no arguments, and was given {' '.join(sys.argv[1:])}.\n\n{__doc__}")
    sys.exit(main())
