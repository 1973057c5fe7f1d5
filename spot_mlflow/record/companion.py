"""The companion experiment: where a model's evidence lives.

It is named ``spot/<model name>`` and bound to (name, creation timestamp) of the model by tags, so
that it survives a rename and a model made anew gets a record of its own. A companion experiment
that was deleted is reported, never silently replaced.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shlex
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import RecordDamaged, Unavailable
from spot_mlflow.record.entry import CREATED, MODEL
from spot_mlflow.record.references import ModelRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient
    from mlflow.entities import Experiment

_LOG = logging.getLogger(__name__)
REGISTRY: Final = ModelRef("", None, 0)
PREFIX_VARIABLE: Final = "SPOT_MLFLOW_PREFIX"
_LONGEST: Final = 230  # characters; MLflow takes 256, and a timestamp may be added
_NOTE = (
    "Evidence of spot-mlflow: one run per entry, append-only. "
    "Edits and deletions are found by `spot verify`."
)


def prefix() -> str:
    """Returns the prefix of companion experiments; some servers want a folder there."""
    return os.environ.get(PREFIX_VARIABLE, "spot/")


def name_of(ref: ModelRef) -> str:
    """Returns the companion experiment's usual name; the registry's own is the bare prefix.

    A model's name may be as long as an experiment's, so that a long one is cut and told apart by its
    digest.
    """
    if not ref.name:
        return prefix().rstrip("/") or "spot"
    name = f"{prefix()}{ref.name}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(ref.name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST - len(digest) - 1]}~{digest}"


def find(
    client: MlflowClient, ref: ModelRef, *, known_written: Callable[[], bool] = lambda: False
) -> Experiment | None:
    """Returns the companion experiment of a model, or None where nothing was ever recorded.

    Args:
        client: MLflow.
        ref: the model.
        known_written: says whether the registry says that something was recorded; then an experiment
            that is gone is a fault. Asked where there is none.

    Raises:
        RecordDamaged: the experiment was deleted.
    """
    by_name = client.get_experiment_by_name(name_of(ref))
    if by_name is not None and not by_name.name:
        raise Unavailable(
            f"MLflow at {client.tracking_uri} answered, but not as MLflow does",
            where=f"the record of {ref.name!r}",
            fix="A proxy or a login page may be in front of it: check MLFLOW_TRACKING_URI.",
        )
    found = by_name if by_name is not None and _is_of(by_name, ref) else _by_identity(client, ref)
    if found is None and by_name is not None and not by_name.tags.get(CREATED):
        found = by_name  # made by hand, or its tags were removed: its runs say whose they are
    if found is not None and found.lifecycle_stage == "deleted":
        raise RecordDamaged(
            f"the record (experiment {found.name!r}) was deleted",
            where=f"model {ref.name!r}",
            fix=f"Restore it: mlflow experiments restore --experiment-id {found.experiment_id}",
        )
    if found is not None:
        _check_prefix(found, ref)
    if found is None and known_written():
        raise RecordDamaged(
            f"the record (experiment {name_of(ref)!r}) is gone, yet the model's tags show that "
            "there was one",
            where=f"model {ref.name!r}",
            fix=f"Restore it from a backup or an export (spot import FILE). Where another tool copied "
            f"the model and its experiments: spot rebind {shlex.quote(ref.name)}",
        )
    return found


def is_usual(found: Experiment, ref: ModelRef) -> bool:
    """Returns whether the experiment of a model's usual name is its record, and nothing is wrong with it."""
    kept = _prefix_of(found)
    active = found.lifecycle_stage == "active"
    return active and _is_of(found, ref) and kept in (None, prefix())


def first_of_all(client: MlflowClient) -> bool:
    """Returns whether this MLflow holds no record of any model yet."""
    found = client.search_experiments(filter_string=f"tags.`{CREATED}` LIKE '%'", max_results=1)
    return not found


def find_registry(client: MlflowClient) -> Experiment | None:
    """Returns the registry's own record, which holds the policies; None where there is none.

    Raises:
        RecordDamaged: it was deleted or renamed, or it is kept under another prefix: what that record
            says must not be taken for nothing.
    """
    found = find(client, REGISTRY)
    if found is None or found.tags.get(CREATED) != "0":  # none, or one made by hand in its place
        _check_strays(client)
    return found


def check_prefixes(client: MlflowClient) -> None:
    """Checks that every record of this MLflow is kept under this process's prefix.

    A server protects the experiments under its own prefix only, so it asks this at start.

    Raises:
        RecordDamaged: one is kept under another prefix; both are named.
    """
    for found in _searched(client, f"tags.`{CREATED}` LIKE '%'"):
        if found.tags.get(MODEL):
            _check_prefix(found, ModelRef(found.tags[MODEL], None, 0))
    if client.get_experiment_by_name(name_of(REGISTRY)) is None:
        _check_strays(client)


def every_home(client: MlflowClient) -> dict[str, str | None]:
    """Returns the model of each experiment that is or may be a record -> when that model was made, where it says so.

    Deleted experiments are among them, and those under the prefix that were made by hand; the registry's own is not.
    """
    from mlflow.entities import ViewType

    found: dict[str, str | None] = {}
    for where in (f"name LIKE '{prefix()}%'", f"tags.`{CREATED}` LIKE '%'"):
        for home in _searched(client, where, view_type=ViewType.ALL):
            name = home.tags.get(MODEL, home.name.removeprefix(prefix()))
            if name:
                found[name] = home.tags.get(CREATED)
    return found


