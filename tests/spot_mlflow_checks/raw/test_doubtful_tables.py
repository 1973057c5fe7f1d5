"""Raw tables that can be joined and still mislead: the check says so, or gives no verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Joined
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.reporting.words.join_rules import warnings_of
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spot_mlflow.lift.report import LiftReport

N = 2_000
CONTRACT: dict[str, Any] = {
    "metric": "spend",
    "kind": "money",
    "predicted": {"lift": 20.0, "se": 1.0},
    "tolerance": 8.0,
    "window": "20d",
    "sources": {
        "decisions": {"unit": "id", "at": "at"},
        "arms": {"held_out": True, "unit": "id"},
        "events": {
            "unit": "id", "at": "at", "id": "no", "amount": "net", "complete_until": "2027-02-25",
        },
        "outcome": "sum",
    },
}  # fmt: skip


def tables() -> dict[str, pd.DataFrame]:
    """A clean world: the treated spend about 20 more."""
    rng = np.random.default_rng(20270104)
    start = pd.Timestamp("2027-01-04", tz="UTC")
    ids = [f"{i:05d}" for i in range(1, N + 1)]
    at = start + pd.to_timedelta(rng.integers(0, 20, N), unit="D")
    held = rng.random(N) < 0.3
    net = rng.gamma(4, np.where(held, 10, 15), N).round(2)
    later = pd.to_timedelta(rng.uniform(1, 19 * 24, N), unit="h")
    return {
        "decisions": pd.DataFrame({"id": ids, "at": at}),
        "arms": pd.DataFrame({"id": ids})[held],
        "events": pd.DataFrame({"id": ids, "at": at + later, "net": net, "no": np.arange(N)}),
    }


def checked(**changed: Callable[[pd.DataFrame], pd.DataFrame]) -> LiftReport:
    """The check of the clean world with some tables changed."""
    given = {k: changed.get(k, lambda t: t)(t) for k, t in tables().items()}
    return check_outcomes(given, CONTRACT, as_of="2027-03-01")


def failing(report: LiftReport) -> set[str]:
    """Names of the checks that failed."""
    return {c.name for c in report.checks if not c.success}


def test_a_clean_world_raises_no_doubt() -> None:
    """The checks of raw tables are asked, and all pass."""
    report = checked()
    assert report.verdict == "met"
    assert not failing(report)
    asked = {c.name for c in report.checks}
    assert {"events_readable", "events_once", "events_attributed"} <= asked


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda e: e.assign(net=e["net"].where(e.index > N // 8)), "events_readable"),
        (lambda e: e.assign(net=e["net"].where(e.index > N // 8, np.inf)), "events_readable"),
        (lambda e: e.assign(at=e["at"].where(e.index > N // 8)), "events_readable"),
        (lambda e: e.assign(no=e["no"] // 10), "events_once"),
    ],
    ids=["amounts missing", "amounts infinite", "times missing", "an id that is none"],
)
def test_events_that_cannot_be_counted_leave_no_verdict(change: Any, check: str) -> None:
    """An eighth of the amounts read as nothing is a lift of another size, not a note."""
    report = checked(events=change)
    assert check in failing(report)
    assert report.verdict == "inconclusive"
    assert report.analysis.outcome.doubt == "data"


def test_events_of_nobody_weaken_the_result_and_leave_the_verdict() -> None:
    """Guests buy in both arms; that some sales are of nobody is said."""
    report = checked(events=lambda e: e.assign(id=e["id"].where(e.index % 50 > 0)))
    assert failing(report) == {"events_attributed"}
    assert report.verdict == "met"


def test_a_list_of_the_held_out_whose_ids_are_written_otherwise_is_refused() -> None:
    """Nobody would be held out, and the message names the form of the ids, not the labels."""
    with pytest.raises(InvalidInput, match=r"none of 2,000 decided units is held out") as e:
        checked(arms=lambda a: a.assign(id=a["id"].str.lstrip("0")))
    assert "would be known if written alike" in str(e.value)
    assert "sources.ids: number" in str(e.value)


def test_a_list_of_the_held_out_of_which_some_are_written_otherwise_leaves_no_verdict() -> None:
    """Those would count as treated although they were held out."""
    report = checked(
        arms=lambda a: a.assign(id=a["id"].where(a.index % 10 > 0, a["id"].str.lstrip("0")))
    )
    assert "arms_matched" in failing(report)
    assert report.verdict == "inconclusive"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_precision_with_a_zone_are_read(unit: str) -> None:
    """A frame holds nanoseconds or seconds, of Berlin or of UTC: the moment is the same."""
    expected = checked().analysis.realized
    for zone in ("UTC", "Europe/Berlin"):
        moved = checked(
            events=lambda e, z=zone: e.assign(
                at=e["at"].dt.floor("s").dt.tz_convert(z).dt.as_unit(unit)
            )
        )
        assert moved.analysis.realized.estimate.lift == pytest.approx(
            expected.estimate.lift, abs=1e-9
        )


def _filtered(wanted: list[str], held: list[str]) -> LiftReport:
    """The check of the clean world whose orders have these states in turn, where some of them count."""
    given = tables()
    given["events"]["state"] = [held[i % len(held)] for i in range(N)]
    events = {**CONTRACT["sources"]["events"], "filter": {"state": wanted}}
    contract = {**CONTRACT, "sources": {**CONTRACT["sources"], "events": events}}
    return check_outcomes(given, contract, as_of="2027-03-01")


@pytest.mark.parametrize(
    ("wanted", "held", "said"),
    [
        (["bezahlt", "versendt"], ["bezahlt", "versendet"], "Did you mean 'versendet'?"),
        (["bezahlt", "open"], ["BEZAHLT", "open"], "Did you mean 'BEZAHLT'?"),
        (["bezahlt", "Versendet"], ["bezahlt", "Versendet "], "Did you mean 'Versendet '?"),
        (["bezahlt", "vresendet"], ["bezahlt", "versendet"], "Did you mean 'versendet'?"),
    ],
)
def test_a_slip_in_a_filter_is_refused_with_the_values_that_are_there(
    wanted: list[str], held: list[str], said: str
) -> None:
    """A misspelt value would leave its rows out without a sign."""
    with pytest.raises(InvalidInput) as refused:
        _filtered(wanted, held)
    assert said in str(refused.value)
    assert all(f"{word!r} (1,000 rows)" in refused.value.what for word in held)


@pytest.mark.parametrize(
    ("wanted", "held", "missing"),
    [
        (["paid", "shipped"], ["paid", "cancelled"], ["shipped"]),
        (["paid", "size 2"], ["paid", "size 1"], ["size 2"]),
        (["paid", "PAID"], ["paid", "cancelled"], ["PAID"]),
        (["paid"], ["paid", "cancelled"], None),
    ],
)
def test_a_value_of_a_filter_that_no_row_has_is_told_in_the_report(
    wanted: list[str], held: list[str], missing: list[str] | None
) -> None:
    """A rare state may be absent from a file; the reader learns of it and of what was left out."""
    report = _filtered(wanted, held)
    assert report.moments.joined is not None
    found = report.moments.joined.to_dict().get("unmatched")
    assert found == (missing and {"events.state": missing})
    told = " ".join(warnings_of(Joined.from_dict(report.moments.joined.to_dict())))
    expected = (
        f"No row of the events has {missing and missing[0]!r} in state, which the filter lists"
    )
    assert (expected in told) is (missing is not None)


@pytest.mark.parametrize("broken", ["decisions", "events"])
def test_a_broken_row_is_told_with_the_file_that_it_is_in(tmp_path: Path, broken: str) -> None:
    """Of several tables the line alone would not say where to look."""
    given = {}
    for role, frame in tables().items():
        given[role] = str(tmp_path / f"{role}.csv")
        pd.concat([frame] * 20).to_csv(given[role], index=False)
    with open(given[broken], "a", encoding="utf-8") as f:  # noqa: PTH123 - a path as text
        f.write("00001\n")
    with pytest.raises(InvalidInput, match=r"line 40002: Expected Number of Columns") as refused:
        check_outcomes(given, CONTRACT, as_of="2027-03-01")
    assert f"{broken}.csv" in refused.value.where


def test_a_filter_is_told_of_as_it_is_applied() -> None:
    """Text of the contract is compared as it is written, also where it is looked for."""
    decisions = pd.DataFrame({"unit": ["1", "2"], "at": "2027-01-04", "arm": ["a", "b"]})
    events = pd.DataFrame({"unit": ["1", "2"], "at": "2027-01-05", "state": ["7", "paid"]})
    said = {
        "metric": "m",
        "kind": "binary",
        "predicted": {"lift": 0.1, "se": 0.01},
        "window": "5d",
        "sources": {
            "decisions": {"unit": "unit", "at": "at"},
            "arms": {"column": "arm", "treated": "a", "holdout": "b"},
            "events": {"unit": "unit", "at": "at", "complete_until": "now", "filter": {"state": ["007", "paid"]}},
            "outcome": "any",
        },
    }  # fmt: skip
    tables = {"decisions": decisions, "events": events}
    with joined_log(tables, PredictedLift.load(said), as_of="2027-03-01") as log:
        assert log.joined.unmatched == {"events.state": ("007",)}
        assert sorted(log.rows("unit", "outcome")) == [("1", 0), ("2", 1)]
