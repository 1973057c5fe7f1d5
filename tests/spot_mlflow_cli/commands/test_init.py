"""``spot init``: a lift.yaml that loads, the questions, a tag on every untouched model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner, Result

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_cli.main import spot

if TYPE_CHECKING:
    from spot_mlflow.record import Record


def run(*arguments: str) -> Result:
    """Runs ``spot init`` in this process."""
    return CliRunner().invoke(spot, ["init", *arguments], standalone_mode=False)


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ("customer_id,treatment,converted", "1,control,0\n2,treated,1", {"unit": "customer_id", "arm": "treatment", "treated": "treated", "holdout": "control", "outcome": "converted"}),
        ("ID,Promotion,purchase", "1,No,0\n2,Yes,1", {"unit": "ID", "arm": "Promotion", "treated": "Yes", "holdout": "No", "outcome": "purchase"}),
        ("segment,visit", "Mens E-Mail,1\nWomens E-Mail,0\nNo E-Mail,0", {"arm": "segment", "treated": ["Mens E-Mail", "Womens E-Mail"], "holdout": "No E-Mail", "outcome": "visit"}),
        ("any,got,villnum", "1.0,1.0,3\n0.0,0.0,4", {"arm": "any", "treated": 1, "holdout": 0, "outcome": "got", "cluster": "villnum"}),
    ],
)  # fmt: skip
def test_columns_and_arms_are_guessed(
    header: str,
    row: str,
    columns: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The contract loads as it is, with the columns and labels of the file."""
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text(f"{header}\n{row}\n")
    assert "spot promise" in run("log.csv").stdout
    contract = PredictedLift.load("lift.yaml")
    assert (
        contract.to_dict()["columns"]
        | {k: v for k, v in columns.items() if k in {"treated", "holdout"}}
        == columns
    )


def test_every_comment_names_a_key_that_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all comments taken away, what is left is still a contract: no key is made up."""
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("arm,outcome\n1,1\n0,0\n")
    text = run("log.csv", "-o", "-").stdout
    known = set(PredictedLift.model_fields)
    commented = [
        line[2:].split(":")[0]
        for line in text.splitlines()
        if line.startswith("# ") and ": " in line
    ]
    assert [k for k in commented if k.isidentifier() and k not in known and k.islower()] == []
    assert yaml.safe_load(text)["kind"] == "binary"


def test_money_is_told_from_yes_and_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outcome with many values is money."""
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("arm,spend\n1,12.5\n0,0\n1,3\n")
    assert yaml.safe_load(run("log.csv", "-o", "-").stdout)["kind"] == "money"


@pytest.mark.parametrize(
    ("outcome", "values", "kind", "direction"),
    [
        ("orders", (0, 3, 1), "count", "increase"),
        ("revenue", (0, 300, 20), "money", "increase"),
        ("churned", ("yes", "no", "no"), "binary", "decrease"),
        ("cancelled", (1, 0, 0), "binary", "decrease"),
    ],
)
def test_counts_and_unwanted_outcomes_are_told(
    *,
    outcome: str,
    values: tuple[object, ...],
    kind: str,
    direction: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Small whole numbers are counts; of churn, less is better."""
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text(
        f"arm,{outcome}\n" + "".join(f"{i % 2},{v}\n" for i, v in enumerate(values))
    )
    found = yaml.safe_load(run("log.csv", "-o", "-").stdout)
    assert (found["columns"]["outcome"], found["kind"], found["direction"]) == (
        outcome,
        kind,
        direction,
    )


def test_no_name_or_label_can_write_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line breaks in columns and arms stay inside their comments."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.chdir(tmp_path)
    evil = "x\nkind: evil\u2028#"
    table = pa.table({"arm": [evil, "B"], evil: [1, 2], "y: #": ["a", "b"]})
    pq.write_table(table, "log.parquet")
    found = yaml.safe_load(run("log.parquet", "-o", "-").stdout)
    assert set(found) <= set(PredictedLift.model_fields)
    assert found["kind"] == "binary"


def test_a_file_that_is_there_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--force writes over it; without, nothing changes."""
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("arm,outcome\n1,1\n0,0\n")
    Path("lift.yaml").write_text("mine")
    assert "already exists" in str(run("log.csv").exception)
    assert Path("lift.yaml").read_text() == "mine"
    run("log.csv", "--force")
    assert Path("lift.yaml").read_text() != "mine"


def test_the_next_command_names_the_file_that_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the file as in the terminal, also under a name of one's own."""
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("arm,converted\ncontrol,0\nmail,1\n")
    assert "MODEL/VERSION upsell.yaml" in run("log.csv", "-o", "upsell.yaml").output
    text = Path("upsell.yaml").read_text()
    assert "MODEL/VERSION upsell.yaml" in text
    assert "lift.yaml" not in text


def test_dry_run_prints_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract goes to standard output."""
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("arm,outcome\n1,1\n0,0\n")
    assert "metric: outcome" in run("log.csv", "--dry-run").stdout
    assert not Path("lift.yaml").exists()


def test_the_instrument_is_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy loads as an instrument of one's own."""
    from spot_mlflow.readiness.instrument import Instrument, shipped_instrument

    monkeypatch.chdir(tmp_path)
    assert "SPOT_INSTRUMENT" in run("--instrument").stdout
    assert Instrument.load(Path("instrument.yaml")).hash == shipped_instrument().hash


def test_all_tags_models_not_yet_touched(churn: Record) -> None:
    """Every model gets its headline; --dry-run only counts, a second run finds nothing to do."""
    assert "1 model would be tagged" in run("--all", "--dry-run").stdout
    assert "spot" not in dict(churn.portfolio()[0][1])
    assert "1 model tagged" in run("--all").stdout
    assert "not assessed" in churn.portfolio()[0][1]["spot"]
    assert "0 models tagged" in run("--all").stdout


def test_one_thing_at_a_time() -> None:
    """SOURCE, --instrument and --all exclude each other."""
    assert "one of SOURCE" in str(run("--all", "--instrument").exception)
    assert "one of SOURCE" in str(run().exception)
