"""The one metric that every Expectation depends on: an outcome log, reduced to moments.

Great Expectations runs a metric once for identical value keys, so every Expectation passes the whole
contract and its thresholds stay out of them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import (
    PandasExecutionEngine,
    SparkDFExecutionEngine,
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.record import Record
from spot_mlflow.record.outcomes import latest_moments
from spot_mlflow_checks import handover
from spot_mlflow_checks.columns import wanted_columns
from spot_mlflow_checks.engines.database import open_selectable
from spot_mlflow_checks.engines.duck import open_frame
from spot_mlflow_checks.engines.spark import open_spark
from spot_mlflow_checks.outcomes import reduce_source
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

METRIC: Final = "outcome_log.moments"
VALUE_KEYS: Final = ("contract", "as_of", "model_version", "segment_limit", "model")
_SETTINGS: Final = ("as_of", "model_version", "segment_limit")
_MARK: Final = "spot_reduced_outcome_log"


@contextmanager
def reduced_batch(moments: OutcomeMoments) -> Iterator[pd.DataFrame]:
    """Gives a frame of one cell that stands for moments already computed.

    Great Expectations fingerprints frames; this one costs it nothing.
    """
    import pandas as pd

    ticket = handover.leave(moments)
    try:
        yield pd.DataFrame({_MARK: [ticket]})
    finally:
        handover.drop(ticket)


def _settings(value_kwargs: Any) -> dict[str, Any]:
    found = {k: value_kwargs[k] for k in _SETTINGS if value_kwargs.get(k) is not None}
    if value_kwargs.get("model") is not None:
        found = {**_earlier(value_kwargs["model"]), **found}
    return found


def _joined(decisions: Any, predicted: PredictedLift, value_kwargs: Any) -> OutcomeMoments:
    """Reduces a batch of decisions, joined with the other tables that the contract names."""
    found = _settings(value_kwargs)
    as_of, version = found.pop("as_of", None), found.get("model_version")
    with joined_log({"decisions": decisions}, predicted, as_of=as_of, model_version=version) as log:
        moments = reduce_source(log.source, predicted, as_of=log.as_of, joined=True, **found)
        return log.with_faults(moments)


def _of_frame(frame: Any, value_kwargs: Any, opened: Callable[..., Any]) -> OutcomeMoments:
    """Reduces a batch that is a frame."""
    predicted = PredictedLift.load(dict(value_kwargs["contract"]))
    if _is_decisions(map(str, frame.columns), predicted):
        return _joined(frame, predicted, value_kwargs)
    with opened(frame, wanted_columns(predicted)) as source:
        return reduce_source(source, predicted, **_settings(value_kwargs))


def _is_decisions(names: Iterable[str], predicted: PredictedLift) -> bool:
    """Whether a batch holds raw decisions, and not the log that was made of them."""
    columns = predicted.columns
    return predicted.sources is not None and not {columns.arm, columns.outcome} <= set(names)


def _wanted(predicted: PredictedLift) -> dict[str, str]:
    """Columns of the log, and of the decisions where a batch may hold those."""
    sources = predicted.sources
    if sources is None:
        return wanted_columns(predicted)
    own = {c: f"sources.decisions.{k}" for c, k in sources.decisions.wanted.items()}
    if sources.arms.column is not None:
        own[sources.arms.column] = "sources.arms.column"
    return own | wanted_columns(predicted)


def _earlier(model: str) -> dict[str, Any]:
    """What the record holds of the latest check of a model version."""
    record = Record()
    ref = record.resolve(model)
    adoption = record.adoption(ref)
    return {"model_version": adoption.version, "previous": latest_moments(record, adoption)}


class OutcomeLogMoments(TableMetricProvider):
    """Reduces the batch, wherever it lies; a batch that is reduced already is handed on."""

    metric_name = METRIC
    value_keys = VALUE_KEYS

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - Great Expectations calls it on the class
        execution_engine: Any,
        metric_domain_kwargs: Any,
        metric_value_kwargs: Any,
        **_: Any,
    ) -> OutcomeMoments:

        frame, _domain, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        if list(frame.columns) == [_MARK]:
            moments = handover.fetch(str(frame[_MARK].iloc[0]))
            assert moments is not None  # noqa: S101 - held by `reduced_batch` while it runs
            return moments
        return _of_frame(frame, metric_value_kwargs, open_frame)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - Great Expectations calls it on the class
        execution_engine: Any,
        metric_domain_kwargs: Any,
        metric_value_kwargs: Any,
        **_: Any,
    ) -> OutcomeMoments:

        selectable, _domain, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        predicted = PredictedLift.load(dict(metric_value_kwargs["contract"]))
        with execution_engine.get_connection() as connection:
            source = open_selectable(connection, selectable, _wanted(predicted))
            if _is_decisions(source.families, predicted):
                return _joined(source, predicted, metric_value_kwargs)
            return reduce_source(source, predicted, **_settings(metric_value_kwargs))

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805 - Great Expectations calls it on the class
        execution_engine: Any,
        metric_domain_kwargs: Any,
        metric_value_kwargs: Any,
        **_: Any,
    ) -> OutcomeMoments:

        frame, _domain, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        return _of_frame(frame, metric_value_kwargs, open_spark)
