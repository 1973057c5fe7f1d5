from __future__ import annotations

import json
from typing import TYPE_CHECKING

from people import assessment, event, pulse, raised
from reports import make_adoption

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.reporting.pages.adoption_view import (
    adoption_dict,
    adoption_markdown,
    adoption_sections,
    gate_section,
    title_of,
)

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.report import LiftReport

ANN = assessment(
    "Ann", "frontline", {"O1": {"now": 2, "target": 4, "by": "2026-09-30", "owner": "Ann"}, "T2": 3}
)
EVENTS = (
    event("Bo", "business", "scope", "contributed"),
    event("Bo", "business", "naming", "decided", what="Stay Radar"),
    pulse("Cleo", "frontline", 2, 3),
    pulse("Dan", "data_scientist", 5, 5),
)


def model(report: LiftReport) -> Adoption:
    """A model with a panel, a log, a concern, a pulse and a check."""
    return make_adoption(
        ANN, *EVENTS, raised("Cleo", "frontline", "major"), check=report, stage="Staging"
    )


def test_the_title_has_the_name_its_users_chose(full_report: LiftReport) -> None:
    """Product name, registered name, version and what it holds."""
    assert title_of(model(full_report)) == "Stay Radar (churn), version 3, Staging"
    assert title_of(make_adoption()) == "churn, version 3"


def test_sections_in_the_order_of_the_question(full_report: LiftReport) -> None:
    """May it go, was the lift realized, where was it lost, how ready, who took part, what is planned."""
    adoption = model(full_report)
    decision = decide(adoption, "Production", policy=default_policy())
    found = [s.key for s in adoption_sections(adoption, decision)]
    assert found == [
        "gate",
        "lift",
        "lost",
        "reality",
        "worth",
        "adoption",
        "readiness",
        "involvement",
        "plan",
    ]


def test_the_gate_shows_what_fails_with_its_fix(full_report: LiftReport) -> None:
    """Each missing requirement: measured, required, and the command."""
    adoption = model(full_report)
    decision = decide(adoption, "Production", policy=default_policy())
    section = gate_section(adoption, decision)
    assert section.title == "Can it go to Production?"
    assert section.text[0].startswith(
        f"No: {len(decision.missing)} requirements are not met. Nothing is blocked: the policy only observes."
    )
    assert len(section.steps) == len(decision.missing)
    assert all(command.startswith("spot ") for _, command in section.steps)


def test_the_pulse_is_told_side_by_side(full_report: LiftReport) -> None:
    """What users say beside what builders guessed."""
    found = {s.key: s for s in adoption_sections(model(full_report))}
    assert any("users 2 of 5, builders guessed 5" in n for n in found["involvement"].notes)


def test_overdue_steps_are_marked(full_report: LiftReport) -> None:
    """A step of the plan whose day has passed says overdue."""
    found = {s.key: s for s in adoption_sections(model(full_report))}
    (row,) = found["plan"].tables[0].rows
    assert row[3] == "30 September 2026, overdue"
    assert row[2] == "2 → 4"


def test_json_keys_are_a_contract(full_report: LiftReport) -> None:
    """The documented keys are there, and the whole is JSON without NaN."""
    adoption = model(full_report)
    data = adoption_dict(adoption, decide(adoption, "Production", policy=default_policy()))
    json.dumps(data, allow_nan=False)
    assert set(data) == {
        "model",
        "version",
        "name",
        "origins",
        "stage",
        "aliases",
        "headline",
        "readiness",
        "involvement",
        "concerns",
        "predicted",
        "lasting_holdout",
        "lift",
        "gate",
        "now",
        "unconfirmed",
    }
    assert {"overall", "S", "P", "O", "T"} <= set(data["readiness"])
    assert {"score", "parts", "caps"} <= set(data["involvement"])
    opening = {"title", "where", "settled", "weakness"}
    assert {"money", "finding", "cause", "request"} | opening == set(data["headline"])
    assert {"model", "version", "target", "allowed", "mode", "policy", "requirements"} <= set(
        data["gate"]
    )
    assert data["lift"]["verdict"] == "inconclusive"
    assert data["concerns"][0]["severity"] == "major"


def test_an_untouched_model_is_told_too() -> None:
    """Nothing recorded is no error."""
    adoption = make_adoption()
    assert adoption_dict(adoption)["lift"] is None
    assert adoption_sections(adoption) == ()
    assert adoption_markdown(adoption).startswith(
        "# churn, version 3\n\n**churn: no lift promised**"
    )


def test_markdown_escapes_people(full_report: LiftReport) -> None:
    """What people wrote does not become markup."""
    concern = raised("Cleo", "frontline", "major", what="<b>now</b> | [x](y)")
    text = adoption_markdown(make_adoption(concern, check=full_report))
    assert "<b>" not in text
    assert "\\[x\\]" in text


def test_every_key_is_documented(full_report: LiftReport) -> None:
    """What a machine may read stands in docs/json.md, key by key."""
    from pathlib import Path

    from spot_mlflow.reporting.pages.portfolio import portfolio_summary
    from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows

    text = (Path(__file__).resolve().parents[4] / "docs" / "json.md").read_text(encoding="utf-8")
    adoption = model(full_report)
    shown = adoption_dict(adoption, decide(adoption, "Production", policy=default_policy()))
    rows = portfolio_rows([("churn", {})])
    keys = {
        *full_report.to_dict(),
        *shown,
        *shown["readiness"],
        *shown["involvement"],
        *shown["concerns"][0],
        *shown["gate"]["requirements"][0],
        *full_report.to_dict()["realized"],
        *rows[0].to_dict(),
        *portfolio_summary(rows).to_dict(),
    }
    assert sorted(k for k in keys if f"`{k}`" not in text) == []
