"""The one metric that every Expectation depends on: an outcome log, reduced to moments.

Great Expectations runs a metric once for identical value keys, so every Expectation passes the whole
contract and its thresholds stay out of them.
"""

from __future__ import annotations

import uuid
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

from spot_mlflow.lift.contract import PredictedLift
from spot_mlflow_checks.outcomes import reduce_source
from spot_mlflow_checks.columns import wanted_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from spot_mlflow.lift.moments import OutcomeMoments

METRIC: Final = "outcome_log.moments"
VALUE_KEYS: Final = ("contract", "as_of", "model_version", "segment_limit")
_MARK: Final = "spot_reduced_outcome_log"
# Moments handed to Great Expectations as a batch: it fingerprints frames, so the frame holds a name.
_handed_over: dict[str, OutcomeMoments] = {}


@contextmanager
def reduced_batch(moments: OutcomeMoments) -> Iterator[pd.DataFrame]:
    """Gives a frame of one cell that stands for moments already computed."""
    import pandas as pd

    name = uuid.uuid4().hex
    _handed_over[name] = moments
    try:
        yield pd.DataFrame({_MARK: [name]})
    finally:
        del _handed_over[name]


class OutcomeLogMoments(TableMetricProvider):
    """Reduces the batch, wherever it lies; a batch that is reduced already is handed on."""

    metric_name = METRIC
    value_keys = VALUE_KEYS

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> OutcomeMoments:  # noqa: N805 - Great Expectations calls it on the class
        from spot_mlflow_checks.engines.duck import open_frame

        frame, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        if list(frame.columns) == [_MARK]:
            return _handed_over[str(frame[_MARK].iloc[0])]
        predicted = PredictedLift.load(dict(metric_value_kwargs["contract"]))
        with open_frame(frame, wanted_columns(predicted)) as source:
            return reduce_source(source, predicted, **_options(metric_value_kwargs))

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> OutcomeMoments:  # noqa: N805
        from spot_mlflow_checks.engines.database import open_selectable

        selectable, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        predicted = PredictedLift.load(dict(metric_value_kwargs["contract"]))
        with execution_engine.get_connection() as connection:
            source = open_selectable(connection, selectable, wanted_columns(predicted))
            return reduce_source(source, predicted, **_options(metric_value_kwargs))

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> OutcomeMoments:  # noqa: N805
        from spot_mlflow_checks.engines.spark import open_spark

        frame, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        predicted = PredictedLift.load(dict(metric_value_kwargs["contract"]))
        with open_spark(frame, wanted_columns(predicted)) as source:
            return reduce_source(source, predicted, **_options(metric_value_kwargs))


def _options(value_kwargs: Any) -> dict[str, Any]:
    found = {k: value_kwargs.get(k) for k in VALUE_KEYS if k != "contract"}
    return {k: v for k, v in found.items() if v is not None}
