"""The list of models: what is found, in which order, and what a spreadsheet gets."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING

import pytest
from people import assessment, raised
from reports import kept_report, make_adoption, short_report

from spot_mlflow.reporting.message.summary import summary_tags
from spot_mlflow.reporting.pages.model_list import (
    ORDERS,
    Wanted,
    csv_text,
    found_rows,
    owners,
    targets,
)
from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows

if TYPE_CHECKING:
    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow

TODAY = date(2100, 1, 1)
HELD = {"kept": frozenset({"Production", "@champion"})}


@pytest.fixture(scope="module")
def rows() -> tuple[PortfolioRow, ...]:
    """Four models with the tags that the product itself writes."""
    ann = assessment("Ann", "frontline", {"O1": 2, "T2": 3})
    worry = raised("=cmd()", "business", "blocking", what="Called twice")
    return portfolio_rows(
        [
            ("kept", summary_tags(make_adoption(check=kept_report()))),
            ("short", summary_tags(make_adoption(ann, worry, check=short_report()))),
            ("begun", summary_tags(make_adoption(ann))),
            ("untouched", {}),
        ]
    )


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["short", "kept", "begun", "untouched"]),
        ({"q": "E"}, ["kept", "begun", "untouched"]),
        ({"verdict": "shortfall"}, ["short"]),
        ({"verdict": "not assessed"}, ["untouched"]),
        ({"owner": "THE builders"}, ["short"]),
        ({"letter": "O"}, ["short", "begun"]),
        ({"target": "@Champion"}, ["kept"]),
        ({"overdue": "yes", "letter": "O"}, ["short"]),
        ({"sort": "name"}, ["begun", "kept", "short", "untouched"]),
        ({"sort": "ready", "q": "t"}, ["short", "kept", "untouched"]),
        ({"verdict": "nonsense", "sort": "'", "page": "-1"}, ["short", "kept", "begun", "untouched"]),
    ],
)  # fmt: skip
def test_what_the_address_asks_for(
    rows: tuple[PortfolioRow, ...], asked: dict[str, str], names: list[str]
) -> None:
    """Each filter finds its models, sorts keep what they do not order, nonsense filters nothing."""
    found = found_rows(rows, Wanted.read(asked), today=TODAY, held=HELD)
    assert [r.model for r in found] == names


def test_nothing_is_overdue_before_its_day(rows: tuple[PortfolioRow, ...]) -> None:
    """It is judged on the day it is looked at, not when the tag was written."""
    due = min(r.due for r in rows if r.due is not None)
    assert found_rows(rows, Wanted(overdue="yes"), today=due, held={}) == ()


@pytest.mark.parametrize("sort", ORDERS)
def test_every_order_orders_every_model(rows: tuple[PortfolioRow, ...], sort: str) -> None:
    """Whatever is not known of some of them."""
    found = found_rows(rows, Wanted(sort=sort), today=TODAY, held={})
    assert {r.model for r in found} == {r.model for r in rows}


def test_the_whole_state_is_in_the_address() -> None:
    """What is asked for is read back from the address; the first page is not named."""
    wanted = Wanted(q="a&b", verdict="met", owner="Zoë", letter="S", target="@champion", page=3)
    from urllib.parse import parse_qsl

    assert Wanted.read(dict(parse_qsl(wanted.address()))) == wanted
    assert "page" not in wanted.address(page=1)


def test_a_spreadsheet_runs_nothing(rows: tuple[PortfolioRow, ...]) -> None:
    """One line a model; what could be a formula is text, numbers are numbers."""
    found = list(csv.DictReader(io.StringIO(csv_text(rows, today=TODAY, held=HELD))))
    assert [r["model"] for r in found] == ["short", "kept", "begun", "untouched"]
    cells = [c for r in found for c in r.values()]
    assert not any(c[:1] in tuple("=+-@\t\r") for c in cells)
    short, kept = found[0], found[1]
    assert (short["verdict"], short["overdue"], short["Operation"]) == (
        "less than promised",
        "yes",
        "2",
    )
    assert kept["in"] == "'@champion, Production"


def test_whom_to_choose_from(rows: tuple[PortfolioRow, ...]) -> None:
    """People and roles for whom something waits; aliases before stages."""
    assert "the builders" in owners(rows)
    assert targets(HELD, "@other") == ["@champion", "@other", "Production"]
