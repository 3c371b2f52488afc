"""Every notebook: how it is written, and what its run gave. The run is the one that the book shows."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from book import build, margins, run
from helpers import ledger

NOTEBOOKS = sorted((run.ROOT / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def executed(notebook: Path) -> Path:
    assert run.is_fresh(notebook), f"{notebook.name} has no run of its present self; run `make book` first"
    return run.BOOK.copy(notebook)


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
    pages = ["".join(data["text/html"]) for data in run.outputs(executed(notebook), "text/html")]
    verdicts = [page for page in pages if 'class="self-check"' in page]
    assert len(verdicts) >= 2
    assert all("<b>…</b>" in verdict for verdict in verdicts)


def test_the_run_bears_out_every_check_of_the_page(notebook: Path) -> None:
    """Strict here; in a reader's own build the card says that it is not so on this machine."""
    unmet = [
        f"{e['id']} {check['words']}: {ledger.Check.read(check)}" for e, check in build.unmet([executed(notebook)])
    ]
    assert unmet == []


def test_every_bound_is_a_plain_number_so_that_many_runs_can_be_held_against_it(notebook: Path) -> None:
    written = margins.written(notebook)
    entered = [
        (e["id"], check["words"], check["relation"]) for e in run.entries(executed(notebook)) for check in e["checks"]
    ]
    found = {(claim, check.words): check for (claim, _), check in written.items()}
    assert len(found) == len(written) == len(entered), (
        "each check measures something of its own, and has words of its own"
    )
    for claim, words, relation in entered:
        assert (found[claim, words].bound is None) == (relation == "=="), (claim, words)


def test_figures_are_numbered_in_order_with_caption_and_alternative_text(notebook: Path) -> None:
    shown = run.figures(executed(notebook))
    chapter = str(int(notebook.stem[:2]))
    assert [picture.number for picture in shown] == [f"{chapter}.{i}" for i in range(1, len(shown) + 1)]
    for picture in shown:
        assert len(picture.alt) > 20, picture.number
        assert len(picture.caption) > 40, picture.number


def test_figures_decode_and_are_neither_tiny_nor_huge(notebook: Path) -> None:
    for picture in run.figures(executed(notebook)):
        with Image.open(io.BytesIO(picture.content)) as image:
            assert image.width >= 300, picture.number
            assert len(image.getcolors(maxcolors=2**24) or []) != 1, picture.number
        assert len(picture.content) < 2_000_000, picture.number


def test_every_claim_of_the_chapter_is_in_the_ledger_once(notebook: Path) -> None:
    chapter = str(int(notebook.stem[:2]))
    owed = [claim for claim in ledger.claims() if claim.startswith(f"{chapter}.")]
    entered = [entry["id"] for entry in run.entries(executed(notebook))]
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
    assert not run.is_fresh(mine, run.Book(tmp_path))
