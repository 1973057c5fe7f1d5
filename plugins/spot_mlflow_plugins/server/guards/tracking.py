"""Keeps plain clients out of the companion experiments: what they hold is evidence.

The live tracking store's class is swapped for a subclass whose writing methods first ask whether
they touch evidence. Every route of MLflow ends in these methods, REST, GraphQL, native FastAPI and
MLflow's own jobs alike, so a route that is added later is guarded too. Entries themselves are
written by the entry route through a store of its own, which is not swapped.
"""

from __future__ import annotations

import functools
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.record.entry import MODEL
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.companions import Companions, folded, is_companion_name
from spot_mlflow_plugins.server.trust.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow_plugins.ruling import Decider
    from spot_mlflow_plugins.server.files.deployed import Deployed

_logger: Final = logging.getLogger("mlflow.spot")
_SHOWN: Final = 300  # characters of what somebody tried: they chose them

# method -> name of its first argument, as MLflow calls it.
BY_RUN: Final[dict[str, str]] = {
    "update_run_info": "run_id",
    "delete_run": "run_id",
    "restore_run": "run_id",
    "log_metric": "run_id",
    "log_metric_async": "run_id",
    "log_param": "run_id",
    "log_param_async": "run_id",
    "set_tag": "run_id",
    "set_tag_async": "run_id",
    "delete_tag": "run_id",
    "log_batch": "run_id",
    "log_batch_async": "run_id",
    "record_logged_model": "run_id",
    "log_inputs": "run_id",
    "log_outputs": "run_id",
}
BY_EXPERIMENT: Final[dict[str, str]] = {
    "delete_experiment": "experiment_id",
    "restore_experiment": "experiment_id",
    "delete_experiment_tag": "experiment_id",
    "register_scorer": "experiment_id",
    "delete_scorer": "experiment_id",
    "create_label_schema": "experiment_id",
    "create_review_queue": "experiment_id",
    "get_or_create_user_queue": "experiment_id",
    "create_issue": "experiment_id",
    "delete_traces": "experiment_id",
    "log_spans": "location",
    "deprecated_start_trace_v2": "experiment_id",
}
BY_LOGGED_MODEL: Final[dict[str, str]] = {
    "finalize_logged_model": "model_id",
    "set_logged_model_tags": "model_id",
    "delete_logged_model_tag": "model_id",
    "delete_logged_model": "model_id",
    "log_logged_model_params": "model_id",
}
# Written out below, because they need more than their first argument.
WRITTEN_OUT: Final = (
    "create_experiment",
    "set_experiment_tag",
    "rename_experiment",
    "create_run",
    "create_logged_model",
    "start_trace",
    "link_traces_to_run",
    "unlink_traces_from_run",
    "create_dataset",
    "add_dataset_to_experiments",
)

RESERVED: Final = "spot."
RUN_FIX: Final = (
    "The record is append-only: record a new entry with spot_mlflow, the spot command or "
    "the pages under spot/."
)


