"""What crossed a line since a date, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ready_model import CONTRACT, NOW, adoption, concern, entry, facts, prediction

from spot_mlflow.reporting.message.digest import Digest, crossed
from spot_mlflow.reporting.pages.digest_page import digest_html, digest_text

WEEK = NOW - timedelta(days=7)


def check(days_ago, verdict="inconclusive", viable="undecided", **changed):
    """Returns an outcome check of version 3."""
    interval = {"lift": 0.08, "low": 0.02, "high": 0.14, "se": 0.03}
    body = {
        "metric": "renewals", "verdict": verdict, "viable": viable, "evidence": "A", "reason": "r",
        "predicted": interval, "realized": {**interval, "n_treatment": 900, "n_holdout": 900},
        "gap": interval, "contract_digest": "c1", "matured": 1000, "assigned": 1000, **changed,
    }  # fmt: skip
    return entry("outcomes", body, days_ago=days_ago)


def decision(days_ago, **changed):
    """Returns a decision of the gate on version 3."""
    payload = {"model": "churn", "version": "3", "target": "Production", "outcome": "refused", "basis": "requirements", "mode": "block", "requirements": [], **changed}  # fmt: skip
    return entry("decision", payload, days_ago=days_ago)


def lines(*entries, since=WEEK, **holders):
    """Returns (kind, what, cause, urgent) of the lines of a model with these entries."""
    known = adoption(list(entries), model=facts(**holders))
    return [(x.kind, x.what, x.cause, x.urgent) for x in crossed(known, since)]


def test_only_what_happened_since_is_told() -> None:
    """A verdict of before is what the new one is compared with, and no line of its own."""
    assert lines(check(10)) == []
    assert lines(check(10), check(2)) == [], "the same verdict crossed no line"
    (kind, what, cause, urgent), = lines(check(10), check(2, "shortfall", "not viable", matured=1240))  # fmt: skip
    assert (kind, cause, urgent) == ("verdict", "units", True)
    assert "not viable; before: inconclusive, undecided" in what


@pytest.mark.parametrize(
    ("changed", "cause", "text"),
    [
        ({"matured": 1240}, "units", "240 new units"),
        ({"contract_digest": "c2", "matured": 1240}, "contract", "another lift contract"),
        ({"restated": [{"cohort": "2027-03-01"}]}, "correction", "outcomes were corrected"),
        ({}, "same log", "the same units were checked again"),
    ],
)
def test_a_verdict_names_its_cause(changed, cause, text) -> None:
    """New units, a correction, a contract."""
    known = adoption([check(10), check(2, "met", "viable", **changed)])
    (line,) = crossed(known, WEEK)
    assert (line.cause, line.cause_text) == (cause, text)


def test_concerns_requests_waivers_and_overdue_checks_are_told() -> None:
    """Each when it crossed its line, those that ask for an act marked."""
    asked = {"act": "asked", "request": "rabcde", "target": "Production", "why": "better", "expires": "2027-06-20"}  # fmt: skip
    given = {"requirement": "sign_off", "target": "Production", "reason": "away", "approver": "Eve", "expires": "2027-06-05"}  # fmt: skip
    late = prediction({**CONTRACT, "measurement": {"owner": "Bo", "first_check": "2027-05-28"}})
    found = lines(
        concern("raised", days_ago=3),
        entry("request", asked, person="Dan Sample", days_ago=2, begins="abcde"),
        entry("waiver", given, person="Eve", days_ago=20),
        late,
    )
    told = {(kind, urgent) for kind, _, _, urgent in found}
    assert told == {("concern", True), ("request", True), ("waiver", True), ("overdue", True)}
    said = " ".join(what for _, what, _, _ in found)
    assert "waiver of sign_off for Production ends on 2027-06-05" in said
    assert not any(name in said for name in ("Dan", "Eve", "Cleo")), "no line names a person"


def test_equal_refusals_and_attempts_are_one_line() -> None:
    """A pipeline that tries for a week does not fill a mail."""
    lacks = [
        {"name": "sign_off", "title": "Signed off by the business", "met": False, "waived": None}
    ]
    tries = [decision(d, requirements=lacks) for d in (6, 5, 4)]
    attempt = decision(1, basis="tampering", target="set tag 'spot'", attempts=7)
    moved = decision(2, applied=True, outcome="allowed")
    assert [(k, w) for k, w, _, _ in lines(*tries, attempt, moved, Production=("3",))] == [
        ("tampering", "somebody tried to set tag 'spot', 7 times; it was refused"),
        ("refusal", "version 3 was refused Production, 3 times: Signed off by the business"),
        ("moved", "version 3 went to Production"),
    ]


def test_what_people_wrote_cannot_become_markup_or_another_line() -> None:
    """HTML is escaped, control characters are gone, and the text fits a mail."""
    evil = concern("raised", days_ago=1)
    evil = entry("concern", {**evil.payload, "what": "<script>x</script>\r\nBcc: a@b\x1b[2J" + " word" * 40}, person="C", role="frontline", days_ago=1, begins="abcde")  # fmt: skip
    digest = Digest(WEEK, NOW, crossed(adoption([evil]), WEEK), 1)
    assert "<script>" not in digest_html(digest)
    text = digest_text(digest)
    assert "\r" not in text
    assert "\x1b" not in text
    assert not any(line.startswith("Bcc") for line in text.splitlines())
    assert max(map(len, text.splitlines())) <= 78
    assert digest.subject == "S.P.O.T.: 1 change in 1 model"
    assert "churn" not in digest.subject
