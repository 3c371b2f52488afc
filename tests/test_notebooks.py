"""Every notebook: how it is written, and what its run gave. The run is the one that the book shows."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from cells import cells
from PIL import Image

from book import build, margins, run, sizes
from book.aids import prose
from book.run import BOOK
from helpers import ledger, study


def named(path: Path) -> str:
    return str(BOOK.relative(path).with_suffix(""))


every = pytest.mark.parametrize("notebook", BOOK.notebooks, ids=named)
chapters = pytest.mark.parametrize("notebook", BOOK.chapters, ids=named)
evidences = pytest.mark.parametrize("notebook", BOOK.evidence, ids=named)


def proof(chapter: Path) -> Path:
    return chapter.parent / "evidence" / chapter.name


def executed(notebook: Path) -> Path:
    assert run.is_fresh(notebook), f"{notebook.name} has no run of its present self; run `make book` first"
    return BOOK.copy(notebook)


@every
def test_no_outputs_are_stored(notebook: Path) -> None:
    for cell in cells(notebook, "code"):
        assert cell.outputs == []
        assert cell.execution_count is None


@every
def test_cells_are_short_and_the_first_has_five_lines_at_most(notebook: Path) -> None:
    lengths = [len(cell.source.splitlines()) for cell in cells(notebook, "code")]
    assert lengths[0] <= 5
    assert max(lengths) <= 25


@every
def test_code_that_is_shown_fits_the_page(notebook: Path) -> None:
    lines = [line for cell in cells(notebook, "code") if not sizes.is_folded(cell) for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > 90] == []  # a page 1280 pixels wide holds no more


@every
def test_prose_code_picture_take_turns(notebook: Path) -> None:
    kinds = "".join(cell.cell_type[0] for cell in nbformat.read(notebook, as_version=4).cells)
    assert "cccc" not in kinds


@chapters
def test_a_chapter_can_be_read_in_twenty_minutes(notebook: Path) -> None:
    assert sizes.measured(notebook).over(sizes.CHAPTER) == []


def test_the_chapters_together_and_the_evidence_stay_within_their_lines() -> None:
    assert sum(sizes.measured(notebook).lines for notebook in BOOK.chapters) < sizes.CHAPTERS_LINES
    assert sum(sizes.measured(notebook).lines for notebook in BOOK.evidence) < sizes.EVIDENCE_LINES


@chapters
def test_what_a_reader_types_along_needs_nothing_hidden(notebook: Path) -> None:
    assert sizes.hidden_needs(notebook) == []


def test_sizes_count_what_a_reader_sees(tmp_path: Path) -> None:
    made = nbformat.v4
    source = 'plots.show(x, "1.1", caption=f"Two {n} words.", alt="Unseen.")'
    folded = made.new_code_cell("import helpers\nhidden = 1\n" + source, metadata={"tags": ["hide-input"]})
    solution = '<details class="solution"><summary>Solution</summary>\n\nNot counted.\n\n</details>'
    text = (
        f"# One two\n\n```{{admonition}} three\n:class: tip\nFour [five](six).\n```\n<!-- alt 1.1: no -->\n{solution}"
    )
    sees = made.new_code_cell("seen = hidden + helpers.x\nseen")
    cells = [made.new_markdown_cell(text), folded, sees, made.new_code_cell("hidden = 2\nhidden")]
    nbformat.write(made.new_notebook(cells=cells), tmp_path / "n.ipynb")
    # "#", One, two, Four, five and the full stop behind the link; Two and "words." of the caption
    assert sizes.measured(tmp_path / "n.ipynb") == sizes.Size(cells=4, lines=7, folded=3, words=8, figures=1)
    assert sizes.hidden_needs(tmp_path / "n.ipynb") == ["helpers", "hidden"]
    assert sizes.Size(5, 1, 0, 0, 0).over(sizes.Size(4, 1, 0, 0, 0)) == ["5 cells, at most 4"]


@every
def test_no_measured_number_is_typed_into_the_prose(notebook: Path) -> None:
    """Decimal fractions and percentages in prose would be results; versions, settings and figure numbers are not."""
    for cell in cells(notebook, "markdown"):
        prose = re.sub(
            r"```.*?```|`[^`]*`|\$[^$]*\$|<[^>]*>|(Figures?|Exercise|Claim|and) E?\d+\.\d+|\(\d\.\d\)",
            "",
            cell.source,
            flags=re.DOTALL,
        )
        assert re.findall(r"\d+\.\d+ ?%|\d+ ?%|0\.\d+", prose) == []


@every
def test_the_run_ended_well_and_printed_nothing_to_stderr(notebook: Path) -> None:
    content = nbformat.read(executed(notebook), as_version=4)
    for cell in cells(executed(notebook), "code"):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
    assert content.metadata["run"]["seconds"] > 0


@chapters
def test_solutions_were_executed(notebook: Path) -> None:
    written = sum(len(run.SOLUTION.findall(cell.source)) for cell in cells(notebook, "markdown"))
    assert 3 <= written == nbformat.read(executed(notebook), as_version=4).metadata["run"]["solutions"]


@chapters
def test_an_exercise_has_stars_a_hint_and_a_solution_and_the_chapter_a_quiz(notebook: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    text = "\n".join(cell.source for cell in content.cells)
    number = str(int(notebook.stem[:2]))
    exercises = re.split(r"\*\*Exercise ", text)[1:]
    assert 3 <= len(exercises) <= 5
    for place, exercise in enumerate(exercises, start=1):
        assert re.match(rf"{number}\.{place}\*\* ★{{1,3}} ", exercise)
        assert re.search(r"<summary>[^<]*[Hh]int", exercise)
        assert exercise.count('<details class="solution">') == 1
    assert len(re.findall(rf"^chapter{number}\.check_\d\(answer", text, flags=re.MULTILINE)) >= 2
    assert f"study.quiz({number})" in text
    assert 4 <= len(study.questions(int(number))) <= 6


@chapters
def test_empty_answers_are_neither_right_nor_wrong(notebook: Path) -> None:
    pages = ["".join(data["text/html"]) for data in run.outputs(executed(notebook), "text/html")]
    verdicts = [page for page in pages if 'class="self-check"' in page]
    assert len(verdicts) >= 2
    assert all("<b>…</b>" in verdict for verdict in verdicts)


@evidences
def test_the_run_bears_out_every_check_of_the_page(notebook: Path) -> None:
    """Strict here; in a reader's own build the card says that it is not so on this machine."""
    unmet = [
        f"{e['id']} {check['words']}: {ledger.Check.read(check)}" for e, check in build.unmet([executed(notebook)])
    ]
    assert unmet == []


