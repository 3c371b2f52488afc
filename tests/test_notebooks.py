"""Every notebook: how it is written, and what its run gave. The run is the one that the book shows."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from book import run
from helpers import ledger

NOTEBOOKS = sorted((run.ROOT / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def executed(notebook: Path) -> Path:
    assert run.is_fresh(notebook), f"{notebook.name} has no run of its present self; run `make book` first"
    return run.EXECUTED / notebook.name


def figures(notebook: Path) -> list[tuple[str, str, str, bytes]]:
    """(number, alternative text, caption, picture) of each figure of the run."""
    pattern = re.compile(
        r'id="figure-([\d-]+)".*?<img alt="(.*?)" src="data:image/\w+;base64,(.*?)".*?</b> (.*?)</figcaption>',
        re.DOTALL,
    )
    found = [match for text in run.outputs(notebook, "text/html") for match in pattern.findall(text)]
    return [(number.replace("-", "."), alt, caption, base64.b64decode(data)) for number, alt, data, caption in found]


def test_no_outputs_are_stored(notebook: Path) -> None:
    for cell in cells(notebook, "code"):
        assert cell.outputs == []
        assert cell.execution_count is None


def test_cells_are_short_and_the_first_has_five_lines_at_most(notebook: Path) -> None:
    lengths = [len(cell.source.splitlines()) for cell in cells(notebook, "code")]
    assert lengths[0] <= 5
    assert max(lengths) <= 25


def test_prose_code_picture_take_turns(notebook: Path) -> None:
    kinds = "".join(cell.cell_type[0] for cell in nbformat.read(notebook, as_version=4).cells)
    assert "cccc" not in kinds


def test_no_measured_number_is_typed_into_the_prose(notebook: Path) -> None:
    """Decimal fractions and percentages in prose would be results; versions, settings and figure numbers are not."""
    for cell in cells(notebook, "markdown"):
        prose = re.sub(
            r"```.*?```|`[^`]*`|\$[^$]*\$|<[^>]*>|(Figure|Exercise) \d+\.\d+|\(\d\.\d\)",
            "",
            cell.source,
            flags=re.DOTALL,
        )
        assert re.findall(r"\d+\.\d+ ?%|\d+ ?%|0\.\d+", prose) == []


def test_the_run_ended_well_and_printed_nothing_to_stderr(notebook: Path) -> None:
    content = nbformat.read(executed(notebook), as_version=4)
    for cell in cells(executed(notebook), "code"):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
    assert content.metadata["run"]["seconds"] > 0


def test_solutions_were_executed(notebook: Path) -> None:
    written = sum(len(run.SOLUTION.findall(cell.source)) for cell in cells(notebook, "markdown"))
    assert 3 <= written == nbformat.read(executed(notebook), as_version=4).metadata["run"]["solutions"]


def test_an_exercise_has_stars_a_hint_and_a_solution_and_the_chapter_a_quiz(notebook: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    text = "\n".join(cell.source for cell in content.cells)
    number = str(int(notebook.stem[:2]))
    exercises = re.split(r"\*\*Exercise ", text)[1:]
    assert 3 <= len(exercises) <= 6
    for place, exercise in enumerate(exercises, start=1):
        assert re.match(rf"{number}\.{place}\*\* ★{{1,3}} ", exercise)
        assert re.search(r"<summary>[^<]*[Hh]int", exercise)
        assert exercise.count('<details class="solution">') == 1
    assert len(re.findall(r"^check_\w+\(answer", text, flags=re.MULTILINE)) >= 2
    assert "explorables.Quiz(" in text


def test_empty_answers_are_neither_right_nor_wrong(notebook: Path) -> None:
    verdicts = [output for output in run.outputs(notebook, "text/html") if 'class="self-check"' in output]
    assert len(verdicts) >= 2
    assert all("<b>…</b>" in verdict for verdict in verdicts)


def test_a_solution_that_is_wrong_stops_the_run(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = '<details class="solution"><summary>Solution</summary>\n\n```python\nassert 1 == 2\n```\n\n</details>'
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_markdown_cell(wrong)])
    nbformat.write(content, tmp_path / notebook.name)
    monkeypatch.setattr(run, "EXECUTED", tmp_path / "executed")
    monkeypatch.setattr(run, "BUILD", tmp_path)
    with pytest.raises(Exception, match="AssertionError"):
        run.execute(tmp_path / notebook.name)
    assert not list((tmp_path / "executed").glob("*.ipynb"))


def test_figures_are_numbered_in_order_with_caption_and_alternative_text(notebook: Path) -> None:
    shown = figures(notebook)
    chapter = str(int(notebook.stem[:2]))
    assert [number for number, *_ in shown] == [f"{chapter}.{i}" for i in range(1, len(shown) + 1)]
    for number, alt, caption, _ in shown:
        assert len(alt) > 20, number
        assert len(caption) > 40, number


def test_figures_decode_and_are_neither_tiny_nor_huge(notebook: Path) -> None:
    for number, _, _, data in figures(notebook):
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.width >= 300, number
            assert len(picture.getcolors(maxcolors=2**24) or []) != 1, number
        assert len(data) < 2_000_000, number


def test_every_claim_of_the_chapter_is_in_the_ledger_once(notebook: Path) -> None:
    chapter = str(int(notebook.stem[:2]))
    owed = [claim for claim in ledger.claims() if claim.startswith(f"{chapter}.")]
    entered = [json.loads(e)["id"] if isinstance(e, str) else e["id"] for e in run.outputs(notebook, ledger.MIME)]
    assert sorted(entered) == owed


@pytest.mark.parametrize("changed", ["helpers/dreams.py", "helpers/explorables/divider.js", "constraints.txt"])
def test_editing_what_a_run_depends_on_makes_it_stale(notebook: Path, changed: str, tmp_path: Path) -> None:
    for name in ("helpers", "notebooks", "constraints.txt"):
        source = run.ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    mine = tmp_path / "notebooks" / notebook.name
    assert run.digest(mine, tmp_path) == run.digest(notebook)
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    assert run.digest(mine, tmp_path) != run.digest(notebook)
    assert not run.is_fresh(mine, tmp_path)
