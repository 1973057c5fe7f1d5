"""A table reduced elsewhere gives the answer of the rows, and says what it cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from pathlib import Path

    from spot_mlflow.lift.report import LiftReport

CONTRACT: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.02, "se": 0.004},
    "window": "7d",
    "columns": {"unit": "id", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y",
                "decided_at": "day", "segment": "region"},
}  # fmt: skip
MONEY = {**CONTRACT, "kind": "money", "predicted": {"lift": 0.5, "se": 0.1},
         "columns": {**CONTRACT["columns"], "covariate": "x"}}  # fmt: skip
AS_OF = "2027-03-01"


def rows(n: int = 6000, *, money: bool = False) -> pd.DataFrame:
    """A log of 20 days, half treated; binary outcomes or money that a covariate explains."""
    r = np.random.default_rng(3)
    arm = r.choice(["t", "c"], n)
    x = r.gamma(3, 10, n)
    y = (
        x + r.normal(5, 4, n) + 0.5 * (arm == "t")
        if money
        else (r.random(n) < 0.1 + 0.02 * (arm == "t"))
    )
    day = pd.Timestamp("2027-01-04 12:00") + pd.to_timedelta(np.arange(n) % 20, unit="D")
    return pd.DataFrame({"id": np.arange(n), "arm": arm, "y": y * 1.0, "x": x, "day": day,
                         "region": r.choice(["North", "South"], n)})  # fmt: skip


def table(frame: pd.DataFrame, *, money: bool = False) -> pd.DataFrame:
    """What a warehouse makes of it."""
    sums = {"n": ("y", "size"), "sum": ("y", "sum"), "sum_of_squares": ("yy", "sum")}
    if money:
        sums |= {"covariate_sum": ("x", "sum"), "covariate_sum_of_squares": ("xx", "sum"),
                 "covariate_product": ("xy", "sum")}  # fmt: skip
    made = frame.assign(
        day=frame["day"].dt.normalize(),
        yy=frame["y"] ** 2,
        xx=frame["x"] ** 2,
        xy=frame["x"] * frame["y"],
    )
    return made.groupby(["arm", "region", "day"], as_index=False).agg(**sums)


def assert_same(found: LiftReport, wanted: LiftReport) -> None:
    """Lift, interval, verdict and segments agree."""
    a, b = found.to_dict(), wanted.to_dict()
    assert (a["verdict"], a["matured"], a["evidence"]) == (
        b["verdict"],
        b["matured"],
        b["evidence"],
    )
    for key in ("lift", "low", "high", "se", "n_treatment", "n_holdout", "mean_holdout"):
        assert a["realized"][key] == pytest.approx(b["realized"][key], rel=1e-9), key
    assert [s["label"] for s in a["segments"]] == [s["label"] for s in b["segments"]]
    for x, y in zip(a["segments"], b["segments"], strict=True):
        assert x["estimate"]["lift"] == pytest.approx(y["estimate"]["lift"], rel=1e-8)


@pytest.mark.parametrize("form", ["frame", "CSV"])
def test_a_binary_table_gives_the_answer_of_its_rows(form: str, tmp_path: Path) -> None:
    """Without sums of squares, which a binary outcome does not need; days that are open do not count."""
    frame = rows()
    given: Any = table(frame).drop(columns="sum_of_squares")
    if form == "CSV":
        given.to_csv(tmp_path / "reduced.csv", index=False)
        given = tmp_path / "reduced.csv"
    for as_of in (AS_OF, "2027-01-25"):
        found = check_outcomes(given, CONTRACT, as_of=as_of, reduced=True)
        assert_same(found, check_outcomes(frame, CONTRACT, as_of=as_of))
    notes = found.to_dict()["notes"]
    assert any("reduced elsewhere: duplicates, units in two arms" in n for n in notes)


def test_a_table_of_money_with_a_covariate_gives_the_adjusted_answer() -> None:
    """Sums of products are enough for CUPED; that skewness cannot be seen is said."""
    frame = rows(money=True)
    found = check_outcomes(table(frame, money=True), MONEY, as_of=AS_OF, reduced=True)
    wanted = check_outcomes(frame, MONEY, as_of=AS_OF)
    assert found.to_dict()["realized"]["lift"] == pytest.approx(
        wanted.to_dict()["realized"]["lift"], rel=1e-8
    )
    assert found.to_dict()["realized"]["se"] == pytest.approx(
        wanted.to_dict()["realized"]["se"], rel=1e-8
    )
    assert any("Sums of cubes are not in a reduced table" in n for n in found.to_dict()["notes"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop(columns="n"), "column 'n' is missing"),
        (lambda t: t.rename(columns={"arm": "group"}), "column 'arm' is missing"),
        (lambda t: t.iloc[:0], "it is empty"),
        (lambda t: t.assign(n=t["n"] + 0.5), "row 1: n must be a whole number"),
        (lambda t: t.assign(sum=t["n"] + 1), "row 1: the sum of a binary outcome must be 0 to n"),
        (lambda t: t.assign(sum="many"), "row 1: sum is not a number"),
        (lambda t: t.assign(day="soon"), "row 1: day is not a date"),
        (lambda t: t.assign(arm="x"), "arm 'x' is not one the contract names"),
        (lambda t: t[t["arm"] == "t"], "no row of arm 'holdout'"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_with_its_place(change: Any, says: str) -> None:
    """Row or column, and what is wrong with it."""
    with pytest.raises(InvalidInput, match=says):
        check_outcomes(change(table(rows())), CONTRACT, as_of=AS_OF, reduced=True)


def test_sums_that_no_outcomes_have_are_refused() -> None:
    """A sum of squares below sum^2 / n."""
    made = table(rows(money=True), money=True).assign(sum_of_squares=1.0)
    with pytest.raises(InvalidInput, match="which no outcomes have"):
        check_outcomes(made, MONEY, as_of=AS_OF, reduced=True)


def test_what_needs_rows_is_refused() -> None:
    """Clusters cannot be told from sums by arm."""
    contract = {**CONTRACT, "columns": {**CONTRACT["columns"], "cluster": "village"}}
    with pytest.raises(InvalidInput, match=r"columns\.cluster, which sums by arm cannot show"):
        check_outcomes(table(rows()), contract, as_of=AS_OF, reduced=True)


def test_a_reduced_table_too_is_held_to_the_units_of_the_last_check() -> None:
    """Days that were there before and are not now: refused."""
    made = table(rows())
    before = check_outcomes(made, CONTRACT, as_of=AS_OF, reduced=True)
    with pytest.raises(InvalidInput, match="decided on 4 January 2027 are not in the log"):
        check_outcomes(
            made[made["day"] > "2027-01-04 00:00"],
            CONTRACT,
            as_of=AS_OF,
            reduced=True,
            previous=before,
        )


@pytest.mark.parametrize(
    ("control", "says", "fails"),
    [
        ({"total": 6000, "source": "crm", "of": "units"}, "within 1 %", []),
        (
            {"total": 6400, "source": "crm", "of": "units"},
            "6,000 units, crm has 6,400: 6.2 % less, and 1 % is allowed",
            ["control_totals"],
        ),
        ({"total": 6400, "source": "crm", "of": "units", "within": 0.1}, "within 10 %", []),
        ({"total": 3000, "source": "crm", "of": "units", "last": "2027-01-13"}, "within 1 %", []),
    ],
)
def test_a_ledger_that_disagrees_stops_the_verdict(
    control: dict[str, Any], says: str, fails: list[str]
) -> None:
    """The check names both figures; beyond what was declared no verdict is given."""
    report = check_outcomes(rows(), {**CONTRACT, "control": control}, as_of=AS_OF)
    (check,) = [c for c in report.checks if c.name == "control_totals"]
    assert says in check.message
    assert [c.name for c in report.checks if c.severity == "critical" and not c.success] == fails
    assert str(report.to_dict()["reason"]).startswith("data:") is bool(fails)
    assert not fails or report.verdict == "inconclusive"


def test_a_total_in_cents_is_recognised() -> None:
    """The ledger is in cents: said, beside the figures; a contract without control asks nothing."""
    frame = rows(money=True)
    control = {"total": 100 * float(frame["y"].sum()), "source": "orders.ledger"}
    report = check_outcomes(frame, {**MONEY, "control": [control]}, as_of=AS_OF)
    (check,) = [c for c in report.checks if c.name == "control_totals"]
    assert "one of them may be in cents" in check.message
    names = {c.name for c in check_outcomes(frame, MONEY, as_of=AS_OF).checks}
    assert "control_totals" not in names
