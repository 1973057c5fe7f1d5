from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import NOW, act, entry, raised

from spot_mlflow.errors import InvalidInput, NotFound, Refused
from spot_mlflow.involvement.concerns import (
    Concern,
    ConcernAct,
    check_follow_up,
    check_raise,
    concern_id,
    concerns_of,
    find_concern,
    free_concern_id,
)

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
    """The person who raised it can no longer be told; a builder still may not."""
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
    with pytest.raises(InvalidInput, match="what must not be empty"):
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


def test_a_concern_is_what_its_entries_say():
    """Every field comes from the entry that raised it, and every act keeps who, when and what."""
    c = raised("Fay", "frontline", "minor", 3, "too many calls", version="2")
    given_ = act(c, "answered", "Dana", "data_scientist", 1)
    assert one(c, given_) == Concern(
        id=c.payload["concern"],
        severity="minor",
        status="answered",
        raised_by="Fay",
        role="frontline",
        raised_at=c.at,
        version="2",
        what="too many calls",
        thread=(
            ConcernAct("raised", "Fay", "frontline", c.at, "too many calls"),
            ConcernAct("answered", "Dana", "data_scientist", given_.at, "said"),
        ),
        age_days=3,
        entry=c.id,
    )


def test_an_entry_that_says_little_is_read_as_little():
    """Without words a concern and an act have none; without a severity a concern is a major one."""
    c = entry("concern", {"act": "raised"}, "Fay", "frontline", 2)
    silent = entry("concern", {"act": "answered", "entry": c.id}, "Dana", "engineer", 1)
    found = one(c, silent)
    assert (found.what, found.severity, found.status) == ("", "major", "answered")
    assert [a.what for a in found.thread] == ["", ""]
    assert found.id == concern_id(c.id)


def test_an_id_counts_only_where_it_is_the_entrys_own():
    """One that is said of another entry, or is taken, gives way to the entry's own."""
    ids = ["ab" * 16, "cd" * 16, "abababab" + "0" * 24]
    said = ["cababa", "cababa", "cabababab"]
    entries = [
        entry("concern", {"act": "raised", "concern": s}, "Fay", "frontline", 3 - n, id=i)
        for n, (i, s) in enumerate(zip(ids, said, strict=True))
    ]
    assert [c.id for c in concerns_of(entries, now=NOW)] == ["cababa", "ccdcdcdcdcdcd", "cabababab"]
    stranger = entry(
        "concern", {"act": "raised", "concern": "cfffff"}, "Fay", "frontline", id=ids[0]
    )
    assert one(stranger).id == "cababa"
    clash = entry("concern", {"act": "raised", "concern": "cx"}, "Fay", "frontline", id=ids[2])
    assert [c.id for c in concerns_of([entries[0], clash], now=NOW)] == ["cababa", "cabababab"]


@pytest.mark.parametrize(("taken", "digits"), [(0, 5), (1, 8), (2, 12), (3, 32), (4, 32)])
def test_an_id_grows_until_nobody_else_has_it(taken, digits):
    """Five digits, then eight, then twelve, then all of them."""
    entry_id = "0123456789abcdef" * 2
    others = [concern_id(entry_id, digits=n) for n in (5, 8, 12, 32)[:taken]]
    assert free_concern_id(entry_id, others) == concern_id(entry_id, digits=digits)


def test_what_is_later_or_of_another_kind_is_not_read():
    """Acts after the moment asked about have not happened yet; other entries are no acts."""
    c = raised("Fay", "frontline", "major", 5)
    later = act(c, "answered", "Dana", "engineer", -1)
    other = entry("involvement", {**later.payload}, "Dana", "engineer", 1)
    assert one(c, later, other).status == "open"
    assert one(c, act(c, "answered", "Dana", "engineer", 0)).status == "answered"
    assert one(c, act(c, "answered", "Dana", "engineer", 5, id="f" * 32)).status == "answered"
    assert concerns_of([later, other], now=NOW) == ()


def test_acts_before_the_concern_or_of_no_known_kind_are_no_part_of_it():
    """Neither is in the thread, and neither moves the state."""
    c = raised("Fay", "frontline", "major", 5)
    early, odd = (
        act(c, "answered", "Dana", "engineer", 6),
        act(c, "shrugged", "Fay", "frontline", 1),
    )
    found = one(c, early, odd)
    assert (found.status, [a.act for a in found.thread]) == ("open", ["raised"])


def test_an_answer_after_the_confirmation_opens_nothing():
    """It is kept, the concern stays settled, and its age stays that of the confirmation."""
    c = raised("Fay", "frontline", "major", 9)
    told = [
        act(c, "answered", "Dana", "engineer", 8),
        act(c, "confirmed", "Fay", "frontline", 6),
        act(c, "answered", "Dana", "engineer", 2),
    ]
    found = one(c, *told)
    assert (found.status, found.age_days, len(found.thread)) == ("confirmed", 3, 4)
    assert one(raised("Fay", "frontline", "major", 0.5)).age_days == 0


