"""The ledger stops a run whose figures contradict the page."""

from __future__ import annotations

import json
import re

import pytest

from helpers import ledger

GOOD = {
    "claim": "1.2",
    "experiment": "We looked.",
    "measured": "0.5 at 0.",
    "verdict": "holds",
    "checks": {"it is so": True},
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
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claim": "9.9"}, r"there is no claim '9.9'; the claims are 1.1, 1.2"),
        ({"verdict": "maybe"}, r"verdict 'maybe' is not one of holds, holds with a caveat, does not hold"),
        ({"checks": {}}, r"claim 1.2 needs at least one check"),
        ({"verdict": "holds with a caveat"}, r"claim 1.2 holds with a caveat: say why in `caveat`"),
        ({"verdict": "does not hold"}, r"claim 1.2 does not hold: say why in `caveat`"),
    ],
)
def test_an_incomplete_entry_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        entry(**changes)


@pytest.mark.parametrize(
    ("verdict", "caveat"), [("holds", ""), ("holds with a caveat", "Small."), ("does not hold", "It is not so.")]
)
def test_a_failing_check_is_named_and_stops_the_run(verdict, caveat):
    checks = {"the sky is blue": True, "the sea is dry": False, "pigs fly": False}
    with pytest.raises(ledger.ContradictionError, match=r"claim 1.2: .*the sea is dry; pigs fly$") as caught:
        entry(verdict=verdict, caveat=caveat, checks=checks)
    assert "sky" not in str(caught.value)
    assert isinstance(caught.value, AssertionError)


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


def test_a_notebook_gets_the_card_and_the_entry_as_json():
    found = entry()
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"] == found.card()
    assert ledger.Entry(**json.loads(json.dumps(bundle[ledger.MIME]))) == found


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("under 2e-07, or 4.5e-05", "under 2 × 10⁻⁷, or 4.5 × 10⁻⁵"),
        ("1e-16, 1e+03 and 0e+00", "10⁻¹⁶, 10³ and 0"),
        ("stage1e-3, 0.5, relu1_1 and e-5", "stage1e-3, 0.5, relu1_1 and e-5"),
    ],
)
def test_small_numbers_are_written_as_on_paper(written, shown):
    assert ledger.powers_of_ten(written) == shown


def test_a_card_and_its_record_show_powers_of_ten():
    entry = ledger.entry("1.1", experiment="e", measured="off by 3e-08", verdict="holds", checks={"so": True})
    assert entry.measured == "off by 3 × 10⁻⁸"
    assert "3 × 10⁻⁸" in entry.card()


def test_nan_is_no_yes_and_blanks_are_no_words():
    with pytest.raises(ledger.ContradictionError, match="it is so"):
        ledger.entry("1.1", experiment="a", measured="b", verdict="holds", checks={"it is so": float("nan")})
    with pytest.raises(ValueError, match="needs an experiment"):
        ledger.entry("1.1", experiment=" ", measured="b", verdict="holds", checks={"it is so": True})
