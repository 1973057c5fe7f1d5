"""The id of the unit or cluster is hashed, in the one form in which everybody hashes it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

import spot_mlflow as spot
from spot_mlflow import PredictedLift
from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.arm_hash import arm_numbers
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.holdout.assign_file import assign_file

N = 2_000
AS_OF = "2027-03-01"
DRAW = {"salt": "churn/2027", "holdout": 0.5}


def promise(arms, assignment=DRAW, *, decisions=None, **sources):
    """A contract over raw tables."""
    return {
        "metric": "buys", "kind": "binary", "predicted": {"lift": 0.1, "se": 0.02}, "window": "5d",
        **({"assignment": assignment} if assignment else {}),
        "sources": {
            "decisions": {"unit": "unit", "at": "at", **(decisions or {})},
            "arms": arms,
            "events": {"unit": "unit", "at": "at", "complete_until": "now"},
            "outcome": "any", **sources,
        },
    }  # fmt: skip


GIVEN = {"column": "arm", "treated": "offer", "holdout": "control"}


def nightly(nights=2):
    """Units with the arms of the assignment, decided on several nights; a tenth more of the treated buy."""
    units = pd.DataFrame({"unit": [f"c{i}" for i in range(N)]})
    ready = {"metric": "buys", "predicted": {"lift": 0.1, "se": 0.02}, "assignment": DRAW}
    columns = {"arm": "arm", "treated": "offer", "holdout": "control", "outcome": "y", "unit": "unit"}  # fmt: skip
    arm = spot.assign_arms(units, ready | {"columns": columns})["arm"]
    buys = np.random.default_rng(1).random(N) < np.where(arm == "offer", 0.3, 0.2)
    days = [units.assign(arm=arm, at=f"2027-01-{4 + 7 * i:02d} 08:00") for i in range(nights)]
    events = pd.DataFrame({"unit": units.unit[buys], "at": "2027-01-05 08:00"})
    return pd.concat(days, ignore_index=True), events


def arms_check(tables, contract):
    """The check on arms, and the report."""
    report = check_outcomes(tables, contract, as_of=AS_OF)
    return next(c for c in report.checks if c.name == "arms_as_assigned"), report


@pytest.mark.parametrize("arms", ["assigned", GIVEN], ids=["assigned", "column"])
def test_the_unit_is_hashed_where_every_decision_counts(arms):
    """The rows of the log are decisions then, and none of them has an arm of its own."""
    decisions, events = nightly()
    check, _ = arms_check(
        {"decisions": decisions, "events": events},
        promise(arms, repeats={"each": "offers are made every week"}),
    )
    assert check.success, check.message


def test_moved_units_are_found_where_every_decision_counts():
    """Units moved by hand are counted with each of their decisions."""
    decisions, events = nightly()
    moved = decisions["unit"].isin([f"c{i}" for i in range(100)])
    other = decisions["arm"].map({"offer": "control", "control": "offer"})
    check, report = arms_check(
        {"decisions": decisions.assign(arm=decisions["arm"].mask(moved, other)), "events": events},
        promise(GIVEN, repeats={"each": "offers are made every week"}),
    )
    assert not check.success
    assert report.to_dict()["arms_recomputed"]["differ"] == 200
    assert report.verdict == "inconclusive"


def placed(tables, kind, tmp_path):
    """The tables as frames, files or tables of SQLite."""
    if kind == "frames":
        return tables
    out = {}
    for role, frame in tables.items():
        if kind == "sqlite":
            path = tmp_path / "w.db"
            path.touch()
            engine = sa.create_engine(f"sqlite:///{path}")
            frame.to_sql(role, engine, index=False)
            engine.dispose()
            out[role] = f"sqlite:///{path}::{role}"
        else:
            out[role] = str(tmp_path / f"{role}.{kind}")
            write = frame.to_csv if kind == "csv" else frame.to_parquet
            write(out[role], index=False)
    return out


KINDS = ["frames", "parquet", "csv", "sqlite"]
HOUSES = DRAW | {"cluster": "house"}
READY = {
    "metric": "buys", "predicted": {"lift": 0.1, "se": 0.02},
    "columns": {"arm": "arm", "treated": "offer", "holdout": "control", "outcome": "y",
                "unit": "unit", "cluster": "house"},
    "assignment": HOUSES,
}  # fmt: skip


def houses(ids=None):
    """Decisions with a house each, its arm by the id as it is known elsewhere, and what was bought."""
    frame = pd.DataFrame({"unit": [f"c{i}" for i in range(N)], "at": "2027-01-04 08:00"})
    frame["house"] = np.arange(N) // 2
    frame = spot.assign_arms(frame, READY)
    frame["y"] = (np.random.default_rng(1).random(N) < np.where(frame.arm == "offer", 0.3, 0.2)) * 1
    if ids is not None:
        frame["house"] = ids(frame["house"])
    return frame


def with_one_missing(house):
    """What pandas makes of whole numbers of which one is missing."""
    return house.astype(float).where(house != 7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arms", ["assigned", GIVEN], ids=["assigned", "column"])
def test_a_cluster_that_became_a_floating_point_number_gives_no_verdict(kind, arms, tmp_path):
    """12.0 has another arm than the 12 by which somebody held out."""
    frame = houses(with_one_missing)
    events = frame.loc[frame.y == 1, ["unit"]].assign(at="2027-01-05 08:00")
    tables = placed({"decisions": frame.drop(columns="y"), "events": events}, kind, tmp_path)
    contract = promise(arms, HOUSES, decisions={"cluster": "house"})
    labels = {"treated": "offer", "holdout": "control"}
    keys = {k: k for k in ("unit", "arm", "decided_at", "outcome", "observed_at")}
    contract["columns"] = keys | labels | {"cluster": "house"}
    if arms == "assigned" or kind in {"frames", "parquet"}:
        with pytest.raises(InvalidInput, match=r"floating-point numbers") as e:
            check_outcomes(tables, contract, as_of=AS_OF)
        assert "'house' (sources.decisions.cluster)" in str(e.value)
        return
    check, report = arms_check(tables, contract)
    assert not check.success
    assert report.to_dict()["arms_recomputed"]["causes"][0]["what"] == "without .0"


@pytest.mark.parametrize("kind", KINDS)
def test_a_ready_log_with_floating_point_ids_gives_no_verdict(kind, tmp_path):
    """Neither where arms were drawn from 12 nor where they were drawn from 12.0."""
    frame = houses(with_one_missing)
    wrong = houses().assign(house=lambda f: f.house.astype(str) + ".0")
    if kind in {"frames", "parquet"}:
        log = placed({"log": frame}, kind, tmp_path)["log"]
        with pytest.raises(InvalidInput, match=r"column 'house' .* floating-point numbers"):
            check_outcomes(log, READY, as_of=AS_OF)
        return
    for i, (ids, what) in enumerate(((frame, "without .0"), (drawn_from(wrong), "with .0"))):
        (folder := tmp_path / str(i)).mkdir()
        home, _, table = placed({"log": ids}, kind, folder)["log"].partition("::")
        report = check_outcomes(home, READY, as_of=AS_OF, **({"table": table} if table else {}))
        causes = report.to_dict()["arms_recomputed"]["causes"]
        assert (causes[0]["what"], report.verdict) == (what, "inconclusive")


def drawn_from(frame):
    """The log with arms by the ids as they are written."""
    rule = PredictedLift.load(READY).arm_rule
    arms = np.array(["control", "offer"])[arm_numbers(rule, frame["house"])]
    return frame.assign(arm=arms)


@pytest.mark.parametrize("kind", ["csv", "sqlite", "frames"])
def test_units_such_as_1_0_are_not_hashed(kind, tmp_path):
    """A hash of the contract's own asks the same of ids as an assignment does."""
    units = pd.DataFrame({"unit": np.arange(1.0, N), "at": "2027-01-04 08:00"})
    if kind == "frames":
        units["unit"] = units["unit"].astype(str)
    tables = placed({"decisions": units, "events": units.head(50)}, kind, tmp_path)
    for arms, draw in (({"hash": {"salt": "s", "holdout": 0.5}}, None), ("assigned", DRAW)):
        with pytest.raises(InvalidInput, match=r"1,999 of 1,999 ids end in \.0") as e:
            check_outcomes(tables, promise(arms, draw), as_of=AS_OF)
        assert "sources.ids: number" in str(e.value.fix)
        numbers = promise(arms, draw, ids="number")
        assert check_outcomes(tables, numbers, as_of=AS_OF).moments.rows == N - 1