def test_a_concern_nobody_signed_is_closed_by_any_user():
    """Without a name there is nobody whose word is wanted; a builder's is still not enough."""
    c = raised(None, "frontline", "major", 5)
    answered = act(c, "answered", "Dana", "engineer", 4)
    assert one(c, answered, act(c, "confirmed", "Kim", "business", 3)).closed
    assert not one(c, answered, act(c, "confirmed", "Dana", "engineer", 3)).closed


def test_a_refused_act_says_on_what_and_what_to_do():
    """The concern's id and the way on: ask, reopen, answer first, or raise another."""
    c = raised("Fay", "frontline", "major", 5)
    gone = replace(raised("(erased 1a)", "frontline", "major", 5), erased=True)
    answered = act(c, "answered", "Dana", "engineer", 4)
    closed = act(c, "confirmed", "Fay", "frontline", 3)
    for entries, step, who, said, fix in (
        (
            [c, answered],
            "confirmed",
            DANA,
            "only Fay, who raised it, may confirm it, not Dana",
            "Ask",
        ),
        ([gone], "reopened", DANA, "only a user may reopen it, not Dana", "Ask them"),
        ([c, answered, closed], "answered", DANA, "confirmed already", "may reopen it"),
        (
            [c, answered, closed],
            "confirmed",
            FAY,
            "must be answered to be confirmed",
            "Raise a new",
        ),
        (
            [c],
            "reopened",
            FAY,
            "must be answered or confirmed to be reopened",
            "It needs an answer",
        ),
    ):
        known = concerns_of(entries, now=NOW)
        with pytest.raises((InvalidInput, Refused)) as e:
            check_follow_up(known, concern=known[0].id, act=step, what="said", **who)
        assert said in str(e.value)
        assert e.value.where == known[0].id
        assert fix in str(e.value.fix)


def test_once_a_name_is_erased_any_user_settles_it_and_a_reopened_one_waits_for_an_answer():
    """The role decides where no name can; what was reopened is not confirmed before it is answered."""
    gone = replace(raised("(erased 1a)", "frontline", "major", 5), erased=True)
    answered = act(gone, "answered", "Dana", "engineer", 4)
    kim = {"person": "Kim", "role": "business"}
    known = concerns_of([gone, answered], now=NOW)
    assert check_follow_up(known, concern=known[0].id, act="confirmed", **kim)["act"] == "confirmed"
    known = concerns_of([gone, answered, act(gone, "reopened", "Kim", "business", 3)], now=NOW)
    with pytest.raises(InvalidInput, match="status == 'reopened'") as e:
        check_follow_up(known, concern=known[0].id, act="confirmed", **kim)
    assert "needs an answer first" in str(e.value.fix)


def test_an_act_is_recorded_on_the_entry_it_is_about():
    """The payload bears id, act, words and the whole id of the entry; an unknown act is named."""
    c = raised("Fay", "frontline", "major", 5)
    known = concerns_of([c], now=NOW)
    id_ = known[0].id
    said = {"concern": id_, "act": "answered", "what": "fewer now"}
    asked = {"concern": id_, "act": "answered", "what": "fewer now"}
    assert check_follow_up(known, **asked, **DANA) == {**said, "entry": c.id}
    assert check_follow_up([replace(known[0], entry="")], **asked, **DANA) == said
    with pytest.raises(InvalidInput, match="act == 'raised', must be one of answered") as e:
        check_follow_up(known, **{**asked, "act": "raised"}, **DANA)
    assert e.value.where == "concern"


def test_what_is_raised_bears_its_id_only_where_one_is_given():
    """The words are kept, and an id that is none of ours is refused."""
    plain = {"act": "raised", "what": "x", "severity": "minor"}
    assert check_raise(what="x", severity="minor") == plain
    assert check_raise(what="x", severity="minor", concern="cabcde") == {
        "concern": "cabcde",
        **plain,
    }
    for id_ in ("", "abcde", "cabcd", "cABCDE", "cabcde!", "c" + "0" * 33):
        with pytest.raises(InvalidInput, match="5 or more hex digits") as e:
            check_raise(what="x", severity="minor", concern=id_)
        assert e.value.where == "concern"
    for what, severity, said in (
        ("", "minor", "what must not be empty"),
        ("x", "huge", "severity == 'huge'"),
    ):
        with pytest.raises(InvalidInput, match=said) as e:
            check_raise(what=what, severity=severity)
        assert e.value.where == "concern"


def test_one_beginning_finds_one_concern():
    """One letter names nobody, two concerns with the same beginning are both named."""
    concerns = [
        replace(one(raised("Fay", "frontline", "major", 5)), id=i) for i in ("cabcde", "cabfff")
    ]
    assert find_concern(concerns, " CABC ").id == "cabcde"
    assert find_concern(concerns, "cabfff").id == "cabfff"
    for vague in ("c", "cab"):
        with pytest.raises(NotFound, match=f"no concern '{vague}'") as e:
            find_concern(concerns, vague)
        assert e.value.fix == "Concerns: cabcde, cabfff."
    with pytest.raises(NotFound):
        find_concern(concerns[:1], "c")
