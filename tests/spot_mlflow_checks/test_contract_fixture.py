"""One awkward log through every engine: the same moments to 1e-9, and those counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from contract_log import (
    AS_OF,
    CONTRACT,
    STEPS,
    as_arrow,
    as_csv,
    as_pandas,
    as_spark,
    counted,
    into_database,
    rows,
)

from spot_mlflow.lift.moments.outcome_moments import Fault
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

LOG = rows()
MEASURES = {
    "outcome": "outcome",
    "value": "value",
    "covariate": "pre",
    **{s: s for s in STEPS},
}
PLACES = [
    "pandas",
    "polars",
    "pyarrow",
    "duckdb",
    "parquet",
    "parquet glob",
    "csv",
    "sqlite",
    "sqlite query",
    "postgresql",
    "postgresql query",
    "spark",
]


@pytest.fixture(scope="module")
def known() -> dict[str, OutcomeMoments]:
    """The log as each engine reduced it: once, since several tests look at it."""
    return {"pyarrow": reduced(as_arrow(LOG), {})}


@pytest.fixture
def found(
    request: pytest.FixtureRequest, tmp_path: Path, known: dict[str, OutcomeMoments]
) -> OutcomeMoments:
    """The log as the engine that the test names reduced it."""
    if request.param not in known:
        known[request.param] = reduced(*_place(request.param, tmp_path, request))
    return known[request.param]


def _place(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Any, dict[str, str]]:
    """Puts the log where an engine finds it: (source, keywords)."""
    if kind.startswith("postgresql"):
        url = request.getfixturevalue("postgres_database")
    elif kind.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'log.db'}"
    else:
        return _frame(kind, tmp_path, request), {}
    into_database(LOG, url)
    if kind.endswith("query"):
        return url, {"query": "SELECT * FROM \"Outcome log\" WHERE 'a:b' = 'a:b' -- all of it"}
    return url, {"table": "Outcome log"}


def _frame(kind: str, folder: Path, request: pytest.FixtureRequest) -> Any:
    import duckdb
    import polars as pl
    import pyarrow.parquet as pq

    table = as_arrow(LOG)
    if kind.startswith("parquet"):
        pq.write_table(table.slice(0, 150), folder / "a.parquet")
        pq.write_table(table.slice(150), folder / "b.parquet")
        if kind == "parquet glob":
            return str(folder / "*.parquet")
        pq.write_table(table, folder / "all.pq")
        return folder / "all.pq"
    if kind == "spark":
        return as_spark(LOG, request.getfixturevalue("spark"))
    made = {
        "pandas": lambda: as_pandas(LOG),
        "polars": lambda: pl.from_arrow(table),
        "duckdb": lambda: duckdb.connect().from_arrow(table),
        "csv": lambda: as_csv(LOG, folder / "log.csv"),
    }
    return made[kind]()


def reduced(source: Any, keywords: Mapping[str, str]) -> OutcomeMoments:
    """Reduces the log."""
    predicted = PredictedLift.load(CONTRACT)
    with open_source(source, predicted, **keywords) as opened:
        return reduce_source(opened, predicted, as_of=AS_OF)


def close(a: Any, b: Any) -> bool:
    """Whether two arrays agree to 1e-9."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    finite = np.where(np.isfinite(b), np.abs(b), 0)
    # A sum about its own mean cancels to nothing: 1e-9 of the largest of its kind, then.
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-9 * float(finite.max(initial=0))))


def raw_sums(cells: Moments) -> dict[tuple[str, str, str], dict[str, float]]:
    """Takes the centres out again: sums and sums of products of the values themselves."""
    c, n = cells.center, cells.n[:, None].astype(float)
    s1 = cells.s1 + n * c
    s2 = (
        cells.s2
        + cells.s1[:, :, None] * c
        + c[:, None] * cells.s1[:, None, :]
        + n[:, :, None] * c[:, None] * c
    )
    out = {}
    for i, key in enumerate(zip(cells.segment, cells.arm, cells.period.astype(str), strict=True)):
        cell = {"assigned": cells.assigned[i], "matured": cells.matured[i], "n": cells.n[i]}
        for m, a in MEASURES.items():
            cell[a] = s1[i, cells.measures.index(m)]
            for k, b in MEASURES.items():
                cell[f"{a}*{b}"] = s2[i, cells.measures.index(m), cells.measures.index(k)]
        out[key] = cell
    return out


@pytest.mark.parametrize("found", PLACES, indirect=True)
def test_every_engine_counts_what_a_hand_count_counts(found: OutcomeMoments) -> None:
    """Cells, sums and products equal those counted in plain Python, in every engine."""
    sums = raw_sums(found.cells)
    wanted = counted(LOG)
    assert set(sums) == set(wanted)
    for key, cell in wanted.items():
        for name, value in cell.items():
            assert sums[key][name] == pytest.approx(value, rel=1e-9, abs=1e-6), (key, name)


def test_the_log_has_unknown_answers_to_every_step() -> None:
    """Each is unknown of some units that were asked of it, else the hand count would prove nothing."""
    wanted = counted(LOG)
    for step in ("offered", "delivered", "system_failure", "on_time", "acted"):
        known = sum(cell[f"{step}_known"] for cell in wanted.values())
        passed = sum(cell[step] for cell in wanted.values())
        assert 0 < passed < known < sum(cell["n"] for cell in wanted.values()), step


@pytest.mark.parametrize("found", [p for p in PLACES if p != "pyarrow"], indirect=True)
def test_every_engine_agrees_with_the_first(
    found: OutcomeMoments, known: dict[str, OutcomeMoments]
) -> None:
    """Moments, clusters, faults and their examples are the same wherever the log lies."""
    first, none = known["pyarrow"], Fault("", 0, 0)
    for name in ("s1", "s2", "s3", "largest", "center"):
        assert close(getattr(found.cells, name), getattr(first.cells, name)), name
    for name in ("assigned", "matured", "n", "nonzero", "missing"):
        assert np.array_equal(getattr(found.cells, name), getattr(first.cells, name)), name
    assert found.clusters is not None
    assert first.clusters is not None
    for name in ("clusters", "assigned_clusters", "s1", "s2", "events", "center"):
        assert close(getattr(found.clusters, name), getattr(first.clusters, name)), name
    assert found.clusters.straddling == first.clusters.straddling
    # Whether a number may be infinite, or none at all, depends on how an engine stores it.
    typed = {
        k for k in {*found.faults, *first.faults} if k.startswith(("infinite_", "unreadable_"))
    }
    assert [
        k for k in typed if found.faults.get(k, none).count or first.faults.get(k, none).count
    ] == []
    assert {k: f for k, f in found.faults.items() if k not in typed} == {
        k: f for k, f in first.faults.items() if k not in typed
    }
    assert found.rows == first.rows == len(LOG)
