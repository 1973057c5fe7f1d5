"""A model that meets every requirement of the default policy, as evidence; tests take parts away."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from spot_mlflow.adoption import Adoption, KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.evidence import Evidence, digest_of
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.instrument import default_instrument

NOW = datetime(2027, 6, 1, 12, tzinfo=timezone.utc)
PEOPLE = {
    "Ann Sample": "executive",
    "Bo Sample": "business",
    "Cleo Sample": "frontline",
    "Dan Sample": "data_scientist",
}
BLOCK = default_policy().with_mode("block")
CONTRACT: dict[str, Any] = {
    "metric": "renewals",
    "predicted": {"lift": 0.10, "se": 0.01},
    "minimum_viable": 0.05,
    "columns": {"arm": "arm", "outcome": "renewed"},
    "measurement": {"owner": "Bo Sample", "starts": "2027-06-10", "first_check": "2027-09-10"},
}


def entry(
    kind: str,
    payload: dict[str, Any],
    *,
    person: str | None = None,
    role: str | None = None,
    version: str | None = "3",
    days_ago: float = 10,
    erased: bool = False,
    begins: str = "",
) -> Evidence:
    """Returns one complete entry of evidence; its id begins as asked."""
    return Evidence(
        id=(begins + uuid.uuid4().hex)[:32],
        kind=kind,
        model="churn",
        version=version,
        at=NOW - timedelta(days=days_ago),
        person=person,
        role=role,
        payload=payload,
        digest=digest_of([kind, payload, person, role, version, days_ago]),
        erased=erased,
    )


def assessment(person: str, role: str, level: int | None = 4, **changed: int | None) -> Evidence:
    """Returns one person's answers: the same level everywhere, but for those named."""
    days_ago = changed.pop("days_ago", 10)
    instrument = default_instrument()
    answers = {q: {"now": changed.get(q, level)} for q in instrument.ids}
    payload = parse_answers(answers, instrument, where=person)
    return entry("assessment", payload, person=person, role=role, days_ago=days_ago or 0)


def involvement(phase: str, kind: str, person: str, role: str, **rest: Any) -> Evidence:
    """Returns one entry of the involvement log."""
    return entry(
        "involvement",
        {"phase": phase, "kind": kind, "what": phase},
        person=person,
        role=role,
        **rest,
    )


def prediction(contract: dict[str, Any] | None = None, **rest: Any) -> Evidence:
    """Returns a lift contract as recorded, with a model signature."""
    promised = PredictedLift.load(contract or CONTRACT)
    payload = {
        "contract": promised.to_dict(),
        "contract_digest": promised.digest,
        "signature": rest.pop("signature", "s1"),
    }
    return entry("prediction", payload, person="Dan Sample", role="data_scientist", **rest)


def sign_off(**rest: Any) -> Evidence:
    """Returns a sign-off of version 3 for Production by the business, unless told otherwise."""
    payload = {
        "target": rest.pop("target", "Production"),
        "contract_digest": rest.pop("digest", PredictedLift.load(CONTRACT).digest),
        "signature": "s1",
        "note": "",
    }
    given = {"person": "Bo Sample", "role": "business", **rest}
    return entry("sign-off", payload, **given)


def concern(act: str, id_: str = "cabcde", severity: str = "blocking", **rest: Any) -> Evidence:
    """Returns one act of a concern raised by the frontline."""
    payload = {"concern": id_, "act": act, "what": "offers come too late"}
    if act == "raised":
        payload["severity"] = severity
        rest = {"begins": id_[1:], **rest}  # a concern is called by its own entry
    given = {"person": "Cleo Sample", "role": "frontline", **rest}
    return entry("concern", payload, **given)


def ready(*, without: tuple[str, ...] = ()) -> list[Evidence]:
    """Returns the evidence of a model that may go anywhere, less some of its parts."""
    parts = {
        "assessment": [assessment(p, r) for p, r in PEOPLE.items()],
        "naming": [involvement("naming", "decided", "Bo Sample", "business")],
        "scope": [involvement("scope", "contributed", "Bo Sample", "business")],
        "review": [involvement("review", "contributed", "Cleo Sample", "frontline")],
        "champion": [involvement("feedback", "champion", "Cleo Sample", "frontline")],
        "prediction": [prediction()],
        "sign_off": [sign_off(days_ago=5)],
    }
    return [e for name, found in parts.items() if name not in without for e in found]


def facts(**holders: tuple[str, ...]) -> ModelFacts:
    """Returns a model with versions 1 to 3; ``Production=("1",)`` says who holds what."""
    versions = []
    for i in (1, 2, 3):
        held = [t for t, numbers in holders.items() if str(i) in numbers]
        stages = [t for t in held if t in ("Staging", "Production", "Archived")]
        versions.append(
            VersionFacts(
                version=str(i),
                created=NOW - timedelta(days=100 - i),
                stage=stages[0] if stages else "None",
                aliases=tuple(t for t in held if t not in stages),
            )
        )
    return ModelFacts(name="churn", created=1_700_000_000_000, versions=KnownVersions(versions))


def adoption(
    entries: list[Evidence],
    *,
    model: ModelFacts | None = None,
    version: str = "3",
    now: datetime = NOW,
) -> Adoption:
    """Puts evidence together as the record does."""
    return build_adoption(model or facts(), entries, version=version, now=now)


def failing(entries: list[Evidence], target: str = "Production", **asked: Any) -> set[str]:
    """Returns the names of the requirements that are missing in mode block."""
    known = adoption(entries, model=asked.pop("model", None))
    return {r.name for r in decide(known, target, policy=BLOCK, **asked).missing}
