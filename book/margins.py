"""How far the checks of many runs stay from their bounds."""

from __future__ import annotations

import ast
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    if not all(map(math.isfinite, numbers)) or (found[0].log and min(numbers) <= 0):
        return -math.inf
    sign = 1 if ">" in found[0].relation else -1
    nearest = min(sign * (scale(number) - bound) for number in numbers)
    spread = statistics.stdev(map(scale, numbers)) if len(numbers) > 1 else 0.0
    if spread == 0:
        return math.inf if found[0].met else -math.inf
    return nearest / spread


def rows(notebook: Path, copies: Sequence[Path]) -> list[Row]:
    """Every check of a notebook over its executed copies, held against the bounds that the notebook has now."""
    now, found = dict(bounds(notebook)), []
    entries = [run.entries(copy) for copy in copies]
    by_run = [{(e["id"], check["words"]): check for e in of_run for check in e["checks"]} for of_run in entries]
    for claim, words in dict.fromkeys(key for checks in by_run for key in checks):
        records = [checks.get((claim, words)) for checks in by_run]
        bound = now.get((claim, words))
        moved = [r if r is None or bound is None else {**r, "bound": bound} for r in records]
        found.append(Row(claim, words, tuple(None if r is None else ledger.Check.read(r) for r in moved)))
    return found


def bounds(notebook: Path) -> Iterator[tuple[tuple[str, str], float]]:
    """The bounds that the notebook has now, by claim and words of the check, where they are plain numbers.

    Checks are read where an entry writes them out, or where a name that it gives is bound to them.
    """
    bound_to: dict[str, ast.expr] = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                bound_to[node.targets[0].id] = node.value
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "ledger.entry" and node.args:
                claim = ast.literal_eval(node.args[0])
                checks = next(keyword.value for keyword in node.keywords if keyword.arg == "checks")
                checks = bound_to.get(checks.id, checks) if isinstance(checks, ast.Name) else checks
                for words, bound in _written_bounds(checks):
                    yield (claim, words), bound


def _written_bounds(checks: ast.expr) -> Iterator[tuple[str, float]]:
    for words, check in zip(checks.keys, checks.values, strict=True) if isinstance(checks, ast.Dict) else ():
        bound = literal(check.args[1]) if isinstance(check, ast.Call) and len(check.args) == 2 else None
        if isinstance(words, ast.Constant) and isinstance(words.value, str) and bound is not None:
            yield words.value, bound


def literal(node: ast.expr) -> float | None:
    """The number that an expression writes out, such as 0.5, -2 or 1e-4; None if it is anything else."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
