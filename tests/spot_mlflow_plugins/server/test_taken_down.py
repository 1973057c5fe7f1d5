"""What a user writes down for somebody else: by whom, shown as such, until the person confirms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlflow
import pytest
from click.testing import CliRunner
from logins import ADMIN, PASSWORD, Login, login_server

import spot_mlflow as spot
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.instrument import shipped_instrument
from spot_mlflow.record import Record
from spot_mlflow.reporting.pages.adoption_view import adoption_dict
from spot_mlflow_cli.main import spot as command

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey
MODEL = "locked-taken"
ANSWERS = parse_answers({"S1": 3}, shipped_instrument())
PULSE = {"useful": 4, "would_use": 4}


@pytest.mark.usefixtures("mlflow_uri")
def test_what_is_written_for_another_is_shown_until_the_person_confirms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who may edit writes it, nobody else confirms it, and page, JSON and command tell."""
    users = ("bea", "dan", "mallory", "fay")
    with login_server(
        tmp_path, {"dan": "data_scientist", "fay": "frontline"}, users=users
    ) as server:
        url, admin, dan = server.url, Login(server.url, *ADMIN), Login(server.url, "dan")
        dan.promised(MODEL, editor="bea", admin=admin)
        fay, mallory = Login(url, "fay"), Login(url, "mallory")
        for user in ("mallory", "fay"):
            admin.grant(user, MODEL, "READ")

        def write(login: Login, kind: str, payload: dict[str, Any], person: str) -> Any:
            more = {"person": person, "role": "frontline", "model": MODEL}
            return login.entry(kind, payload, **more)

        refused = write(mallory, "assessment", ANSWERS, "fay")
        assert refused.status_code == 403, refused.text
        taken = write(dan, "assessment", ANSWERS, "fay").json()
        pulse = write(dan, "pulse", PULSE | {"taken_down": False}, "fay").json()
        own = write(fay, "pulse", PULSE | {"taken_down": True}, "fay").json()
        assert (taken["payload"]["taken_down"], taken["recorded_by"]) == (True, "dan")
        assert "taken_down" not in own["payload"]
        waiting = [taken["id"], pulse["id"]]

        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "fay")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        mlflow.set_tracking_uri(url)  # the fixture sets back what was there before
        mlflow.set_registry_uri(url)
        record = Record(url, url)

        def shown() -> list[tuple[str, str, str]]:
            found = adoption_dict(record.adoption(MODEL))["unconfirmed"]
            return [(e["entry"], e["person"], e["recorded_by"]) for e in found]

        def page() -> str:
            text: str = fay.session.get(
                f"{url}/spot/model", params={"name": MODEL, "tab": "people"}, timeout=120
            ).text
            return text

        assert shown() == [(i, "fay", "dan") for i in waiting]
        assert "What was written down for others?" in page()
        assert record.adoption(MODEL).readiness.people == 1  # it counts
        for login, person in ((dan, "fay"), (dan, "dan"), (mallory, "mallory"), (admin, "fay")):
            forged = write(login, "confirmation", {"entry": taken["id"]}, person)
            assert forged.status_code == 403, (person, forged.text)
        assert [i for i, *_ in shown()] == waiting
        run = CliRunner()
        listed = run.invoke(command, ["confirm", MODEL])
        assert listed.exit_code == 0, (listed.output, listed.exception)
        assert [line[:8] for line in listed.output.splitlines()] == [i[:8] for i in waiting]
        done = run.invoke(command, ["confirm", MODEL, taken["id"][:8], "--person", "fay"])
        assert done.exit_code == 0, done.output
        assert shown() == [(pulse["id"], "fay", "dan")]
        spot.confirm_entry(MODEL, pulse["id"], person="fay", record=record)
        assert shown() == []
        assert "What was written down for others?" not in page()
        assert (
            run.invoke(command, ["confirm", MODEL]).output == "Nothing waits for a confirmation.\n"
        )
        assert record.verify(MODEL).sound
