"""``spot outcomes`` over raw tables: given by options, named by the promise, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from raw_files import AS_OF, CONTRACT, options, tables

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_cli.main import spot as command_line

if TYPE_CHECKING:
    from pathlib import Path

    from spot_mlflow.record import Record


def run(*arguments: str, exit_code: int = 0) -> Result:
    """Runs ``spot outcomes churn/1`` in this process."""
    given = ["outcomes", "churn/1", *arguments, "--as-of", AS_OF]
    result = CliRunner().invoke(command_line, given, standalone_mode=False)
    raised = result.exception
    code = raised.code if isinstance(raised, SystemExit) else getattr(raised, "exit_status", 0)
    assert code == exit_code, raised or result.output
    return result


def test_tables_are_given_by_options(churn: Record, tmp_path: Path) -> None:
    """Four files and one command lead to a recorded verdict."""
    spot.log_predicted_lift("churn/1", CONTRACT, record=churn)
    said = json.loads(run(*options(tables(tmp_path)), "--format", "json").stdout)
    assert (said["verdict"], said["recorded"], said["rows"]) == ("met", True, 2000)
    rules = {(r["table"], r["rule"]): r["count"] for r in said["joined"]["rules"]}
    assert rules["arms", "rows"] == 500
    assert rules["events", "in_window"] + rules["events", "units_without_events"] == 2000


def test_the_promise_alone_names_the_tables(churn: Record, tmp_path: Path) -> None:
    """``spot outcomes MODEL`` is enough; the same figures are not recorded twice."""
    given, sources = tables(tmp_path), CONTRACT["sources"]
    named = {
        **CONTRACT,
        "sources": {
            **sources,
            "decisions": {**sources["decisions"], "table": given["decisions"]},
            "arms": {"held_out": given["arms"], "unit": "customer"},
            "events": {**sources["events"], "table": given["events"]},
        },
    }
    spot.log_predicted_lift("churn/1", named, record=churn)
    assert "Recorded for churn/1" in run().stdout
    assert "On record already" in run().stdout


def test_the_end_of_the_feed_may_be_given_with_the_tables(churn: Record, tmp_path: Path) -> None:
    """What the promise says of a feed is not true of every file."""
    spot.log_predicted_lift("churn/1", CONTRACT, record=churn)
    given = [*options(tables(tmp_path)), "--complete-until", "2026-01-20", "--format", "json"]
    said = json.loads(run(*given).stdout)
    assert said["as_of"] == "2026-01-20T23:59:59+00:00"
    assert said["matured"] < said["assigned"] < 2000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "names no table"),
        (("--steps", "steps.csv"), "does not say what their columns mean"),
        (
            ("--decisions", "n.csv", "--arms", "n.csv", "--events", "n.csv"),
            "decisions: n.csv: no such file",
        ),
        (("--complete-until", "soon"), "is not a date"),
    ],
)
def test_what_cannot_be_read_is_refused(
    churn: Record, arguments: tuple[str, ...], said: str
) -> None:
    """One message, exit status 2, and nothing on record."""
    spot.log_predicted_lift("churn/1", CONTRACT, record=churn)
    assert said in str(run(*arguments, exit_code=2).exception)
    assert churn.adoption("churn/1").latest_check is None


def test_a_promise_without_sources_asks_for_a_log(churn: Record) -> None:
    """Neither a log nor tables: the message says what to add."""
    plain = {k: v for k, v in CONTRACT.items() if k != "sources"}
    plain["columns"] = {"arm": "arm", "outcome": "y"}
    spot.log_predicted_lift("churn/1", plain, record=churn)
    assert "the contract has no sources" in str(run(exit_code=2).exception)


LOG = {
    "metric": "bought",
    "predicted": {"lift": 0.3, "se": 0.05},
    "columns": {"arm": "arm", "treated": "t", "holdout": "c", "outcome": "bought"},
}


def ready(folder: Path) -> Path:
    """A ready log of 400 units whose treated buy more often."""
    rows = [f"{arm},{int(i < n)}" for arm, n in (("t", 120), ("c", 60)) for i in range(200)]
    path = folder / "log.csv"
    path.write_text("\n".join(["arm,bought", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("where", ["file", "database"])
def test_the_promise_alone_names_the_ready_log(
    churn: Record, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path, or a table of a database whose address an environment variable holds."""
    path = ready(tmp_path)
    named: Any = str(path)
    if where == "database":
        url = f"sqlite:///{tmp_path / 'log.db'}"
        pd.read_csv(path).to_sql("outcomes", url, index=False)
        monkeypatch.setenv("SHOP", url)
        named = {"database": "${SHOP}", "table": "outcomes"}
    spot.log_predicted_lift("churn/1", {**LOG, "outcome_log": named}, record=churn)
    said = json.loads(run("--format", "json").stdout)
    assert (said["recorded"], said["rows"]) == (True, 400)
    assert said["realized"]["lift"] == pytest.approx(0.3)
    assert "On record already" in run().stdout
    assert "On record already" in run(str(path)).stdout  # and it may be given all the same


