from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spot_mlflow.reporting.sections.money import gap_sections, unit_money
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.sections.section import Section


@pytest.fixture(scope="module")
def sections(full_report: LiftReport) -> dict[str, Section]:
    """The sections on causes, money, scores and adoption."""
    return {s.key: s for s in gap_sections(lift_view(full_report))}


def test_the_bridge_is_shown_in_money_and_in_lift(sections: dict[str, Section]) -> None:
    """Two waterfalls, the rule of the split, and what the columns could not tell apart."""
    lost = sections["lost"]
    assert [c.name for c in lost.charts] == ["waterfall-money", "waterfall-lift"]
    assert lost.notes[0] == "The gap is split by Shapley; the parts sum to it exactly."
    assert any("undelivered_reason" in n for n in lost.notes)


def test_groups_that_stand_out_are_named(sections: dict[str, Section]) -> None:
    """West, which left most offers undelivered, stands first, with its share and the others'."""
    (table,) = sections["lost"].tables
    assert table.rows[0][:2] == ("segment West", "offers not delivered")
    assert table.rows[0][2].startswith("67 %")
    assert table.rows[0][4] == "worse"


def test_money_to_date_and_at_full_rollout(
    sections: dict[str, Section], full_report: LiftReport
) -> None:
    """Promised and realized, to date and for a year, each with its interval."""
    rows = dict(sections["worth"].tables[0].rows)
    assert rows["Realized to date"] == "60k USD (30k to 100k)"
    assert rows["Promised a year at full rollout"] == "1.4M USD"
    assert rows["Net value per contact"].startswith("3.47 USD (")
    assert sections["worth"].text[0].startswith("Acting pays")
    assert full_report.analysis.economics.worth == "yes"


def test_whom_to_act_on(sections: dict[str, Section]) -> None:
    """Per segment: act or not, and whether that is shown."""
    rows = {r[0]: r for r in sections["worth"].tables[1].rows}
    assert rows["West"][1] == "act"
    assert rows["South"][1] == "act, not shown"


def test_capacity_is_given_in_order(sections: dict[str, Section]) -> None:
    """The best use of the contacts one has names the score bins, the best first."""
    assert (
        sections["worth"]
        .text[2]
        .startswith("Best use of a capacity of 100,000 contacts, first to score bin ")
    )


def test_the_cut_off_is_told_in_words_even_without_a_picture(full_report: LiftReport) -> None:
    """A terminal has no curve, but who is worth a contact is told there as well."""
    for brief in (True, False):
        (worth,) = (
            s for s in gap_sections(lift_view(full_report), brief=brief) if s.key == "worth"
        )
        words = full_report.analysis.economics.curve.cutoff.words
        assert words[1:] in worth.text[1]


def test_what_a_customer_is_worth_stands_beside_letting_go(full_report: LiftReport) -> None:
    """Where serving costs money, the decision shows the customer's value with its interval."""
    data = full_report.to_dict()
    value = {"lift": -2.0, "low": -3.0, "high": -1.0, "se": 0.5}
    for d in data["economics"]["decisions"]:
        d |= {"customer_value": value, "action": "let the customer leave", "sure": True}
    (worth,) = (s for s in gap_sections(lift_view(data)) if s.key == "worth")
    table = worth.tables[1]
    assert table.columns[-1] == "a customer's value, less the cost to serve"
    assert table.rows[0][-1] == "-2.00 USD (-3.00 to -1.00)"


def test_adoption_by_team_with_its_reasons(sections: dict[str, Section]) -> None:
    """The lowest team first, compared with the others; reasons for not acting; a description, no cause."""
    teams, reasons = sections["adoption"].tables
    assert teams.rows[0][0] == "West"
    assert teams.rows[0][4] == "below the others"
    assert {r[0] for r in reasons.rows} == {"no time", "customer knew"}
    assert "describes who acted, not the effect of acting" in sections["adoption"].notes[0]


def test_amounts_per_unit_have_cents() -> None:
    """An amount per unit is written in cents, finer where the interval allows."""
    data = {"lift": 0.6107, "low": -0.0235, "high": 1.2449}
    assert unit_money(data, "USD") == "0.61 USD (-0.02 to 1.24)"
    assert (
        unit_money({"lift": 0.00437, "low": 0.0042, "high": 0.0045}, "")
        == "0.0044 (0.0042 to 0.0045)"
    )


def test_a_faulty_log_tells_adoption_only(full_report: LiftReport) -> None:
    """Causes and money need a lift that can be believed; who acted does not."""
    fault = {"name": "x", "severity": "critical", "success": False, "observed": 1, "message": "x"}
    data = full_report.to_dict() | {
        "verdict": "inconclusive",
        "viable": "undecided",
        "checks": [fault],
    }
    assert [s.key for s in gap_sections(lift_view(data))] == ["adoption"]
