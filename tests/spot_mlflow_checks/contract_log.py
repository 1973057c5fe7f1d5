"""One awkward outcome log, in every engine, and its moments counted by hand in plain Python.

It holds NULL and NaN, a missing and an unknown arm, a segment without rows and one without a name,
unicode and 10-digit ids, times with and without zones, decimals, and booleans stored as text.
"""

from __future__ import annotations

import csv
import math
import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2027-03-01T00:00:00+00:00"
COLUMNS = (
    "unit id",
    "arm",
    "seg",
    "decided",
    "observed",
    "outcome",
    "value",
    "offered",
    "delivered",
    "pre",
    "village",
    "reason",
    "delivered at",
    "due",
    "acted",
)
CONTRACT: dict[str, Any] = {
    "metric": "spend",
    "kind": "money",
    "predicted": {"lift": 5.0, "se": 1.0},
    "window": "14d",
    "treatment_share": 0.5,
    "segments": {"Zürich": {"share": 0.5}, "東京": {"share": 0.4}, "nobody": {"share": 0.1}},
    "columns": {
        "unit": "unit id", "arm": "arm", "treated": "treat", "holdout": "hold", "outcome": "outcome",
        "segment": "seg", "decided_at": "decided", "observed_at": "observed", "value": "value",
        "offered": "offered", "delivered": "delivered", "covariate": "pre", "cluster": "village",
        "undelivered_reason": "reason", "delivered_at": "delivered at", "due_at": "due", "acted": "acted",
    },
}  # fmt: skip
STEPS = tuple(
    name
    for step in ("offered", "delivered", "system_failure", "on_time", "acted")
    for name in (step, f"{step}_known")
)
SUMMED = ("outcome", "value", "pre", *STEPS)
ZONES = [timezone.utc, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]


def rows(n: int = 400) -> list[dict[str, Any]]:
    """Returns the log as plain Python values; ``decided`` is aware, ``observed`` naive in UTC."""
    r = random.Random(20270301)  # noqa: S311 - always the same log
    out = []
    for i in range(n):
        decided = datetime(2027, 1, 1, 22, 30, tzinfo=timezone.utc) + timedelta(hours=4 * i)
        arm = r.choice(["treat", "treat", "treat", "hold", "hold", "hold", None, "other"])
        outcome = r.choice([None, math.nan, 0.0, 0.0, round(r.uniform(1000, 1100), 2)])
        observed = decided + timedelta(days=r.choice([1, 3, 20]), seconds=r.random())
        naive = decided.replace(tzinfo=None)
        out.append(
            {
                "unit id": f"kund-ä{i}" if i % 3 else str(4_294_967_296 + i),
                "arm": arm,
                "seg": r.choice(["Zürich", "東京", None, ""]),
                "decided": decided.astimezone(r.choice(ZONES)),
                "observed": r.choice([None, observed.replace(tzinfo=None)]),
                "outcome": outcome,
                "value": r.choice([None, Decimal("12.34"), Decimal("0.07"), Decimal("99.90")]),
                "offered": r.choice(["true", "FALSE", None]) if arm == "treat" else "false",
                "delivered": r.choice([True, False, None]),
                "pre": r.choice([None, math.nan, 500 + r.gauss(0, 3)]),
                "village": r.choice([None, *range(12)]),
                "reason": r.choice([None, "system", "staff", "customer"]),
                "delivered at": r.choice([None, *(naive + timedelta(days=d) for d in (1, 4))]),
                "due": r.choice([None, naive + timedelta(days=3)]),
                "acted": r.choice([None, 0, 1]),
            }
        )
    out[7]["unit id"] = out[3]["unit id"]  # appears twice
    return out


def counted(log: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, float]]:
    """Counts the moments of the log by hand, raw (not centred), by (segment, arm, day).

    Sums of outcome, value, covariate and the steps; the covariate's missing values are the mean of its
    known ones. A blank step is unknown: beside who passed stands who was asked and has an answer.
    """
    as_of = datetime.fromisoformat(AS_OF)
    decided = [row for row in log if row["decided"] <= as_of]
    units = [_unit(row, as_of) for row in decided if row["arm"] in {"treat", "hold"}]
    known = [u["pre"] for u in units if u["n"] and u["pre"] is not None]
    mean = math.fsum(known) / len(known)
    cells: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for u in units:
        cell = cells.setdefault(u["key"], {})
        x = {**u, "pre": mean if u["pre"] is None else u["pre"]}
        for k in ("assigned", "matured", "n"):
            cell.setdefault(k, []).append(u[k])
        for a in SUMMED:
            cell.setdefault(a, []).append(x[a] if u["n"] else 0.0)
            for b in SUMMED:
                cell.setdefault(f"{a}*{b}", []).append(x[a] * x[b] if u["n"] else 0.0)
    return {key: {k: math.fsum(v) for k, v in cell.items()} for key, cell in cells.items()}


def _unit(row: dict[str, Any], as_of: datetime) -> dict[str, Any]:
    decided = row["decided"].astimezone(timezone.utc)
    end = decided + timedelta(days=14)
    outcome = row["outcome"]
    outcome = None if outcome is None or math.isnan(outcome) else outcome
    observed = row["observed"]
    if outcome is not None and observed is not None and observed.replace(tzinfo=timezone.utc) > end:
        outcome = 0.0
    matured = end <= as_of
    pre = row["pre"]
    return {
        "key": (
            row["seg"] or "(missing)",
            {"treat": "treatment", "hold": "holdout"}[row["arm"]],
            decided.date().isoformat(),
        ),
        "assigned": 1,
        "matured": int(matured),
        "n": int(matured and outcome is not None),
        "outcome": outcome,
        "value": float(row["value"] or 0),
        "pre": None if pre is None or math.isnan(pre) else pre,
        **_steps(row),
    }