def test_a_ready_log_and_raw_tables_are_not_both_named(tmp_path: Path) -> None:
    """Nor is a table of a database named without the database."""
    with pytest.raises(InvalidInput, match=r"give outcome_log \(a ready log\) or sources"):
        PredictedLift.load({**CONTRACT, "outcome_log": str(ready(tmp_path))})
    with pytest.raises(InvalidInput, match="outcome_log: query needs database"):
        PredictedLift.load({**LOG, "outcome_log": {"query": "SELECT 1"}})
    with pytest.raises(InvalidInput, match="outcome_log: names no log"):
        PredictedLift.load({**LOG, "outcome_log": {"database": "sqlite:///x.db"}})


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nothing.parquet", "nothing.parquet"),
        ({"database": "${NO_SUCH_SHOP}", "table": "x"}, "NO_SUCH_SHOP is not set"),
    ],
)
def test_a_ready_log_that_is_not_there_is_named(churn: Record, named: Any, said: str) -> None:
    """By its path or variable, with exit status 2; nothing is recorded."""
    spot.log_predicted_lift("churn/1", {**LOG, "outcome_log": named}, record=churn)
    assert said in str(run(exit_code=2).exception)
    assert not churn.adoption("churn/1").checks.get("1")


def test_a_table_without_a_database_is_refused(churn: Record) -> None:
    """``--table`` says which table of SOURCE; alone it would be passed over."""
    spot.log_predicted_lift("churn/1", CONTRACT, record=churn)
    result = CliRunner().invoke(command_line, ["outcomes", "churn/1", "--table", "x"])
    assert result.exit_code == 2
    assert "--table needs SOURCE" in result.output


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "Next: spot gate churn/1 --to Production"),
        ({"outcome_log": "log.csv"}, "Next: spot outcomes churn/1"),
        (
            {
                "outcome_log": "log.csv",
                "measurement": {"owner": "Kim", "first_check": "2999-04-20"},
            },
            "Next, from 20 April 2999: spot outcomes churn/1",
        ),
    ],
)
def test_a_promise_names_the_next_step(
    churn: Record, tmp_path: Path, keys: dict[str, Any], said: str
) -> None:
    """The gate where outcomes are given by hand; where they are named, the check and its day."""
    assert churn
    path = tmp_path / "lift.yaml"
    path.write_text(json.dumps({**LOG, **keys}), encoding="utf-8")
    out = CliRunner().invoke(command_line, ["promise", "churn/1", str(path)]).stdout
    assert said in out.replace("\n", " ")
    path.write_text(json.dumps(CONTRACT), encoding="utf-8")
    out = CliRunner().invoke(command_line, ["promise", "churn/1", str(path)]).stdout
    assert "days old: spot outcomes churn/1 --decisions TABLE --arms TABLE --events TABLE" in out
