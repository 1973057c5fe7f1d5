"""The SQL of a complete check in every warehouse that was not at hand, kept as golden files.

``python tests/golden_sql.py`` writes them anew, from the root of the repository; look at what changed,
and whether the vendor's documentation allows it (docs/checks.md).
"""

from __future__ import annotations

import importlib
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from typing_extensions import override

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.engines.columns_warehouse import warehouse_columns
from spot_mlflow_checks.engines.database import _read_as
from spot_mlflow_checks.engines.source import Source, log_table
from spot_mlflow_checks.engines.warehouses import WAREHOUSES
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

FOLDER = Path(__file__).parent / "golden"
AS_OF = "2099-03-01"  # later than now for long: what is in the future depends on the day
# Name -> (module, class) of its own SQLAlchemy dialect.
DIALECTS = {
    "mssql": ("sqlalchemy.dialects.mssql.base", "MSDialect"),
    "oracle": ("sqlalchemy.dialects.oracle.base", "OracleDialect"),
    "trino": ("trino.sqlalchemy.dialect", "TrinoDialect"),
    "snowflake": ("snowflake.sqlalchemy.snowdialect", "SnowflakeDialect"),
    "bigquery": ("sqlalchemy_bigquery", "BigQueryDialect"),
    "databricks": ("databricks.sqlalchemy", "DatabricksDialect"),
}
CONTRACT: dict[str, Any] = {
    "metric": "spend",
    "kind": "money",
    "predicted": {"lift": 5.0, "se": 1.0},
    "window": "14d",
    "outliers": {"winsorize": 0.99},
    "guardrails": [{"name": "complaints", "column": "complaint", "kind": "binary", "direction": "decrease", "margin": 0.02}],
    "score_edges": [0.25, 0.5, 0.75],
    "columns": {
        "unit": "unit id", "arm": "arm", "treated": "it's new", "holdout": "old\\plain %", "outcome": "outcome",
        "segment": "seg", "decided_at": "decided", "observed_at": "observed", "value": "value",
        "cost": "cost", "offered": "offered", "delivered": "delivered", "undelivered_reason": "why not",
        "delivered_at": "delivered at", "due_at": "due", "acted": "acted", "acted_at": "acted at",
        "override_reason": "override", "team": "team", "actor": "actor", "offer": "offer",
        "covariate": "pre", "cluster": "village", "score": "score", "model_version": "version",
    },
}  # fmt: skip

# What drivers call the types of the log's columns; all others are text.
KINDS = {v: "varchar" for k, v in CONTRACT["columns"].items() if k not in {"treated", "holdout"}} | {
    "decided": "timestamp_tz", "delivered at": "timestamp", "acted at": "timestamp", "due": "date",
    "outcome": "double", "pre": "double", "score": "double", "complaint": "double", "cost": "integer",
    "acted": "integer", "village": "integer", "offered": "boolean",
}  # fmt: skip


def log(n: int = 400) -> pa.Table:
    """A log with every column a contract can name, of every type; something is wrong with some rows."""
    start = datetime(2027, 1, 1, 3, 20, tzinfo=timezone.utc)
    zones = ("+02:00", "Z", "", "-0530", " +01")
    rows = []
    for i in range(n):
        at = start + timedelta(hours=2 * i)
        later = (at + timedelta(days=1 + i % 16, microseconds=400_000)).replace(tzinfo=None)
        row = {
            "unit id": f"ü{i}", "arm": ("it's new", "old\\plain %")[(i // 3) % 2], "seg": ("a", "b", "c d")[i % 3],
            "decided": at, "observed": later.isoformat(" ") + zones[i % 5], "outcome": float(i % 37) * 1.5,
            "value": f"{i % 11}.50", "cost": i % 4, "offered": i % 5 > 0, "delivered": ("yes", "no", None)[i % 3],
            "why not": (None, "system", "away")[i % 3], "delivered at": later, "due": date(2027, 1, 2) + timedelta(days=i // 12),
            "acted": (1, 0, None)[i % 3], "acted at": later, "override": ("busy", None)[i % 2],
            "team": f"t{i % 4}", "actor": f"p{i % 9}", "offer": ("mail", "call")[i % 2], "pre": None if i % 50 == 0 else i / 7,
            "village": None if i % 40 == 0 else i // 8, "score": i / n, "version": "3", "complaint": float(i % 13 == 0),
        }  # fmt: skip
        rows.append(row)
    rows[5]["unit id"] = rows[4]["unit id"]
    rows[7]["arm"] = "?"
    rows[8]["outcome"] = None
    return pa.Table.from_pylist(rows)


class _Noted(Source):
    """Notes what an engine answers, question by question."""

    def __init__(self, real: Source) -> None:
        self.name, self.dialect, self.families, self.log = (
            real.name, real.dialect, real.families, real.log,
        )  # fmt: skip
        self._real = real
        self.answers: list[tuple[list[str], Sequence[Sequence[Any]]]] = []

    @override
    def answer(self, query: Any) -> Sequence[Sequence[Any]]:
        rows = self._real.answer(query)
        self.answers.append(([c.name for c in query.selected_columns], rows))
        return rows


def warehouse(name: str) -> Any:
    """How one says it, by its own SQLAlchemy dialect as it is once connected."""
    module, kind = DIALECTS[name]
    sql = getattr(importlib.import_module(module), kind)()
    if name == "mssql":
        sql._supports_offset_fetch = True  # from 2012 on
    return WAREHOUSES[name](sql)


class Written(Source):
    """A source that compiles for a warehouse and answers what was noted."""

    def __init__(self, noted: _Noted, name: str) -> None:
        self.name, self.families = name, noted.families
        self.dialect = warehouse(name)
        plain = log_table(list(noted.families), "outcomes")
        columns = warehouse_columns(self.dialect, plain, KINDS)
        self.families = {n: c.family for n, c in columns.items()}
        self.log = _read_as(plain, columns)
        self.texts: list[str] = []
        self._answers = iter(noted.answers)

    @override
    def answer(self, query: Any) -> Sequence[Sequence[Any]]:
        self.texts.append(self.dialect.compile(query))
        noted, rows = next(self._answers)
        if len(noted) == len(query.selected_columns):
            return rows
        # Text is not ordered by code points everywhere: fewer ranges are asked.
        at = [noted.index(c.name) for c in query.selected_columns]
        return [tuple(row[i] for i in at) for row in rows]


def check(source: Source, progress: Callable[[str], None] | None = None) -> OutcomeMoments:
    """One complete check of the log."""
    promise = PredictedLift.load(CONTRACT)
    return reduce_source(source, promise, as_of=AS_OF, model_version="3", progress=progress)


def written(name: str) -> str:
    """Returns the golden file of a warehouse: every query of a complete check, in order."""
    with open_source(log(), PredictedLift.load(CONTRACT)) as real:
        noted = _Noted(real)
        check(noted)
    source = Written(noted, name)
    passes: list[tuple[int, str]] = []
    check(source, lambda p: passes.append((len(source.texts), p)))
    names, seen, out = dict(passes), {}, []
    for i, text in enumerate(source.texts):
        out.append(f"-- {i + 1}{': ' + names[i] if i in names else ''}")
        for n, line in enumerate(text.splitlines(), start=1):
            first = seen.setdefault(line, f"-- line {n} of {i + 1}")
            out.append(line if first == f"-- line {n} of {i + 1}" or len(line) < 80 else first)
        out.append("")
    return "\n".join(out)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in sys.argv[1:] or DIALECTS:
        (FOLDER / f"{each}.sql").write_text(written(each), encoding="utf-8")
