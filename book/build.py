"""Execute the notebooks that need it, then render the book from the executed copies: ``python -m book.build``."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nbformat
from PIL import Image

from book import run
from helpers import ledger

SOURCE, PAGES = run.BUILD / "source", run.BUILD / "html"
FIGURE = re.compile(r"<!-- (figure|thumbnail) (\d+\.\d+)(?:: (.*?))? -->", re.DOTALL)
# Where a glossary term must not become a link: code, math, HTML, links, roles, headings and bold labels.
NOT_PROSE = re.compile(
    r"```.*?```|\{[\w:]+\}`[^`]*`|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|^<.*?(?=\n\s*\n|\Z)|<[^>]*>|!?\[[^\]]*\]\([^)]*\)|^#.*?$"
    r"|\*\*.*?\*\*",
    re.DOTALL | re.MULTILINE,
)


def main() -> None:
    """Build what is out of date and print the page to open."""
    notebooks = sorted((run.ROOT / "notebooks").glob("*.ipynb"))
    run.execute_stale(notebooks)
    assemble(notebooks)
    render()
    print(f"The book is ready: open {(PAGES / 'index.html').as_uri()}")


def assemble(notebooks: list[Path]) -> None:
    """Lay out the book's sources: the pages of ``book/``, and the executed notebooks in place of the plain ones."""
    glossary = terms((run.ROOT / "book" / "glossary.md").read_text(encoding="utf-8"))
    wanted = {Path("notebooks") / n.name: _as_page(run.EXECUTED / n.name, glossary) for n in notebooks}
    figures = {
        number.replace("-", "."): figure
        for notebook in notebooks
        for figure in run.outputs(notebook, "text/html")
        for number in re.findall(r'<figure class="picture" id="figure-([\d-]+)"', figure)
    }
    for path in (run.ROOT / "book").rglob("*"):
        if not path.is_file() or run.BUILD in path.parents or path.suffix == ".py" or "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        if path.suffix == ".md":
            page = FIGURE.sub(lambda match: _placed(match[1], figures[match[2]], match[3]), content.decode())
            page = page.replace("<!-- ledger -->", ledger_table(notebooks))
            content = page.replace("<!-- runs -->", run_table(notebooks)).encode()
        wanted[path.relative_to(run.ROOT)] = content
    _mirror(wanted, SOURCE)


def _mirror(wanted: dict[Path, bytes], folder: Path) -> None:
    """Make `folder` hold exactly these files; what is the same already keeps its time stamp."""
    for path in [p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder) not in wanted]:
        path.unlink()
    for name, content in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _placed(kind: str, figure: str, caption: str | None = None) -> str:
    """A figure as its notebook shows it, or with another caption, or its picture alone, small enough for a card."""
    if kind == "figure":
        own = r"(?<=<figcaption>).*(?=</figcaption>)"
        return figure if caption is None else re.sub(own, lambda _: caption, figure, flags=re.DOTALL)
    alt, data = re.findall(r'<img alt="(.*?)" src="data:image/\w+;base64,(.*?)"', figure)[0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        small = picture.convert("RGB")
        small.thumbnail((640, 640))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return f'<img alt="{alt}" src="data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


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


def _as_page(notebook: Path, glossary: list[str]) -> bytes:
    """An executed notebook as its page shows it.

    Each term of the glossary is a link where the chapter first uses it, and numbers in computed prose are written as
    on paper.
    """
    content, wanted = json.loads(notebook.read_text(encoding="utf-8")), set(glossary)
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = link_terms("".join(cell["source"]), wanted)
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            if "text/markdown" in data:
                data["text/markdown"] = ledger.powers_of_ten("".join(data["text/markdown"]))
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def run_table(notebooks: list[Path]) -> str:
    """Seconds and memory that each chapter took when these pages were built, as a Markdown table."""
    rows = []
    for notebook in notebooks:
        cost = nbformat.read(run.EXECUTED / notebook.name, as_version=4).metadata["run"]
        link = f"[{_title(notebook)}](../notebooks/{notebook.name})"
        rows.append(
            f"| {int(notebook.name[:2])} | {link} | {cost['seconds']} s | {cost['peak_mb'] * 2**20 / 1e9:.1f} GB |"
        )
    return "\n".join(["| | Chapter | Time | Peak memory |", "|---|---|---|---|", *rows])


def _title(notebook: Path) -> str:
    first = nbformat.read(run.EXECUTED / notebook.name, as_version=4).cells[0].source
    return re.findall(r"^# (.*)$", first, flags=re.MULTILINE)[0]


def ledger_table(notebooks: list[Path]) -> str:
    """All claims with what was measured, as HTML, after a count; a claim that no notebook measures says so."""
    entries = {
        entry["id"]: (entry, f"../notebooks/{notebook.stem}.html#{ledger.anchor(entry['id'])}")
        for notebook in notebooks
        for entry in run.outputs(notebook, ledger.MIME)
    }
    chapters = {notebook.stem[:2].lstrip("0"): notebook for notebook in notebooks}
    rows, counts = [], Counter(entry["verdict"] for entry, _ in entries.values())
    for number, claim in ledger.claims().items():
        if (chapter := number.partition(".")[0]) in chapters:
            notebook = chapters.pop(chapter)
            link = f'<a href="../notebooks/{notebook.stem}.html">{chapter} {_title(notebook)}</a>'
            rows.append(f'<tr class="chapter"><th colspan="4">{link}</th></tr>')
        entry, link = entries.get(number, ({}, ""))
        verdict = entry.get("verdict", "not measured yet")
        mark = f"{ledger.VERDICTS.get(verdict, '·')} {verdict}"
        shown = f'<a href="{link}">{mark}</a>' if link else mark
        measured = html.escape(entry.get("measured", ""))
        caveat = f"<br><em>{html.escape(entry['caveat'])}</em>" if entry.get("caveat") else ""
        rows.append(
            f'<tr class="{verdict.replace(" ", "-")}"><th scope="row">{number}</th><td>{html.escape(claim)}</td>'
            f"<td>{measured}{caveat}</td><td>{shown}</td></tr>"
        )
    head = "<tr><th>Claim</th><th>What the text says</th><th>What we measured</th><th>Verdict</th></tr>"
    count = ", ".join(f"{counts[verdict]} {mark} {verdict}" for verdict, mark in ledger.VERDICTS.items())
    table = f'<table class="ledger-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<p class="ledger-count">{len(ledger.claims())} claims: {count}.</p>{table}'


def render() -> None:
    """Render the pages, unless they show these very sources already; a warning is a failure."""
    sha = hashlib.sha256((run.ROOT / "constraints.txt").read_bytes() + Path(__file__).read_bytes())
    for path in sorted(p for p in SOURCE.rglob("*") if p.is_file()):
        sha.update(str(path.relative_to(SOURCE)).encode() + b"\0" + path.read_bytes() + b"\0")
    stamp = run.BUILD / "rendered"
    if stamp.is_file() and stamp.read_text() == sha.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    config = ["--config", str(SOURCE / "book/_config.yml"), "--toc", str(SOURCE / "book/_toc.yml")]
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(SOURCE), *config]
    result = subprocess.run(
        [*command, "--path-output", str(run.ROOT / "book"), "--all", "-W", "--keep-going", "--quiet"]
    )
    if result.returncode:
        sys.exit("The book did not render; the warnings stand above.")
    stamp.write_text(sha.hexdigest())


if __name__ == "__main__":
    main()
