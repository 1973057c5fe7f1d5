"""The generated outcome log that the benchmarks of the checks share: 14 columns, any number of rows."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

CONTRACT: dict[str, Any] = {
    "metric": "converted",
    "predicted": {"lift": 0.02, "se": 0.002},
    "window": "30d",
    "treatment_share": 0.5,
    "columns": {
        "unit": "unit", "arm": "arm", "treated": "treat", "holdout": "hold", "outcome": "outcome",
        "segment": "segment", "decided_at": "decided_at", "observed_at": "observed_at",
        "value": "value", "cost": "cost", "covariate": "covariate", "offered": "offered", "delivered": "delivered",
    },
}  # fmt: skip
AS_OF = "2026-06-01"

_ROWS = """
  SELECT i AS unit, CASE WHEN h % 100 < 50 THEN 'treat' ELSE 'hold' END AS arm, 'seg' || (h % 7) AS segment,
    TIMESTAMP '2026-01-01' + to_seconds(i * 8000000 // {n}) AS decided_at,
    TIMESTAMP '2026-01-01' + to_seconds(i * 8000000 // {n} + h % 2000000) AS observed_at,
    CASE WHEN h % 1000 < 100 + CASE WHEN h % 100 < 50 THEN 20 ELSE 0 END THEN 1 ELSE 0 END AS outcome,
    (h % 10007) / 100.0::DOUBLE AS value, 0.35::DOUBLE AS cost, (h % 13) / 3.0::DOUBLE AS covariate,
    CASE WHEN h % 100 < 50 THEN 1 ELSE 0 END AS offered, CASE WHEN h % 100 < 40 THEN 1 ELSE 0 END AS delivered,
    (h % 1000) / 1000.0::DOUBLE AS score, (h % 500)::INTEGER AS cluster, 'team' || (h % 20) AS team
  FROM (SELECT range AS i, (hash(range) % 1000000007)::BIGINT AS h FROM range({n}))
"""


def parquet(rows: int) -> str:
    """Returns the path of a Parquet file of that many rows; made once and kept in the temp folder."""
    import duckdb

    path = Path(tempfile.gettempdir()) / f"spot-bench-{rows}.parquet"
    if not path.exists():
        part = path.with_suffix(".part")
        with duckdb.connect() as c:
            c.execute("SET preserve_insertion_order = false")
            c.execute("SET enable_progress_bar = false")
            c.execute(f"COPY ({_ROWS.format(n=rows)}) TO '{part}' (FORMAT parquet)")
        part.rename(path)
    return str(path)


def hand_written(table: str, *, days: str, finite: str) -> tuple[str, str]:
    """Returns (base query, identity query): the same answers as our check, written by hand.

    Args:
        table: what to select from.
        days: interval of a number of days in the engine's words, with {} for the number.
        finite: whether {} is infinite, in the engine's words.
    """
    window, as_of = days.format(30), f"TIMESTAMP '{AS_OF} 00:00:00'"
    centers = {"covariate": 2.0, "value": 50.0, "cost": 0.35}
    measures = ["outcome", "covariate", "value", "cost", "offered", "delivered"]
    z = {m: f"({m} - {centers[m]})" if m in centers else m for m in measures}

    def total(x: str) -> str:
        return f"SUM(CASE WHEN ok THEN {x} END)"

    def counted(x: str) -> str:
        return f"SUM(CASE WHEN {x} THEN 1 ELSE 0 END)"

    sums = [total(z[m]) for m in measures]
    for m in centers:
        sums += [
            total(f"{z[m]} * {z[m]} * {z[m]}"),
            counted(f"ok AND {m} <> 0"),
            f"MAX(CASE WHEN ok THEN {m} END)",
        ]
        sums += [counted(f"ok AND {m} IS NULL"), counted(finite.format(m))]
    pairs = itertools.combinations_with_replacement(measures, 2)
    sums += [total(f"{z[a]} * {z[b]}") for a, b in pairs if a != b or a in centers]
    faults = [
        "arm IS NULL", "arm NOT IN ('treat', 'hold')", "matured AND outcome IS NULL", "arm IS NULL AND outcome IS NOT NULL",
        "outcome NOT IN (0, 1)", "decided_at IS NULL", f"decided_at > {as_of}", "observed_at < decided_at",
        f"observed_at > decided_at + {window} AND outcome <> 0", "assigned AND NOT matured", "value < 0", "cost < 0",
        "delivered = 1 AND offered = 0", "arm = 'hold' AND offered = 1", "arm = 'hold' AND delivered = 1", "unit IS NULL",
    ]  # fmt: skip
    sums += [counted(f) for f in faults]
    base = f"""
      SELECT segment, arm, CAST(decided_at AS DATE), COUNT(*), {counted("assigned")}, {counted("matured")}, {", ".join(sums)}
      FROM (SELECT *, matured AND outcome IS NOT NULL AS ok FROM (
        SELECT unit, segment, arm, decided_at, observed_at, covariate, value, cost, offered, delivered,
          CASE WHEN observed_at > decided_at + {window} THEN 0 ELSE outcome END AS outcome,
          arm IN ('treat', 'hold') AND decided_at <= {as_of} AS assigned,
          arm IN ('treat', 'hold') AND decided_at + {window} <= {as_of} AS matured
        FROM {table}) AS judged) AS measured
      GROUP BY segment, arm, CAST(decided_at AS DATE)"""  # noqa: S608 - our own words
    identity = f"""
      SELECT COUNT(*), {counted("k > 1")}, {counted("low <> high")}, MIN(CASE WHEN k > 1 THEN unit END)
      FROM (SELECT unit, COUNT(*) AS k, MIN(arm) AS low, MAX(arm) AS high FROM {table} GROUP BY unit) AS units"""  # noqa: S608
    return base, identity