def _steps(row: dict[str, Any]) -> dict[str, float]:
    """Who passed each step, and who was asked and answered: of delivery only those who were offered.

    What was delivered though it is said not to have been offered was offered; where the offer is blank
    it stays unknown, as to fill in those delivered alone would raise the share of those offered.
    """
    offered, delivered, reason = row["offered"], row["delivered"], row["reason"]
    at, due, acted = row["delivered at"], row["due"], row["acted"]
    was_offered = offered == "true" or (offered is not None and delivered is True)
    arrived = was_offered and delivered is True
    flags = {
        "offered": was_offered,
        "offered_known": offered is not None,
        "delivered": was_offered and delivered is True,
        "delivered_known": was_offered and delivered is not None,
        "system_failure": was_offered and delivered is False and reason == "system",
        "system_failure_known": was_offered and delivered is False and reason is not None,
        "on_time": arrived and at is not None and due is not None and at <= due,
        "on_time_known": arrived and at is not None and due is not None,
        "acted": acted == 1,
        "acted_known": acted is not None,
    }
    return {k: float(x) for k, x in flags.items()}


def as_pandas(log: list[dict[str, Any]]) -> Any:
    """A pandas frame; times with mixed zones stay Python objects."""
    import pandas as pd

    frame = pd.DataFrame(log, columns=list(COLUMNS))
    frame["outcome"] = frame["outcome"].astype(float)
    frame["observed"] = pd.to_datetime(frame["observed"])
    frame["village"] = frame["village"].astype("Int64")
    frame["acted"] = frame["acted"].astype("Int64")
    for name in ("delivered at", "due"):
        frame[name] = pd.to_datetime(frame[name])
    return frame


def as_arrow(log: list[dict[str, Any]]) -> Any:
    """A pyarrow table with decimals, zoned times and NaN beside NULL."""
    import pyarrow as pa

    kinds = {
        "unit id": pa.string(), "arm": pa.string(), "seg": pa.string(),
        "decided": pa.timestamp("us", tz="Asia/Kolkata"), "observed": pa.timestamp("us"),
        "outcome": pa.float64(), "value": pa.decimal128(10, 2), "offered": pa.string(),
        "delivered": pa.bool_(), "pre": pa.float64(), "village": pa.int64(), "reason": pa.string(),
        "delivered at": pa.timestamp("us"), "due": pa.timestamp("us"), "acted": pa.int64(),
    }  # fmt: skip
    return pa.table({k: pa.array([row[k] for row in log], type=t) for k, t in kinds.items()})


def as_csv(log: list[dict[str, Any]], path: Path) -> str:
    """A CSV file with a byte order mark, as spreadsheets write it."""
    with path.open("w", newline="", encoding="utf-8-sig") as f:
        writer = csv.writer(f)
        writer.writerow(COLUMNS)
        for row in log:
            writer.writerow([_text(row[k]) for k in COLUMNS])
    return str(path)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def into_database(log: list[dict[str, Any]], url: str, name: str = "Outcome log") -> None:
    """Fills a table of a database."""
    import sqlalchemy as sa

    engine = sa.create_engine(url)
    table = sa.Table(
        name, sa.MetaData(),
        sa.Column("unit id", sa.Text), sa.Column("arm", sa.Text), sa.Column("seg", sa.Text),
        sa.Column("decided", sa.Text if engine.name == "sqlite" else sa.DateTime(timezone=True)),
        sa.Column("observed", sa.DateTime), sa.Column("outcome", sa.Double), sa.Column("value", sa.Numeric(10, 2)),
        sa.Column("offered", sa.Text), sa.Column("delivered", sa.Boolean), sa.Column("pre", sa.Double),
        sa.Column("village", sa.Integer), sa.Column("reason", sa.Text), sa.Column("delivered at", sa.DateTime),
        sa.Column("due", sa.DateTime), sa.Column("acted", sa.Integer),
    )  # fmt: skip
    table.create(engine)
    rows = [dict(row) for row in log]
    if engine.name == "sqlite":  # it has no zones; times are ISO text
        for row in rows:
            row["decided"] = row["decided"].isoformat()
    with engine.begin() as c:
        c.execute(table.insert(), rows)
    engine.dispose()


def as_spark(log: list[dict[str, Any]], session: Any) -> Any:
    """A Spark DataFrame; ``observed`` has no zone."""
    from pyspark.sql import types as t

    schema = t.StructType([
        t.StructField("unit id", t.StringType()), t.StructField("arm", t.StringType()),
        t.StructField("seg", t.StringType()), t.StructField("decided", t.TimestampType()),
        t.StructField("observed", t.TimestampNTZType()), t.StructField("outcome", t.DoubleType()),
        t.StructField("value", t.DecimalType(10, 2)), t.StructField("offered", t.StringType()),
        t.StructField("delivered", t.BooleanType()), t.StructField("pre", t.DoubleType()),
        t.StructField("village", t.LongType()), t.StructField("reason", t.StringType()),
        t.StructField("delivered at", t.TimestampNTZType()), t.StructField("due", t.TimestampNTZType()),
        t.StructField("acted", t.LongType()),
    ])  # fmt: skip
    return session.createDataFrame([tuple(row[k] for k in COLUMNS) for row in log], schema)
