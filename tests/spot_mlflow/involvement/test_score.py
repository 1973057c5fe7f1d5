from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import NOW, act, event, raised

from spot_mlflow.involvement.log import KINDS, PHASES, involvement_of
from spot_mlflow.involvement.score import (
    SILENT_DAYS,
    WEIGHTS,
    Activity,
    Cap,
    Score,
    breadth,
    count,
    explain,
    recency,
)
from spot_mlflow.roles import ROLES

USERS = ("executive", "business", "frontline")


def log(*entries):
    """The log of these entries."""
    return involvement_of(entries, version="1", now=NOW)


def full(days=0.0):
    """A user of each of three roles in every phase, all asked."""
    return [
        event(f"user {i}", role, phase, "asked-no-concerns", days)
        for i, role in enumerate(USERS)
        for phase in PHASES
    ]


def test_nobody_took_part():
    """Zero, and no half credit for concerns that nobody could have raised."""
    found = log()
    assert (found.score, found.raw) == (0, 0.0)
    assert found.words == "0 of 5 phases, no people, no open concerns"


def test_everything_done_today_is_a_hundred():
    """All five phases, three people of two roles or more, today, asked and no concerns."""
    found = log(*full())
    assert found.score == 100
    assert found.caps == ()
    assert found.parts == {"coverage": 35.0, "breadth": 20.0, "recency": 15.0, "closure": 30.0}


def test_a_worked_example():
    """35 * 2/5 + 20 * (2/3 + 1)/2 + 15 * 2^(-45/90) + 30 * (3 * 1 + 2 * .5)/6, then the cap."""
    blocking = raised("Fay", "frontline", "blocking", 60)
    major = raised("Fay", "frontline", "major", 55)
    minor = raised("Kim", "business", "minor", 50)
    found = log(
        event("Kim", "business", "scope", "decided", 70),
        event("Fay", "frontline", "review", "contributed", 45),
        blocking, major, minor,
        act(blocking, "answered", "Dana", "data_scientist", 58),
        act(blocking, "confirmed", "Fay", "frontline", 46),
        act(major, "answered", "Dana", "data_scientist", 54),
    )  # fmt: skip
    expected = 14 + 20 * (2 / 3 + 1) / 2 + 15 * 2**-0.5 + 30 * (3 + 1 + 0) / 6
    assert found.raw == pytest.approx(expected)
    assert found.score == math.floor(expected + 0.5) == 61
    assert found.words == "2 of 5 phases, 2 people, 2 open concerns"
    assert found.lines()[0] == "61 of 100"


def test_half_a_point_rounds_up_always():
    """7 + 15 + 7.5 + 15 = 44.5 is 45; banker's rounding would give 44."""
    found = log(*(event(f"p{i}", "frontline", "review", "contributed", 90) for i in range(3)))
    assert (found.raw, found.score) == (44.5, 45)


def test_the_parts_sum_to_the_score_before_the_caps():
    """Each line explains its share."""
    found = log(event("Kim", "business", "scope", "decided", 30))
    assert sum(found.parts.values()) == pytest.approx(found.raw)


@pytest.mark.parametrize(("days", "share"), [(0, 1.0), (90, 0.5), (180, 0.25), (45, 2**-0.5)])
def test_recency_halves_every_ninety_days(days, share):
    """Known points of the half-life."""
    assert recency(NOW - timedelta(days=days), NOW) == pytest.approx(share)
    assert recency(None, NOW) == 0


def test_breadth_is_the_mean_of_people_and_roles():
    """Three people and two roles are enough."""
    assert breadth(0, 0) == 0
    assert breadth(3, 1) == 0.75
    assert breadth(30, 5) == 1


def test_an_open_blocking_concern_holds_the_score_down_and_says_so():
    """In the words a reader understands, with whose it is and how old."""
    found = log(*full(), raised("Fay", "frontline", "blocking", 12))
    assert found.score == 49
    assert found.lines()[0] == (
        "49 of 100, limited by an open blocking concern of the frontline, 12 days old"
    )


