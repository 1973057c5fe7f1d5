"""Break-glass lets one version through for hours, says so everywhere, and is no waiver."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ready_model import BLOCK, NOW, adoption, entry, facts, ready

from spot_mlflow.adoption import FileFacts
from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.break_glass import check_break_glass
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.history import earlier_holders, held_before
from spot_mlflow.reporting.message.digest import crossed
from spot_mlflow.reporting.message.summary import summary_tags
from spot_mlflow.reporting.pages.portfolio_row import portfolio_row


def glass(*, hours_ago=2.0, version="3", hours=24.0, **changed):
    """Returns a use for version 3 and Production, two hours ago and for a day, unless told otherwise."""
    begin = NOW - timedelta(hours=hours_ago)
    payload = {
        "target": "Production",
        "reason": "version 2 offers nothing",
        "until": (begin + timedelta(hours=hours)).isoformat(),
        "manifest": "",
        **changed,
    }
    found = entry("break-glass", payload, person="Eve Sample", version=version)
    return replace(found, at=begin)


def decided(*uses, target="Production", files=None, **holders):
    """Decides on a model without any evidence but these uses."""
    known = adoption(list(uses), model=facts(**holders))
    return decide(replace(known, files=files), target, policy=BLOCK, requester="dan")


def test_it_lets_through_and_says_what_is_missing() -> None:
    """Allowed, under its own name; nothing that is missing is hidden or taken for met."""
    decision = decided(glass())
    assert (decision.allowed, decision.outcome, decision.basis) == (
        True,
        "break-glass",
        "break-glass",
    )
    assert len(decision.missing) == len(decided().missing) > 10
    said = decision.explain()
    assert said.startswith("churn/3 may go to Production by BREAK-GLASS, with ")
    assert "BREAK-GLASS for Production until 2027-06-02 10:00 UTC: version 2 offers nothing" in said
    assert "Eve" not in said, "who did it stands in its own entry"
    assert decided(glass(), target="@champion").allowed, "it extends Production"


@pytest.mark.parametrize(
    "use",
    [
        glass(hours_ago=25),
        glass(version="2"),
        glass(target="Staging"),
        glass(reason=" "),
        glass(until="someday"),
        glass(hours_ago=24 * 8, hours=24 * 300),
        glass(manifest="of other files"),
    ],
    ids=["ended", "version", "target", "no reason", "no end", "longer than seven days", "files"],
)
def test_what_does_not_let_through(use) -> None:
    """For another version, target or files, without a reason, and after its end."""
    decision = decided(use)
    assert (decision.allowed, decision.basis) == (False, "requirements")


def test_files_that_nobody_knows_stay_out() -> None:
    """There is nothing that anybody could answer for."""
    assert not decided(glass(), files=FileFacts("unresolved", "runs:/gone")).allowed
    inside = FileFacts("inside", "runs:/1/m", manifest="m1")
    assert decided(glass(manifest="m1"), files=inside).allowed


def test_a_version_that_is_ready_needs_none() -> None:
    """Who meets all requirements goes by them; the use is seen all the same."""
    known = adoption([*ready(), glass()])
    decision = decide(known, "Production", policy=BLOCK, requester="dan")
    assert (decision.outcome, decision.basis) == ("allowed", "requirements")
    assert any("BREAK-GLASS" in note for note in decision.notes)


def test_what_came_in_by_it_is_no_version_to_go_back_to() -> None:
    """Else one night would open the gate for that version for ever."""
    payload = {"model": "churn", "version": "3", "target": "Production", "applied": True, "mode": "block", "basis": "break-glass"}  # fmt: skip
    known = adoption([entry("decision", payload)])
    assert not held_before(known, "3", "Production")
    assert earlier_holders(known, "Production") == ()


def test_it_is_seen_everywhere() -> None:
    """In the tags and the digest; and when it has ended while the version is still there."""
    use = glass()
    tags = summary_tags(adoption([use]))
    assert (
        tags["spot.break-glass"]
        == "version 3 to Production until 2027-06-02 10:00 UTC: version 2 offers nothing"
    )
    assert "spot.break-glass" not in summary_tags(adoption(ready()))
    since = NOW - timedelta(days=7)
    (line,) = crossed(adoption([use]), since)
    assert (line.kind, line.urgent) == ("break-glass", True)
    ended = glass(hours_ago=48)
    held = adoption([ended], model=facts(Production=("3",)))
    assert [x.what.split(", ")[-1] for x in crossed(held, since)][-1] == "and it is still there"
    note = next(n for n in decided(ended, Production=("3",)).notes if "BREAK-GLASS" in n)
    assert "ended on" in note
    assert not any("BREAK-GLASS" in n for n in decided(ended).notes)


def test_lists_show_it_while_it_holds_or_the_version_is_still_there() -> None:
    """From the tags alone, without the reason; not once it has ended and the version is gone."""

    def shown(use, now=NOW, **holders):
        tags = summary_tags(adoption([use], model=facts(**holders)))
        return portfolio_row("churn", tags).loud(
            now, {(v, t) for t, versions in holders.items() for v in versions}
        )

    held = "BREAK-GLASS, version 3 to Production until 2027-06-02 10:00 UTC"
    assert shown(glass()) == (held,)
    later = NOW + timedelta(days=3)
    assert shown(glass(), later) == ()
    ended = "BREAK-GLASS, version 3 to Production; it ended on 2027-06-02 10:00 UTC"
    assert shown(glass(), later, Production=("3",)) == (ended,)
    assert shown(glass(hours_ago=48)) == ()
    assert shown(glass(hours_ago=48), Production=("2",)) == ()
    old = {**summary_tags(adoption([glass()])), "spot.facts": ""}
    assert portfolio_row("churn", old).loud(NOW, ()) == (), "of an earlier version"


def moved(basis="break-glass", *, hours_ago=47.0, target="Production"):
    """Returns the decision that gave version 3 a target."""
    payload = {"model": "churn", "version": "3", "target": target, "applied": True, "mode": "block", "basis": basis}  # fmt: skip
    return replace(entry("decision", payload), at=NOW - timedelta(hours=hours_ago))


@pytest.mark.parametrize(
    ("decisions", "loud"),
    [
        ((moved(),), True),
        ((moved(), moved("requirements", hours_ago=2)), False),
        ((moved(hours_ago=90),), False),
        ((moved("requirements"),), False),
    ],
    ids=["let in by it", "let in again by the requirements", "before it", "by the requirements"],
)
def test_it_stays_loud_where_it_let_the_version_in_elsewhere(decisions, loud) -> None:
    """For ``@champion`` it lets into Production; once it has ended all places say so while the version is there."""
    ended = glass(hours_ago=48, target="@champion")
    known = adoption([ended, *decisions], model=facts(Production=("3",)))
    decision = decide(known, "Production", policy=BLOCK, requester="dan")
    (said,) = [n for n in decision.notes if "BREAK-GLASS" in n] or [""]
    lines = [x.what for x in crossed(known, NOW - timedelta(days=7)) if "has ended" in x.what]
    row = portfolio_row("churn", summary_tags(known))
    assert ("it still holds Production: version 2" in said) is loud
    assert [x.endswith("has ended, and it still holds Production") for x in lines] == [True] * loud
    assert bool(row.loud(NOW, {("3", "Production")})) is loud
    gone = adoption([ended, *decisions], model=facts(Production=("2",)))
    assert not any("BREAK-GLASS" in n for n in decide(gone, "@champion", policy=BLOCK).notes)


def test_lists_know_an_alias_however_it_is_spelled() -> None:
    """``@Champion`` in the registry is the ``@champion`` of the policy."""
    ended = glass(hours_ago=48, target="@champion")
    tags = summary_tags(adoption([ended], model=facts(champion=("3",))))
    assert portfolio_row("churn", tags).loud(NOW, {("3", "@Champion")})


@pytest.mark.parametrize(
    "until", [NOW, NOW - timedelta(days=1), NOW + timedelta(days=7, seconds=1)]
)
def test_it_ends_within_seven_days(until) -> None:
    """What takes longer is not an emergency."""
    with pytest.raises(InvalidInput, match="must be within 7d"):
        check_break_glass(target="Production", reason="r", until=until, now=NOW, manifest="")
    found = check_break_glass(target="Production", reason="r", until=None, now=NOW, manifest="")
    assert found["until"] == (NOW + timedelta(hours=24)).isoformat()
