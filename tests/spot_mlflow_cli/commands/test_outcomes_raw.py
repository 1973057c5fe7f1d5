"""``spot outcomes`` over raw tables: given by options, named by the promise, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from raw_files import AS_OF, CONTRACT, options, tables

import spot_mlflow as spot
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
