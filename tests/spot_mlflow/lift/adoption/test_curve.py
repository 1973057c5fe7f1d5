from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from funnel_logs import make_contract, make_units
from statsmodels.stats.proportion import proportion_confint

from spot_mlflow.lift.adoption.curve import acted_lift, adoption_of, design_effect, trend_of
from spot_mlflow.lift.moments.actions import CLASSES, ActionTable, Crew
from spot_mlflow.lift.moments.labels import TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

UNITS = make_units(12_000, late_team="West")
WEEKS = np.array(["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"], dtype="datetime64[D]")


def table(acted, recommended=1000, **more):
    """One team over some weeks."""
    n = len(acted)
    zero = np.zeros(n, dtype=np.int64)
    told = {
        "team": np.full(n, "", dtype=object),
        "week": WEEKS[:n],
        "recommended": np.full(n, recommended),
        "known": np.full(n, recommended),
        "acted": np.array(acted),
        "timed": zero,
        "hours": zero.astype(float),
        "classes": np.zeros((n, len(CLASSES)), dtype=np.int64),
    }
    return ActionTable(**{**told, **more})


def log(actions=None, teams=None, **more):
    """A log with a table of actions."""
    return OutcomeMoments(
        UNITS.moments(periods=True), {}, as_of="", actions=actions, teams=teams, **more
    )


def test_the_share_and_its_interval_are_wilsons():
    """Without people the interval of the share is statsmodels' Wilson interval."""
    found = adoption_of(log(table([300, 320])), make_contract())
    assert (found.share.lift, found.acted, found.recommended) == (0.31, 620, 2000)
    assert (found.share.low, found.share.high) == pytest.approx(
        proportion_confint(620, 2000, method="wilson")
    )
    assert [w.share.lift for w in found.weeks] == [0.3, 0.32]


def test_people_who_differ_widen_the_interval():
    """The variance of the share is that of a ratio over people where they scatter more than chance."""
    rng = np.random.default_rng(6)
    n = np.full(40, 50)
    a = rng.binomial(50, rng.beta(1, 2, 40))
    crew = Crew(40, int((a > 0).sum()), float(a @ a), float(a @ n), float(n @ n))
    p = a.sum() / n.sum()
    variance = 40 / 39 * ((a - p * n) ** 2).sum() / n.sum() ** 2
    effect = design_effect(p, float(n.sum()), crew)
    assert effect == pytest.approx(variance / (p * (1 - p) / n.sum()))
    told = table([int(a.sum())], int(n.sum()))
    plain = adoption_of(log(told), make_contract()).share
    wide = adoption_of(log(replace(told, crews={("", ""): crew})), make_contract())
    assert wide.share.high - wide.share.low > 2 * (plain.high - plain.low)
    assert (wide.people, wide.active) == (40, crew.active)


def test_a_rising_share_has_a_trend():
    """Ten points more every week is a trend of ten points a week, and said."""
    found = adoption_of(log(table([100, 200, 300, 400])), make_contract())
    assert found.trend.lift == pytest.approx(0.1, abs=0.005)
    assert found.trend.low > 0
    assert "rising by" in found.words


def test_weeks_that_scatter_wildly_have_no_sure_trend():
    """Scatter about the line beyond chance goes into the error of the trend."""
    found = adoption_of(log(table([100, 500, 90, 480])), make_contract())
    assert found.trend.low < 0 < found.trend.high


def test_two_weeks_make_no_trend():
    """A line through two points is no trend."""
    assert trend_of(adoption_of(log(table([1, 2])), make_contract()).weeks) is None


def test_a_team_that_lags_is_told():
    """The team that delivers a fifth acts least, stands first, and differs from the others."""
    found = adoption_of(log(teams=UNITS.teams()), make_contract())
    assert found.teams[0].team == "West"
    assert [t.differs for t in found.teams] == ["below", "above", "above"]
    assert len(found.teams[0].weeks) == 8
    assert "lowest in team West" in found.words


def test_equal_teams_do_not_differ():
    """Twenty teams that act alike are not shown separately."""
    rng = np.random.default_rng(3)
    names = np.array([f"team {i}" for i in range(20)], dtype=object)
    told = table(rng.binomial(500, 0.4, 20)[:4])
    wide = {
        k: np.resize(getattr(told, k), (20, *getattr(told, k).shape[1:]))
        for k in ("week", "recommended", "known", "timed", "hours", "classes")
    }
    told = ActionTable(team=names, acted=rng.binomial(1000, 0.4, 20), **wide)
    found = adoption_of(log(told), make_contract())
    assert [t.differs for t in found.teams] == [""] * 20


def test_reasons_are_counted_and_shared():
    """Reasons come most frequent first, as a share of what was not acted on."""
    told = replace(
        table([600]), overrides={("", "2026-01-05", "no time"): 100, ("", "", "disagreed"): 300}
    )
    found = adoption_of(log(told), make_contract())
    assert [(r.reason, r.count, r.share) for r in found.reasons] == [
        ("disagreed", 300, 0.75),
        ("no time", 100, 0.25),
    ]


def test_time_to_act():
    """Mean from the sum, median and share within a day from the classes."""
    told = replace(
        table([100]),
        timed=np.array([100]),
        hours=np.array([1200.0]),
        classes=np.array([[10, 20, 40, 20, 5, 5]]),
    )
    t = adoption_of(log(told), make_contract()).time_to_act
    assert t.mean == 12
    assert t.within_day == 0.7
    assert t.median == pytest.approx(4 + 20 * 20 / 40)
    assert t.classes[0] == ("1 hour", 10)


def test_acted_against_not_is_a_description():
    """Means of acted-on and other treated units are those of the units, and named what they are."""
    found = acted_lift(log(), make_contract())
    t = UNITS.arm == TREATMENT
    y, a = UNITS.measures["outcome"][t], UNITS.measures["acted"][t] == 1
    assert (found.acted, found.not_acted) == pytest.approx((y[a].mean(), y[~a].mean()))
    se = np.sqrt(y[a].var() / a.sum() + y[~a].var() / (~a).sum())
    assert found.difference.se == pytest.approx(se)
    assert found.label == "describes who acted, not the effect of acting"


def test_units_of_unknown_answer_are_told_of():
    """Where the log is silent on 40 treated units, the description says that they are left out."""
    known = log()
    missing = known.cells.missing.copy()
    first = np.flatnonzero(known.cells.arm == TREATMENT)[0]
    missing[first, known.cells.measures.index("acted")] = 40
    told = acted_lift(replace(known, cells=replace(known.cells, missing=missing)), make_contract())
    assert told.label.endswith("; 40 of unknown answer are left out")


def test_a_log_that_does_not_say_has_no_adoption():
    """Without `acted` there is nothing to tell."""
    bare = OutcomeMoments(UNITS.moments("delivered"), {}, as_of="")
    assert adoption_of(bare, make_contract()) is None
    assert acted_lift(bare, make_contract()) is None