def _searched(client: MlflowClient, where: str, **more: Any) -> Iterator[Experiment]:
    """Yields what a search of experiments finds, page by page."""
    token: str | None = None
    while True:
        page = client.search_experiments(
            filter_string=where, max_results=1000, page_token=token, **more
        )
        yield from page
        token = page.token
        if not token:
            return


def _check_strays(client: MlflowClient) -> None:
    """Looks for a registry's record under any other name.

    Raises:
        RecordDamaged: there is one.
    """
    from mlflow.entities import ViewType

    found = client.search_experiments(
        view_type=ViewType.ALL, filter_string=f"tags.`{CREATED}` = '0'", max_results=50
    )
    others = [e for e in found if e.tags.get(MODEL) == "" and e.name != name_of(REGISTRY)]
    if others:
        raise RecordDamaged(
            f"the policies of this registry are kept in experiment {others[0].name!r}, and this "
            f"process looks for {name_of(REGISTRY)!r} (prefix {prefix()!r})",
            where="the policies",
            fix=f"Set {PREFIX_VARIABLE}={others[0].name.rstrip('/')}/ here, or set a policy under the "
            "new prefix: spot policy set POLICY.YAML",
        )


def _check_prefix(found: Experiment, ref: ModelRef) -> None:
    """Compares the prefix under which a record is kept with this process's; never follows it.

    Raises:
        RecordDamaged: they differ.
    """
    kept = _prefix_of(found)
    if kept not in (None, prefix()):
        raise RecordDamaged(
            f"the record is kept under the prefix {kept!r} (experiment {found.name!r}), and this "
            f"process uses {prefix()!r}",
            where=f"model {ref.name!r}",
            fix=f"Set {PREFIX_VARIABLE}={kept}",
        )


def _prefix_of(found: Experiment) -> str | None:
    """Returns the prefix under which a model's record was made; None where its name does not say."""
    model, created = found.tags.get(MODEL), found.tags.get(CREATED)
    for end in (model, f"{model} ({created})"):
        if model and end and found.name.endswith(end):
            return str(found.name[: -len(end)])
    return None


def ensure(client: MlflowClient, ref: ModelRef) -> Experiment:
    """Returns the companion experiment, made where there was none; follows a rename."""
    return as_home(client, ref, find(client, ref))


def as_home(client: MlflowClient, ref: ModelRef, found: Experiment | None) -> Experiment:
    """Returns the companion experiment, made where none was found; follows a rename.

    Args:
        client: MLflow.
        ref: the model.
        found: what ``find`` returned.
    """
    if found is None:
        return _create(client, ref)
    if found.tags.get(MODEL) not in (None, ref.name):
        client.set_experiment_tag(found.experiment_id, MODEL, ref.name)
        if client.get_experiment_by_name(name_of(ref)) is None:
            client.rename_experiment(found.experiment_id, name_of(ref))
    return found


def _create(client: MlflowClient, ref: ModelRef) -> Experiment:
    """Makes it; where the name belongs to an earlier model of that name, with the time added."""
    from mlflow.exceptions import MlflowException

    tags = {MODEL: ref.name, CREATED: str(ref.created), "mlflow.note.content": _NOTE}
    # GenAI is the user interface's default kind for a new experiment; this one has plain runs.
    tags["mlflow.experimentKind"] = "custom_model_development"
    names = (name_of(ref), f"{name_of(ref)} ({ref.created})")
    for name in names:
        try:
            return client.get_experiment(client.create_experiment(name, tags=tags))
        except MlflowException as e:
            if e.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        taken = client.get_experiment_by_name(name)
        if taken is not None and _is_of(taken, ref):
            return taken  # another process was first
        if name == name_of(ref) and taken is not None and not is_alive(client, taken):
            _LOG.warning(
                "Experiment %r is the record of an earlier model of this name; a new record begins. "
                "If it is the same model, copied or restored: spot rebind %s",
                name,
                shlex.quote(ref.name),
            )
    raise RecordDamaged(f"experiments {' and '.join(map(repr, names))} belong to other models")


def is_alive(client: MlflowClient, experiment: Experiment) -> bool:
    """Says whether the model that a record is bound to is still there, under its name."""
    return str(_made_at(client, experiment.tags.get(MODEL, ""))) == experiment.tags.get(CREATED)


def _is_of(experiment: Experiment, ref: ModelRef) -> bool:
    return bool(experiment.tags.get(CREATED) == str(ref.created))


def _by_identity(client: MlflowClient, ref: ModelRef) -> Experiment | None:
    """Finds the experiment of a renamed model by the creation timestamp it is bound to."""
    from mlflow.entities import ViewType

    if not ref.name:
        return None
    found = client.search_experiments(
        view_type=ViewType.ALL, filter_string=f"tags.`{CREATED}` = '{ref.created}'", max_results=50
    )
    mine = [e for e in found if e.tags.get(MODEL) == ref.name]
    if mine:
        return mine[0]
    # Models made in the same millisecond share the timestamp: one that is still there keeps its own.
    # Another model may have taken the old name since: that one was made at another time.
    orphans = [e for e in found if _made_at(client, e.tags.get(MODEL, "")) != ref.created]
    return orphans[0] if len(orphans) == 1 else None


def _made_at(client: MlflowClient, name: str) -> int | None:
    """Returns when the model of a name was registered, milliseconds; None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return int(client.get_registered_model(name).creation_timestamp)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
