from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

import spot_mlflow as spot
from spot_mlflow import PredictedLift
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.reporting.pages import lift_report
from spot_mlflow_checks import check_outcomes

N = 6_000
COLUMNS = {
    "arm": "arm",
    "treated": "offer",
    "holdout": "control",
    "outcome": "y",
    "unit": "id",
    "decided_at": "at",
}
ASSIGNMENT = {"salt": "churn/2027", "holdout": 0.2}
SCHEDULE = {
    "salt": "churn/2027",
    "schedule": [{"from": "2027-01-01", "holdout": 0.4}, {"from": "2027-01-15", "holdout": 0.1}],
}  # fmt: skip


def contract(assignment=ASSIGNMENT, **keys):
    """A promise with an assignment."""
    columns = COLUMNS | keys.pop("columns", {})
    return {
        "metric": "stays", "predicted": {"lift": 0.1, "se": 0.02}, "assignment": assignment,
        "columns": columns, **keys,
    }  # fmt: skip


def log(assignment=ASSIGNMENT, ids=None):
    """A log whose arms are those of an assignment, with a lift of about .1."""
    frame = pd.DataFrame({"id": [str(i) for i in range(N)] if ids is None else ids})
    frame["at"] = pd.date_range("2027-01-01 00:30", periods=N, freq="7min", tz="UTC")
    frame = spot.assign_arms(frame, contract(assignment))
    chance = np.where(frame["arm"] == "offer", 0.4, 0.3)
    return frame.assign(y=(np.random.default_rng(1).random(N) < chance).astype(int))


def checked(frame, promise, **options):
    """The check on arms, and the report."""
    report = check_outcomes(frame, promise, as_of="2027-03-01", **options)
    return next(c for c in report.checks if c.name == "arms_as_assigned"), report


@pytest.mark.parametrize("assignment", [ASSIGNMENT, SCHEDULE])
def test_arms_of_the_assignment_pass(assignment):
    """Every unit is recomputed, by the step that was in force when it was decided."""
    check, report = checked(log(assignment), contract(assignment))
    assert check.success
    assert check.message == "Every unit is in the arm that the assignment gives it"
    found = report.to_dict()["arms_recomputed"]
    assert found == {
        "units": N,
        "differ": 0,
        "assignment": found["assignment"],
        "earlier": [],
        "causes": [],
    }
    assert found["assignment"]["salt"] == "churn/2027"
    assert not report.analysis.outcome.withheld


def test_a_log_without_an_assignment_is_not_asked():
    """Contracts of before read and say what they did."""
    promise = {k: v for k, v in contract().items() if k != "assignment"}
    report = check_outcomes(log(), promise, as_of="2027-03-01")
    assert "arms_as_assigned" not in {c.name for c in report.checks}
    assert report.to_dict()["arms_recomputed"] is None
    assert "recomputed" not in report.moments.to_dict()


def moved(frame, n):
    """The log with the first n units of each arm in the other one, but for the counts by arm."""
    arm = frame["arm"].to_numpy(copy=True)
    for label, other in (("offer", "control"), ("control", "offer")):
        arm[np.flatnonzero(frame["arm"] == label)[:n]] = other
    return frame.assign(arm=arm)


def test_a_few_units_of_many_are_said_and_forgiven():
    """At most one in a thousand, or fewer than five, is a slip of somebody's hand."""
    check, _ = checked(moved(log(), 2), contract())
    assert check.success
    assert check.message.startswith("4 of 6,000 units (0.067 %) are not in the arm")
    assert checked(moved(log(), 3), contract())[0].success
    check, report = checked(moved(log(), 4), contract())
    assert not check.success
    assert check.severity == "critical"
    assert (report.verdict, report.to_dict()["inconclusive"]) == ("inconclusive", "design")


def test_units_without_a_reason_are_said_to_have_none():
    """Units moved by hand: the share of the arms is as declared, so that only this check can see it."""
    check, report = checked(moved(log(), 300), contract())
    assert [(c["kind"], c["units"]) for c in report.to_dict()["arms_recomputed"]["causes"]] == [
        ("unknown", 600)
    ]
    assert (
        "600 of 6,000 units (10 %) are not in the arm that the assignment gives them; first: unit"
        in check.message
    )
    assert (
        ". For 600 no form of the id, earlier salt or step of the schedule explains the arm"
        in check.message
    )
    body = report.to_dict()
    assert body["reason"].startswith("design: 600 of 6,000 units")
    assert body["blocked_by"] == {"by": "wrong_arms"}