@pytest.mark.parametrize(("number", "more"), [(1, ""), (2, ", and 1 more"), (3, ", and 2 more")])
def test_the_oldest_blocking_concern_is_named_and_the_others_counted(number, more):
    """The one that has waited longest; one raised today has no age in days."""
    waiting = [raised("Fay", "frontline", "blocking", 12 - i) for i in range(number)]
    assert log(*full(), *waiting).lines()[0] == (
        f"49 of 100, limited by an open blocking concern of the frontline, 12 days old{more}"
    )
    today = log(*full(), raised("Dana", "data_scientist", "blocking", 0))
    assert today.lines()[0].endswith("an open blocking concern of the builders, raised today")
    roleless = replace(raised(None, "frontline", "blocking", 1), role=None)
    assert "blocking concern of the builders, 1 day old" in log(*full(), roleless).lines()[0]
    answered = act(waiting[0], "answered", "Dana", "data_scientist", 2)
    assert log(*full(), waiting[0], answered).lines()[0] == (
        "49 of 100, limited by an answered but unconfirmed blocking concern of the frontline, "
        "12 days old"
    )


def test_each_line_says_what_its_part_was_reckoned_from():
    """Points of how many, with the counts and the phases that are missing."""
    found = log(
        event("Kim", "business", "scope", "decided", 45),
        raised("Kim", "business", "minor", 50),
    )
    assert found.lines()[1:5] == (
        "coverage: 7 of 35 (1 of 5 phases; not yet: naming, features, review, feedback)",
        "breadth: 8 of 20 (1 person of 3, 1 role of 2)",
        "recency: 11 of 15 (last active 45 days ago)",
        "closure: 0 of 30 (0 of 1 concern confirmed)",
    )
    assert log().lines()[3] == "recency: 0 of 15 (nobody yet)"
    assert "recency: 15 of 15 (last active today)" in log(*full()).lines()


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ([], "0 of 1 concern confirmed"),
        (["answered"], "0 of 1 concern confirmed, 1 answered and not yet confirmed"),
        (["answered", "confirmed"], "1 of 1 concern confirmed"),
    ],
)
def test_the_line_on_concerns_says_how_far_they_are(acts, said):
    """Confirmed, answered, or neither; without any, whether somebody was asked."""
    concern = raised("Fay", "frontline", "minor", 9)
    steps = [act(concern, a, "Fay", "frontline", 5 - i) for i, a in enumerate(acts)]
    assert log(concern, *steps).lines()[4].endswith(f"({said})")
    assert log(*full()).lines()[4].endswith("(somebody was asked and had no concerns)")
    assert log().lines()[4].endswith("(nobody was asked)")
    assert "(5 of 5 phases)" in log(*full()).lines()[1]
    assert log(event("Kim", "business", "scope", "decided")).words.startswith(
        "1 of 5 phases, 1 person"
    )


def test_a_limit_that_is_just_reached_holds_nothing_down():
    """60 points under a limit of 59 are held down; 59 are not."""
    activity = Activity(
        frozenset({"scope"}), tuple(PHASES), frozenset("ab"), frozenset(), NOW, True
    )
    cap = Cap("no review", 59, "no user has reviewed the model")
    for raw, words in ((59.49, ""), (59.5, ", limited by this: no user has reviewed the model")):
        result = Score(59, raw, dict.fromkeys(WEIGHTS, 1.0), (cap,))
        assert explain(activity, (), result, now=NOW)[0] == f"59 of 100{words}"


def test_silence_begins_after_its_days_and_is_counted():
    """One day less is no silence."""

    def silent(days):
        return [c.why for c in log(*full(days)).caps]

    assert silent(SILENT_DAYS - 1) == []
    assert silent(SILENT_DAYS) == [f"no user has taken part for {SILENT_DAYS} days"]
    assert "no user has taken part yet" in [c.why for c in log().caps]


def test_an_answer_alone_does_not_lift_the_cap():
    """A blocking concern is over when the person who raised it says so."""
    concern = raised("Fay", "frontline", "blocking", 12)
    answered = [*full(), concern, act(concern, "answered", "Dana", "data_scientist", 2)]
    assert log(*answered).score == 49
    assert "unconfirmed" in log(*answered).lines()[0]
    assert log(*answered, act(concern, "confirmed", "Fay", "frontline", 1)).score == 100


