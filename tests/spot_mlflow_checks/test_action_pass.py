"""Acts, people, reasons and offers counted on every engine, against a count in plain Python."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from placed import placed

from spot_mlflow.lift.moments.actions import HOURS
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.validation import utc
from spot_mlflow_checks.action_pass import action_pass
from spot_mlflow_checks.columns import columns_in
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source
from spot_mlflow_checks.reading import Reading

AS_OF = "2027-06-01"
CONTRACT = PredictedLift.load({
    "metric": "sale",
    "predicted": 0.1,
    "window": "30d",
    "columns": {
        "arm": "arm", "treated": "T", "holdout": "C", "outcome": "sold", "decided_at": "decided",
        "team": "team", "actor": "who", "acted": "done", "acted_at": "done_at",
        "override_reason": "why not", "offer": "offer", "delivered": "done", "score": "score",
    },
    "score_edges": [0.25, 0.5, 0.75],
})  # fmt: skip


def rows(n: int = 300) -> list[dict[str, Any]]:
    """A log with blanks: nobody named, not told whether done, done at no known time."""
    r, scores = random.Random(11), random.Random(12)  # noqa: S311 - a sample, no secret
    out = []
    for _ in range(n):
        decided = datetime(2027, 1, 4) + timedelta(hours=r.randrange(24 * 35))  # noqa: DTZ001 - naive is UTC
        arm = r.choice(["T", "T", "T", "C"])
        done = r.choice([0, 1, 1, None]) if arm == "T" else 0
        at = decided + timedelta(minutes=r.choice([20, 90, 600, 2000, 6000, 20000, -60]))
        out.append(
            {
                "arm": arm,
                "sold": r.choice([0, 0, 1]),
                "decided": decided,
                "team": r.choice(["North", "West", None]),
                "who": r.choice(["Ada", "Bo", "Cy", None]),
                "done": done,
                "done_at": at if done == 1 and r.random() < 0.8 else None,
                "why not": r.choice(["no time", "disagreed", None]) if done == 0 else None,
                "offer": r.choice(["discount", "letter"])
                if arm == "T" or r.random() < 0.5
                else None,
                "score": scores.choice([None, 0.25, 0.5, round(scores.random(), 3)]),
            }
        )
    return out


LOG = rows()


def frame() -> pd.DataFrame:
    """The log with types that tell missing from 0."""
    data = pd.DataFrame(LOG)
    data["done"] = data["done"].astype("Int64")
    return data


ENGINES = [
    "pandas",
    "polars",
    "parquet",
    "csv",
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgres),
    pytest.param("spark", marks=pytest.mark.spark),
]


@pytest.mark.parametrize("kind", ENGINES)
def test_every_engine_counts_what_plain_python_counts(kind, tmp_path, request):
    """Per team and week, per person and per reason: the same counts whatever the engine."""
    source, keywords = placed(frame(), kind, tmp_path, request)
    with open_source(source, CONTRACT, **keywords) as opened:
        columns = columns_in(opened, CONTRACT)
        found = action_pass(Reading(opened, CONTRACT, columns, utc(AS_OF).timestamp()))
    expected = by_hand()
    cells = {
        (t, str(w)): (int(n), int(k), int(a), int(m), round(float(h), 4), c.tolist())
        for t, w, n, k, a, m, h, c in zip(
            found.team, found.week, found.recommended, found.known, found.acted, found.timed,
            found.hours, found.classes, strict=True,
        )
    }  # fmt: skip
    assert cells == expected["cells"]
    assert {k: (c.people, c.active, c.aa, c.an, c.nn) for k, c in found.crews.items()} == expected[
        "crews"
    ]
    # One order, so that the same log gives the same bytes and the same digest.
    assert list(found.crews) == sorted(found.crews)
    assert list(found.overrides) == sorted(found.overrides)
    assert dict(found.overrides) == expected["overrides"]


def by_hand() -> dict[str, Any]:
    """Counts the log with loops."""
    cells: dict[Any, Any] = defaultdict(lambda: [0, 0, 0, 0, 0.0, [0] * 6])
    people: dict[Any, Any] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    overrides: dict[Any, int] = defaultdict(int)
    for row in LOG:
        if row["arm"] != "T":
            continue
        week = monday(row)
        team = row["team"] or ""
        cell = cells[team, week]
        known, acted = row["done"] is not None, row["done"] == 1
        cell[0] += 1
        cell[1] += known
        cell[2] += acted
        if acted and row["done_at"] is not None:
            hours = (row["done_at"] - row["decided"]).total_seconds() / 3600
            if hours >= 0:
                cell[3] += 1
                cell[4] += hours
                cell[5][int(np.searchsorted(HOURS, hours, side="right"))] += 1
        if known and row["who"]:
            for key in {(team, week), (team, ""), ("", week), ("", "")}:
                people[key][row["who"]][0] += 1
                people[key][row["who"]][1] += acted
        if known and not acted and row["why not"]:
            overrides[team, week, row["why not"]] += 1
    crews = {}
    for key, each in people.items():
        n, a = np.array(list(each.values()), dtype=float).T
        crews[key] = (len(n), int((a > 0).sum()), a @ a, a @ n, n @ n)
    return {
        "cells": {k: (*v[:4], round(v[4], 4), v[5]) for k, v in cells.items()},
        "crews": crews,
        "overrides": dict(overrides),
    }


@pytest.mark.parametrize("kind", ENGINES)
def test_every_engine_has_the_grains_that_causes_and_money_ask_for(kind, tmp_path, request):
    """Score bins, offers and teams by day: units and outcomes as counted in plain Python."""
    source, keywords = placed(frame(), kind, tmp_path, request)
    with open_source(source, CONTRACT, **keywords) as opened:
        moments = reduce_source(opened, CONTRACT, as_of=AS_OF)
    assert {"score bins", "teams", "actions", "offers"} <= set(moments.passes)
    tables = {"bins": moments.score_bins, "teams": moments.teams, "offers": moments.offers}
    for name, key in GRAINS.items():
        table = tables[name]
        at = table.measures.index("outcome")
        found = {
            (str(s), str(a), str(p)): (int(n), round(float(y + n * table.center[at]), 6))
            for s, a, p, n, y in zip(
                table.segment, table.arm, table.period, table.n, table.s1[:, at], strict=True
            )
        }
        expected: dict[Any, Any] = defaultdict(lambda: (0, 0.0))
        for row in LOG:
            label, period = key(row)
            cell = label, "treatment" if row["arm"] == "T" else "holdout", period
            n, y = expected[cell]
            expected[cell] = n + 1, y + row["sold"]
        assert found == dict(expected), name


def monday(row: dict[str, Any]) -> str:
    """The first day of the week in which a row was decided."""
    day = row["decided"].date()
    return (day - timedelta(days=day.weekday())).isoformat()


def score_bin(row: dict[str, Any]) -> str:
    """How many edges lie at the score or below it."""
    edges = CONTRACT.score_edges
    return "(no score)" if row["score"] is None else str(sum(row["score"] >= e for e in edges))


# Table -> (label, period) of a row.
GRAINS = {
    "bins": lambda row: (score_bin(row), row["decided"].date().isoformat()),
    "teams": lambda row: (row["team"] or "(missing)", row["decided"].date().isoformat()),
    "offers": lambda row: (row["offer"] or "(missing)", row["decided"].date().isoformat()),
}


def test_offers_are_grouped_with_their_holdout():
    """The table of offers holds each offer's units by arm; the holdout's without one stand apart."""
    with open_source(frame(), CONTRACT) as opened:
        moments = reduce_source(opened, CONTRACT, as_of=AS_OF)
    assert {"actions", "offers"} <= set(moments.passes)
    offers = moments.offers.collapse("segment", "arm")
    counted = {
        (str(s), str(a)): int(n)
        for s, a, n in zip(offers.segment, offers.arm, offers.n, strict=True)
    }
    expected: dict[Any, int] = defaultdict(int)
    for row in LOG:
        expected[row["offer"] or "(missing)", "treatment" if row["arm"] == "T" else "holdout"] += 1
    assert counted == dict(expected)


def test_no_name_of_a_person_leaves_the_engine():
    """What a check stores of its acts holds counts of people, never their names."""
    with open_source(frame(), CONTRACT) as opened:
        told = str(reduce_source(opened, CONTRACT, as_of=AS_OF).to_dict())
    assert not any(name in told for name in ("Ada", "Bo", "Cy"))