@evidences
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


@every
def test_figures_are_numbered_in_order_with_caption_and_alternative_text(notebook: Path) -> None:
    shown = run.figures(executed(notebook))
    chapter = "E" * run.is_evidence(notebook) + str(int(notebook.stem[:2]))
    assert [picture.number for picture in shown] == [f"{chapter}.{i}" for i in range(1, len(shown) + 1)]
    for picture in shown:
        assert len(picture.alt) > 20, picture.number
        assert len(picture.caption) > 40, picture.number


@every
def test_figures_decode_and_are_neither_tiny_nor_huge(notebook: Path) -> None:
    for picture in run.figures(executed(notebook)):
        with Image.open(io.BytesIO(picture.content)) as image:
            assert image.width >= 300, picture.number
            assert len(image.getcolors(maxcolors=2**24) or []) != 1, picture.number
        assert len(picture.content) < 2_000_000, picture.number


@chapters
def test_a_chapter_says_what_became_of_its_claims_and_links_the_proof(notebook: Path) -> None:
    number = int(notebook.stem[:2])
    rows = re.findall(
        rf"^\| ({number}\.\d+) [^|]*\| \[([^\]]*)\]\(([^)]*)\) \| [^|]+ \|$", prose(notebook), re.MULTILINE
    )
    verdicts = {entry["id"]: entry["verdict"] for entry in run.entries(BOOK.copy(proof(notebook)))}
    assert [(claim, verdict) for claim, verdict, _ in rows] == list(verdicts.items())
    assert [link for *_, link in rows] == [f"evidence/{notebook.name}#{ledger.anchor(claim)}" for claim in verdicts]


@chapters
def test_a_chapter_says_whose_claims_it_tests_and_ends_with_what_to_remember(notebook: Path) -> None:
    text = prose(notebook)
    assert "gerrish2018smart" in text
    assert "the text says" not in text.lower()
    assert re.findall(r"[Ff]igure 10\.", text) == []
    for heading in ("## To remember", "## What became of the claims", "## Exercises", "## Quiz"):
        assert f"\n{heading}\n" in f"\n{text}\n", heading
    assert f"(../{notebook.name}" in prose(proof(notebook))


@evidences
def test_every_claim_of_the_chapter_is_in_the_ledger_once(notebook: Path) -> None:
    chapter = str(int(notebook.stem[:2]))
    owed = [claim for claim in ledger.claims() if claim.startswith(f"{chapter}.")]
    entered = [entry["id"] for entry in run.entries(executed(notebook))]
    assert entered == owed


@every
@pytest.mark.parametrize("changed", ["helpers/dreams.py", "helpers/explorables/divider.js", "constraints.txt"])
def test_editing_what_a_run_depends_on_makes_it_stale(notebook: Path, changed: str, tmp_path: Path) -> None:
    for name in ("helpers", "notebooks", "constraints.txt"):
        source = run.ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    mine = tmp_path / "notebooks" / BOOK.relative(notebook)
    assert run.digest(mine, tmp_path) == run.digest(notebook)
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    assert run.digest(mine, tmp_path) != run.digest(notebook)
    assert not run.is_fresh(mine, run.Book(tmp_path))
