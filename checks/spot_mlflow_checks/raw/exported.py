"""Writes a joined log: to Parquet, CSV, or a table of a database; whole or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.engines.database import open_engine
from spot_mlflow_checks.engines.files import split_table
from spot_mlflow_checks.raw.joined import TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spot_mlflow_checks.raw.homes import Kind
    from spot_mlflow_checks.raw.joined import JoinedLog

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


def export_log(log: JoinedLog, out: str) -> int:
    """Writes the log under the names of the contract; times are timestamps in UTC.

    Args:
        log: open.
        out: path of a new .parquet or .csv file, or DATABASE_URL::TABLE of a new table.

    Returns:
        Rows written.

    Raises:
        InvalidInput: where the place cannot be written to, or is taken.
    """
    database, table = split_table(out)
    if table is not None:
        return _into_table(log, database, table)
    path = Path(out)
    if path.suffix not in {".parquet", ".csv"}:
        raise InvalidInput(
            "must end in .parquet or .csv", where=out, fix="Or give DATABASE_URL::TABLE."
        )
    draft = path.with_name(f".{path.name}.part")
    try:
        count = _into_file(log, draft, csv=path.suffix == ".csv")
        draft.replace(path)
    except OSError as e:
        raise InvalidInput(f"cannot be written: {e.strerror or e}", where=out) from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def _into_file(log: JoinedLog, path: Path, *, csv: bool) -> int:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    types = {"text": pa.string(), "whole": pa.int64(), "double": pa.float64()}
    stamp = pa.timestamp("us", tz="UTC")
    keys = log.keys.items()
    schema = pa.schema([(log.columns[k], stamp if k in TIMES else types[kind]) for k, kind in keys])
    count = 0
    writer: Any = arrow_csv.CSVWriter if csv else parquet.ParquetWriter
    with writer(str(path), schema) as f:
        for rows in _batches(log):
            columns = zip(*rows, strict=True)
            arrays = [
                pa.array([_value(v, kind) for v in column], types[kind]).cast(field.type)
                for column, (_, kind), field in zip(columns, keys, schema, strict=True)
            ]
            f.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(rows)
    return count


def _value(value: Any, kind: Kind) -> Any:
    """A value of the engine as one of ours: sums come back as Decimal from some."""
    if value is None or kind == "text":
        return value
    return int(value) if kind == "whole" else float(value)


def _batches(log: JoinedLog) -> Iterator[Sequence[Sequence[Any]]]:
    return log.stream(sa.select(*[log.table.c[k] for k in log.keys]).select_from(log.table))


def _into_table(log: JoinedLog, url: str, name: str) -> int:
    engine = open_engine(url)
    types: dict[Kind, Any] = {"text": sa.Text(), "whole": sa.BigInteger(), "double": sa.Double()}
    stamp: Any = sa.DateTime(timezone=True)
    if engine.dialect.name in {"mysql", "mariadb"}:
        stamp = sa.dialects.mysql.DATETIME(fsp=6)
    schema, _, table = name.rpartition(".")
    made = sa.Table(
        sa.quoted_name(table, quote=True),
        sa.MetaData(schema=schema or None),
        *[
            sa.Column(
                sa.quoted_name(log.columns[k], quote=True), stamp if k in TIMES else types[kind]
            )
            for k, kind in log.keys.items()
        ],
    )
    count = 0
    try:
        if sa.inspect(engine).has_table(table, schema=schema or None):
            raise InvalidInput(
                f"table {name!r} already exists",
                where=log.source.name,
                fix="Choose another, or drop it.",
            )
        with engine.begin() as connection:
            made.create(connection)
            for rows in _batches(log):
                connection.execute(sa.insert(made), [_row(log, row) for row in rows])
                count += len(rows)
    except sa.exc.SQLAlchemyError as e:
        said = (str(getattr(e, "orig", e)).strip().splitlines() or [type(e).__name__])[0]
        raise InvalidInput(f"cannot be written: {said}", where=f"table {name}") from None
    finally:
        engine.dispose()
    return count


def _row(log: JoinedLog, row: Sequence[Any]) -> dict[str, Any]:
    out = {}
    for (key, kind), value in zip(log.keys.items(), row, strict=True):
        said = _value(value, kind)
        if key in TIMES and said is not None:
            said = _EPOCH + timedelta(microseconds=said)
        out[log.columns[key]] = said
    return out
