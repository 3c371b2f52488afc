"""The ledger keeps numbers beside their bounds, and says so where a run contradicts the page."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
import torch

from helpers import ledger

GOOD = {
    "claim": "1.2",
    "experiment": "We looked.",
    "measured": "0.5 at 0.",
    "verdict": "holds",
    "checks": {"half of it": ledger.above(0.5, 0.25)},
}


def entry(**changes):
    settings = {**GOOD, **changes}
    return ledger.entry(settings.pop("claim"), **settings)


def test_there_are_46_claims_in_order_under_chapter_and_number():
    ids = list(ledger.claims())
    assert len(ids) == 46
    assert all(re.fullmatch(r"\d\.\d", claim) for claim in ids)
    assert ids == sorted(ids)
    assert all(text.strip() == text != "" for text in ledger.claims().values())


def test_an_entry_holds_what_was_entered_and_the_books_own_words():
    found = entry(verdict="holds with a caveat", caveat="On small pictures only.")
    assert found == ledger.Entry(
        id="1.2",
        claim=ledger.claims()["1.2"],
        experiment="We looked.",
        measured="0.5 at 0.",
        verdict="holds with a caveat",
        caveat="On small pictures only.",
        checks={"half of it": ledger.Check((0.5,), ">", 0.25)},
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claim": "9.9"}, r"there is no claim '9.9'; the claims are 1.1, 1.2"),
        ({"verdict": "maybe"}, r"verdict 'maybe' is not one of holds, holds with a caveat, undecided, does not hold"),
        ({"checks": {}}, r"claim 1.2 needs at least one check"),
        ({"verdict": "holds with a caveat"}, r"claim 1.2 holds with a caveat: say why in `caveat`"),
        ({"verdict": "does not hold"}, r"claim 1.2 does not hold: say why in `caveat`"),
        ({"verdict": "undecided"}, r"claim 1.2 undecided: say why in `caveat`"),
    ],
)
def test_an_incomplete_entry_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        entry(**changes)


@pytest.mark.parametrize(
    ("check", "met", "words"),
    [
        (ledger.below(0.5, 1), True, "found 0.5, wanted < 1"),
        (ledger.below(1, 1), False, "found 1, wanted < 1"),
        (ledger.at_most([1, 0, 1], 1), True, "found 1 (the worst of 3), wanted <= 1"),
        (ledger.above([3, 1, 2], 1.5), False, "found 1 (the worst of 3), wanted > 1.5"),
        (ledger.above(torch.tensor([[3.0], [2.0]]), 1.5), True, "found 2 (the worst of 2), wanted > 1.5"),
        (ledger.at_least(np.int64(6), 6), True, "found 6, wanted >= 6"),
        (ledger.below({"a": 0.25}.values(), 0.5), True, "found 0.25, wanted < 0.5"),
        (ledger.below([0.1, math.nan], 1), False, "found nan (the worst of 2), wanted < 1"),
        (ledger.above(math.inf, 1), True, "found inf, wanted > 1"),
        (ledger.equal(118, 118), True, "found 118, wanted exactly 118"),
        (ledger.equal({"b", "a"}, ["a", "b"]), True, "found ['a', 'b'], wanted exactly ['a', 'b']"),
        (ledger.equal(torch.equal(torch.ones(2), torch.zeros(2)), True), False, "found False, wanted exactly True"),
        (ledger.equal(math.nan, math.nan), False, "found nan, wanted exactly nan"),
    ],
)
def test_a_check_compares_every_number_with_its_bound(check: ledger.Check, met: bool, words: str) -> None:
    assert check.met is met
    assert str(check) == words


@pytest.mark.parametrize("number", ["0.5", None, lambda: 1, True, [1, "2"], {"a": 1}, 1j])
def test_what_is_no_number_is_refused(number: object) -> None:
    with pytest.raises(TypeError, match="a check compares numbers, and was given"):
        ledger.below(number, 1)


@pytest.mark.parametrize("value", [None, lambda: 1, {"a": 1}, b"a", [1, None]])
def test_an_exact_check_refuses_what_has_no_plain_value(value: object) -> None:
    with pytest.raises(TypeError, match="an exact check compares numbers, words or lists of them"):
        ledger.equal(value, 1)


def test_checks_that_could_not_fail_are_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one number, and was given none"):
        ledger.above([], 0)
    with pytest.raises(ValueError, match="an empty list would always be met"):
        ledger.equal([], [])
    for bound in (math.inf, math.nan, [1, 2]):
        with pytest.raises(ValueError, match="must be one finite number"):
            ledger.below(1, bound)
    with pytest.raises(ValueError, match="powers of ten need one above 0"):
        ledger.below(1, 0, log=True)


@pytest.mark.parametrize("check", [True, "it is so", lambda: True, 1.0, None])
def test_a_check_that_is_none_is_refused(check: object) -> None:
    with pytest.raises(TypeError, match=r"claim 1\.2, check 'it is so': .* is no check"):
        entry(checks={"it is so": check})


@pytest.mark.parametrize(
    ("verdict", "caveat"), [("holds", ""), ("holds with a caveat", "Small."), ("does not hold", "It is not so.")]
)
def test_a_check_that_is_not_met_takes_the_place_of_the_verdict(verdict: str, caveat: str) -> None:
    checks = {
        "the sky is blue": ledger.above(0.9, 0.5),
        "the sea is dry": ledger.below([0.1, 0.7], 0.2),
        "pigs <i>fly</i>": ledger.equal(0, 3),
    }
    found = entry(verdict=verdict, caveat=caveat, checks=checks)
    assert list(found.unmet) == ["the sea is dry", "pigs <i>fly</i>"]
    card = found.card()
    assert f"! {ledger.NOT_SO}" in card
    assert f"The page says <em>{verdict}</em>" in card
    assert "<li>the sea is dry: found 0.7 (the worst of 2), wanted &lt; 0.2</li>" in card
    assert "<li>pigs &lt;i&gt;fly&lt;/i&gt;: found 0, wanted exactly 3</li>" in card
    assert "the sky is blue" not in card


def test_a_card_escapes_what_it_shows():
    card = entry(
        experiment="<script>alert(1)</script>",
        measured="a < b & c > d",
        verdict="does not hold",
        caveat='"so" <i>not</i>',
    ).card()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in card
    assert "a &lt; b &amp; c &gt; d" in card
    assert "&quot;so&quot; &lt;i&gt;not&lt;/i&gt;" in card
    assert "<script" not in card
    assert "<i>" not in card


def test_a_card_shows_verdict_claim_and_anchor():
    card = entry().card()
    assert f'id="{ledger.anchor("1.2")}"' in card
    assert ledger.anchor("1.2") == "claim-1-2"
    assert "✓ holds" in card
    assert "Footnote" not in card
    assert "Footnote" in entry(caveat="Almost.").card()


def test_a_notebook_gets_the_card_and_the_entry_as_plain_data():
    bundle = entry()._repr_mimebundle_()
    assert bundle["text/html"] == entry().card()
    assert json.loads(json.dumps(bundle[ledger.MIME])) == {
        "id": "1.2",
        "claim": ledger.claims()["1.2"],
        "experiment": "We looked.",
        "measured": "0.5 at 0.",
        "verdict": "holds",
        "caveat": "",
        "checks": [{"words": "half of it", "found": [0.5], "relation": ">", "bound": 0.25, "log": False, "met": True}],
    }


def test_a_card_and_its_record_show_powers_of_ten():
    checks = {"small": ledger.below(3e-8, 1e-9)}
    entry = ledger.entry("1.1", experiment="e", measured="off by 3e-08", verdict="holds", checks=checks)
    assert entry.measured == "off by 3 × 10⁻⁸"
    assert "found 3 × 10⁻⁸, wanted &lt; 10⁻⁹" in entry.card()


def test_blanks_are_no_words():
    with pytest.raises(ValueError, match="needs an experiment"):
        entry(experiment=" ")
