from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from people import assessment
from reports import kept_report, make_adoption, short_report

from spot_mlflow.reporting.message.summary import summary_tags
from spot_mlflow.reporting.pages.portfolio import portfolio_section, portfolio_summary
from spot_mlflow.reporting.pages.portfolio_row import parse_money, portfolio_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.report import LiftReport


@pytest.fixture(scope="module")
def models(full_report: LiftReport) -> list[tuple[str, Mapping[str, str]]]:
    """A registry of five models, with the tags that the product itself writes."""
    ann = assessment("Ann", "frontline", {"O1": 2, "T2": 3})
    short = short_report()
    return [
        ("untouched", {}),
        ("tagged", {"spot": "not assessed"}),
        ("begun", summary_tags(make_adoption(ann))),
        ("promised", summary_tags(make_adoption(ann, predicted=short.predicted))),
        ("kept", summary_tags(make_adoption(check=kept_report()))),
        ("short", summary_tags(make_adoption(ann, check=short))),
        ("open", summary_tags(make_adoption(ann, check=full_report))),
    ]


def test_what_asks_for_attention_comes_first(models: list[tuple[str, Mapping[str, str]]]) -> None:
    """Shortfalls, then what is open, then what is kept; untouched models last."""
    rows = portfolio_rows(models)
    assert [r.model for r in rows] == [
        "short",
        "open",
        "kept",
        "promised",
        "begun",
        "tagged",
        "untouched",
    ]
    assert [r.stage for r in rows] == ["checked"] * 3 + [
        "promised",
        "begun",
        "not assessed",
        "not assessed",
    ]


def test_a_row_reads_back_what_the_tags_say(models: list[tuple[str, Mapping[str, str]]]) -> None:
    """Levels, lift, money and the gate's answer come out as they went in."""
    row = next(r for r in portfolio_rows(models) if r.model == "open")
    assert row.levels == {"S": None, "P": None, "O": 2, "T": 3}
    assert row.lift["realized"] == "1.4 points (0.7 to 2.0)"
    assert (row.promised, row.realized, row.unit) == (110_000, 60_000, "USD")
    assert row.gate.startswith("Production: no, ")
    json.dumps(row.to_dict(), allow_nan=False)


def test_the_summary_counts_and_sums(models: list[tuple[str, Mapping[str, str]]]) -> None:
    """Models by stage, the share whose lift arrived among those decided, money by currency."""
    summary = portfolio_summary(portfolio_rows(models))
    assert summary.stages == {"checked": 3, "promised": 1, "begun": 1, "not assessed": 2}
    assert (summary.decided, summary.arrived) == (2, 1)
    assert summary.value == {"USD": (110_000.0, 60_000.0)}
    assert summary.words.startswith("Promised 110k USD to date, realized 60k. open: ")
    assert summary.words.endswith(
        "7 models: 3 checked, 1 promised, 1 started, 2 not assessed. "
        "The promised lift was realized in 1 of 2 decided (50 %)."
    )


def test_the_portfolio_opens_with_money_cause_and_request(
    models: list[tuple[str, Mapping[str, str]]],
) -> None:
    """The model that lost most money speaks: where, and what is asked for it, as its own tags do."""
    asked = "capacity for team West by 30 January"
    tags = {**dict(models)["open"], "spot.request": asked}
    summary = portfolio_summary(portfolio_rows([*models[:-1], ("open", tags)]))
    assert tags["spot.cause"].startswith(("Most was lost in", "The largest loss shown is in"))
    assert summary.cause == f"open: {tags['spot.cause']}"
    assert summary.request == f"open: {asked}"
    money, cause, request = (
        summary.words.index(x) for x in ("Promised", summary.cause, summary.request)
    )
    assert 0 == money < cause < request < summary.words.index("7 models")
    told = summary.to_dict()
    assert (told["cause"], told["request"]) == (summary.cause, summary.request)


def test_a_portfolio_without_a_shown_loss_asks_all_the_same() -> None:
    """No cause is made up; the request is that of the first model that has one."""
    kept = summary_tags(make_adoption(check=kept_report()))
    summary = portfolio_summary(portfolio_rows([("kept", kept), ("new", {"spot.cause": "none"})]))
    assert summary.cause == ""
    assert summary.request == f"kept: {kept['spot.request']}"


def test_untouched_models_are_counted_not_listed(
    models: list[tuple[str, Mapping[str, str]]],
) -> None:
    """Three hundred untouched models do not bury the others."""
    rows = portfolio_rows(models)
    section = portfolio_section(rows)
    assert len(section.tables[0].rows) == 5
    assert section.notes == ("2 models not assessed; --all lists them.",)
    assert len(portfolio_section(rows, everything=True).tables[0].rows) == 7


def test_an_empty_registry() -> None:
    """No models is an answer."""
    section = portfolio_section(())
    assert section.text == ("No models.",)
    assert section.tables == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("47k USD (30k to 64k)", (47_000.0, "USD")),
        ("-2,335 USD", (-2335.0, "USD")),
        ("1.25M", (1.25e6, "")),
        ("5 (unbounded)", (5.0, "")),
        ("12k Swiss francs", (12_000.0, "Swiss francs")),
        ("not known", (None, "")),
        ("", (None, "")),
    ],
)
def test_parse_money(text: str, value: tuple[float | None, str]) -> None:
    """What a tag says of money is read back; anything else is no money."""
    assert parse_money(text) == value


def test_the_time_of_the_summary_is_a_time() -> None:
    """What the record writes behind the time does not get into the JSON."""
    (row,) = portfolio_rows([("m", {"spot.updated": "2026-11-22T08:00:30Z (entry ab12)"})])
    assert row.to_dict()["updated"] == "2026-11-22T08:00:30Z"


def money_of(holdout: str, promised: str, realized: str) -> Mapping[str, str]:
    """Tags of a model with money, and whom it leaves alone."""
    tags = {"spot.value.promised": promised, "spot.value.realized": realized}
    return {**tags, "spot.holdout": holdout} if holdout else tags


def test_money_of_models_with_one_holdout_is_not_added() -> None:
    """It is a range, from the least that it may be to the sum; only the least is counted, and that is said."""
    rows = portfolio_rows(
        [
            ("a", money_of("global", "50k USD", "40k USD")),
            ("b", money_of("global", "30k USD", "25k USD")),
            ("own", money_of("own/1", "10k USD", "9k USD")),
            ("none", money_of("", "5k USD", "1k USD")),
        ]
    )
    found = portfolio_summary(rows)
    (group,) = found.shared
    assert (group.models, group.low, group.high) == (("a", "b"), 25_000, 65_000)
    assert found.value == {"USD": (45_000, 35_000)}
    assert "a, b share one holdout (salt global)" in found.words
    assert "together 25k to 65k USD, counted here as 25k" in found.words
    assert found.to_dict()["shared"][0]["models"] == ["a", "b"]


def test_a_loss_among_them_is_not_hidden() -> None:
    """Where the sum is the least, the sum is counted; another currency is another group."""
    rows = portfolio_rows(
        [
            ("a", money_of("global", "50k USD", "-10k USD")),
            ("b", money_of("global", "30k USD", "-20k USD")),
            ("c", money_of("global", "30k EUR", "5k EUR")),
        ]
    )
    found = portfolio_summary(rows)
    assert found.value == {"USD": (80_000, -30_000), "EUR": (30_000, 5_000)}
