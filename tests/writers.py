"""Processes that write about one model at once, as many clients would.

A fork server imports MLflow once; each writer is a process of its own with connections of its own,
and none is held up by importing what all of them import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warm import fork_server

if TYPE_CHECKING:
    from spot_mlflow.record import Record

MODEL = "written-at-once"  # other tests have models of their own on a server that is shared
PHASES = ("naming", "scope", "features", "review", "feedback")


def write(uri: str, number: int, entries: int) -> None:
    """Writes entries of one person, one after the other."""
    from spot_mlflow.record import Record

    record = Record(uri, uri)
    ref = record.resolve(MODEL)
    for i in range(entries):
        payload = {
            "phase": PHASES[i % len(PHASES)],
            "kind": "contributed",
            "what": f"{number}/{i}",
            "evidence": None,
            "when": None,
        }
        record.append(ref, "involvement", payload, person=f"Person {number}", role="frontline")


def write_at_once(uri: str, writers: int, entries: int, seconds: float = 1500) -> Record:
    """Lets writers write about a new model, and returns the record afterwards.

    Raises:
        AssertionError: a writer failed; what it said stands on standard error.
    """
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    client = MlflowClient(uri, uri)
    client.create_registered_model(MODEL)
    client.create_model_version(MODEL, source="s3://nowhere/model")
    context = fork_server()
    processes = [context.Process(target=write, args=(uri, n, entries)) for n in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(seconds)
    assert [p.exitcode for p in processes] == [0] * writers
    return Record(uri, uri)
