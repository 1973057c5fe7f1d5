"""Keeps the answers of others from those who are asked and have not answered, on raw routes too.

The pages leave levels out (``reporting.respondent_view``). MLflow's own routes would give them away:
entries are runs. So while a user owes a model answers, the right on its companion experiment is
none, and the client library reads through ``GET spot/entries``, which leaves the answers out.
Without logins nobody knows who reads, and nothing is withheld.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spot_mlflow.adoption import ModelFacts, build_adoption
from spot_mlflow.errors import NotFound
from spot_mlflow.person import person_key
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.outcomes import stored_moments
from spot_mlflow.reporting.words.respondent_view import who_owes, without_answers
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.signed import evidence_json, model_lock, server_record
from spot_mlflow_plugins.server.trust.identity import person_of, requester

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from spot_mlflow.evidence import Evidence

_MOST: Final = 10_000  # experiments of which it is remembered who owes them answers
_EXACT: Final = 25  # experiments of one request that are looked at anew; a listing has many
_FRESH: Final = 2.0  # seconds that the rest of a listing may be old
_HIDDEN: Final = "spot_answers_hidden"  # in Flask's ``g``: experiments withheld during this request
# The routes by which a client names what it reads and MLflow would answer with an empty list.
_NAMING: Final = ("/runs/search", "/graphql", "/logged-models/search", "/traces", "/traces/search")
WHY: Final = (
    "[spot] You will see the others' answers after you have given your own: spot assess MODEL. "
    "Until then the record is read by the spot command, the library and the pages under spot/."
)


class _Known(NamedTuple):
    pulse: private.Pulse | None
    looked: float  # monotonic
    owing: frozenset[str]  # by ``person_key``


class AnswersOwed:
    """Knows who owes answers to the models whose evidence an experiment holds.

    Args:
        tracking: the live tracking store.
        models_of: experiment id -> its models, as ``Owners.models_of``.
    """

    def __init__(self, tracking: Any, models_of: Callable[[str], Collection[str] | None]) -> None:
        self._tracking, self._models_of = tracking, models_of
        self._lock = Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def withheld(self, username: str, experiment_id: str) -> bool:
        """Says whether an experiment is kept from a user, and has this request remember it."""
        owing = self._owing(experiment_id)
        found = person_key(person_of(username)) in owing or person_key(username) in owing
        if found:
            _hidden_here().add(experiment_id)
        return found

    def _owing(self, experiment_id: str) -> frozenset[str]:
        known = self._known.get(experiment_id)
        now = time.monotonic()
        if known is not None and now - known.looked < _FRESH and _looked_at() > _EXACT:
            return known.owing
        pulse = private.pulse_of(self._tracking, experiment_id)
        if known is None or pulse is None or pulse != known.pulse:
            models = self._models_of(experiment_id) or ()
            owing = frozenset[str]().union(*(_owing_to(name) for name in models))
        else:
            owing = known.owing
        with self._lock:
            self._known[experiment_id] = _Known(pulse, now, owing)
            self._known.move_to_end(experiment_id)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return owing


def read_entries(name: str) -> dict[str, Any]:
    """Returns the entries of a model as this reader may see them, as JSON values.

    Args:
        name: registered name.

    Raises:
        NotFound: no such model.
    """
    created, entries = _entries(name)
    reader = requester()
    withheld = reader is not None and person_key(reader) in _owing_in(name, entries)
    shown = without_answers(entries) if withheld else entries
    said = [{**evidence_json(e), "erased": e.erased, "withheld": e.withheld} for e in shown]
    return {"model": name, "created": created, "withheld": withheld, "entries": said}


def read_moments(name: str, entry: str) -> dict[str, Any]:
    """Returns the moments that an outcome check stored, as JSON values; never anybody's answers.

    Args:
        name: registered name.
        entry: id of the check.

    Raises:
        NotFound: no such check, or it has no moments that can be read.
    """
    _, entries = _entries(name)
    found = next((e for e in entries if e.id == entry and e.kind == "outcomes"), None)
    said = None if found is None else stored_moments(server_record().client, found.run_id)
    if said is None:
        raise NotFound(f"model {name!r} has no outcome check {entry!r} with moments")
    return {"moments": said}


def explain(response: Any) -> Any:
    """Answers 403, with the reason, where a request named a record that is withheld from its user.

    MLflow answers some of these with an empty list. A listing that names none goes on as it is.
    """
    from flask import g, request

    hidden: set[str] = getattr(g, _HIDDEN, set())
    if not hidden:
        return response
    named = response.status_code == 200 and request.path.endswith(_NAMING)  # noqa: PLR2004 - HTTP
    if response.status_code != 403 and not (named and _all_named(hidden)):  # noqa: PLR2004 - HTTP
        return response
    from flask import jsonify

    answer = jsonify(error_code="PERMISSION_DENIED", message=WHY)
    answer.status_code = 403
    return answer


def _all_named(hidden: Collection[str]) -> bool:
    """Whether the request asks for nothing but what is withheld; GraphQL is one question."""
    from flask import request

    said = private.sent_json() if request.method != "GET" else request.args.to_dict(flat=False)
    ids = said.get("experiment_ids") if isinstance(said, dict) else None
    return not isinstance(ids, list) or set(map(str, ids)) <= set(hidden)


def _entries(name: str) -> tuple[int, Sequence[Evidence]]:

    record = server_record()
    with model_lock(name), mlflow_errors(f"model {name!r}"):
        about = record.named(name)
        return about.ref.created, record.state(about, recent=True)[1]


def _owing_to(name: str) -> frozenset[str]:
    return _owing_in(name, _entries(name)[1])


def _owing_in(name: str, entries: Sequence[Evidence]) -> frozenset[str]:

    return who_owes(build_adoption(ModelFacts(name, 0), entries, version=None, now=utc(None)))


def _hidden_here() -> set[str]:
    """Returns what is withheld during this request; of a request outside Flask nothing is kept."""
    from flask import g, has_request_context

    if not has_request_context():
        return set()
    if not hasattr(g, _HIDDEN):
        setattr(g, _HIDDEN, set())
    found: set[str] = getattr(g, _HIDDEN)
    return found


def _looked_at() -> int:
    """Counts the experiments looked at during this request."""
    from flask import g, has_request_context

    if not has_request_context():
        return 0
    g.spot_looked_at = getattr(g, "spot_looked_at", 0) + 1
    return int(g.spot_looked_at)
