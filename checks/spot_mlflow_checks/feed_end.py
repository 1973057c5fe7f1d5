"""Up to when the events are complete: what comes later is unknown, not zero.

A log that was joined from raw tables and written is read by the same contract as the tables, and so is
checked as of the same moment.
"""

from __future__ import annotations

from datetime import MAXYEAR, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from spot_mlflow.lift.promise.sources import Behind
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.promise.sources import Events
    from spot_mlflow_checks.engines.source import Source

_DATE: Final = 10  # characters of a date without a time


def feed_end(doc: Events, asked: datetime) -> datetime | None:
    """Returns the moment up to which the contract says that a feed is complete, UTC.

    Args:
        doc: what it says of the events; a date is all of that day in their zone.
        asked: when the check is to be made.

    Returns:
        None where the check may be made as asked, or only the events say how far they go.
    """
    said = doc.complete_until
    if isinstance(said, Behind):
        return min(asked, utc(None)) - said.behind
    if said in {"now", "latest"}:
        return None
    at = datetime.fromisoformat(said.replace("Z", "+00:00"))
    if at.year == MAXYEAR:  # what people write for "always"; a day later there is no date
        return None
    if len(said) <= _DATE:
        at += timedelta(days=1)
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(doc.zone))
    at = at.astimezone(timezone.utc)
    return at - timedelta(microseconds=1) if len(said) <= _DATE else at


def judged_as_of(
    source: Source, predicted: PredictedLift, wanted: Mapping[str, str], asked: datetime
) -> datetime:
    """Returns when a ready log is judged: as asked, or where the events of the contract end before that.

    Where the contract says ``latest``, the last event that the log knows of is taken.

    Args:
        source: the log.
        predicted: its contract.
        wanted: contract key -> column of the log.
        asked: when the check is to be made.
    """
    if predicted.sources is None:
        return asked
    feeds = [predicted.sources.events, *predicted.sources.guardrails.values()]
    ends = [x for x in (feed_end(doc, asked) for doc in feeds) if x is not None]
    column = wanted.get("observed_at")
    if column is not None and any(doc.complete_until == "latest" for doc in feeds):
        ends += _last(source, column)
    return min([asked, *ends])


def _last(source: Source, column: str) -> list[datetime]:
    """The latest time of a column, where it has one."""
    at: Any = source.dialect.micros(source.column(column), source.families[column])
    found = source.fetch(sa.select(sa.func.max(at)).select_from(source.log))[0][0]
    if found is None:
        return []
    return [datetime.fromtimestamp(0, tz=timezone.utc) + timedelta(microseconds=int(found))]
