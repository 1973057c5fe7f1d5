"""Of several processes one has the check of a version in hand; one that is gone holds nothing up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient

from spot_mlflow.record.claims import TAG, Claim, Claims

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from servers import MlflowServer


def tags(uri: str) -> dict[str, str]:
    """The claims that the registry holds on churn/1."""
    found = MlflowClient(uri, uri).get_model_version("churn", "1").tags
    return {k: v for k, v in found.items() if k.startswith(TAG)}


@pytest.fixture
def client(churn: str, mlflow_uri: str) -> Iterator[MlflowClient]:
    """A client of a registry with churn/1."""
    assert churn
    return MlflowClient(mlflow_uri, mlflow_uri)


def test_a_check_is_in_hand_once_and_free_again_afterwards(
    client: MlflowClient, mlflow_uri: str
) -> None:
    """The second is told who has it; at the end no tag is left."""
    with Claims(client) as first, Claims(client) as second:
        assert first.take("churn", "1") is None
        assert first.kept("churn", "1")
        held = second.take("churn", "1")
        assert held is not None
        assert (held.pid, held.held) == (os.getpid(), True)
        assert not second.kept("churn", "1")
        assert second.take("churn", "2") is None
        first.release("churn", "1")
        assert second.take("churn", "1") is None
    assert tags(mlflow_uri) == {}


def test_of_many_that_ask_at_once_never_two_have_it(client: MlflowClient, mlflow_uri: str) -> None:
    """Eight ask at the same moment, again and again: one at most, and in the end one has it."""
    inside: list[int] = []
    most: list[int] = []

    def ask(number: int) -> bool:
        with Claims(MlflowClient(mlflow_uri, mlflow_uri)) as claims:
            if claims.take("churn", "1") is not None:
                return False
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.05)
            inside.remove(number)
            return True

    with ThreadPoolExecutor(8) as pool:
        took = list(pool.map(ask, range(16)))
    assert any(took)
    assert set(most) == {1}
    assert tags(mlflow_uri) == {}


TAKEN = """
import sys, time
from mlflow import MlflowClient
from spot_mlflow.record.claims import Claims
uri = sys.argv[1]
with Claims(MlflowClient(uri, uri)) as claims:
    print(claims.take("churn", "1"), flush=True)
    time.sleep(600)
"""


def test_a_process_killed_on_this_host_holds_nothing_up(
    client: MlflowClient, mlflow_uri: str
) -> None:
    """While it lives its claim counts; after SIGKILL the next one has the check at once."""
    command = [sys.executable, "-W", "ignore", "-c", TAKEN, mlflow_uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "None"
        with Claims(client) as claims:
            held = claims.take("churn", "1")
            assert held is not None
            assert held.pid == process.pid
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert len(tags(mlflow_uri)) == 1
            assert claims.take("churn", "1") is None
    assert tags(mlflow_uri) == {}


def elsewhere(client: MlflowClient) -> Claim:
    """A claim of a process on another host."""
    claim = replace(Claim.new(), host="far", place="far 1", pid=os.getpid(), held=True)
    client.set_model_version_tag("churn", "1", claim.key, claim.value)
    return claim


def test_a_claim_of_another_host_is_taken_over_after_its_silence(client: MlflowClient) -> None:
    """Not at once, since its process cannot be seen from here."""
    elsewhere(client)
    with Claims(client, beat=0.05, patience=0.5) as claims:
        assert claims.take("churn", "1") is not None
        assert claims.take_once_free("churn", "1") is None


def test_a_claim_of_another_host_that_is_kept_alive_is_respected(client: MlflowClient) -> None:
    """Its counter moves while one waits: the wait ends, and the check stays with it."""
    claim = elsewhere(client)
    with Claims(client, beat=0.05, patience=20) as claims, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(claims.take_once_free, "churn", "1")
        beat = 0
        while not waiting.done():
            beat += 1
            client.set_model_version_tag("churn", "1", claim.key, replace(claim, beat=beat).value)
            time.sleep(0.1)
        found = waiting.result()
    assert found is not None
    assert found.beat > 0


def test_a_claim_taken_away_in_the_meantime_no_longer_counts(
    client: MlflowClient, mlflow_uri: str
) -> None:
    """Whoever was stopped for too long learns it before recording, and does not claim it back."""
    with Claims(client, beat=60, patience=600) as claims:
        assert claims.take("churn", "1") is None
        (key,) = tags(mlflow_uri)
        client.delete_model_version_tag("churn", "1", key)
        claims.show_life()
        assert not claims.kept("churn", "1")
        assert tags(mlflow_uri) == {}


class Stopped(MlflowClient):
    """Stands still before each write of a tag from now on."""

    seconds = 0.0

    def set_model_version_tag(self, *args: Any, **kwargs: Any) -> None:
        """Waits, then writes."""
        time.sleep(self.seconds)
        super().set_model_version_tag(*args, **kwargs)


def test_a_sign_of_life_that_was_written_too_late_brings_no_claim_back(
    churn: str, mlflow_uri: str
) -> None:
    """Stopped between its look and its write, a process is taken for dead by others meanwhile."""
    assert churn
    stopped = Stopped(mlflow_uri, mlflow_uri)
    with Claims(stopped, beat=60, patience=62) as claims:
        assert claims.take("churn", "1") is None
        stopped.seconds = 2.5
        claims.show_life()
        stopped.seconds = 0.0
        assert not claims.kept("churn", "1")


def test_a_sign_of_life_leaves_nothing_of_a_claim_that_is_given_back_meanwhile(
    churn: str, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given back between the look and the write: no tag stays that would hold others up."""
    assert churn
    client = MlflowClient(mlflow_uri, mlflow_uri)
    with Claims(client, beat=60, patience=600) as claims:
        assert claims.take("churn", "1") is None
        write = client.set_model_version_tag

        def given_back_first(*args: Any, **kwargs: Any) -> None:
            claims.release("churn", "1")
            write(*args, **kwargs)

        monkeypatch.setattr(client, "set_model_version_tag", given_back_first)
        claims.show_life()
    assert tags(mlflow_uri) == {}


def test_without_a_sign_of_life_a_process_counts_its_own_claim_as_lost(
    client: MlflowClient, mlflow_uri: str
) -> None:
    """The tag is still there, and others may have taken it for dead."""
    with Claims(client, beat=0.4, patience=0.5) as claims:
        assert claims.take("churn", "1") is None
        time.sleep(0.25)
        assert not claims.kept("churn", "1")
        assert len(tags(mlflow_uri)) == 1


@pytest.mark.parametrize("value", ["", "{}", "[]", '{"host": 1}', "nonsense"])
def test_a_tag_that_is_no_claim_is_one_that_nobody_keeps_alive(
    client: MlflowClient, value: str
) -> None:
    """What somebody wrote by hand holds a check up for as long as a dead process, no longer."""
    client.set_model_version_tag("churn", "1", f"{TAG}by-hand", value)
    with Claims(client, beat=0.05, patience=0.4) as claims:
        assert claims.take_once_free("churn", "1") is None


def test_a_gated_server_keeps_claims_of_its_clients(gated_server: MlflowServer) -> None:
    """Claims are ordinary tags there: the gate does not reserve them."""
    client = MlflowClient(gated_server.url, gated_server.url)
    client.create_registered_model("claimed")
    client.create_model_version("claimed", source="s3://nowhere/model")
    with Claims(client) as first, Claims(client) as second:
        assert first.take("claimed", "1") is None
        assert second.take("claimed", "1") is not None
