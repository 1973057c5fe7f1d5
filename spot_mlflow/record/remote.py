"""A gated server: notices one, and writes through its entry route.

On such a server plain writing into a companion experiment is refused; the route stamps who writes,
signs the entry and derives the summary tags. Nothing has to be configured: a server is asked once.
"""

from __future__ import annotations

import base64
import uuid
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from spot_mlflow.adoption import FileFacts
from spot_mlflow.errors import (
    InvalidInput,
    NotFound,
    RecordDamaged,
    Refused,
    SpotError,
    Unavailable,
)
from spot_mlflow.evidence import Evidence
from spot_mlflow.gate.case import Asker
from spot_mlflow.origins import Origin
from spot_mlflow.record.faults import OURS, mlflow_errors
from spot_mlflow.record.transport import status_fault
from spot_mlflow.record.verification import Finding, Verification
from spot_mlflow.record.writer import PlainWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Experiment

    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.record.entry import Draft
    from spot_mlflow.record.references import ModelRef
    from spot_mlflow.record.writer import Writer

API: Final = "/ajax-api/2.0/spot"
_PLAIN: Final = (404, 405, 501)  # no such route: MLflow without the server plugin
_ERRORS: Final[dict[int, type[SpotError]]] = {
    400: InvalidInput,
    403: Refused,
    404: NotFound,
    409: RecordDamaged,
    413: InvalidInput,
}
_known: dict[str, Mapping[str, Any]] = {}  # server -> what it says of itself


