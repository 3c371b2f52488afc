"""Many runs side by side: which disturbances, what may change without a new run, and how far from the bounds."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import nbformat
import pytest

from book import margins, run, shake
from helpers import disturbance, ledger

NOTEBOOK = """import torch
from helpers import ledger, plots, training
weight = training.mlp([1, 1]).get_parameter("0.weight").item()
far = (weight - {middle}) * 1e6
plots.show(torch.full((1, 3, 320, 320), 0.5), "1.1", caption="A {words} of no interest whatsoever, gray as can be.",
           alt="A gray square and nothing else.")
"""
ENTRY = """ledger.entry("1.2", experiment="We {words}.", measured=f"{{far:.2f}}", verdict="holds",
             checks={{"not far": ledger.below(abs(far), {bound})}})"""


def write(root: Path, *, middle: float = 0.0, words: str = "picture", bound: float = 1e9, end: str = "") -> run.Book:
    """A book of one notebook that makes one tiny network, whose weight a disturbance moves by about a millionth."""
    sources = [text.format(middle=middle, words=words, bound=bound) for text in (NOTEBOOK, ENTRY)]
    cells = [nbformat.v4.new_code_cell(source) for source in [*sources, *[end] * bool(end)]]
    cells.insert(0, nbformat.v4.new_markdown_cell(f"# A {words}"))
    (root / "notebooks").mkdir(exist_ok=True)
    (root / "constraints.txt").touch()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks" / "01_tiny.ipynb")
    return run.Book(root)


def checks(relation: str, bound: float, numbers: list[float], *, log: bool = False) -> list[ledger.Check]:
    return [ledger.Check((number,), relation, bound, log) for number in numbers]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (checks("<", 10, [4, 6, 8]), 2 / 2),  # the nearest is 8; the standard deviation of 4, 6, 8 is 2
        (checks(">", 1, [4, 6, 8]), 3 / 2),
        (checks(">", 5, [4, 6, 8]), -1 / 2),
        (checks("<=", 8, [4, 6, 8]), 0.0),
        (checks("<", 10, [5, 5, 5]), math.inf),
        (checks("<", 5, [5, 5, 5]), -math.inf),
        (checks("<=", 5, [5, 5, 5]), math.inf),
        (checks("<", 100, [1, 10, 0.1], log=True), 1 / 1),  # powers 0, 1, -1 under 2
        (checks(">", 1, [0, 10], log=True), -math.inf),
        (checks("<", 1, [0, 0.1, 0.001], log=True), 1 / math.sqrt(2)),  # powers -1 and -3 under 0
        (checks("<", 1, [0, 0], log=True), math.inf),
        (checks("<", 1, [0.5, math.nan]), -math.inf),
        ([ledger.equal("a", "a"), ledger.equal("a", "a")], math.inf),
        ([ledger.equal("a", "a"), ledger.equal("b", "a")], -math.inf),
        ([*checks("<", 1, [0.5]), None], -math.inf),
    ],
)
def test_a_margin_is_the_nearest_runs_distance_in_standard_deviations(found: list, expected: float) -> None:
    assert margins.margin(found) == pytest.approx(expected)


def test_of_many_numbers_in_a_run_the_worst_counts() -> None:
    runs = [ledger.below([0.1, 0.4], 1), ledger.below([0.2, 0.1], 1)]
    assert margins.margin(runs) == pytest.approx(0.6 / statistics.stdev([0.4, 0.2]))


def test_the_disturbances_differ_in_seed_and_take_one_and_two_threads_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [(s.seed, s.threads, s.isa) for s in shake.shakes(3)] == [(1, 1, ""), (2, 2, ""), (3, 1, "")]
    assert shake.shakes(3)[1].environment[disturbance.SEED] == "2"
    assert "ATEN_CPU_CAPABILITY" not in shake.shakes(3)[1].environment
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    assert [s.isa for s in shake.shakes(4, isa=True)] == ["AVX2", "DEFAULT", "AVX2", "DEFAULT"]
    assert shake.shakes(4, isa=True)[1].environment["ONEDNN_MAX_CPU_ISA"] == "SSE41"
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    assert [s.isa for s in shake.shakes(2, isa=True)] == ["DEFAULT", "DEFAULT"]
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "DEFAULT")
    with pytest.raises(ValueError, match="leave ISA away"):
        shake.shakes(2, isa=True)
    with pytest.raises(ValueError, match="RUNS is 1; a spread needs 2 or more"):
        shake.shakes(1)


def test_words_and_checks_may_change_without_a_new_run_and_numbers_may_not(tmp_path: Path) -> None:
    first = shake.digest(write(tmp_path).notebooks[0], tmp_path)
    assert shake.digest(write(tmp_path, words="painting", bound=2.0).notebooks[0], tmp_path) == first
    assert shake.digest(write(tmp_path, middle=0.5).notebooks[0], tmp_path) != first
    assert shake.digest(write(tmp_path, end="far * 2").notebooks[0], tmp_path) != first
    write(tmp_path)
    (tmp_path / "constraints.txt").write_text("torch==1.0\n")
    assert shake.digest(tmp_path / "notebooks" / "01_tiny.ipynb", tmp_path) != first


def test_the_bounds_of_a_notebook_are_read_from_its_source(tmp_path: Path) -> None:
    book = write(tmp_path, bound=-2.5)
    key = ("1.2", "ledger.below(abs(far), None)")
    assert margins.written(book.notebooks[0]) == {key: margins.Written("not far", -2.5)}
    key = ("1.2", "ledger.below(abs(far), 1 + far)")
    book = write(tmp_path, bound="1 + far")  # type: ignore[arg-type]
    assert margins.written(book.notebooks[0]) == {key: margins.Written("not far", None)}


@pytest.mark.book
def test_runs_are_kept_compared_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write(tmp_path)
    assert shake.shake_book(book, 3) == 0
    assert "3 runs, 3 of them to be made" in capsys.readouterr().out
    kept = [shake.folder(book, one) / "01_tiny.ipynb" for one in shake.shakes(3)]
    numbers = [run.entries(copy)[0]["checks"][0]["found"][0] for copy in kept]
    assert len(set(numbers)) == 3, "every run is disturbed in its own way"
    page = (book.build / "shake" / "index.html").read_text()
    assert page.count("<figure>") == 3
    assert (book.build / "shake" / "2-2t" / "01-1.1.webp").is_file()
    assert f"{numbers[0]:.4g}" in page

    thin = max(numbers) + statistics.stdev(numbers)  # one standard deviation beyond the nearest run
    write(tmp_path, bound=thin, words="painting")
    assert shake.shake_book(book, 3) == 1
    said = capsys.readouterr().out
    assert "3 runs, 0 of them to be made" in said
    assert "    1.00  held in 3 of 3  1.2 not far: found" in said
    assert 'class="thin"' in (book.build / "shake" / "index.html").read_text()

    write(tmp_path, bound=statistics.median(numbers))
    tiny = book.notebooks[0]
    tiny.write_text(tiny.read_text().replace("not far", "near"))  # other words for the same
    assert shake.shake_book(book, 3) == 1
    said = capsys.readouterr().out
    assert "3 runs, 0 of them to be made" in said
    assert "held in 1 of 3  1.2 near: found" in said
    tiny.write_text(tiny.read_text().replace("abs(far)", "far ** 2"))  # which no run has measured
    assert shake.shake_book(book, 3) == 1
    assert "held in 0 of 3  1.2 near: no run has measured it" in capsys.readouterr().out
    write(tmp_path, bound=statistics.median(numbers))
    assert shake.shake_book(book, 3) == 1
    assert 'class="failed"' in (book.build / "shake" / "index.html").read_text()


@pytest.mark.book
@pytest.mark.parametrize("path", ["01_tiny.ipynb", "evidence/01_tiny.ipynb"])
def test_a_run_has_the_digest_that_its_notebook_has_in_the_book(tmp_path: Path, path: str) -> None:
    content = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]))
    notebook = tmp_path / path
    notebook.parent.mkdir(exist_ok=True)
    notebook.write_text(content)
    copy = nbformat.reads(shake.execute(content, Path(path), {}), as_version=4)
    assert copy.metadata["run"]["digest"] == run.digest(notebook)


@pytest.mark.book
def test_a_notebook_that_stops_in_a_run_is_an_error_and_the_others_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = write(tmp_path, end=f"import os\nassert os.environ['{disturbance.SEED}'] != '2', 'bad luck'")
    assert shake.shake_book(book, 2) == 1
    assert "stopped: 01_tiny.ipynb in run 2-2t: AssertionError: bad luck" in capsys.readouterr().out
    assert "Stopped:" in (book.build / "shake" / "index.html").read_text()


def test_a_name_that_no_notebook_has_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no notebook's name begins with '07'; they are 01_tiny\.ipynb"):
        shake.shake_book(write(tmp_path), 2, only="07")


@pytest.mark.book
def test_the_same_command_spreads_over_a_cluster(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    book = write(tmp_path)
    here = {"processes": False, "protocol": "tcp://", "dashboard_address": None}  # jobs start processes of their own
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **here) as cluster:
        assert shake.shake_book(book, 2, scheduler=cluster.scheduler_address) == 0
    tiny = book.notebooks[0]
    assert all(shake.is_kept(book, tiny, one, shake.digest(tiny, book.root)) for one in shake.shakes(2))
