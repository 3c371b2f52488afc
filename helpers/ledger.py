"""The ledger: each claim of the text, what we measured, and whether it holds."""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MIME = "application/vnd.under-the-hood.ledger+json"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
VERDICTS = {"holds": "✓", "holds with a caveat": "≈", "does not hold": "✗"}


class ContradictionError(AssertionError):
    """The figures of this run do not support what the page says."""


@dataclass(frozen=True)
class Entry:
    """One claim, measured. Shows itself as a compact card."""

    id: str
    claim: str
    experiment: str
    measured: str
    verdict: str
    caveat: str

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.card(), MIME: asdict(self), "text/plain": repr(self)}

    def card(self) -> str:
        """The entry as HTML that needs nothing from outside."""
        say = {key: html.escape(value) for key, value in asdict(self).items()}
        kind = say["verdict"].replace(" ", "-")
        caveat = f"<dt>Footnote</dt><dd>{say['caveat']}</dd>" if self.caveat else ""
        return (
            f'<div class="ledger {kind}" id="{anchor(self.id)}"><p class="ledger-head"><span>Ledger {say["id"]}</span>'
            f" <strong>{VERDICTS[self.verdict]} {say['verdict']}</strong></p><p><em>{say['claim']}</em></p>"
            f"<dl><dt>Experiment</dt><dd>{say['experiment']}</dd><dt>Measured</dt><dd>{say['measured']}</dd>"
            f"{caveat}</dl></div>"
        )


def claims() -> dict[str, str]:
    """Every claim that the book owes a measurement, by id ("5.3"), in the order of the text."""
    return tomllib.loads((Path(__file__).parent / "claims.toml").read_text(encoding="utf-8"))


def anchor(claim: str) -> str:
    """The id of a claim's card on its page."""
    return f"claim-{claim.replace('.', '-')}"


def entry(
    claim: str, *, experiment: str, measured: str, verdict: str, checks: Mapping[str, bool], caveat: str = ""
) -> Entry:
    """Enter a claim into the ledger, or stop the run if this run's figures contradict the page.

    Args:
        claim: its id, such as "5.3".
        experiment: what was done, in a sentence.
        measured: what came out, with this run's figures.
        verdict: "holds", "holds with a caveat" or "does not hold".
        checks: what must be true for the page to say so: each condition in words, and whether it is met.
        caveat: where the text needs a footnote; a verdict other than "holds" needs one.

    Raises:
        ValueError: an unknown claim or verdict, no checks, or a missing caveat.
        ContradictionError: a check that is not met.
    """
    known = claims()
    if claim not in known:
        raise ValueError(f"there is no claim {claim!r}; the claims are {', '.join(known)}")
    if verdict not in VERDICTS:
        raise ValueError(f"verdict {verdict!r} is not one of {', '.join(VERDICTS)}")
    if not checks:
        raise ValueError(f"claim {claim} needs at least one check that could fail")
    if not experiment.strip() or not measured.strip():
        raise ValueError(f"claim {claim} needs an experiment and what was measured")
    if verdict != "holds" and not caveat.strip():
        raise ValueError(f"claim {claim} {verdict}: say why in `caveat`")
    if failed := [words for words, met in checks.items() if not met or met != met]:  # NaN is no yes
        raise ContradictionError(f"claim {claim}: the page says {verdict!r}, but this is not so: {'; '.join(failed)}")
    experiment, measured, caveat = (powers_of_ten(text) for text in (experiment, measured, caveat))
    return Entry(claim, known[claim], experiment, measured, verdict, caveat)


def powers_of_ten(text: str) -> str:
    """The text with numbers such as 2e-07 written as on paper: 2 × 10⁻⁷."""

    def written(found: re.Match[str]) -> str:
        if float(found[1]) == 0:
            return "0"
        power = "10" + str(int(found[2])).translate(SUPERSCRIPTS)
        return power if found[1] == "1" else f"{found[1]} × {power}"

    return re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)\b", written, text)
