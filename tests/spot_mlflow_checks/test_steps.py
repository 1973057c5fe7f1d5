"""Blank answers: unknown, or no, in the clothes that real logs wear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.blind_spots import judge_steps
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.fault_checks import BY_NAME
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

PLAN: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.05, "se": 0.002, "baseline": 0.10},
    "treatment_share": 0.9,
    "funnel": {"offered": 1.0, "delivered": 0.95},
    "columns": {
        "unit": "id",
        "arm": "arm",
        "outcome": "y",
        "offered": "offered",
        "delivered": "delivered",
    },
}


def log(seed: int = 2, n: int = 20_000, delivered: float = 0.95) -> pd.DataFrame:
    """All went as planned: 95 % of the treated delivered, lift .05."""
    r = np.random.default_rng(seed)
    treated = np.arange(n) % 10 != 0
    reached = treated & (r.random(n) < delivered)
    y = r.random(n) < 0.10 + 0.05 / 0.95 * reached
    flags = {"offered": treated.astype(float), "delivered": reached.astype(float)}
    return pd.DataFrame(
        {"id": np.arange(n), "arm": treated.astype(int), "y": y.astype(int), **flags}
    )


def gaps(
    frame: pd.DataFrame, column: str = "delivered", share: float = 0.02, only: Any = 1
) -> pd.DataFrame:
    """Some answers lost by chance, where ``only`` holds."""
    lost = np.random.default_rng(len(column)).random(len(frame)) < share
    return frame.assign(**{column: frame[column].mask(lost & (np.asarray(only) == 1))})


def reduced(frame: Any, contract: dict[str, Any] = PLAN, **keywords: Any) -> OutcomeMoments:
    """Reduces a frame or another source."""
    predicted = PredictedLift.load(contract)
    with open_source(frame, predicted, **keywords) as source:
        return reduce_source(source, predicted)


def told(moments: OutcomeMoments) -> tuple[float, float, list[str]]:
    """The effect on those reached, the share delivered, and the causes found."""
    a = analyze(moments, PredictedLift.load(PLAN))
    assert a.compliance is not None
    return a.compliance.cace.value, a.compliance.treated, [c.cause for c in a.attribution.losses]


def written(frame: pd.DataFrame, blank: Any) -> pd.DataFrame:
    """Deliveries as words, their gaps as ``blank``."""
    words = frame["delivered"].map({1.0: "yes", 0.0: "no"}).astype(object)
    return frame.assign(delivered=words.where(frame["delivered"].notna(), blank))


CLOTHES = {
    "NaN": lambda f: f,
    "None": lambda f: f.assign(delivered=f["delivered"].astype(object).where(f["delivered"].notna(), None)),
    "nullable boolean": lambda f: f.assign(delivered=f["delivered"].astype("Float64").astype("boolean")),
    "nullable integer": lambda f: f.assign(delivered=f["delivered"].astype("Int64")),
    "empty text": lambda f: written(f, ""),
    "unknown": lambda f: written(f, "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOTHES)
def test_a_blank_delivery_is_unknown_in_every_spelling(name: str) -> None:
    """2 % unknown by chance: no cause, the effect of the log without gaps within .0005."""
    whole, _, _ = told(reduced(log()))
    found, reached, causes = told(reduced(CLOTHES[name](gaps(log()))))
    assert found == pytest.approx(whole, abs=0.0005)
    assert reached == pytest.approx(0.95, abs=0.005)
    assert causes == []


@pytest.mark.parametrize("column", ["offered", "delivered"])
@pytest.mark.parametrize("where", ["everywhere", "treated"])
def test_unknown_in_one_arm_or_step_invents_nothing(column: str, where: str) -> None:
    """A fifth unknown: no cause, and the check says how much by arm."""
    frame = log()
    only = True if where == "everywhere" else frame["arm"] == 1
    moments = reduced(gaps(frame, column, 0.2, only))
    _, reached, causes = told(moments)
    assert reached == pytest.approx(0.95, abs=0.005)
    assert causes == []
    said = judge_steps(moments)
    assert said is not None
    assert not said.success
    assert said.observed == pytest.approx(0.2, abs=0.01)
    assert "(treatment)" in said.message
    assert "(holdout)" in said.message


def test_sqlite_answers_as_the_frame_does() -> None:
    """The same moments from a database, to rounding."""
    frame = gaps(gaps(log(n=4_000)), "offered", 0.1)
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    frame.to_sql("outcomes", engine, index=False)
    a, b = reduced(frame), reduced(engine, table="outcomes")
    assert a.cells.measures == b.cells.measures
    assert "delivered_known" in a.cells.measures
    assert a.cells.s2 == pytest.approx(b.cells.s2, abs=1e-9)
    assert (a.cells.missing == b.cells.missing).all()


TIMES: dict[str, Any] = {
    "text": "2026-01-05 10:00",
    "text with a zone": "2026-01-05T10:00:00+02:00",
    "dates": "2026-01-05",
    "timestamps": pd.Timestamp("2026-01-05 10:00"),
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("column", ["offered", "delivered"])
def test_a_time_means_that_the_step_was_passed(column: str, kind: str) -> None:
    """The time when a step was passed is a yes, no time a no; moments as with 1 and 0."""
    frame = log()
    when = pd.Series(TIMES[kind], index=frame.index).where(frame[column] == 1)
    moments, plain = reduced(frame.assign(**{column: when})), reduced(frame)
    assert moments.blanks == {column: "no"}
    assert moments.cells.measures == plain.cells.measures
    assert moments.cells.s2 == pytest.approx(plain.cells.s2)


@pytest.mark.parametrize("words", [("SENT", "BOUNCED"), ("oui", "non"), ("x", None)])
def test_answers_that_nobody_can_read_are_refused_by_their_words(words: tuple[Any, Any]) -> None:
    """Guessing what they mean would invent a cause; the message names column and words."""
    frame = log()
    said = frame["delivered"].map({1.0: words[0], 0.0: words[1]}).astype(object)
    with pytest.raises(InvalidInput, match=rf"'delivered' .* yes or no.*'{words[0]}'"):
        reduced(frame.assign(delivered=said.where(said.notna(), None)))


def test_a_few_unreadable_answers_are_counted_and_unknown() -> None:
    """They are said by a check of their own, and count like blanks."""
    frame = log()
    some = frame.index[:: len(frame) // 40]
    odd = frame["delivered"].map({1.0: "yes", 0.0: "no"})
    odd[some] = "returned"
    blank = odd.copy()
    blank[some] = None
    moments = reduced(frame.assign(delivered=odd))
    assert moments.faults["unreadable_delivered"].count == len(some)
    said = BY_NAME["steps_readable"].judge(moments)
    assert not said.success
    assert "not yes, no or a time" in said.message
    assert moments.cells.s2 == pytest.approx(reduced(frame.assign(delivered=blank)).cells.s2)


def test_a_column_of_yes_and_blanks_means_no_and_says_so() -> None:
    """A marker: what is blank was not delivered, and nothing counts as unknown."""
    frame = log()
    marked = frame.assign(delivered=frame["delivered"].where(frame["delivered"] == 1))
    moments = reduced(marked)
    assert moments.blanks == {"delivered": "no"}
    assert moments.cells.measures == reduced(frame).cells.measures
    assert moments.cells.s2 == pytest.approx(reduced(frame).cells.s2)
    assert moments.cells.missing.sum() == 0
    assert any("'delivered' counts as no" in note for note in moments.notes)


def test_false_and_blanks_are_no_marker() -> None:
    """A column that only ever says no, or nothing, leaves the blanks unknown."""
    frame = log().assign(delivered=0.0)
    moments = reduced(gaps(frame))
    assert moments.blanks == {}
    assert moments.cells.missing[:, moments.cells.measures.index("delivered")].sum() > 0


def test_a_blank_holdout_means_no_and_a_step_not_passed_as_well() -> None:
    """Flags left out for the holdout, deliveries for those not offered: nothing is unknown."""
    frame = log()
    blank = frame.assign(offered=frame["offered"].where(frame["arm"] == 1))
    blank.loc[blank.index[3:90:10], "offered"] = 0.0
    blank["delivered"] = blank["delivered"].where(blank["offered"] == 1)
    moments = reduced(blank)
    assert moments.blanks == {"offered": "no in the holdout"}
    assert moments.cells.missing.sum() == 0
    assert judge_steps(moments).success  # type: ignore[union-attr]


def test_most_of_those_not_delivered_left_blank_invents_no_cause() -> None:
    """A fifth is undelivered, nearly all of it blank: another cause would be named, so it is folded."""
    frame = log(delivered=0.76)
    lost = (frame["arm"] == 1) & (frame["delivered"] == 0) & (np.arange(len(frame)) % 20 > 0)
    a = analyze(
        reduced(frame.assign(delivered=frame["delivered"].mask(lost))), PredictedLift.load(PLAN)
    )
    assert all("delivery" in c.factors for c in a.attribution.losses)
    assert all(len(c.factors) > 1 for c in a.attribution.losses)
    assert any("another cause would be named" in note for note in a.attribution.notes)
    assert a.compliance is not None
    low, high = a.compliance.cace.low, a.compliance.cace.high
    assert low < a.realized.estimate.lift / 0.76 < high


def test_a_planted_loss_is_found_where_little_is_unknown() -> None:
    """A fifth of the offers is lost in delivery, 2 % unknown: the cause is named, with its size."""
    frame = gaps(log(n=60_000, delivered=0.76))
    a = analyze(reduced(frame), PredictedLift.load(PLAN))
    (cause,) = (c for c in a.attribution.losses if c.cause == "delivery")
    assert cause.realized == pytest.approx(0.76, abs=0.01)


def test_acts_are_counted_over_the_known_and_a_marker_means_no() -> None:
    """Acted on or blank: half were acted on; with answers lost by chance as well."""
    contract = {**PLAN, "columns": {**PLAN["columns"], "acted": "acted"}}
    frame = log()
    acted = (np.random.default_rng(1).random(len(frame)) < 0.5).astype(float)
    marked = frame.assign(acted=np.where(acted == 1, 1.0, np.nan))
    for given in (marked, gaps(frame.assign(acted=acted), "acted", 0.1)):
        a = analyze(reduced(given, contract), PredictedLift.load(contract))
        assert a.adoption.share.lift == pytest.approx(0.5, abs=0.01)
        assert a.adoption.acted_lift.difference.lift == pytest.approx(0.0, abs=0.02)
    assert a.adoption.unknown > 0


def test_nothing_unknown_counts_nobody() -> None:
    """A log without blanks is read once, and its table holds no counts of who was asked."""
    moments = reduced(log())
    assert moments.blanks == {}
    assert moments.cells.measures == ("outcome", "offered", "delivered")
    assert moments.cells.missing[moments.cells.arm == HOLDOUT].sum() == 0