class RouteWriter:
    """Writes through the entry route of a gated server.

    Args:
        uri: of the tracking server.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def write(self, draft: Draft, home: Experiment | None = None) -> Evidence:  # noqa: ARG002 - the server looks itself
        """Sends the entry; the server writes it whole or not at all.

        Raises:
            Refused: a rule of the server says no.
            InvalidInput: the server cannot use it.
            Unavailable: the server did not answer.
        """
        draft.text()  # refuses what cannot be written before anything is sent
        return _evidence(_call(self._uri, "POST", "/entries", _request(draft)))

    def decide(self, decision: GateDecision) -> Evidence | None:
        """Has the server decide the same question and record its own answer: a client's is hearsay.

        Returns:
            The entry, or None where an equal one was there.

        Raises:
            InvalidInput: the decision was made by another policy than is in force there.
            Unavailable: the server did not answer.
        """
        asked = ("model", "version", "target", "policy_digest", "requester")
        said = _call(self._uri, "POST", "/decisions", {k: getattr(decision, k) for k in asked})
        return None if said["recorded"] is None else _evidence(said["recorded"])

    def policy(self) -> dict[str, Any] | None:
        """Returns the policy in force on the server; None where the server cannot be asked for it.

        Raises:
            RecordDamaged: it cannot be read there.
            Unavailable: the server did not answer.
        """
        response = _response(self._uri, "GET", "/policy", None)
        if response.status_code in _PLAIN and not _message(response).startswith(OURS):
            return None  # a server of an earlier version
        return _answer(response, self._uri)

    def asker(self) -> Asker | None:
        """Returns who the server knows this client as; None where it asks for no logins."""
        said = _server(self._uri)
        user = said.get("user")
        if not user:
            return None
        return Asker(str(said.get("person") or user), str(user), tuple(said.get("roles") or ()))

    def files(self, model: str, version: str) -> FileFacts | None:
        """Returns where a version's files are; None where the server is too old to say."""
        from urllib.parse import urlencode

        query = urlencode({"model": model, "version": version})
        try:
            said = _call(self._uri, "GET", f"/files?{query}", None)
        except NotFound:
            return None
        known = {k: str(said.get(k) or "") for k in ("source", "manifest", "arriving", "checked")}
        changed = tuple(map(str, said.get("changed") or ()))
        return FileFacts(where=said["where"], changed=changed, **known)

    def entries(self, ref: ModelRef) -> list[Evidence] | None:
        """Returns the entries of a model as this reader may see them, oldest first.

        None where the server has its clients read runs: it asks for no logins, or is an earlier
        version. With logins the answers of others may be withheld, and then MLflow's routes too.

        Raises:
            NotFound: no such model.
            RecordDamaged: the record is gone.
            Unavailable: the server did not answer.
        """
        from urllib.parse import urlencode

        if not reads_by_route(self._uri):
            return None
        said = _call(self._uri, "GET", f"/entries?{urlencode({'model': ref.name})}", None)
        return [_evidence(e) for e in said["entries"] if int(said["created"]) == ref.created]

    def moments(self, model: str, entry: str) -> dict[str, Any] | None:
        """Returns the moments of an outcome check, as JSON; None where the server has them read as files.

        Raises:
            NotFound: they cannot be read there.
        """
        from urllib.parse import urlencode

        if not reads_by_route(self._uri):
            return None
        query = urlencode({"model": model, "entry": entry})
        return dict(_call(self._uri, "GET", f"/moments?{query}", None)["moments"])

    def invite(
        self, ref: ModelRef, *, person: str, role: str, until: str, recorded_by: str
    ) -> dict[str, Any]:
        """Records that a person is asked in a role, and returns the link for them.

        Returns:
            ``url`` for the mail, ``until`` (YYYY-MM-DD), ``invitation``, the entry's id.

        Raises:
            Refused: links are switched off there, or this login may not ask by one.
            Unavailable: the server did not answer, or is too old for links.
        """
        said = {"model": ref.name, "version": ref.version, "person": person, "role": role}
        more = {"until": until, "recorded_by": recorded_by, "id": uuid.uuid4().hex}
        found = _call(self._uri, "POST", "/links", {**said, **more})
        base = self._uri.rstrip("/")
        if found["origin"]:
            base = found["origin"] + urlsplit(base).path
        return {**found, "url": f"{base}/{found['page']}"}

    def export(self, model: str, out: IO[bytes]) -> None:
        """Writes the server's export of a model's record, piece by piece.

        Raises:
            Refused: with logins, anybody but an administrator.
            Unavailable: the server did not answer, or not to the end.
        """
        from urllib.parse import urlencode

        response = _response(
            self._uri, "GET", f"/export?{urlencode({'model': model})}", None, stream=True
        )
        if response.status_code != 200:  # noqa: PLR2004 - HTTP
            _raise(response, self._uri)
        with mlflow_errors("the export", at=self._uri):
            for piece in response.iter_content(1 << 20):
                out.write(piece)

    def refresh(self, ref: ModelRef) -> None:
        """Has the server derive a model's summary anew; its tags are the server's to write."""
        _call(self._uri, "POST", "/refresh", {"model": ref.name, "version": ref.version})

    def erase(self, person: str, *, dry_run: bool) -> dict[str, Any]:
        """Has the server erase a name; an administrator's right."""
        return _call(self._uri, "POST", "/erase", {"person": person, "dry_run": dry_run})

    def audit(self, cursor: Mapping[str, Any], *, names: bool) -> dict[str, Any]:
        """Has the server tell what was recorded after a cursor; an administrator's right."""
        return _call(self._uri, "POST", "/audit", {"cursor": dict(cursor), "names": names})

    def verify(self, ref: ModelRef, *, files: bool = False) -> Verification:
        """Returns what the server finds in a record, signatures and anchors included, and files."""
        from urllib.parse import urlencode

        query = urlencode({"model": ref.name, **({"files": "1"} if files else {})})
        said = _call(self._uri, "GET", f"/verify?{query}", None)
        found = said["models"][0]
        findings = tuple(Finding(f["trouble"], f["run_id"], f["what"]) for f in found["findings"])
        origins = tuple((Origin.of(o), int(o["entries"])) for o in found.get("origins", ()))
        return Verification(found["model"], found["entries"], findings, origins)


