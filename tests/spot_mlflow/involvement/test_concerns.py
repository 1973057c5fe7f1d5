from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import NOW, act, entry, raised

from spot_mlflow.errors import InvalidInput, NotFound, Refused
from spot_mlflow.involvement.concerns import check_follow_up, check_raise, concern_id, concerns_of

FAY = {"person": "Fay", "role": "frontline"}
DANA = {"person": "Dana", "role": "data_scientist"}


def one(*entries):
    """The only concern in these entries."""
    (found,) = concerns_of(entries, now=NOW)
    return found


def test_a_thread_from_raised_to_confirmed():
    """Status, age and whose turn it is at every step."""
    c = raised("Fay", "frontline", "blocking", 12, version="3")
    steps = [c]
    assert (one(*steps).status, one(*steps).waits_for, one(*steps).age_days) == (
        "open",
        "an answer",
        12,
    )
    steps.append(act(c, "answered", "Dana", "data_scientist", 8))
    assert (one(*steps).status, one(*steps).waits_for) == ("answered", "confirmation")
    steps.append(act(c, "reopened", "Fay", "frontline", 6))
    assert (one(*steps).status, one(*steps).waits_for) == ("reopened", "an answer")
    steps += [
        act(c, "answered", "Dana", "data_scientist", 5),
        act(c, "confirmed", " fay", "frontline", 2),
    ]
    found = one(*steps)
    assert (found.status, found.waits_for, found.age_days, found.version) == (
        "confirmed",
        "",
        10,
        "3",
    )
    assert [a.act for a in found.thread] == [
        "raised",
        "answered",
        "reopened",
        "answered",
        "confirmed",
    ]


def test_only_the_one_who_raised_it_closes_it():
    """A confirmation by a builder stays in the thread and changes nothing."""
    c = raised("Fay", "frontline", "major", 5)
    answered = act(c, "answered", "Dana", "data_scientist", 4)
    forged = act(c, "confirmed", "Dana", "data_scientist", 3)
    found = one(c, answered, forged)
    assert found.status == "answered"
    assert len(found.thread) == 3


def test_after_erasure_any_user_may_close():
    """The one who raised it can no longer be told; a builder still may not."""
    c = replace(raised("(erased 1a)", "frontline", "major", 5), erased=True)
    answered = act(c, "answered", "Dana", "data_scientist", 4)
    assert one(c, answered, act(c, "confirmed", "Dana", "data_scientist", 3)).status == "answered"
    assert one(c, answered, act(c, "confirmed", "Kim", "business", 3)).status == "confirmed"


def test_two_ids_with_the_same_beginning_do_not_swallow_each_other():
    """One in a million: the second gets a longer id."""
    ids = ["ab" * 16, "ababa" + "c" * 27]
    both = [
        entry(
            "concern",
            check_raise(what="x", severity="minor", concern=concern_id(i)),
            "Fay",
            "frontline",
            2 - n,
            id=i,
        )
        for n, i in enumerate(ids)
    ]
    assert [c.id for c in concerns_of(both, now=NOW)] == ["cababa", "cababaccccccc"]


@pytest.mark.parametrize(
    ("acts", "step", "who", "error", "named"),
    [
        ([], "confirmed", FAY, InvalidInput, "needs an answer first"),
        ([], "reopened", FAY, InvalidInput, "must be answered or confirmed"),
        (["answered"], "confirmed", DANA, Refused, "only Fay, who raised it, may confirm"),
        (["answered"], "reopened", DANA, Refused, "only Fay, who raised it, may reopen"),
        (["answered", "confirmed"], "answered", DANA, InvalidInput, "confirmed already"),
        (["answered", "confirmed"], "confirmed", FAY, InvalidInput, "status == 'confirmed'"),
    ],
)
def test_what_may_not_be_done_is_refused_with_the_reason(acts, step, who, error, named):
    """Rules of the thread."""
    c = raised("Fay", "frontline", "major", 5)
    known = concerns_of(
        [c, *(act(c, a, "Fay", "frontline", 4 - i) for i, a in enumerate(acts))], now=NOW
    )
    with pytest.raises(error, match=named):
        check_follow_up(known, concern=known[0].id, act=step, what="said", **who)


def test_an_answer_must_say_something_and_a_confirmation_need_not():
    """Empty answers close nothing."""
    c = raised("Fay", "frontline", "major", 5)
    known = concerns_of([c], now=NOW)
    with pytest.raises(InvalidInput, match="what is empty"):
        check_follow_up(known, concern=known[0].id, act="answered", what=" ", **DANA)
    known = concerns_of([c, act(c, "answered", "Dana", "data_scientist", 4)], now=NOW)
    assert check_follow_up(known, concern=known[0].id, act="confirmed", **FAY)["what"] == ""


def test_a_concern_is_found_by_its_beginning():
    """As with commits; an unknown one is named with those there are."""
    c = raised("Fay", "frontline", "major", 5)
    known = concerns_of([c], now=NOW)
    assert check_follow_up(known, concern=known[0].id[:3].upper(), act="answered", what="x", **DANA)
    with pytest.raises(NotFound, match=known[0].id):
        check_follow_up(known, concern="czzzzz", act="answered", what="x", **DANA)
    with pytest.raises(NotFound, match="No concern has been raised"):
        check_follow_up([], concern="c1", act="answered", what="x", **DANA)


@pytest.mark.parametrize(
    ("what", "severity"), [("", "major"), ("x", "huge"), ("x" * 4001, "minor")]
)
def test_a_concern_says_something_with_a_known_severity(what, severity):
    """Nothing else is raised."""
    with pytest.raises(InvalidInput):
        check_raise(what=what, severity=severity)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["answered", "confirmed", "reopened", "?"]), st.booleans()),
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_any_acts_in_any_order_give_one_state(steps, rnd):
    """Whatever is in the record can be read, and the order of reading does not matter."""
    c = raised("Fay", "frontline", "major", 50)
    acts = [
        act(
            c,
            what,
            "Fay" if hers else "Dana",
            "frontline" if hers else "engineer",
            40 - i,
            id=f"{i:032x}",
        )
        for i, (what, hers) in enumerate(steps)
    ]
    entries = [c, *acts]
    first = concerns_of(entries, now=NOW)
    rnd.shuffle(entries)
    assert concerns_of(entries, now=NOW) == first
    if not any(hers for what, hers in steps if what == "confirmed"):
        assert not first[0].closed
