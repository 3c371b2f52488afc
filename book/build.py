"""Execute the notebooks that need it, then render the book from the executed copies: ``python -m book.build``."""

from __future__ import annotations

import hashlib
import html
import re
import subprocess
import sys
from pathlib import Path

from book import run
from helpers import ledger

SOURCE, PAGES = run.BUILD / "source", run.BUILD / "html"
FIGURE = re.compile(r"<!-- figure (\d+\.\d+) -->")


def main() -> None:
    """Build what is out of date and print the page to open."""
    notebooks = sorted((run.ROOT / "notebooks").glob("*.ipynb"))
    run.execute_stale(notebooks)
    assemble(notebooks)
    render()
    print(f"The book is ready: open {(PAGES / 'index.html').as_uri()}")


def assemble(notebooks: list[Path]) -> None:
    """Lay out the book's sources: the pages of ``book/``, and the executed notebooks in place of the plain ones."""
    wanted: dict[Path, bytes] = {Path("notebooks") / n.name: (run.EXECUTED / n.name).read_bytes() for n in notebooks}
    figures = {
        number: figure
        for notebook in notebooks
        for figure in run.outputs(notebook, "text/html")
        for number in re.findall(r'<figure class="picture" id="figure-([\d-]+)"', figure)
    }
    for path in (run.ROOT / "book").rglob("*"):
        if not path.is_file() or run.BUILD in path.parents or path.suffix == ".py" or "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        if path.suffix == ".md":
            page = FIGURE.sub(lambda match: figures[match[1].replace(".", "-")], content.decode())
            content = page.replace("<!-- ledger -->", ledger_table(notebooks)).encode()
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


def ledger_table(notebooks: list[Path]) -> str:
    """All claims with what was measured, as HTML; a claim that no notebook measures says so."""
    entries = {
        entry["id"]: (entry, f"../notebooks/{notebook.stem}.html#{ledger.anchor(entry['id'])}")
        for notebook in notebooks
        for entry in run.outputs(notebook, ledger.MIME)
    }
    rows = []
    for number, claim in ledger.claims().items():
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
    return f'<table class="ledger-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


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
