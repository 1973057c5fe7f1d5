from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml

from spot_mlflow_checks.draft import draft_contract
from spot_mlflow_checks.engines import open_any

if TYPE_CHECKING:
    from pathlib import Path


def drafted(source: Any, **options: Any) -> tuple[dict[str, Any], str]:
    """Returns the columns of a first contract, and its text."""
    with open_any(source, {}, **options) as opened:
        text = draft_contract(opened)
    return yaml.safe_load(text)["columns"], text


def frame(**columns: Any) -> Any:
    """A log of 40 rows: each column repeats its values."""
    return pd.DataFrame({k: np.resize(np.array(v, dtype=object), 40) for k, v in columns.items()})


@pytest.mark.parametrize("words", [("TRUE", "FALSE"), ("yes", "no"), ("t", "f"), ("Y", "N")])
@pytest.mark.parametrize("outcome", ["retention_7", "paid_within_30", "hasConverted", "anything"])
def test_an_outcome_is_never_the_arm(words: tuple[str, str], outcome: str) -> None:
    """A column of yes and no is no arm, unless its name says so."""
    columns, _ = drafted(
        frame(userid=range(40), **{outcome: words}, version=["gate_30", "gate_40"])
    )
    assert columns["arm"] == "version"
    assert columns.get("model_version") is None
    assert columns["outcome"] == ("CHANGE_ME" if outcome == "anything" else outcome)
    assert drafted(frame(treated=words, converted=words))[0]["arm"] == "treated"


@pytest.mark.parametrize(
    "name",
    [
        "userid",
        "userId",
        "User ID",
        "customerId",
        "cust_id",
        "CUSTOMERID",
        "visitor-id",
        "uid",
        "Customer No",
        "Kunden-Nr.",
    ],
)
def test_the_unit_is_found_under_its_usual_names(name: str) -> None:
    """With or without underscores, in any case."""
    assert drafted(frame(**{name: range(40)}, arm=["a", "control"]))[0]["unit"] == name


@pytest.mark.parametrize(
    ("column", "labels", "holdout"),
    [
        ("campaign", ["email", "holdout"], "holdout"),
        ("what", ["Mens E-Mail", "No E-Mail", "Womens E-Mail"], "No E-Mail"),
        ("x", ["placebo", "drug"], "placebo"),
        ("landing_page", ["old_page", "new_page"], 0),
        ("user_group", ["A", "B"], 0),
    ],
)
def test_arms_are_found_by_their_words(column: str, labels: list[str], holdout: Any) -> None:
    """A word like holdout tells the arm; where none tells which was left alone, that is asked."""
    columns, text = drafted(frame(**{column: labels}, y=[0, 1, 1]))
    assert columns["arm"] == column
    assert columns["holdout"] == holdout
    assert ("CHANGE: the log has" in text) == (holdout == 0)


def test_a_model_version_stays_one_where_there_is_an_arm() -> None:
    """``version`` is the arm only where no other column is."""
    columns, _ = drafted(frame(version=["1", "2"], arm=["treatment", "control"], y=[0, 1]))
    assert (columns["arm"], columns["model_version"]) == ("arm", "version")


def test_every_guess_says_why() -> None:
    """Each line of a guessed column has a comment with the reason."""
    _, text = drafted(frame(userid=range(40), what=["holdout", "mail"], converted=[0, 1]))
    lines = {line.split(":")[0].strip(): line for line in text.splitlines()}
    assert "# guessed by its name" in lines["unit"]
    assert "# guessed it holds 'holdout'" in lines["arm"] or "it holds 'holdout'" in lines["arm"]
    assert "# guessed by the word" in lines["holdout"]


@pytest.mark.parametrize("options", [{"table": "t"}, {"query": "SELECT * FROM t"}])
def test_a_database_is_drafted_as_a_file_is(options: dict[str, str], tmp_path: Path) -> None:
    """By table and by query, with the same guesses."""
    log = frame(userid=list(range(40)), arm=["control", "treatment"], converted=[0, 1, 1])
    with sqlite3.connect(tmp_path / "log.db") as c:
        log.to_sql("t", c, index=False)
    c.close()
    columns, _ = drafted(f"sqlite:///{tmp_path / 'log.db'}", **options)
    assert columns == drafted(log)[0]
    assert (columns["arm"], columns["holdout"]) == ("arm", "control")


def test_a_log_as_a_spreadsheet_writes_it_is_read_or_marked(tmp_path: Path) -> None:
    """The only column of times is the decision; days and amounts in the form of a country are marked, and money."""
    path = tmp_path / "log.csv"
    path.write_text(
        "Customer No;Group;Contacted on;Revenue\n"
        + "".join(
            f"C{i};{('control', 'mail')[i % 2]};{i % 28 + 1:02d}.08.2026;{i},50\n"
            for i in range(80)
        )
    )
    columns, text = drafted(str(path))
    assert columns["unit"] == "Customer No"
    assert columns["decided_at"] == "Contacted on"
    lines = {line.split(":")[0].strip(): line for line in text.splitlines()}
    assert "CHANGE: 01.08.2026 is not read, write it as 2027-01-31" in lines["decided_at"]
    assert "CHANGE: 0,50 is not read, write it as 1234.50" in lines["outcome"]
    assert yaml.safe_load(text)["kind"] == "money"


def test_two_columns_of_times_are_not_told_apart_by_their_values() -> None:
    """Neither is taken for the decision without a name that says so."""
    log = frame(userid=range(40), arm=["a", "control"], begun=["2026-08-01"], ended=["2026-08-03"])
    assert "decided_at" not in drafted(log)[0]


def test_what_was_renewed_is_the_outcome_before_its_revenue() -> None:
    """A column of yes and no under a name like renewed comes before an amount."""
    log = frame(userid=range(40), arm=["a", "control"], Revenue=[0, 12.5], Renewed=["no", "yes"])
    assert drafted(log)[0]["outcome"] == "Renewed"


def test_the_first_contract_has_a_place_for_what_the_plan_needs() -> None:
    """``predicted.baseline``, commented out, under the promise."""
    _, text = drafted(frame(userid=range(40), arm=["a", "control"], converted=[0, 1]))
    promise = text[text.index("predicted:") : text.index("# minimum_viable")]
    assert "  # baseline: " in promise
