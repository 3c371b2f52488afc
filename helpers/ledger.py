"""The ledger: each claim that the book tests, what we measured, and whether it holds."""

from __future__ import annotations

import html
import math
import operator
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helpers import typography

MIME = "application/vnd.under-the-hood.ledger+json"
VERDICTS = {"holds": "✓", "holds with a caveat": "≈", "undecided": "?", "does not hold": "✗"}
NOT_SO = "not so on this machine"
RELATIONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True)
class Check:
    """What this run found beside what the page relies on. Made by `below`, `above`, `at_most`, `at_least`, `equal`.

    Attributes:
        found: a tuple of numbers, each of which must keep to the bound; for "==", anything that JSON can hold.
        relation: "<", "<=", ">", ">=" or "==".
        bound: one number; for "==", what must be found exactly.
        log: whether distances from the bound are counted in powers of ten.
    """

    found: Any
    relation: str
    bound: Any
    log: bool = False

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Check:
        """The check that a record of an entry keeps."""
        found = record["found"] if record["relation"] == "==" else tuple(record["found"])
        return cls(found, record["relation"], record["bound"], record["log"])

    @property
    def met(self) -> bool:
        """Whether all that was found keeps to the bound; NaN never does."""
        if self.relation == "==":
            return self.found == self.bound
        return all(RELATIONS[self.relation](number, self.bound) for number in self.found)

    @property
    def worst(self) -> float:
        """The number that comes nearest to the bound, or is furthest beyond it; NaN if there is one."""
        if any(map(math.isnan, self.found)):
            return math.nan
        return max(self.found) if "<" in self.relation else min(self.found)

    def __str__(self) -> str:
        if self.relation == "==":
            return f"found {self.found}, wanted exactly {self.bound}"
        of_how_many = f" (the worst of {len(self.found)})" if len(self.found) > 1 else ""
        return f"found {self.worst:.4g}{of_how_many}, wanted {self.relation} {self.bound:.4g}"


def below(numbers: Any, bound: float, *, log: bool = False) -> Check:
    """A check that a number, or each number of a list, array or tensor, is less than `bound`.

    Args:
        log: count the distance from the bound in powers of ten, for numbers that range over many of them.

    Raises:
        TypeError: something that is no number, such as a string, a function, a bool or None.
        ValueError: no numbers at all, or a bound that is not finite.
    """
    return _compare(numbers, "<", bound, log)


def above(numbers: Any, bound: float, *, log: bool = False) -> Check:
    """A check that a number, or each of several, is more than `bound`; otherwise as `below`."""
    return _compare(numbers, ">", bound, log)


def at_most(numbers: Any, bound: float) -> Check:
    """A check that a count, or each of several, is `bound` or less; otherwise as `below`."""
    return _compare(numbers, "<=", bound, False)


def at_least(numbers: Any, bound: float) -> Check:
    """A check that a count, or each of several, is `bound` or more; otherwise as `below`."""
    return _compare(numbers, ">=", bound, False)


def equal(found: Any, wanted: Any) -> Check:
    """A check that two numbers, words, or lists of them are exactly the same: for what does not depend on rounding.

    Raises:
        TypeError: something else than numbers, words and lists of them.
        ValueError: an empty list, which would always be met.
    """
    return Check(_plain(found), "==", _plain(wanted))


def _compare(numbers: Any, relation: str, bound: Any, log: bool) -> Check:
    found, limit = tuple(_flat(numbers)), tuple(_flat(bound))
    if not found:
        raise ValueError("a check needs at least one number, and was given none")
    if len(limit) != 1 or not math.isfinite(limit[0]):
        raise ValueError(f"the bound of a check is {bound!r}; it must be one finite number")
    if log and limit[0] <= 0:
        raise ValueError(f"the bound is {bound!r}; powers of ten need one above 0")
    return Check(found, relation, limit[0], log)


def _flat(numbers: Any) -> Iterable[float]:
    """The numbers of any nest of lists, arrays and tensors, one after the other."""
    plain = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    if isinstance(plain, Iterable) and not isinstance(plain, (str, bytes, Mapping)):
        for part in plain:
            yield from _flat(part)
    elif isinstance(plain, (int, float)) and not isinstance(plain, bool):
        yield float(plain)
    else:
        raise TypeError(f"a check compares numbers, and was given {plain!r}; for yes or no use ledger.equal")


