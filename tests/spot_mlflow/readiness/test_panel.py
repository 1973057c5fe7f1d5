from __future__ import annotations

import statistics
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import INSTRUMENT, NOW, assessment, entry, note

from spot_mlflow.readiness.panel import lower_median, median_over_roles, readiness_of, round_start
from spot_mlflow.readiness.panel_results import LetterResult
from spot_mlflow.roles import ROLES, USERS


def panel(*entries, notes=()):
    """The panel of these entries."""
    return readiness_of(entries, INSTRUMENT, now=NOW, notes=notes)


@given(st.lists(st.integers(1, 5), min_size=1))
def test_the_lower_median_is_that_of_the_standard_library(levels):
    """statistics.median_low is an independent answer."""
    assert lower_median(levels) == statistics.median_low(levels)


def test_ten_data_scientists_do_not_outvote_one_frontline_employee():
    """Medians are taken within a role first, then over roles, the lower one."""
    levels = [("data_scientist", 5)] * 10 + [("frontline", 2)]
    assert median_over_roles(levels) == 2


def test_an_empty_panel_is_not_known_never_zero():
    """Nobody answered: no level, no letter, no overall."""
    empty = panel()
    assert empty.overall is None
    assert empty.weakest is None
    assert set(empty.letters.values()) == {
        LetterResult(unknown=v.unknown) for v in empty.letters.values()
    }
    assert all(q.level is None for q in empty.questions.values())
    assert empty.people == 0
    assert set(empty.missing_roles) == set(ROLES)


def test_dont_knows_leave_the_median_and_are_counted_beside_it():
    """One who does not know does not pull a level down."""
    found = panel(
        assessment("Kim", "business", {"P1": 4}), assessment("Bo", "business", {"P1": "don't know"})
    ).questions["P1"]
    assert (found.level, found.dont_know, found.answered) == (4, 1, 1)
    nobody = panel(assessment("Bo", "business", {"P1": "don't know"})).questions["P1"]
    assert (nobody.level, nobody.dont_know, nobody.missing_roles) == (None, 1, ())


def test_the_whole_is_its_weakest_letter_and_not_known_until_all_are():
    """As in the ML Test Score; a letter nobody knows leaves the whole open."""
    three = {"S1": 4, "P1": 3, "O1": 2}
    assert panel(assessment("Ann", "executive", three)).overall is None
    found = panel(assessment("Ann", "executive", {**three, "T3": 5}))
    assert (found.overall, found.weakest) == (2, "O")


def test_a_letter_is_the_lower_median_of_its_questions_with_the_weakest_named():
    """Four questions at 1, 2, 4, 5 give 2, and the question at 1 is named."""
    found = panel(assessment("Kim", "business", {"P1": 4, "P2": 2, "P3": 5, "P4": 1})).letters["P"]
    assert (found.level, found.weakest, found.unknown) == (2, "P4", ())


def test_a_letter_is_wanted_where_its_questions_are():
    """The lower median of wanted levels, the level now where none is wanted; none without any."""
    answers = {"P1": {"now": 2, "target": 5}, "P2": 4}
    found = panel(assessment("Kim", "business", answers))
    assert found.letters["P"].target == 4
    assert panel(assessment("Kim", "business", {"P1": 2, "P2": 4})).letters["P"].target is None
    assert found.instrument == f"{INSTRUMENT.name} {INSTRUMENT.version}"


def test_a_range_of_two_is_contested_and_the_lone_dissenter_shows():
    """Nine at 4 and one at 2 pass every agreement index; the range shows the one."""
    crowd = [assessment(f"p{i}", "business", {"P1": 4}) for i in range(9)]
    assert not panel(*crowd, assessment("x", "frontline", {"P1": 3})).questions["P1"].contested
    found = panel(*crowd, assessment("x", "frontline", {"P1": 2})).questions["P1"]
    assert (found.contested, found.low, found.high, found.noted) == (True, 2, 4, False)


def test_a_note_counts_when_it_knew_todays_range():
    """A discussion settles the answers it was about, not a wider range that came later."""
    two = [assessment("a", "business", {"P1": 2}, 10), assessment("b", "frontline", {"P1": 4}, 9)]
    assert panel(*two, notes=[note("P1", 5)]).questions["P1"].noted
    assert not panel(*two, notes=[note("P1", 9.5)]).questions["P1"].noted
    assert not panel(*two, notes=[note("P2", 5)]).questions["P1"].noted
    wider = [*two, assessment("c", "executive", {"P1": 5}, 2)]
    assert not panel(*wider, notes=[note("P1", 5)]).questions["P1"].noted
    within = [*two, assessment("c", "executive", {"P1": 3}, 2)]
    assert panel(*within, notes=[note("P1", 5)]).questions["P1"].noted


