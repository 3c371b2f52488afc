"""How far the checks of many runs stay from their bounds."""

from __future__ import annotations

import ast
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import nbformat

from book import run
from helpers import ledger

THIN = 2.0  # standard deviations: a margin under it could be luck


@dataclass(frozen=True)
class Row:
    """One check over all runs."""

    claim: str
    words: str
    checks: tuple[ledger.Check | None, ...]  # None: the run did not come so far

    @property
    def held(self) -> int:
        """In how many runs it was met."""
        return sum(check is not None and check.met for check in self.checks)

    @property
    def margin(self) -> float:
        """How far the nearest run is from the bound, in standard deviations of the runs; below 0 where one failed."""
        return margin(self.checks)

    def __str__(self) -> str:
        """What was found over the runs, and what was wanted."""
        checks = [check for check in self.checks if check is not None]
        if not checks:
            return "no run has measured it"
        if checks[0].relation == "==":
            return str(next((check for check in checks if not check.met), checks[0]))
        numbers = [check.worst for check in checks]
        return f"found {min(numbers):.4g} to {max(numbers):.4g}, wanted {checks[0].relation} {checks[0].bound:.4g}"


def margin(checks: Sequence[ledger.Check | None]) -> float:
    """The distance of the nearest run from the bound, in standard deviations over the runs.

    Infinite where the runs do not differ at all and the check is met; minus infinity where a run has no number.
    """
    found = [check for check in checks if check is not None]
    if len(found) < len(checks) or not found:
        return -math.inf
    if found[0].relation == "==":
        return math.inf if all(check.met for check in found) else -math.inf
    scale = math.log10 if found[0].log else float
    numbers, bound = [check.worst for check in found], scale(found[0].bound)
    sign = 1 if ">" in found[0].relation else -1
    if not all(map(math.isfinite, numbers)) or (found[0].log and sign > 0 and min(numbers) <= 0):
        return -math.inf
    if found[0].log:
        numbers = [number for number in numbers if number > 0]  # zero: infinitely far below any bound
    if not numbers:
        return math.inf
    nearest = min(sign * (scale(number) - bound) for number in numbers)
    spread = statistics.stdev(map(scale, numbers)) if len(numbers) > 1 else 0.0
    if spread == 0:
        return math.inf if found[0].met else -math.inf
    return nearest / spread


def rows(notebook: Path, copies: Sequence[Path]) -> list[Row]:
    """Every check that the notebook has now, over its executed copies.

    A check is known by what it measures: its words and its bound are those of the notebook, though the copies may have
    been made under others.
    """
    now = written(notebook)
    found: dict[Key, list[ledger.Check | None]] = {key: [] for key in now}
    for copy in copies:
        words_then = {key: check.words for key, check in written(copy).items()}
        records = {(entry["id"], check["words"]): check for entry in run.entries(copy) for check in entry["checks"]}
        for key, of_runs in found.items():
            record = records.get((key[0], words_then.get(key, "")))
            bound = now[key].bound
            of_runs.append(record and ledger.Check.read(record if bound is None else {**record, "bound": bound}))
    return [Row(key[0], now[key].words, tuple(of_runs)) for key, of_runs in found.items()]


Key = tuple[str, str]  # a claim, and what a check of it measures: its code without the bound


@dataclass(frozen=True)
class Written:
    """A check as a notebook writes it: its words, and its bound if that is a plain number."""

    words: str
    bound: float | None


def written(notebook: Path) -> dict[Key, Written]:
    """The checks of a notebook's entries, where an entry writes them out or gives a name that is bound to them."""
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    nodes = [node for source in cells for node in ast.walk(ast.parse(source))]
    named = {ast.unparse(node.targets[0]): node.value for node in nodes if isinstance(node, ast.Assign)}
    found: dict[Key, Written] = {}
    for entry in (n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == "ledger.entry"):
        given = next(keyword.value for keyword in entry.keywords if keyword.arg == "checks")
        checks = named.get(ast.unparse(given), given)
        for words, check in zip(checks.keys, checks.values, strict=True) if are_checks(checks) else ():
            measured, bound = _without_bound(check)
            found[ast.literal_eval(entry.args[0]), measured] = Written(str(getattr(words, "value", "")), bound)
    return found


def are_checks(node: ast.expr) -> TypeGuard[ast.Dict]:
    """Whether an expression writes out checks: words, each with a call of `ledger.below` or the like."""
    return isinstance(node, ast.Dict) and all(
        isinstance(words, ast.Constant)
        and isinstance(check, ast.Call)
        and ast.unparse(check.func).startswith("ledger.")
        for words, check in zip(node.keys, node.values, strict=True)
    )


def _without_bound(check: ast.expr) -> tuple[str, float | None]:
    """The code of a check without its bound, and the bound, where that is a plain number."""
    if not (isinstance(check, ast.Call) and len(check.args) == 2 and not ast.unparse(check.func).endswith("equal")):
        return ast.unparse(check), None
    bound = literal(check.args[1])
    blank = ast.Constant(None) if bound is not None else check.args[1]
    return ast.unparse(ast.Call(check.func, [check.args[0], blank], check.keywords)), bound


def literal(node: ast.expr) -> float | None:
    """The number that an expression writes out, such as 0.5, -2 or 1e-4; None if it is anything else."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
