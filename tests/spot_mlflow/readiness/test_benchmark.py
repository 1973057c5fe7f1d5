from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import INSTRUMENT

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.benchmark import (
    LEAST,
    MEASURES,
    compare,
    distributions,
    export_summary,
    lift_level,
    load_summary,
    pooled,
    suppressed,
)

LEVEL = st.one_of(st.none(), st.integers(1, 5))
MODELS = st.lists(st.fixed_dictionaries(dict.fromkeys(MEASURES, LEVEL)), max_size=60)


def of(*levels):
    """Models with these overall levels."""
    return [{"overall": level} for level in levels]


def standing(level, models):
    """Where a model with this overall level stands among others."""
    return compare({"overall": level}, distributions(models))[0]


def test_a_model_stands_among_others_with_n_shown():
    """Counts of lower, same and higher; what is not known does not count."""
    found = standing(3, of(1, 2, 3, 3, 5, None))
    assert (found.n, found.below, found.same, found.above) == (5, 2, 2, 1)
    assert found.words == "level 3; of n = 5: 2 lower, 2 the same, 1 higher"


def test_fewer_than_five_are_not_compared():
    """A rank among four tells nothing, and says too much of the four."""
    found = standing(3, of(1, 2, 3, 4))
    assert (found.n, found.below) == (4, None)
    assert "n = 4, at least 5 needed" in found.words
    assert "not known" in standing(None, of(1, 2, 3, 4, 5)).words


@settings(max_examples=40)
@given(MODELS)
def test_no_small_count_is_told_or_can_be_worked_out(models):
    """Each told count is none or five and more, and the hidden ones together as well."""
    for found in distributions(models).values():
        told = suppressed(found)
        if told is None:
            assert found.n < LEAST or any(0 < (c or 0) < LEAST for c in found.counts.values())
            continue
        assert told.n == found.n
        assert all(c is None or c == 0 or c >= LEAST for c in told.counts.values())
        assert told.hidden == 0 or told.hidden >= LEAST
        for level, count in told.counts.items():
            assert count is None or count == found.counts[level]


def test_the_next_smallest_count_hides_the_small_one():
    """2, 7 and 30: without hiding the 7 the 2 follows from the total."""
    (found,) = [
        d for m, d in distributions(of(*[1] * 2, *[2] * 7, *[3] * 30)).items() if m == "overall"
    ]
    told = suppressed(found)
    assert (told.counts["1"], told.counts["2"], told.counts["3"], told.hidden) == (
        None,
        None,
        30,
        9,
    )


def test_an_export_holds_counts_and_nothing_else():
    """No name, no text, no day; it reads back as it was."""
    models = [dict.fromkeys(MEASURES, 3), dict.fromkeys(MEASURES, 4)] * 5
    summary = export_summary(models, INSTRUMENT, month="2026-11")
    text = json.dumps(summary.model_dump(mode="json"))
    assert set(json.loads(text)) == {"spot", "instrument", "made", "measures"}
    assert load_summary(json.loads(text), INSTRUMENT, where="x") == summary
    assert summary.measures["S"].counts == {"1": 0, "2": 0, "3": 5, "4": 5, "5": 0}


def test_fewer_than_five_models_are_not_exported():
    """Their summary would tell of single models."""
    with pytest.raises(InvalidInput, match="assessed on one measure == 4, must be at least 5"):
        export_summary(of(1, 2, 3, 4), INSTRUMENT, month="2026-11")
    with pytest.raises(InvalidInput):
        export_summary([], INSTRUMENT, month="2026-11")


@settings(max_examples=60)
@given(MODELS)
def test_no_number_tells_of_the_few_that_another_leaves_out(models):
    """All measures count the same models: 6 on one and 5 on another would tell of the sixth."""
    try:
        summary = export_summary(models, INSTRUMENT, month="2026-11")
    except InvalidInput:
        return
    assert len({d.n for d in summary.measures.values()}) <= 1


def test_a_model_known_in_part_is_left_out_of_all_measures():
    """Five are known on S and P, a sixth on S alone; T is known of too few to be told at all."""
    models = [{"S": 3, "P": 2, "T": 1}] * 4 + [{"S": 3, "P": 2}, {"S": 5}]
    told = export_summary(models, INSTRUMENT, month="2026-11").measures
    assert {m: d.n for m, d in told.items()} == {"S": 5, "P": 5}
    with pytest.raises(InvalidInput, match="assessed on S, P == 1"):
        export_summary(
            [{"S": 3}] * 4 + [{"P": 2}] * 4 + [{"S": 1, "P": 1}], INSTRUMENT, month="2026-11"
        )


def document(**more):
    """A summary as another team sends it."""
    counts = {"1": 0, "2": None, "3": 5, "4": None, "5": 9}
    stamp = {"name": "spot", "version": "1.3.0"}
    base = {"spot": "benchmark", "instrument": stamp, "made": "2026-10"}
    return {**base, "measures": {"S": {"counts": counts, "hidden": 6}}, **more}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"spot": "answers"}, "spot"),
        ({"instrument": {"name": "spot", "version": "2.0.0"}}, "spot 1.x"),
        ({"team": "ours"}, "unknown key 'team'"),
        ({"measures": {"Q": {"counts": dict.fromkeys("12345", 0)}}}, "unknown measure 'Q'"),
        ({"measures": {"S": {"counts": {**dict.fromkeys("12345", 0), "2": 3}}}}, "under 5"),
        ({"measures": {"S": {"counts": dict.fromkeys("12345", 0), "hidden": 9}}}, "hidden"),
        ({"measures": {"S": {"counts": {"1": 9}}}}, "levels must be"),
        ({"measures": {"S": {"counts": {**dict.fromkeys("12345", 0), "2": -7}}}}, "-7"),
        ({"made": "2026-10-11"}, "made"),
    ],
)
def test_a_summary_from_elsewhere_is_checked(change, named):
    """What tells too much, or is none, is refused with its key."""
    with pytest.raises(InvalidInput, match=named):
        load_summary(document(**change), INSTRUMENT, where="theirs.json")