def writer_for(client: MlflowClient) -> Writer:
    """Returns how entries are written on the client's MLflow: plainly, or by a server's route.

    Raises:
        Unavailable: the server did not answer.
    """
    uri = str(client.tracking_uri)
    return RouteWriter(uri) if is_gated(uri) else PlainWriter(client)


def is_gated(uri: str) -> bool:
    """Says whether an MLflow has the entry route; asked once of each server and process."""
    if not uri.startswith(("http://", "https://")):
        return False
    return _server(uri).get("entries") == "route"


def reads_by_route(uri: str) -> bool:
    """Says whether a gated server has its clients read entries through a route as well."""
    return _server(uri).get("reads") == "route"


def said_of_itself(uri: str) -> Mapping[str, Any]:
    """Returns what a gated server says of itself and of who asks, empty where it is none."""
    return _server(uri)


def _server(uri: str) -> Mapping[str, Any]:
    """Returns what a gated server says of itself, empty where it is none; asked once of each."""
    if uri not in _known:
        response = _response(uri, "GET", "/server", None)
        if response.status_code not in (200, *_PLAIN):
            _raise(response, uri)
        _known[uri] = {} if response.status_code in _PLAIN else _json_object(response)
    return _known[uri]


def _json_object(response: Any) -> dict[str, Any]:
    """Some proxies answer every path with a page of their own."""
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _evidence(said: Mapping[str, Any]) -> Evidence:
    return Evidence(
        id=said["id"],
        kind=said["kind"],
        model=said["model"],
        version=said["version"],
        at=datetime.fromisoformat(said["at"]),
        person=said["person"],
        role=said["role"],
        payload=said["payload"],
        digest=said["digest"],
        parents=tuple(said["parents"]),
        run_id=said["run_id"],
        recorded_by=said["recorded_by"],
        erased=bool(said.get("erased")),
        withheld=bool(said.get("withheld")),
    )


def _request(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "model": draft.ref.name,
        "version": draft.ref.version,
        "kind": draft.kind,
        "payload": dict(draft.payload),
        "person": draft.person,
        "role": draft.role,
        "at": draft.at.isoformat(),
        "metrics": [list(m) for m in draft.metrics],
        "artifacts": {k: base64.b64encode(v).decode() for k, v in draft.artifacts.items()},
        "dataset": None if draft.dataset is None else list(draft.dataset),
        "recorded_by": draft.recorded_by,
    }


def _call(uri: str, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    return _answer(_response(uri, method, path, body), uri)


def _answer(response: Any, uri: str) -> dict[str, Any]:
    """Returns the JSON of an answer; raises the error it stands for."""
    if response.status_code != 200:  # noqa: PLR2004 - HTTP
        _raise(response, uri)
    try:
        return dict(response.json())
    except (ValueError, TypeError):
        raise status_fault(200, response.text, where="the entry route", at=uri) from None


def _response(uri: str, method: str, path: str, body: dict[str, Any] | None, **more: Any) -> Any:
    """Asks as MLflow's own client does: its credentials, certificates, retries and workspace."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    said = more if body is None else {"json": body, **more}
    with mlflow_errors("the entry route", at=uri):
        return http_request(
            get_default_host_creds(uri), f"{API}{path}", method, raise_on_status=False, **said
        )


def _raise(response: Any, uri: str) -> NoReturn:
    """Raises the error that the server's status stands for, in the server's words.

    Only what our own routes say is a refusal; a right that is missing, a login page and a proxy are
    not.
    """
    status, message = response.status_code, _message(response)
    if not message.startswith(OURS):
        foreign = message or response.text
        raise status_fault(status, foreign, where="the entry route", at=uri)
    raise _ERRORS.get(status, Unavailable)(message.removeprefix(OURS))


def _message(response: Any) -> str:
    """Returns what an answer in JSON says, or ""."""
    try:
        return str(response.json().get("message", ""))
    except (ValueError, AttributeError):
        return ""