def test_a_new_answer_supersedes_the_old_one_question_by_question():
    """Same person, same role, however written; another role is another voice of the same person."""
    first = assessment("Kim Lee", "business", {"P1": 1, "P2": 3}, 30)
    second = assessment(" kim  lee", "business", {"P1": 4}, 1)
    found = panel(first, second)
    assert found.people == 1
    assert (found.questions["P1"].level, found.questions["P2"].level) == (4, 3)
    both = panel(first, second, assessment("Kim Lee", "executive", {"P1": 2}))
    assert (both.people, len(both.respondents)) == (1, 2)


def test_an_erased_name_stays_the_same_person():
    """What stands in the name's place tells people apart as the name did."""
    old = assessment("(erased 1a2b3c)", "business", {"P1": 1}, 5)
    new = assessment("(erased 1a2b3c)", "business", {"P1": 3}, 1)
    assert panel(old, new).people == 1
    assert (
        panel(
            assessment(None, "business", {"P1": 1}), assessment(None, "business", {"P1": 1})
        ).people
        == 2
    )


def test_stale_answers_are_marked_and_kept():
    """After 180 days an answer is stale; it still counts until there is a newer one."""
    found = panel(assessment("Kim", "business", {"P1": 3}, 181))
    assert found.stale == 1
    assert found.questions["P1"].dots[0].stale
    assert found.questions["P1"].level == 3


def test_the_plan_puts_the_weakest_letter_first_and_marks_what_is_overdue():
    """Each step has owner and date; a target that is reached is no step."""
    answers = {
        "S1": {"now": 4, "target": 5},
        "O1": {"now": 1, "target": 3, "by": "2026-10-31", "owner": "Kim"},
        "O2": {"now": 3, "target": 3},
        "T1": {"now": 2, "target": 4, "by": "2026-11-01"},
    }
    plan = panel(assessment("Ann", "executive", answers)).plan
    assert [p.question for p in plan] == ["O1", "T1", "S1"]
    assert [p.overdue for p in plan] == [True, False, False]
    assert (plan[0].owner, plan[0].now, plan[0].target) == ("Kim", 1, 3)


def test_the_newest_owner_and_date_hold():
    """A plan that was moved is moved."""
    old = assessment(
        "a", "business", {"P1": {"now": 1, "target": 3, "by": "2026-09-01", "owner": "Old"}}, 20
    )
    new = assessment("b", "executive", {"P1": {"now": 1, "target": 3, "by": "2027-01-01"}}, 1)
    item = panel(old, new).plan[0]
    assert (str(item.by), item.owner, item.overdue) == ("2027-01-01", "Old", False)


def test_change_since_the_last_round():
    """A round ends with two weeks of silence; levels are compared with the state before it."""
    before = [
        assessment("a", "business", {"P1": 2}, 60),
        assessment("b", "business", {"P1": 2}, 55),
    ]
    now = [assessment("a", "business", {"P1": 4}, 2), assessment("b", "business", {"P1": 4}, 1)]
    found = panel(*before, *now)
    assert found.questions["P1"].change == 2
    assert found.letters["P"].change == 2
    assert found.round_started == NOW - timedelta(days=2)
    assert panel(*before).questions["P1"].change is None
    assert round_start([]) is None


def test_another_instrument_is_set_aside_and_counted():
    """No comparison across major versions."""
    other = entry(
        "assessment",
        {"answers": {"P1": {"now": 5}}, "instrument": {"name": "spot", "version": "2.0.0"}},
        "a",
        "business",
    )
    found = panel(other)
    assert (found.set_aside, found.people, found.questions["P1"].level) == (1, 0, None)


def test_entries_of_the_future_do_not_count_yet():
    """The panel can be asked for any moment."""
    assert panel(assessment("a", "business", {"P1": 5}, -1)).people == 0


def test_others_answers_stay_hidden_until_ones_own_are_in():
    """Not a level, not a dot, not a plan, not a respondent's answer is shown before."""
    found = panel(
        assessment("Kim", "business", {"P1": {"now": 2, "target": 4, "comment": "secret"}}),
        assessment("Fay", "frontline", {"O3": 1}),
    )
    hidden = found.seen_by("Ann")
    assert hidden.overall is None
    assert all(q.level is None and q.hidden and not q.dots for q in hidden.questions.values())
    assert hidden.plan == ()
    assert "secret" not in repr(hidden)
    assert hidden.people == 2
    assert found.seen_by("kim") is found
    assert found.seen_by(None) == hidden
    assert panel().seen_by("Ann").overall is None


