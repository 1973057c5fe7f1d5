"""``spot log``: the log, the page of the rules, and the SQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner
from raw_files import AS_OF, CONTRACT, options, tables

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Rule
from spot_mlflow.reporting.words.join_rules import DONE
from spot_mlflow_cli.main import spot as command_line

if TYPE_CHECKING:
    from spot_mlflow.record import Record


def run(*arguments: str) -> str:
    """Runs ``spot log``; what it printed."""
    given = ["log", *arguments]
    result = CliRunner().invoke(command_line, given, standalone_mode=False, catch_exceptions=False)
    return result.stdout


def test_a_log_is_written_with_the_page_of_its_rules(tmp_path: Path) -> None:
    """The page names every rule, those that touched nothing apart; nothing is written over unasked."""
    contract, out = tmp_path / "lift.yaml", tmp_path / "log.parquet"
    contract.write_text(yaml.safe_dump(CONTRACT))
    given = [str(contract), *options(tables(tmp_path)), "--as-of", AS_OF, "--out", str(out)]
    assert "2,000 rows" in run(*given)
    page = (tmp_path / "log.html").read_text()
    assert "in the window: the outcome" in page
    assert "complete_until" in page
    quiet = page.partition("Rules that touched nothing (")[2].partition("</details>")[0]
    assert DONE[Rule.FILTERED] in quiet
    assert DONE[Rule.IN_WINDOW] not in quiet
    with pytest.raises(InvalidInput, match="already exists"):
        run(*given)
    assert "2,000 rows" in run(*given, "--force")


def test_the_promise_on_record_is_enough(churn: Record, tmp_path: Path) -> None:
    """MODEL in place of a file."""
    spot.log_predicted_lift("churn/1", CONTRACT, record=churn)
    out = str(tmp_path / "log.csv")
    assert "2,000 rows" in run(
        "churn/1", *options(tables(tmp_path)), "--as-of", AS_OF, "--out", out
    )


def test_the_sql_is_printed_and_nothing_is_read(tmp_path: Path) -> None:
    """One query, for an engine that is not at hand."""
    contract = tmp_path / "lift.yaml"
    contract.write_text(yaml.safe_dump(CONTRACT))
    said = run(str(contract), "--sql", "snowflake", "--as-of", AS_OF)
    assert said.startswith("-- The outcome log of 'bought' as of 2026-06-01")
    assert "WITH" in said
    assert list(Path(tmp_path).iterdir()) == [contract]
