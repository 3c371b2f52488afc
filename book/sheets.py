"""The page that shows many runs of the notebooks side by side: every check, every figure."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from book import run
from book.margins import THIN, Row
from helpers import ledger

STYLE = """body{font:15px/1.5 system-ui;margin:2rem auto;max-width:1500px;padding:0 1rem;color:#20242c}
table{border-collapse:collapse;font-size:13px}td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}tr.thin{background:#fdf0d5}tr.failed{background:#fbdcd0}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(430px,1fr));gap:.8rem}.sheet figure{margin:0}
.sheet img{width:100%}figcaption{font-size:12px}"""


def write_page(folder: Path, runs: Sequence[str], rows: Mapping[str, Sequence[Row]], stopped: Sequence[str]) -> Path:
    """Write ``index.html``: what stopped, every check, every figure of every run.

    Args:
        folder: where the page goes; each run's copies lie in a folder of its name beside it.
        runs: their names.
        rows: for each notebook's file name its checks over the runs.
        stopped: what did not come to its end, in a line each.
    """
    parts = [f"<!doctype html><meta charset=utf-8><title>Shake</title><style>{STYLE}</style><h1>{len(runs)} runs</h1>"]
    parts += [f"<p><b>Stopped:</b> {html.escape(line)}</p>" for line in stopped]
    head = "<tr><th>claim<th>check<th>wanted<th>margin<th>held" + "".join(f"<th>{name}" for name in runs)
    for notebook, of_one in rows.items():
        took = [run.about(folder / name / notebook).get("seconds", "") for name in runs]
        seconds = "<tr><td><td>seconds<td><td><td>" + "".join(f"<td class=n>{one}" for one in took)
        parts += [f"<h2>{notebook}</h2><table>{head}{seconds}", *map(_table_row, of_one), "</table>"]
        parts += _sheets(folder, runs, notebook)
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


def _sheets(folder: Path, runs: Sequence[str], notebook: str) -> Iterator[str]:
    """For each figure the pictures of all runs, with the captions that they came with."""
    figures = {name: dict(_figures(folder / name / notebook)) for name in runs}
    for number in dict.fromkeys(number for of_run in figures.values() for number in of_run):
        yield f"<h3>Figure {number}</h3><div class=sheet>"
        for name in (name for name in runs if number in figures[name]):
            picture, caption = figures[name][number]
            path = folder / name / f"{notebook[:2]}-{number}.webp"
            path.write_bytes(picture)
            yield f'<figure><img loading=lazy src="{name}/{path.name}" alt=""><figcaption><b>{name}</b> {caption}'
            yield "</figcaption></figure>"
        yield "</div>"


def _figures(copy: Path) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """(number, (picture as a small WebP, caption)) of each figure of a run."""
    for figure in run.figures(copy):
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(figure.content)) as picture:
            small = picture.convert("RGB")
            small.thumbnail((900, 1400))
            small.save(buffer, "WEBP", quality=80)
        yield figure.number, (buffer.getvalue(), figure.caption)