ANSWERS = st.dictionaries(
    st.sampled_from(INSTRUMENT.ids),
    st.one_of(st.integers(1, 5), st.just("don't know")),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(ROLES), ANSWERS, st.integers(0, 300)),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_the_panel_does_not_depend_on_the_order_of_respondents(given_answers, rnd):
    """Any order of entries gives the same panel."""
    entries = [
        assessment(p, r, a, d, id=f"{i:032x}") for i, (p, r, a, d) in enumerate(given_answers)
    ]
    shuffled = entries[:]
    rnd.shuffle(shuffled)
    assert panel(*entries) == panel(*shuffled)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(ROLES), ANSWERS), min_size=1, max_size=8))
def test_names_do_not_change_the_panel(given_answers):
    """Renaming everybody changes names and nothing else."""
    one = panel(*(assessment(f"p{i}", r, a) for i, (r, a) in enumerate(given_answers)))
    two = panel(*(assessment(f"q{9 - i}", r, a) for i, (r, a) in enumerate(given_answers)))
    assert one.letters == two.letters
    assert one.overall == two.overall
    strip = {k: replace(v, dots=()) for k, v in one.questions.items()}
    assert strip == {k: replace(v, dots=()) for k, v in two.questions.items()}


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_unanimous_panel_has_that_level(level):
    """All letters and the whole are what everybody says."""
    found = panel(*(assessment(r, r, dict.fromkeys(INSTRUMENT.ids, level)) for r in ROLES))
    assert found.overall == level
    assert {v.level for v in found.letters.values()} == {level}
    assert found.non_builders == len(USERS)
    assert found.missing_roles == ()


def test_what_is_withheld_names_people_and_moments_and_no_level():
    """Letters are empty, and who answered in which role stays; one entry withheld hides the whole."""
    entries = [assessment("Kim", "business", {"P1": 2, "S1": 4}, 3)]
    found, hidden = panel(*entries), panel(replace(entries[0], withheld=True))
    assert hidden == found.withheld()
    assert (hidden.hidden, hidden.weakest, hidden.contested) == (True, None, ())
    assert hidden.letters == dict.fromkeys("SPOT", LetterResult())
    assert [(r.person, r.role, r.at, r.answers) for r in hidden.respondents] == [
        ("Kim", "business", NOW - timedelta(days=3), {})
    ]
    asked = {i: q.missing_roles for i, q in found.questions.items()}
    assert {i: q.missing_roles for i, q in hidden.questions.items()} == asked
    assert any(asked.values())
    assert (hidden.last_at, hidden.missing_roles) == (found.last_at, found.missing_roles)


def test_a_note_of_this_moment_counts_and_one_of_the_future_does_not():
    """As answers do."""
    two = [assessment("a", "business", {"P1": 2}, 10), assessment("b", "frontline", {"P1": 4}, 9)]
    assert panel(*two, notes=[note("P1", 0)]).questions["P1"].noted
    assert not panel(*two, notes=[note("P1", -0.001)]).questions["P1"].noted


def test_a_note_among_others_is_found():
    """A note on another question, or of too early a day, does not end the search."""
    two = [assessment("a", "business", {"P1": 2}, 10), assessment("b", "frontline", {"P1": 4}, 9)]
    notes = [note("P2", 5), note("P1", 9.5), note("P1", 5)]
    assert panel(*two, notes=notes).questions["P1"].noted
    agreed = [
        assessment("a", "business", {"P1": 3}, 10),
        assessment("b", "frontline", {"P1": 3}, 9),
    ]
    assert not panel(*agreed, notes=notes).questions["P1"].noted


def test_a_dot_is_one_answer_with_all_that_was_said():
    """Role, level, wanted level, name, comment, and whether it is more than 180 days old."""
    said = {"P1": {"now": 2, "target": 4, "comment": "late", "owner": "Bo", "by": "2027-01-01"}}
    found = panel(assessment("Kim", "business", said, 180)).questions["P1"]
    (dot,) = found.dots
    assert (dot.role, dot.level, dot.target, dot.person) == ("business", 2, 4, "Kim")
    assert (dot.comment, dot.stale) == ("late", False)
    assert (found.roles, found.target, found.owner, str(found.by)) == (
        ("business",), 4, "Bo", "2027-01-01",
    )  # fmt: skip


def test_a_round_begins_after_two_weeks_of_silence():
    """Fourteen days are enough, thirteen are not; order does not matter."""
    days = [NOW - timedelta(days=d) for d in (40, 26, 13, 1)]
    assert round_start(days) == round_start(days[::-1]) == NOW - timedelta(days=26)