def test_hidden_counts_stay_hidden_in_a_pool():
    """They are counted in n and told apart nowhere."""
    theirs = load_summary(document(), INSTRUMENT, where="x").measures
    ours = distributions([{"S": level} for level in (1, 2, 3, 5)])
    both = pooled([ours, theirs])
    assert both["S"].n == 4 + 20
    assert both["S"].counts == {"1": 1, "2": None, "3": 6, "4": None, "5": 10}
    assert both["S"].hidden == 7
    found = next(s for s in compare({"S": 3}, both) if s.measure == "S")
    assert (found.n, found.below, found.same, found.above, found.hidden) == (24, 1, 6, 10, 7)
    assert found.words.endswith("7 not shown separately")


@settings(max_examples=40)
@given(MODELS, MODELS)
def test_pooling_open_counts_is_counting_together(one, other):
    """Without hidden counts the pool is the count of all, in any order."""
    together = distributions([*one, *other])
    assert pooled([distributions(one), distributions(other)]) == together
    assert pooled([distributions(other), distributions(one)]) == together


@settings(max_examples=40)
@given(MODELS, st.integers(1, 5))
def test_a_standing_agrees_with_counting(models, level):
    """collections.Counter is an independent answer."""
    found = standing(level, models)
    known = Counter(m["overall"] for m in models if m["overall"] is not None)
    if known.total() >= LEAST:
        assert found.below == sum(n for x, n in known.items() if x < level)
        assert found.same == known[level]
        assert found.n == found.below + found.same + found.above


def test_of_equal_counts_the_lower_level_is_hidden():
    """2, 7 and 7: one of the sevens goes, and always the same one."""
    counts = {"overall": suppressed(distributions(of(*[5] * 2, *[2] * 7, *[4] * 7))["overall"])}
    assert counts["overall"].counts == {"1": 0, "2": None, "3": 0, "4": 7, "5": None}
    assert counts["overall"].hidden == 9
    small_above = suppressed(distributions(of(*[1] * 2, *[2] * 30, *[3] * 7))["overall"])
    assert small_above.counts == {"1": None, "2": 30, "3": None, "4": 0, "5": 0}


def test_a_count_of_five_is_told_and_small_ones_are_hidden_together():
    """Two and three make five, so that nothing else is hidden; four alone tell nothing."""
    told = suppressed(distributions(of(*[1] * 2, *[2] * 3, *[3] * 5))["overall"])
    assert told.counts == {"1": None, "2": None, "3": 5, "4": 0, "5": 0}
    assert suppressed(distributions(of(*[1] * 4))["overall"]) is None
    assert suppressed(distributions([])["overall"]).hidden == 0


def test_each_measure_says_its_own_standing():
    """In their order; a measure that nobody knows, or the model does not, is compared with nobody."""
    found = compare({"S": 3, "P": 2}, distributions([{"S": 2}] * 5 + [{"T": 1}] * 6))
    assert [(s.measure, s.level, s.n) for s in found] == [
        ("overall", None, 0), ("S", 3, 5), ("P", 2, 0), ("O", None, 0), ("T", None, 6),
        ("lift", None, 0),
    ]  # fmt: skip
    assert found[1].below == 5
    assert [s.words for s in found[:3]] == [
        "not known (n = 0)",
        "level 3; of n = 5: 5 lower, 0 the same, 0 higher",
        "level 2; not compared: n = 0, at least 5 needed",
    ]
    assert compare({"S": 3}, {})[1].n == 0


def test_models_that_share_no_measure_are_not_exported():
    """Five assessments of five letters are one of each."""
    apart = [{m: 3} for m in MEASURES]
    with pytest.raises(InvalidInput, match="assessed on one measure == 1, must be at least 5"):
        export_summary(apart, INSTRUMENT, month="2026-11")


@pytest.mark.parametrize(
    ("share", "level"),
    [(None, None), (-0.2, 1), (0, 1), (0.01, 2), (0.5, 3), (0.89, 3), (0.9, 4), (1.09, 4), (1.1, 5), (9, 5)],
)  # fmt: skip
def test_what_arrived_is_one_of_five_levels(share, level):
    """Nothing, less than half, half to 90 %, 90 to 110 %, more; unknown where nothing was checked."""
    assert lift_level(share) == level


def test_what_arrived_is_told_only_where_it_gives_no_single_model_away():
    """Ten models, all or at most five checked: with nine the tenth would be the one without a check."""
    for checked, told in ((10, True), (9, False), (6, False), (5, True), (4, False)):
        models = [
            {**dict.fromkeys(MEASURES, 3), **({"lift": 4} if i < checked else {})}
            for i in range(10)
        ]
        measures = export_summary(models, INSTRUMENT, month="2026-11").measures
        assert ("lift" in measures) is told
        assert {d.n for m, d in measures.items() if m != "lift"} == {10}
    found = compare({"lift": 2}, distributions([{"lift": 4}] * 6))[-1]
    assert (
        found.words
        == "less than half of the promise realized; of n = 6: 0 lower, 0 the same, 6 higher"
    )
