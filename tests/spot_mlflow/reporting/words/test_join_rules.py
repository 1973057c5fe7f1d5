"""The rules of a join in words: every rule has some, and what matters is said."""

from __future__ import annotations

from spot_mlflow.lift.moments.joined import Joined, Rule, RuleCount
from spot_mlflow.reporting.sections.joined import section_of
from spot_mlflow.reporting.words.join_rules import DONE, rows_of, warnings_of


def _joined(*counts: tuple[Rule, str, int, int]) -> Joined:
    rules = tuple(RuleCount(*c) for c in counts)
    return Joined({"decisions": "decisions a.csv"}, rules, "2027-04-10T21:59:59+00:00")


def test_every_rule_says_what_was_done() -> None:
    """A rule without words would be counted and never read."""
    assert DONE.keys() == set(Rule)


def test_a_join_is_read_back_as_it_was_written() -> None:
    """The record holds what ``to_dict`` gives."""
    joined = _joined((Rule.ROWS, "events", 10, 10), (Rule.LATE, "events", 2, 10))
    assert Joined.from_dict(joined.to_dict()) == joined


def test_rules_that_touched_nothing_are_left_out() -> None:
    """A table shows what happened; the JSON has the rest."""
    joined = _joined(
        (Rule.ROWS, "events", 0, 0), (Rule.LATE, "events", 0, 10), (Rule.TWICE, "events", 1, 10)
    )
    assert [r[3] for r in rows_of(joined)] == [DONE[Rule.ROWS], DONE[Rule.TWICE]]


def test_what_a_reader_must_know_is_said_with_its_share() -> None:
    """Orders of strangers, ids in another form, and a feed that ends early."""
    said = warnings_of(
        _joined(
            (Rule.UNDECIDED, "events", 12, 100),
            (Rule.OTHER_FORM, "events", 2, 5),
            (Rule.FEED_ENDS, "events", 7200, 10**9),
        )
    )
    assert said[0].startswith("2 of 5 unknown ids")
    assert said[1].startswith("12 % of the events")
    assert "2027-04-10 21:59 UTC" in said[2]


def test_steps_without_a_readable_answer_and_left_out_by_the_filter_are_explained() -> None:
    """The terminal reports unknown answers; a row that the filter leaves out does not count as a contact."""
    joined = _joined(
        (Rule.FILTERED, "steps", 3, 10),
        (Rule.UNREADABLE_DELIVERED, "steps", 2, 7),
        (Rule.UNREADABLE_OFFERED, "steps", 1, 7),
    )
    assert "not offered" in rows_of(joined)[0][3]
    assert warnings_of(joined) == [
        f"{n} of 7 steps have an answer to '{step}' that is neither yes nor no; it counts as unknown"
        for n, step in ((1, "offered"), (2, "delivered"))
    ]


def test_a_quiet_join_says_nothing_in_the_terminal() -> None:
    """Brief is what must be known."""
    joined = _joined((Rule.ROWS, "events", 10, 10))
    assert section_of(joined, brief=True) is None
    assert section_of(joined) is not None