@pytest.mark.parametrize(
    ("hashed", "logged", "what"),
    [
        (lambda i: f"{i:08d}", str, "with zeros to 8 digits"),
        (str, lambda i: f"{i:08d}", "without leading zeros"),
        (lambda i: f"c{i:04d}X", lambda i: f"C{i:04d}X".lower(), None),
        (lambda i: f"C{i:04d}", lambda i: f"c{i:04d}", "in upper case"),
        (lambda i: f"ab{i:04d}", lambda i: f"a-b{i:04d}", "without hyphens"),
        (lambda i: f"c{i:04d}", lambda i: f" c{i:04d} ", "without spaces around it"),
        (str, lambda i: f"{i}.0", "without .0"),
    ],
)
def test_another_form_of_the_id_is_named(hashed, logged, what):
    """The job that held out wrote the id in another way than the log does."""
    arms = log(ids=[hashed(i) for i in range(N)])
    check, report = checked(arms.assign(id=[logged(i) for i in range(N)]), contract())
    causes = report.to_dict()["arms_recomputed"]["causes"]
    assert not check.success
    assert causes[0]["kind"] == ("unknown" if what is None else "form")
    if what is not None:
        differ = report.to_dict()["arms_recomputed"]["differ"]
        assert causes == [{"kind": "form", "what": what, "units": differ}]
        assert f"have the arm of their id {what}" in check.message


def test_another_step_of_the_schedule_is_named():
    """The job kept the share of before: units of the second step have the arm of the first."""
    frame = log({"salt": "churn/2027", "holdout": 0.4})
    check, report = checked(frame, contract(SCHEDULE))
    cause = report.to_dict()["arms_recomputed"]["causes"][0]
    assert (cause["kind"], cause["what"]) == ("schedule", "2027-01-01")
    assert "the one that begins on 2027-01-01" in check.message


def test_an_earlier_salt_of_the_record_is_named():
    """The contract has a new salt, and the job still holds out by the old one."""
    old = contract(ASSIGNMENT | {"salt": "churn/2026"})
    first = check_outcomes(log(old["assignment"]), old, as_of="2027-03-01")
    stored = OutcomeMoments.from_dict(first.moments.to_dict())
    check, report = checked(log(old["assignment"]), contract(), previous=stored)
    found = report.to_dict()["arms_recomputed"]
    assert found["earlier"] == [{"salt": "churn/2026", "holdout": 0.2}]
    assert found["causes"] == [{"kind": "salt", "what": "churn/2026", "units": found["differ"]}]
    assert "an earlier assignment, salt 'churn/2026'" in check.message


def test_the_holdout_that_was_treated_is_not_taken_for_a_reason():
    """Nine in ten units have the arm of treatment by chance under any rule."""
    frame = log()
    lost = np.flatnonzero(frame["arm"] == "control")[:100]
    frame.loc[lost, "arm"] = "offer"
    _, report = checked(frame, contract())
    assert [c["kind"] for c in report.to_dict()["arms_recomputed"]["causes"]] == ["unknown"]


def test_clusters_are_recomputed_by_their_own_id():
    """And a job that hashed the unit instead is told so."""
    villages = [f"v{i // 6}" for i in range(N)]
    assignment = ASSIGNMENT | {"cluster": "village"}
    promise = contract(assignment, columns={"cluster": "village"})
    frame = log().assign(village=villages)
    whole = spot.assign_arms(frame.drop(columns="arm"), promise)
    assert checked(whole, promise)[0].success
    _, report = checked(frame, promise)
    assert (
        report.to_dict()["arms_recomputed"]["causes"][0]["what"]
        == "of the unit, not of the cluster"
    )


def test_an_id_that_the_contract_names_nowhere_else_is_read():
    """``assignment.unit`` may be another column than ``columns.unit``."""
    promise = contract(ASSIGNMENT | {"unit": "person"})
    frame = log().rename(columns={"id": "person"}).assign(id=range(N))
    assert checked(frame, promise)[0].success
    without = check_outcomes(frame.drop(columns="person"), promise, as_of="2027-03-01")
    assert "arms_as_assigned" not in {c.name for c in without.checks}
    assert any("'person' as assignment.unit" in note for note in without.analysis.notes)


