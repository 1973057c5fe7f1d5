"""Two public experiments, split into the tables that a company would have, lead to the known lifts."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from terminal import run_spot

SPLIT = Path(__file__).resolve().parents[2] / "examples" / "raw_tables" / "split.py"
LEFT_OUT = ["", "", "", ""]  # baseline, minimum, share held out, owner
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "raw-example.md"


def measured(name: str, source: Path, answers: list[str], as_of: str, **keys: str) -> Any:
    """Splits, maps with the answers that the guide types, promises and checks; the JSON of the check."""
    runpy.run_path(str(SPLIT))["split"](name, source, Path(name))
    client = MlflowClient()
    client.create_registered_model(name)
    client.create_model_version(name, source="s3://nowhere/model")
    tables = sorted(str(p) for p in Path(name).glob("*.csv"))
    run = run_spot("init", *tables, "--ask", typed="\n".join([*answers, *LEFT_OUT]) + "\n")
    assert run.status == 0, run.err
    text = Path("lift.yaml").read_text(encoding="utf-8").replace("before: 28d", "before: none")
    for key, value in keys.items():
        text = re.sub(rf"(?m)^# {key}: .*$", f"{key}: {value}", text)
    Path("lift.yaml").write_text(text, encoding="utf-8")
    promised = run_spot("promise", name, "lift.yaml")
    assert promised.status == 0, promised.err
    checked = run_spot("outcomes", name, "--as-of", as_of, "--format", "json")
    assert checked.status == 0, checked.err
    return checked.json


def reference(folder: Path, key: str) -> Any:
    """What scipy, statsmodels, tea-tasting and gbstats agree on."""
    return json.loads((folder / "reference.json").read_text(encoding="utf-8"))[key]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mlflow_uri
    monkeypatch.chdir(tmp_path)


def test_hillstrom_as_raw_tables_gives_the_known_lift_of_each_e_mail(shared_data: Path) -> None:
    """Scores, groups, orders and mailings, with a table of visits that nobody needs."""
    answers = ["1", "2008-04-10", "sum", "14d", "UTC", "0.5", "0.15"]
    found = measured("hillstrom", shared_data / "hillstrom.csv", answers, "2008-04-10")
    lifts = {a["label"]: a["estimate"]["lift"] for a in found["arms"]}
    for label, key in (("Mens E-Mail", "mens"), ("Womens E-Mail", "womens")):
        known = reference(shared_data, f"hillstrom/{key}/spend")["diff"]
        assert lifts[label] == pytest.approx(known, abs=1e-9)
    rules = {(r["table"], r["rule"]): r["count"] for r in found["joined"]["rules"]}
    assert (rules["decisions", "rows"], rules["events", "unit_without_decision"]) == (64_000, 0)
    sources = Path("lift.yaml").read_text(encoding="utf-8").partition("\nsources:")[2]
    assert sources.count("about 100 % of its ids are among the decisions") == 2
    assert "# not used: hillstrom/visits.csv" in sources


def test_starbucks_as_raw_tables_gives_the_known_lift_and_that_it_is_not_worth_its_cost(
    shared_data: Path,
) -> None:
    """Lift and interval to 1e-9; below the break-even of 1.5 points that value and cost make."""
    answers = ["1", "2018-02-10", "any", "14d", "UTC", "0.02", "0.002"]
    source = shared_data / "starbucks_promo_training.csv"
    money = "{unit: USD, value: 10, offer_cost: 0.15}"
    found = measured("starbucks", source, answers, "2018-02-10", economics=money)
    known, realized = reference(shared_data, "starbucks_training/purchase"), found["realized"]
    assert realized["lift"] == pytest.approx(known["diff"], abs=1e-9)
    assert (realized["n_treatment"], realized["n_holdout"]) == (known["n_t"], known["n_c"])
    assert found["economics"]["break_even"] == pytest.approx(0.015, abs=1e-12)
    assert (found["verdict"], found["viable"]) == ("shortfall", "not viable")


def test_the_guide_types_what_the_tests_type() -> None:
    """Its answers, and the figures that it shows, are those of the tests."""
    text = GUIDE.read_text(encoding="utf-8")
    for said in ("0.77", "0.42", "0.95 points", "14d", "2008-04-10", "before: none", "split.py"):
        assert said in text, said
