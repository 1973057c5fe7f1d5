"""Raw tables to one row per unit: every rule as in the reference, in every engine and mixture."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from joins import differences, joined
from messy_world import AS_OF, World, messy_world, reference, world_contract

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Rule
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

HELD_OUT = {"held_out": True, "unit": "unit", "treated": "offer", "holdout": "control"}
TABLE = {"unit": "unit", "arm": "arm", "treated": "offer", "holdout": "control"}
# Every choice that the contract gives, in few enough joins: name -> (sources, version).
CASES: dict[str, tuple[dict[str, Any], str | None]] = {
    "first": ({}, "v1"),
    "first of all versions": ({"repeats": "first", "outcome": "count"}, None),
    "last": ({"repeats": "last", "outcome": "any"}, "v1"),
    "each": ({"repeats": {"each": "every night is a new offer"}}, None),
    "held out": ({"arms": HELD_OUT, "outcome": "none", "steps": None}, "v1"),
    "table of arms": ({"arms": TABLE, "outcome": "count"}, "v1"),
}


def given(tables: dict[str, Any], sources: dict[str, Any]) -> dict[str, Any]:
    """The tables that a contract asks for."""
    listed = "column" not in sources.get("arms", {"column": ""})
    out = {k: v for k, v in tables.items() if k != "arms" or listed}
    return {k: v for k, v in out.items() if k != "steps" or sources.get("steps", True)}


def write(world: World, folder: Path, kind: str) -> dict[str, str]:
    """Writes the world as files; returns role -> path."""
    out = {}
    for role, frame in world.tables().items():
        out[role] = str(folder / f"{role}.{kind}")
        if kind == "csv":
            frame.to_csv(out[role], index=False)
        else:
            frame.to_parquet(out[role], coerce_timestamps="us", allow_truncated_timestamps=True)
    return out


@pytest.mark.parametrize("case", CASES)
def test_frames_give_what_the_rules_say(world: World, case: str) -> None:
    """Row by row and rule by rule, as the reference in plain Python has it."""
    sources, version = CASES[case]
    tables = given(world.tables(), sources)
    assert differences(world, tables, world_contract(**sources), version) == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("case", ["first", "each", "held out"])
def test_files_give_what_the_rules_say(world: World, tmp_path: Path, kind: str, case: str) -> None:
    """CSV holds all as text, Parquet in types; both are read as the frames are."""
    sources, version = CASES[case]
    tables = given(write(world, tmp_path, kind), sources)
    assert differences(world, tables, world_contract(**sources), version) == []


def test_the_contract_alone_names_the_tables(world: World, tmp_path: Path) -> None:
    """Nothing is given at the call; paths are those of the contract."""
    said = world_contract()
    for role, path in write(world, tmp_path, "parquet").items():
        if role in said["sources"] and role != "arms":
            said["sources"][role]["table"] = path
    rows, _ = joined(None, said, "v1")
    assert rows.keys() == reference(world, said, "v1").rows.keys()


def test_nothing_is_left_behind(world: World, tmp_path: Path, monkeypatch: Any) -> None:
    """What was kept is removed, after an error and Ctrl-C, too."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    predicted = PredictedLift.load(world_contract())
    tables = given(world.tables(), {})
    for error in (None, ValueError, KeyboardInterrupt):
        try:
            with joined_log(tables, predicted, as_of=AS_OF):
                assert list(tmp_path.glob("spot-spill-*/*.parquet"))
                if error is not None:
                    raise error
        except (ValueError, KeyboardInterrupt):
            pass
        assert list(tmp_path.glob("spot-spill-*")) == []


def test_a_check_reads_raw_tables_as_a_ready_log(world: World) -> None:
    """Verdict, checks and faults come of the same passes; what the join left out is in the faults."""
    said = world_contract()
    report = check_outcomes(given(world.tables(), {}), said, as_of=AS_OF, model_version="v1")
    right = reference(world, said, "v1")
    assert report.moments.rows == right.counts["units"]
    assert report.moments.joined is not None
    faults = report.moments.faults
    assert faults["missing_unit"].count == right.counts["decisions.without_unit"]
    assert faults["unit_in_two_arms"].count == right.counts["decisions.two_arms"]
    assert faults["missing_arm"].count == right.counts["decisions.without_arm"]
    assert report.to_dict()["joined"]["rules"]