def test_a_new_cohort_is_added_to_closed_ones():
    """The count is the same as of the whole log read at once."""
    promise = contract(window="5d")
    frame = moved(log(), 300).sort_values("at")
    frame["id"] = [
        str(i + 100_000) for i in range(N)
    ]  # follow each other, so that cohorts can be told apart
    frame = moved(spot.assign_arms(frame.drop(columns="arm"), promise), 200)
    whole = check_outcomes(frame, promise, as_of="2027-03-01")
    early = frame[frame["at"] < frame["at"].iloc[0] + timedelta(days=14)]
    first = check_outcomes(early, promise, as_of="2027-01-22")
    again = check_outcomes(frame, promise, as_of="2027-03-01", previous=first)
    assert again.moments.passes[0] == "closed cohorts from the earlier check"
    assert (
        again.moments.faults["arm_not_as_assigned"] == whole.moments.faults["arm_not_as_assigned"]
    )


def test_postgresql_and_mariadb_find_the_same_reason(postgres_database, mariadb_database):
    """The reasons are tried where the log lies."""
    frame = log(ids=[f"{i:08d}" for i in range(N)]).assign(id=range(N))
    found = [checked(frame, contract())[1].to_dict()["arms_recomputed"]]
    for url in (postgres_database, mariadb_database):
        engine = sa.create_engine(url)
        plain = frame.assign(at=frame["at"].dt.tz_localize(None))
        plain.to_sql("log", engine, index=False)
        engine.dispose()
        found.append(checked(url, contract(), table="log")[1].to_dict()["arms_recomputed"])
    assert found[0]["causes"][0]["what"] == "with zeros to 8 digits"
    assert found[1:] == [found[0]] * 2


def test_sqlite_finds_the_same_reason(tmp_path):
    """Through a function of Python's."""
    frame = log(ids=[f"{i:08d}" for i in range(N)]).assign(id=range(N))
    url = f"sqlite:///{tmp_path / 'log.db'}"
    engine = sa.create_engine(url)
    frame.assign(at=frame["at"].astype(str)).to_sql("log", engine, index=False)
    engine.dispose()
    found = checked(url, contract(), table="log")[1].to_dict()["arms_recomputed"]
    assert found == checked(frame, contract())[1].to_dict()["arms_recomputed"]


def test_spark_finds_the_same_reason(spark):
    """In Spark SQL, too."""
    frame = log(ids=[f"{i:08d}" for i in range(N)]).assign(id=range(N))
    found = checked(spark.createDataFrame(frame), contract())[1].to_dict()["arms_recomputed"]
    assert found == checked(frame, contract())[1].to_dict()["arms_recomputed"]


def test_the_contract_keeps_what_it_was(tmp_path):
    """A stored contract with an assignment is read back with it."""
    promise = PredictedLift.load(contract(SCHEDULE))
    assert PredictedLift.stored(promise.to_dict()).digest == promise.digest


def regions(promise, days=40):
    """A log of 60 regions, one unit a day, with the arms of an assignment and a mean of each region's own."""
    r = np.random.default_rng(4)
    region, day = np.divmod(np.arange(60 * days), days)
    frame = pd.DataFrame({"id": np.arange(60 * days), "region": [f"r{i}" for i in region]})
    frame["at"] = pd.Timestamp("2027-01-01") + pd.to_timedelta(day, unit="D")
    frame["region_week"] = frame["region"] + "/" + pd.Series(day // 7).astype(str)
    frame = spot.assign_arms(frame, promise)
    chance = 0.3 + r.normal(0, 0.03, 60)[region] + 0.1 * (frame["arm"] == "offer")
    return frame.assign(y=(r.random(len(frame)) < chance).astype(int))


def test_a_staggered_roll_out_raises_no_false_alarm():
    """Regions take all their units along when they change their arm: sizes by arm are not tested then."""
    steps = [
        {"from": "2027-01-01", "holdout": 0.8},
        {"from": "2027-01-15", "holdout": 0.5},
        {"from": "2027-01-29", "holdout": 0.2},
    ]
    promise = contract(
        {"salt": "s", "cluster": "region", "schedule": steps}, columns={"cluster": "region"}
    )
    check, report = checked(regions(promise), promise)
    assert check.success
    assert "sample_ratio" not in {c.name for c in report.checks}
    assert not report.analysis.outcome.withheld
    assert report.analysis.variation is None
    assert "80 % held out from 2027-01-01" in lift_report.markdown(report)


def test_a_switchback_is_a_trial_by_clusters():
    """Weeks of a region are drawn as a whole, counted as clusters, and their sizes are tested."""
    promise = contract(
        {"salt": "s", "cluster": "region_week", "holdout": 0.5}, columns={"cluster": "region_week"}
    )
    check, report = checked(regions(promise), promise)
    assert check.success
    assert next(c for c in report.checks if c.name == "sample_ratio").success
    assert report.analysis.realized.grade == "A"
    assert "clusters" in report.analysis.realized.method