def _plain(value: Any) -> Any:
    """Numbers, words and lists of them as JSON keeps them; a set in alphabetical order."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        parts = [_plain(part) for part in value]
        if not parts:
            raise ValueError("an exact check of an empty list would always be met; compare a count instead")
        return parts
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"an exact check compares numbers, words or lists of them, and was given {value!r}")


@dataclass(frozen=True)
class Entry:
    """One claim, measured. Shows itself as a compact card."""

    id: str
    claim: str
    experiment: str
    measured: str
    verdict: str
    caveat: str
    checks: Mapping[str, Check]

    @property
    def unmet(self) -> dict[str, Check]:
        """The checks that this run contradicts."""
        return {words: check for words, check in self.checks.items() if not check.met}

    def record(self) -> dict[str, Any]:
        """The entry as plain data, each check with its words and whether it was met."""
        checks = [{"words": words, **asdict(check), "met": check.met} for words, check in self.checks.items()]
        return {**asdict(self), "checks": checks}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.card(), MIME: self.record(), "text/plain": f"ledger {self.id}: {self.verdict}"}

    def card(self) -> str:
        """The entry as HTML that needs nothing from outside; a check that is not met takes the verdict's place."""
        verdict, mark = (NOT_SO, "!") if self.unmet else (self.verdict, VERDICTS[self.verdict])
        say = {name: html.escape(getattr(self, name)) for name in ("id", "claim", "experiment", "measured", "caveat")}
        caveat = f"<dt>Footnote</dt><dd>{say['caveat']}</dd>" if self.caveat else ""
        contradicted = "".join(
            f"<li>{html.escape(words)}: {html.escape(typography.powers_of_ten(str(check)))}</li>"
            for words, check in self.unmet.items()
        )
        if contradicted:
            caveat += f"<dt>Not so</dt><dd>The page says <em>{self.verdict}</em>.<ul>{contradicted}</ul></dd>"
        return (
            f'<div class="ledger {verdict.replace(" ", "-")}" id="{anchor(self.id)}"><p class="ledger-head">'
            f"<span>Ledger {say['id']}</span> <strong>{mark} {verdict}</strong></p><p><em>{say['claim']}</em></p>"
            f"<dl><dt>Experiment</dt><dd>{say['experiment']}</dd><dt>Measured</dt><dd>{say['measured']}</dd>"
            f"{caveat}</dl></div>"
        )


def claims() -> dict[str, str]:
    """Every claim that the book owes a measurement, by id ("5.3"), in their order."""
    return tomllib.loads((Path(__file__).parent / "claims.toml").read_text(encoding="utf-8"))


def anchor(claim: str) -> str:
    """The id of a claim's card on its page."""
    return f"claim-{claim.replace('.', '-')}"


def entry(
    claim: str, *, experiment: str, measured: str, verdict: str, checks: Mapping[str, Check], caveat: str = ""
) -> Entry:
    """Enter a claim into the ledger. Where this run's numbers contradict the page, its card says so.

    Args:
        claim: its id, such as "5.3".
        experiment: what was done, in a sentence.
        measured: what came out, with this run's figures.
        verdict: "holds", "holds with a caveat", "undecided" or "does not hold".
        checks: what must be true for the page to say so: each condition in words, and its `Check`.
        caveat: what must be added to it; a verdict other than "holds" needs one.

    Raises:
        ValueError: an unknown claim or verdict, no checks, or a missing caveat.
        TypeError: a check that is not a `Check`, such as a bare True.
    """
    known = claims()
    if claim not in known:
        raise ValueError(f"there is no claim {claim!r}; the claims are {', '.join(known)}")
    if verdict not in VERDICTS:
        raise ValueError(f"verdict {verdict!r} is not one of {', '.join(VERDICTS)}")
    if not checks:
        raise ValueError(f"claim {claim} needs at least one check that could fail")
    for words, check in checks.items():
        if not isinstance(check, Check):
            raise TypeError(
                f"claim {claim}, check {words!r}: {check!r} is no check; make one with ledger.below, above, "
                "at_most, at_least or equal"
            )
    if not experiment.strip() or not measured.strip():
        raise ValueError(f"claim {claim} needs an experiment and what was measured")
    if verdict != "holds" and not caveat.strip():
        raise ValueError(f"claim {claim} {verdict}: say why in `caveat`")
    experiment, measured, caveat = (typography.powers_of_ten(text) for text in (experiment, measured, caveat))
    return Entry(claim, known[claim], experiment, measured, verdict, caveat, dict(checks))
