"""Which version held a target when: what is on record is told, and what is not is unknown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ready_model import NOW, entry, facts

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.holdings import history_of, targets_of


def applied(version, target="Production", *, days_ago=5.0, **changed):
    """Returns a decision that was carried out."""
    payload = {
        "model": "churn", "version": version, "target": target, "applied": True, "mode": "block",
        "basis": "requirements", "outcome": "allowed", "policy": "p@1", "requester": "ci", **changed,
    }  # fmt: skip
    return entry("decision", payload, version=version, days_ago=days_ago)


def told(decisions, target="Production", **holders):
    """Returns (version, days ago of begin, of end or "now") of each holding; None where unknown."""
    history = history_of(facts(**holders), decisions, target, now=NOW)
    return [
        (h.version, ago(h.since), "now" if h.current else ago(h.until)) for h in history.holdings
    ]


def ago(at):
    """Returns how many days ago a time was, or None."""
    return None if at is None else (NOW - at) / timedelta(days=1)


def on(decisions, days_ago, target="Production", **holders):
    """Returns (versions, whether that is all) that held the target that many days ago."""
    history = history_of(facts(**holders), decisions, target, now=NOW)
    found = history.at(NOW - timedelta(days=days_ago))
    return [h.version for h in found.holdings], found.known


CHAIN = [
    applied("1", days_ago=30),
    applied("2", days_ago=20, replaced={"Production": ["1"]}),
    applied("3", days_ago=10, replaced={"Production": ["2"]}),
]


def test_a_chain_on_record_has_no_gaps() -> None:
    """Each holder from its decision to the next one, the last one until now."""
    assert told(CHAIN, Production=("3",)) == [("1", 30, 20), ("2", 20, 10), ("3", 10, "now")]
    assert on(CHAIN, 15, Production=("3",)) == (["2"], True)
    assert on(CHAIN, 20, Production=("3",)) == (["2"], True), "the begin is in, the end is out"
    assert on(CHAIN, 0, Production=("3",)) == (["3"], True)


def test_a_day_has_all_who_held_it_that_day() -> None:
    """The day of a change names both."""
    history = history_of(facts(Production=("3",)), CHAIN, "Production", now=NOW)
    day = (NOW - timedelta(days=10)).date()
    assert [h.version for h in history.at(day).holdings] == ["2", "3"]
    assert [h.version for h in history.at(day.isoformat()).holdings] == ["2", "3"]
    assert [h.version for h in history.at(day + timedelta(days=1)).holdings] == ["3"]


def test_before_the_record_begins_nobody_knows() -> None:
    """Neither where the first one replaced nobody, nor where it replaced one of before."""
    assert on(CHAIN, 31, Production=("3",)) == ([], False)
    first = [applied("2", days_ago=20, replaced={"Production": ["1"]})]
    assert told(first, Production=("2",)) == [("1", None, 20), ("2", 20, "now")]
    assert on(first, 25, Production=("2",)) == ([], False)
    assert on([], 1, Production=("2",)) == ([], False)


def test_before_the_model_was_registered_nobody_held_anything() -> None:
    """That is known without a record."""
    history = history_of(facts(), [], "Production", now=NOW)
    assert history.at(history.created - timedelta(days=2)).known
    assert not history.at(history.created + timedelta(days=2)).known


def test_the_last_day_that_there_is_can_be_asked() -> None:
    """It is answered like any other day; a time that is not in the calendar once it is in UTC is named."""
    history = history_of(facts(Production=("3",)), [], "Production", now=NOW)
    for day in ("9999-12-31", "9999-12-31T23:59:59.999999"):
        assert not history.at(day).known
    for odd in ("0001-01-01T00:00+14:00", "9999-12-31T23:00-05:00"):
        with pytest.raises(InvalidInput, match="not between the years 1 and 9999"):
            history.at(odd)


def test_what_was_given_past_the_gate_has_no_begin() -> None:
    """Seen in the registry now, or as the one that was replaced."""
    assert told([], Production=("2",)) == [("2", None, "now")]
    assert told(CHAIN[:1], Production=("2",)) == [("1", 30, None), ("2", None, "now")]
    assert on(CHAIN[:1], 10, Production=("2",)) == ([], False)


def test_what_left_past_the_gate_has_no_end() -> None:
    """It held the target when it was given it, and at some time no more."""
    assert told(CHAIN) == [("1", 30, 20), ("2", 20, 10), ("3", 10, None)]
    assert on(CHAIN, 15) == (["2"], True)
    assert on(CHAIN, 9) == ([], False)


def test_an_alias_has_one_holder() -> None:
    """Given to another without a word of the first: that one left at a time nobody knows."""
    decisions = [applied("1", "@champion", days_ago=30), applied("3", "@champion", days_ago=10)]
    assert told(decisions, "@champion", champion=("3",)) == [("1", 30, None), ("3", 10, "now")]
    assert on(decisions, 20, "@champion", champion=("3",)) == ([], False)
    assert on(decisions, 5, "@champion", champion=("3",)) == (["3"], True)


def test_several_versions_may_hold_a_stage() -> None:
    """Where nothing was archived both hold it."""
    decisions = [applied("1", days_ago=30), applied("2", days_ago=20)]
    holders = {"Production": ("1", "2")}
    assert told(decisions, **holders) == [("1", 30, "now"), ("2", 20, "now")]
    assert on(decisions, 10, **holders) == (["1", "2"], True)


@pytest.mark.parametrize("basis", ["removal", "deletion"])
def test_giving_up_ends_it(basis) -> None:
    """Archived, taken away or deleted; then nobody holds it, and that is known."""
    gone = applied("1", days_ago=20, basis=basis, replaced={"production": ["1"]})
    assert told([CHAIN[0], gone]) == [("1", 30, 20)]
    assert on([CHAIN[0], gone], 10) == ([], True)


def test_what_gives_nothing_begins_nothing() -> None:
    """Refusals, attempts, other targets, and a model renamed with what it holds."""
    others = [
        applied("2", days_ago=9, applied=False),
        applied("2", "Staging", days_ago=8),
        applied("1", days_ago=7, basis="renaming"),
        applied("2", "set tag 'spot'", days_ago=6, basis="tampering"),
    ]
    assert told([CHAIN[0], *others], Production=("1",)) == [("1", 30, "now")]
    taken = applied("2", days_ago=9, renamed="locked-churn")
    assert told([taken], Production=("2",)) == [("2", None, "now")]


def test_back_again_is_a_holding_of_its_own() -> None:
    """A rollback begins anew, and both times count together."""
    back = applied("1", days_ago=5, basis="rollback", replaced={"Production": ["3"]})
    found = told([*CHAIN, back], Production=("1",))
    assert found == [("1", 30, 20), ("2", 20, 10), ("3", 10, 5), ("1", 5, "now")]
    history = history_of(facts(Production=("1",)), [*CHAIN, back], "Production", now=NOW)
    assert history.held_for("1") == timedelta(days=15)
    assert history.held_for("9") == timedelta(0)


def test_all_targets_on_record_are_found() -> None:
    """As the record spells them, stages first; not what nobody deploys from."""
    decisions = [*CHAIN, applied("1", "@champion", replaced={"Staging": ["1"]})]
    assert targets_of(facts(canary=("2",)), decisions) == (
        "Production",
        "Staging",
        "@canary",
        "@champion",
    )


@given(
    given_to=st.lists(
        st.tuples(st.sampled_from("123"), st.booleans(), st.booleans()), min_size=1, max_size=12
    ),
    before=st.sampled_from([None, "1", "2"]),
)
def test_what_is_said_to_be_known_is_so(given_to, before) -> None:
    """Whatever was held before the gate came, every answer that calls itself known is the truth.

    Steps: (version, whether it is taken away instead of given, whether a holder is replaced).
    """
    held, truth, decisions = {before} - {None}, {}, []
    ever: set[str] = set()  # held it on record, as the gate asks
    for step, (version, taken, alone) in enumerate(given_to):
        days_ago = 100 - step
        gave = {version} & held if taken else (held - {version} if alone else set())
        back = "rollback" if version in held | ever else "requirements"
        basis = "removal" if taken else back
        if not taken or gave:
            replaced = {"Production": sorted(gave)} if gave else {}
            decisions.append(applied(version, days_ago=days_ago, basis=basis, replaced=replaced))
            ever |= gave | {version}
        held = held - gave if taken else (held - gave) | {version}
        truth[days_ago] = held
    for days_ago, holders in truth.items():
        found, known = on(decisions, days_ago - 0.5, Production=tuple(held))
        assert set(found) <= holders
        if known:
            assert set(found) == holders