@pytest.mark.parametrize(
    ("entries", "name", "limit"),
    [
        ([e for e in full() if e.payload["phase"] != "review"], "no review", 59),
        (full(180), "silent", 59),
        ([e for e in full() if e.role != "frontline"], "no frontline", 79),
    ],
)
def test_each_cap_by_itself(entries, name, limit):
    """Without a review, in silence, or without the frontline there is a limit."""
    found = log(*entries)
    assert (name, limit) in [(c.name, c.limit) for c in found.caps]
    assert found.score <= limit
    assert any(line.startswith(f"at most {limit}: ") for line in found.lines())


def test_builders_and_the_informed_count_nothing():
    """The log asks whether users were involved; being told is not taking part."""
    entries = [event("Dana", "data_scientist", p, "decided", what="Name") for p in PHASES]
    entries += [
        event("Eli", "engineer", "review", "champion"),
        event("Kim", "business", "scope", "informed"),
    ]
    found = log(*entries)
    assert found.score == 0
    assert found.people == 0
    assert found.phases == dict.fromkeys(PHASES, 0)
    assert len(found.events) == len(entries)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abcde"), st.sampled_from(ROLES), st.sampled_from(PHASES),
        st.sampled_from(KINDS), st.integers(0, 400),
    ),
    max_size=12,
)  # fmt: skip
CONCERNS = st.lists(
    st.tuples(
        st.sampled_from(["blocking", "major", "minor"]), st.integers(10, 300),
        st.sampled_from(["open", "answered", "confirmed", "reopened"]), st.sampled_from(USERS),
    ),
    max_size=4,
)  # fmt: skip


def build(events, concerns):
    """Entries of drawn events and concerns."""
    entries = [
        event(p, r, phase, kind, d, what="Name", id=f"{i:032x}")
        for i, (p, r, phase, kind, d) in enumerate(events)
    ]
    for i, (severity, days, state, role) in enumerate(concerns):
        one = raised(f"user {i}", role, severity, days)
        entries.append(one)
        steps = {"open": [], "answered": ["answered"], "confirmed": ["answered", "confirmed"]}
        for step in steps.get(state, ["answered", "reopened"]):
            who = ("Dana", "data_scientist") if step == "answered" else (f"user {i}", role)
            entries.append(act(one, step, *who, days=days - (1 if step == "answered" else 2)))
    return entries


ONE_MORE = st.tuples(
    st.sampled_from(USERS), st.sampled_from(PHASES),
    st.sampled_from(["contributed", "decided", "asked-no-concerns", "champion"]),
    st.integers(0, 400),
)  # fmt: skip


@settings(max_examples=80)
@given(EVENTS, CONCERNS, ONE_MORE)
def test_more_participation_never_lowers_the_score(events, concerns, one_more):
    """Whatever the log holds, one more user taking part leaves it as high or higher."""
    entries = build(events, concerns)
    role, phase, kind, days = one_more
    more = [*entries, event("new", role, phase, kind, days, what="Name")]
    assert log(*more).score >= log(*entries).score
    assert log(*more).raw >= log(*entries).raw - 1e-9


@settings(max_examples=80)
@given(EVENTS, CONCERNS)
def test_a_cap_always_binds(events, concerns):
    """The score is the rounded sum or the lowest cap, whichever is lower, within 0 and 100."""
    found = log(*build(events, concerns))
    limit = min((c.limit for c in found.caps), default=100)
    assert found.score == min(math.floor(found.raw + 0.5), limit)
    assert 0 <= found.score <= limit


@settings(max_examples=60)
@given(EVENTS, CONCERNS, st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(events, concerns, rnd):
    """Sixteen writers at once write in any order."""
    entries = build(events, concerns)
    shuffled = entries[:]
    rnd.shuffle(shuffled)
    assert log(*entries) == log(*shuffled)


def test_numbers_are_said_as_a_reader_would():
    """One person, no concerns, 1,200 events."""
    assert [count(1, "person", "people"), count(0, "concern"), count(1200, "event")] == [
        "1 person", "no concerns", "1,200 events",
    ]  # fmt: skip