@pytest.mark.parametrize(
    ("until", "as_of"),
    [
        ("2026-10-28", "2026-10-28T22:59:59+00:00"),  # all of that day in Berlin
        ("2026-10-28T12:00:00Z", "2026-10-28T12:00:00+00:00"),
        ("2026-12-01", AS_OF),
        ({"behind": "36500d"}, None),
    ],
)
def test_nothing_after_the_end_of_the_feed_is_taken_for_a_zero(
    world: World, until: Any, as_of: str | None
) -> None:
    """A check is made as of the last moment at which the events are complete."""
    said = world_contract()
    said["sources"]["events"]["complete_until"] = until
    if as_of is None:
        with pytest.raises(ValueError, match="every time is after as_of"):
            joined(given(world.tables(), {}), said)
        return
    predicted = PredictedLift.load(said)
    with joined_log(given(world.tables(), {}), predicted, as_of=AS_OF) as log:
        assert log.as_of.isoformat(timespec="seconds") == as_of


def test_latest_is_the_newest_event(world: World) -> None:
    """``complete_until: latest`` ends at the newest event that the filter keeps."""
    said = world_contract()
    said["sources"]["events"]["complete_until"] = "latest"
    with joined_log(given(world.tables(), {}), PredictedLift.load(said), as_of=AS_OF) as log:
        assert log.as_of.isoformat() <= AS_OF
        assert log.joined.complete_until == log.as_of.isoformat(timespec="seconds")


def test_a_hash_decides_the_arms(world: World) -> None:
    """As Python's own md5 of salt and id, below the share held out; by the contract's assignment, too."""
    draw = {"salt": "churn/2026", "holdout": 0.3}
    labels = {"treated": "offer", "holdout": "control"}
    rows, _ = joined(given(world.tables(), {}), world_contract(arms={"hash": draw, **labels}))
    for (unit, _), row in rows.items():
        drawn = int(
            hashlib.md5(f"churn/2026:{unit}".encode(), usedforsecurity=False).hexdigest()[:8], 16
        )
        assert row["arm"] == ("control" if drawn < 0.3 * 2**32 else "offer")
    assigned = world_contract(arms="assigned") | {"assignment": draw}
    again, _ = joined(given(world.tables(), {}), assigned)
    assert {k: r["arm"] == "0" for k, r in again.items()} == {
        k: r["arm"] == "control" for k, r in rows.items()
    }


def in_numbers(world: World) -> tuple[World, World]:
    """The world with whole numbers for ids, as numbers and as text."""
    known = sorted({u for f in world.tables().values() for u in f["unit"].dropna()})
    units = {u: i + 1 for i, u in enumerate(known)}
    orders = {o: i for i, o in enumerate(sorted(world.events["order"].dropna()))}
    orders |= {o: len(orders) for o in ("e-unknown",)}

    def numbered(frame: pd.DataFrame) -> pd.DataFrame:
        out = frame.assign(unit=frame["unit"].map(units).astype("Int64"))
        for column in {"order", "refunded"} & set(frame):
            out[column] = frame[column].map(orders).astype("Int64")
        return out

    numbers = World(*(numbered(f) for f in world.tables().values()))
    ids = ("unit", "order", "refunded")
    text = World(
        *(
            f.assign(
                **{
                    c: f[c].astype("string").astype(object).where(f[c].notna(), None)
                    for c in ids
                    if c in f
                }
            )
            for f in numbers.tables().values()
        )
    )
    return numbers, text


@pytest.mark.parametrize("case", ["first", "each", "held out", "table of arms"])
def test_ids_that_are_whole_numbers_are_compared_as_numbers(world: World, case: str) -> None:
    """They are the same ids as in text, and need not be written out to be joined."""
    sources, version = CASES[case]
    numbers, text = in_numbers(world)
    tables = given(numbers.tables(), sources)
    assert differences(text, tables, world_contract(**sources), version) == []


_PLACES = [r.value for r in (Rule.TOO_EARLY, Rule.BEFORE, Rule.IN_WINDOW, Rule.LATE)]


@settings(max_examples=12, deadline=None)
@hypothesis.given(
    seed=st.integers(0, 2**16),
    units=st.integers(1, 25),
    events=st.integers(1, 120),
    case=st.sampled_from(list(CASES)),
)
@hypothesis.example(seed=152, units=1, events=1, case="first")  # strangers' events alone
@hypothesis.example(seed=0, units=2, events=10, case="each")  # strangers' events that come twice
def test_any_small_world_is_joined_as_the_rules_say(
    seed: int, units: int, events: int, case: str
) -> None:
    """Whatever was drawn, row by row and rule by rule; refused where no event is of a decided unit."""
    sources, version = CASES[case]
    small, contract = messy_world(units, events, seed), world_contract(**sources)
    tables = given(small.tables(), sources)
    counts = reference(small, contract, version).counts
    if not any(counts[f"events.{place}"] for place in _PLACES):
        with pytest.raises(InvalidInput, match="is the id of one of"):
            differences(small, tables, contract, version)
        return
    assert differences(small, tables, contract, version) == []
