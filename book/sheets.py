"""The page that shows many runs of the notebooks side by side: every check, every figure."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import nbformat
from PIL import Image

from book import run, words
from book.margins import THIN, Row
from book.run import Book
from helpers import figure, ledger
from helpers.figure import Picture

STYLE = """body{font:15px/1.5 system-ui;margin:2rem auto;max-width:1500px;padding:0 1rem;color:#20242c}
table{border-collapse:collapse;font-size:13px}td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}tr.thin{background:#fdf0d5}tr.failed{background:#fbdcd0}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(430px,1fr));gap:.8rem}.sheet figure{margin:0}
.sheet img{width:100%}figcaption{font-size:12px}"""


def write_page(book: Book, runs: Sequence[str], rows: Mapping[Path, Sequence[Row]], stopped: Sequence[str]) -> Path:
    """Write ``shake/index.html`` below the build: what stopped, every check, every figure of every run.

    Args:
        book: whose; each run's copies lie in a folder of its name beside the page.
        runs: their names.
        rows: for each notebook its checks over the runs.
        stopped: what did not come to its end, in a line each.
    """
    folder = book.build / "shake"
    parts = [f"<!doctype html><meta charset=utf-8><title>Shake</title><style>{STYLE}</style><h1>{len(runs)} runs</h1>"]
    parts += [f"<p><b>Stopped:</b> {html.escape(line)}</p>" for line in stopped]
    head = "<tr><th>claim<th>check<th>wanted<th>margin<th>held" + "".join(f"<th>{name}" for name in runs)
    for notebook, of_one in rows.items():
        copies = {name: folder / name / book.relative(notebook) for name in runs}
        took = [run.about(copy).get("seconds", "") for copy in copies.values()]
        seconds = "<tr><td><td>seconds<td><td><td>" + "".join(f"<td class=n>{one}" for one in took)
        parts += [f"<h2>{book.relative(notebook)}</h2><table>{head}{seconds}", *map(_table_row, of_one), "</table>"]
        parts += _sheets(folder, notebook, copies)
    page = folder / "index.html"
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def _table_row(row: Row) -> str:
    """A check as a row of the table, thin and failed ones shaded."""
    kind = "failed" if row.held < len(row.checks) else "thin" if row.margin < THIN else ""
    first = next((check for check in row.checks if check is not None), ledger.Check((), "==", "not measured"))
    numbers = "".join(f"<td class=n>{'' if check is None else _found(check)}</td>" for check in row.checks)
    bound = first.bound if first.relation == "==" else f"{first.bound:.4g}"
    wanted = html.escape(f"{first.relation} {bound}"[:60])
    return (
        f'<tr class="{kind}"><td>{row.claim}<td>{html.escape(row.words)}<td>{wanted}<td class=n>{row.margin:.1f}'
        f"<td>{row.held}/{len(row.checks)}{numbers}"
    )


def _found(check: ledger.Check) -> str:
    return html.escape(str(check.found)[:60]) if check.relation == "==" else f"{check.worst:.4g}"


def _sheets(folder: Path, notebook: Path, copies: Mapping[str, Path]) -> Iterator[str]:
    """For each figure its caption in the Markdown, and the pictures of all runs with captions of their own."""
    captions = words.captions(nbformat.read(notebook, as_version=4))
    figures = {name: dict(_figures(copy)) for name, copy in copies.items()}
    for number in dict.fromkeys(number for of_run in figures.values() for number in of_run):
        yield f"<h3>Figure {number}</h3><p>{html.escape(captions.get(number, ''))}</p><div class=sheet>"
        for name in (name for name in copies if number in figures[name]):
            picture, caption = figures[name][number]
            path = folder / name / f"{notebook.name[:2]}-{number}.webp"
            path.write_bytes(picture)
            yield f'<figure><img loading=lazy src="{name}/{path.name}" alt=""><figcaption><b>{name}</b> {caption}'
            yield "</figcaption></figure>"
        yield "</div>"


def _figures(copy: Path) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """(number, (picture as a small WebP, the run's own caption if it has one)) of each figure of a run."""
    for picture in (Picture.of(data) for data in run.outputs(copy, figure.MIME)):
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(picture.content)) as image:
            small = image.convert("RGB")
            small.thumbnail((900, 1400))
            small.save(buffer, "WEBP", quality=80)
        yield picture.number, (buffer.getvalue(), picture.caption)
