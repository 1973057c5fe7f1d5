"""A Spark DataFrame, reduced by Spark SQL where it lies."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from spot_mlflow_checks.engines.source import Source, check_names, log_table
from spot_mlflow_checks.engines.spark_sql import SparkDialect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import sqlalchemy as sa

    from spot_mlflow_checks.engines.dialect import Family

_MICROS: Final = 1_000_000
_UTC: Final = frozenset({"UTC", "Etc/UTC"})
_FAMILIES: Final[dict[str, Family]] = {
    "boolean": "bool",
    "float": "float",
    "double": "float",
    "string": "text",
    "date": "date",
    "timestamp": "time",
    "timestamp_ntz": "time",
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "integer"),
}


def _family(kind: str) -> Family:
    if kind.startswith("decimal"):
        return "integer"  # exact numbers: neither NaN nor infinite
    if kind.startswith(("varchar", "char")):
        return "text"
    return _FAMILIES.get(kind, "other")


class SparkSource(Source):
    """A log in Spark, behind a view that lives as long as the check.

    Attributes:
        worked_out: columns of times without a zone that have to be worked out, since the session's zone
            is not UTC.
    """

    def __init__(self, frame: Any) -> None:
        self.name = "Spark DataFrame"
        self.dialect = SparkDialect()
        self.kinds = dict(frame.dtypes)
        self.families = {name: _family(kind) for name, kind in self.kinds.items()}
        self._session = frame.sparkSession
        zone = self._session.conf.get("spark.sql.session.timeZone")
        without = {name for name, kind in frame.dtypes if kind == "timestamp_ntz"}
        self.worked_out = frozenset() if zone in _UTC else frozenset(without)
        self._view = f"spot_outcome_log_{uuid.uuid4().hex}"
        _zone_free(frame, self.worked_out).createOrReplaceTempView(self._view)
        self.log = log_table(frame.columns, self._view)

    @property
    def session(self) -> Any:
        """The session that it is read through."""
        return self._session

    @override
    def answer(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        return [tuple(row) for row in self._session.sql(self.dialect.compile(query)).collect()]

    @override
    def close(self) -> None:
        self._session.catalog.dropTempView(self._view)


def _zone_free(frame: Any, worked_out: Collection[str]) -> Any:
    """Gives times without a zone the zone UTC, as everywhere else, whatever the session's is.

    A cast reads them in the session's zone, where an hour of autumn comes twice, unless that is UTC.
    Whole numbers only: text costs as much as the rest of the check.

    Args:
        frame: as given.
        worked_out: columns that no cast can read.
    """
    from pyspark.sql import functions as f

    for name, kind in frame.dtypes:
        if kind == "timestamp_ntz":
            local = f.col("`" + name.replace("`", "``") + "`")
            if name not in worked_out:
                frame = frame.withColumn(name, local.cast("timestamp"))
                continue
            day = local.cast("date")
            # A million times too long, so that whole seconds of it are microseconds.
            since_midnight = (local - day.cast("timestamp_ntz")) * f.lit(_MICROS)
            micros = f.unix_date(day).cast("bigint") * f.lit(86_400 * _MICROS)
            micros += since_midnight.cast("interval second").cast("bigint")
            frame = frame.withColumn(name, f.timestamp_micros(micros))
    return frame


def open_spark(frame: Any, wanted: Mapping[str, str]) -> SparkSource:
    """Opens a Spark DataFrame."""
    check_names(frame.columns, wanted, "Spark DataFrame")
    return SparkSource(frame)