class TrackingGuard:
    """Mixin for a tracking store; see ``guarded``."""

    _spot_companions: Companions
    _spot_decider: Decider | None = None
    _spot_deployed: Deployed | None = None

    def create_experiment(self, name: str, artifact_location: Any = None, tags: Any = None) -> Any:
        """Refuses the reserved names, look-alikes included, and the tags that bind a companion."""
        self._spot_check_name(name)
        for tag in tags or ():
            self._spot_check_key(tag.key)
        return super().create_experiment(name, artifact_location, tags)  # type: ignore[misc] # the store's

    def set_experiment_tag(self, experiment_id: Any, tag: Any) -> Any:
        """Refuses tags on a companion, and the tags that would make another experiment one."""
        self._spot_check_experiment(experiment_id, "set_experiment_tag")
        self._spot_check_key(tag.key)
        return super().set_experiment_tag(experiment_id, tag)  # type: ignore[misc] # the store's

    def rename_experiment(self, experiment_id: Any, new_name: str) -> Any:
        """Refuses to rename a companion, and to rename anything into one."""
        self._spot_check_experiment(experiment_id, "rename_experiment")
        self._spot_check_name(new_name)
        return super().rename_experiment(experiment_id, new_name)  # type: ignore[misc] # the store's

    def create_run(self, experiment_id: Any, *args: Any, **kwargs: Any) -> Any:
        """Refuses runs in a companion: entries are written by the entry route."""
        self._spot_check_experiment(experiment_id, "create_run")
        run = super().create_run(experiment_id, *args, **kwargs)  # type: ignore[misc] # the store's
        self._spot_companions.note_run(run.info.run_id, ours=False)
        return run

    def create_logged_model(
        self, experiment_id: Any, name: Any = None, source_run_id: Any = None, **kwargs: Any
    ) -> Any:
        """Refuses logged models in a companion, and those that would hide a deployed version's files."""
        self._spot_check_experiment(experiment_id, "create_logged_model")
        if self._spot_deployed is not None:
            self._spot_deployed.check_new_logged_model(name, source_run_id)
        return super().create_logged_model(experiment_id, name, source_run_id, **kwargs)  # type: ignore[misc] # the store's

    def start_trace(self, trace_info: Any) -> Any:
        """Refuses traces in a companion."""
        self._spot_check_experiment(trace_info.experiment_id)
        return super().start_trace(trace_info)  # type: ignore[misc] # the store's

    def link_traces_to_run(self, trace_ids: Any, run_id: str) -> Any:
        """Refuses to hang traces on evidence."""
        self._spot_check_run(run_id)
        return super().link_traces_to_run(trace_ids, run_id)  # type: ignore[misc] # the store's

    def unlink_traces_from_run(self, trace_ids: Any, run_id: str) -> Any:
        """Refuses to take traces off evidence."""
        self._spot_check_run(run_id)
        return super().unlink_traces_from_run(trace_ids, run_id)  # type: ignore[misc] # the store's

    def create_dataset(
        self, name: str, tags: Any = None, experiment_ids: Any = None, **kwargs: Any
    ) -> Any:
        """Refuses evaluation data sets in a companion."""
        for experiment_id in experiment_ids or ():
            self._spot_check_experiment(experiment_id)
        return super().create_dataset(name, tags, experiment_ids, **kwargs)  # type: ignore[misc] # the store's

    def add_dataset_to_experiments(self, dataset_id: str, experiment_ids: Any) -> Any:
        """Refuses evaluation data sets in a companion."""
        for experiment_id in experiment_ids or ():
            self._spot_check_experiment(experiment_id)
        return super().add_dataset_to_experiments(dataset_id, experiment_ids)  # type: ignore[misc] # the store's

    def _spot_check_name(self, name: Any) -> None:
        if isinstance(name, str) and is_companion_name(name, self._spot_companions.prefix):
            self.spot_note("name", f"name an experiment {name!r}")
            raise refusal(
                f"Experiment names that begin with '{self._spot_companions.prefix}' are reserved "
                "for the evidence of registered models.",
                "Choose another name.",
            )

    def _spot_check_key(self, key: Any) -> None:
        if isinstance(key, str) and folded(key).startswith(RESERVED):
            self.spot_note("name", f"tag an experiment with {key!r}")
            raise refusal(f"Tag '{key}' is reserved.", "It binds a record to a registered model.")

    def _spot_check_run(self, run_id: Any, by: str = "write") -> None:
        if self._spot_companions.run(self, run_id):
            self.spot_note("run", f"{by} on run {run_id}", run_id=run_id)
            raise refusal(f"Run {run_id} is evidence and cannot be changed.", RUN_FIX)
        if by == "delete_run" and self._spot_deployed is not None:
            self._spot_deployed.check_delete_run(run_id)

    def _spot_check_experiment(self, experiment_id: Any, by: str = "write") -> None:
        if self._spot_companions.experiment(self, experiment_id):
            what = f"{by} on experiment {experiment_id}"
            self.spot_note("experiment", what, experiment_id=experiment_id)
            raise refusal(
                f"Experiment {experiment_id} holds a registered model's evidence and is written "
                "by the server only.",
                RUN_FIX,
            )
        if by == "delete_experiment" and self._spot_deployed is not None:
            self._spot_deployed.check_delete_experiment(self, experiment_id)

    def _spot_check_logged_model(self, model_id: Any, by: str = "write") -> None:
        if self._spot_companions.logged_model(self, model_id):
            self.spot_note("logged model", f"{by} on logged model {model_id}", model_id=model_id)
            raise refusal(f"Logged model {model_id} belongs to evidence.", RUN_FIX)
        if by == "delete_logged_model" and self._spot_deployed is not None:
            self._spot_deployed.check_delete_logged_model(model_id)

    def spot_note(
        self,
        kind: str,
        what: str,
        *,
        experiment_id: Any = None,
        run_id: Any = None,
        model_id: Any = None,
    ) -> None:
        """Has a refused attempt recorded for the model whose evidence it was at; never raises.

        Args:
            kind: what sort of thing.
            what: in words that go on "nobody may".
            experiment_id: the companion, where it is known.
            run_id: or a run in it.
            model_id: or a logged model in it.
        """
        if self._spot_decider is None:
            return
        try:
            if run_id is not None:
                experiment_id = private.experiment_of_run(self, str(run_id))
            elif model_id is not None:
                experiment_id = private.experiment_of_logged_model(self, str(model_id))
            said = None if experiment_id is None else str(experiment_id)
            self._spot_decider.attempt(
                kind,
                what[:_SHOWN],
                place=f"experiment {said}",
                model=partial(_model_of, self, said),
            )
        except Exception:  # the refusal must not fail on its record
            _logger.exception("not recorded: refused to %s", what[:_SHOWN])


def _model_of(store: Any, experiment_id: str | None) -> str:
    """Returns whose evidence an experiment holds; "" where it is no one model's."""
    return "" if experiment_id is None else store.get_experiment(experiment_id).tags.get(MODEL, "")


def guarded(store_class: type, prefix: str) -> type:
    """Returns ``store_class`` with the guard in front.

    Args:
        store_class: class of the live tracking store.
        prefix: of the companion experiments' names.
    """
    checks = (
        (BY_RUN, "_spot_check_run"),
        (BY_EXPERIMENT, "_spot_check_experiment"),
        (BY_LOGGED_MODEL, "_spot_check_logged_model"),
    )
    body: dict[str, Any] = {"_spot_companions": Companions(prefix)}
    for methods, check in checks:
        for method, argument in methods.items():
            if hasattr(store_class, method):
                body[method] = _checked(getattr(store_class, method), argument, check)
    return type(f"Guarded{store_class.__name__}", (TrackingGuard, store_class), body)


def _checked(method: Callable[..., Any], argument: str, check: str) -> Callable[..., Any]:
    """Wraps ``method``: ``check`` its first argument, then go on; MLflow's signature is kept."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        getattr(self, check)(args[0] if args else kwargs.get(argument), method.__name__)
        return method(self, *args, **kwargs)

    return wrapper
