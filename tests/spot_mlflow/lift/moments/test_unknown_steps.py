"""Shares and covariances over the units whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.spread import cells_of
from spot_mlflow.lift.moments.unknown_steps import (
    over_known,
    unknown_steps,
    with_known,
    without_steps,
)


def units(seed: int = 1, n: int = 40_000, unknown: float = 0.2) -> tuple[dict, np.ndarray]:
    """Of the treated 80 % are offered, 95 % of these delivered; some deliveries are unknown."""
    rng = np.random.default_rng(seed)
    treated = np.arange(n) % 10 < 9
    offered = treated & (rng.random(n) < 0.8)
    delivered = offered & (rng.random(n) < 0.95)
    y = (rng.random(n) < 0.1 + 0.05 * delivered).astype(float)
    asked = offered & (rng.random(n) >= unknown)
    measures = {
        "outcome": y,
        "offered": offered,
        "delivered": delivered & asked,
        "delivered_known": asked,
    }
    return measures, np.where(treated, TREATMENT, HOLDOUT)


def means(cells: Moments) -> dict[str, float]:
    """Measure -> mean over the treated."""
    one = cells.select(cells.arm == TREATMENT).collapse()
    return dict(zip(one.measures, (one.center + one.s1[0] / one.n[0]).tolist(), strict=True))


def test_a_share_is_that_of_the_known_among_those_who_got_so_far():
    """Delivered of all is offered times delivered among the offered whose delivery is known."""
    measures, arm = units()
    found = over_known(Moments.of_units(measures, arm))
    assert unknown_steps(found) == ()
    t = arm == TREATMENT
    share = measures["delivered"][t].sum() / measures["delivered_known"][t].sum()
    assert means(found)["delivered"] == pytest.approx(
        measures["offered"][t].mean() * share, rel=1e-12
    )
    assert means(found)["offered"] == pytest.approx(measures["offered"][t].mean(), rel=1e-12)


def test_variances_and_covariances_are_those_of_the_delta_method():
    """Those of the linear score (1/n) sum of o d + d (O - o) + o (D - d A)/a, computed unit by unit."""
    measures, arm = units()
    one = over_known(Moments.of_units(measures, arm))
    one = one.select(one.arm == TREATMENT)
    t = arm == TREATMENT
    names = ("offered", "delivered", "delivered_known", "outcome")
    has, got, asked, y = (np.asarray(measures[k], float)[t] for k in names)
    o, a = has.mean(), asked.mean()
    d = got.sum() / asked.sum()
    score = o * d + d * (has - o) + o * (got - d * asked) / a
    found = cells_of(one)
    at = [one.measures.index(m) for m in ("outcome", "offered", "delivered")]
    assert found.cov[0][np.ix_(at, at)] == pytest.approx(
        np.cov([y, has, score]), rel=1e-9, abs=1e-12
    )


def test_the_standard_error_is_that_of_repeated_logs():
    """The share delivered of 400 logs scatters as its standard error says, within a tenth."""
    shares, errors = [], []
    for seed in range(400):
        one = over_known(Moments.of_units(*units(seed, 2_000, 0.3)))
        one = one.select(one.arm == TREATMENT)
        at = one.measures.index("delivered")
        shares.append(float(one.center[at] + one.s1[0, at] / one.n[0]))
        errors.append(float(np.sqrt(cells_of(one).cov[0, at, at] / one.n[0])))
    assert np.std(shares) == pytest.approx(np.mean(errors), rel=0.1)


def test_a_table_in_which_all_is_known_stays_what_it_is():
    """Counting who was asked changes no mean and no covariance; without it nothing is computed."""
    measures, arm = units(unknown=0.0)
    plain = Moments.of_units({k: v for k, v in measures.items() if k != "delivered_known"}, arm)
    assert over_known(plain) is plain
    wide = with_known(plain, ("offered", "delivered"))
    assert wide.measures[-2:] == ("offered_known", "delivered_known")
    back = over_known(wide)
    assert back.measures == plain.measures
    assert cells_of(back).mean == pytest.approx(cells_of(plain).mean, abs=1e-12)
    assert cells_of(back).cov == pytest.approx(cells_of(plain).cov, abs=1e-12)


def test_ends_take_the_unknown_for_none_and_for_all():
    """Between none and all of the unknown delivered lies the share of the known."""
    measures, arm = units()
    cells = Moments.of_units(measures, arm)
    t = arm == TREATMENT
    unknown = (np.asarray(measures["offered"]) & ~np.asarray(measures["delivered_known"]))[t].mean()
    none, alike, all_ = (
        means(over_known(cells, {"delivered": g}))["delivered"] for g in ("none", "alike", "all")
    )
    assert none == pytest.approx(np.asarray(measures["delivered"])[t].mean(), abs=1e-12)
    assert all_ == pytest.approx(none + unknown, abs=1e-12)
    assert none < alike < all_


def test_a_step_that_nobody_answers_goes_with_those_after_it():
    """Deliveries all unknown leave the offers; offers all unknown leave nothing of the way."""
    measures, arm = units(unknown=1.0)
    found = over_known(Moments.of_units({**measures, "on_time": measures["delivered"]}, arm))
    assert found.measures == ("outcome", "offered")
    cells = Moments.of_units(units()[0], arm)
    assert without_steps(cells, ["offered"]).measures == ("outcome",)
    assert without_steps(cells, []) is cells


def test_a_week_in_which_much_is_unknown_weighs_no_less():
    """Half of the deliveries of a bad week are unknown; the share is still that of both weeks."""
    measures, arm = units(unknown=0.0)
    week = np.arange(len(arm)) % 2
    rng = np.random.default_rng(3)
    delivered = np.asarray(measures["offered"]) & (rng.random(len(arm)) < np.where(week, 0.5, 0.95))
    asked = np.asarray(measures["offered"]) & ((week == 0) | (rng.random(len(arm)) < 0.5))
    gaps = {**measures, "delivered": delivered & asked, "delivered_known": asked}
    period = np.where(week, np.datetime64("2026-01-12"), np.datetime64("2026-01-05"))
    found = over_known(Moments.of_units(gaps, arm, period=period))
    whole = delivered[arm == TREATMENT].mean()
    assert means(found)["delivered"] == pytest.approx(whole, abs=0.01)


def test_the_outcome_is_left_to_the_last_digit():
    """What is not a step is copied, not computed."""
    cells = Moments.of_units(*units())
    found = over_known(cells)
    assert np.array_equal(found.s1[:, 0], cells.s1[:, 0])
    assert np.array_equal(found.s2[:, 0, 0], cells.s2[:, 0, 0])
    assert replace(found, measures=found.measures).center[0] == cells.center[0]