def test_text_that_only_looks_like_it_is_an_id():
    """A12.0, 1.2.0 and 12.00 never were floating-point numbers that stood for 12."""
    ids = [f"{x}{i}{y}" for i in range(N // 4) for x, y in (("A", ".0"), ("1.", ".0"), ("", ".00"), ("", "e"))]  # fmt: skip
    units = pd.DataFrame({"unit": ids, "at": "2027-01-04 08:00"})
    contract = promise("assigned")
    check, _ = arms_check({"decisions": units, "events": units.head(300)}, contract)
    assert check.success


def test_a_segment_of_truth_values_names_no_step(tmp_path):
    """Frames write True, Parquet true and SQLite 1: each would be in another step of the schedule."""
    steps = [{"holdout": 0.1}, {"segment": "true", "holdout": 0.5}]
    draw = {"salt": "churn/2027", "schedule": steps}
    ready = READY | {"assignment": draw, "columns": READY["columns"] | {"segment": "vip"}}
    frame = houses().assign(vip=lambda f: f["house"] % 3 == 0)
    bare = frame.drop(columns="arm")
    said = r"column 'vip'.* holds true and false"
    with pytest.raises(InvalidInput, match=said):
        spot.assign_arms(bare, ready)
    path = placed({"log": bare}, "parquet", tmp_path)["log"]
    with pytest.raises(InvalidInput, match=said):
        assign_file(path, tmp_path / "arms.csv", PredictedLift.load(ready))
    with pytest.raises(InvalidInput, match=said):
        check_outcomes(frame, ready, as_of=AS_OF)
    events = frame.loc[frame.y == 1, ["unit"]].assign(at="2027-01-05 08:00")
    raw = promise("assigned", draw, decisions={"segment": "vip"})
    with pytest.raises(InvalidInput, match=said):
        check_outcomes({"decisions": bare, "events": events}, raw, as_of=AS_OF)
    text = spot.assign_arms(bare.assign(vip=bare["vip"].map({True: "true", False: "false"})), ready)
    assert arms_check(text, ready)[0].success


@pytest.mark.parametrize(("odd", "refused"), [(1, False), (4, False), (5, True)])
def test_a_few_ids_of_that_form_are_slips(odd, refused):
    """As a few units in another arm are; all of them are a column that became a floating-point one."""
    ids = [f"{i}.0" if i < odd else str(i) for i in range(N)]
    units = pd.DataFrame({"unit": ids, "at": "2027-01-04 08:00"})
    tables = {"decisions": units, "events": units.head(50)}
    if refused:
        with pytest.raises(InvalidInput, match=r"5 of 2,000 ids end in \.0"):
            check_outcomes(tables, promise("assigned"), as_of=AS_OF)
    else:
        assert arms_check(tables, promise("assigned"))[0].success
    few = {"decisions": units.head(1), "events": units.head(1)}
    with pytest.raises(InvalidInput, match=r"1 of 1 ids end in \.0"):
        check_outcomes(few, promise("assigned"), as_of=AS_OF)
