from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

import spot_mlflow as spot
from spot_mlflow.errors import NotFound
from spot_mlflow.gate.decision import decide
from spot_mlflow.record import Record
from spot_mlflow.record.decisions import record_decision
from spot_mlflow.record.erasure import erase_person
from spot_mlflow.record.policies import adoption_under_policy

KIM = {"person": "Kim Lée", "role": "frontline"}


def everything(folder):
    """Every text of the database and of the artifacts, in small letters."""
    databases = list(folder.glob("*.db"))
    files = [p for p in folder.rglob("*") if p.is_file() and p not in databases]
    texts = [p.read_bytes().decode(errors="replace") for p in files]
    for database in databases:
        with closing(sqlite3.connect(database)) as connection:
            texts += connection.iterdump()
    return "\n".join(texts).casefold()


def test_an_erased_name_is_nowhere_and_the_record_is_sound(churn, tmp_path):
    """Neither in an entry, a decision, a waiver nor the tags of any version; people stay told apart."""
    record = Record()
    for version in ("churn/1", "churn/2"):  # an older version's summary tells the champion as well
        record.client.create_model_version("churn", "s3://nowhere/model")
        spot.log_involvement(version, phase="review", kind="champion", **KIM)
    spot.log_involvement(churn, phase="naming", kind="contributed", person="Bo", role="business")
    spot.log_assessment(churn, {"O3": 2}, person="KIM  Le\u0301e", role="frontline")
    concern = spot.raise_concern(churn, **KIM, what="too many calls", severity="blocking")
    spot.sign_off("churn/2", target="Production", person="Kim Lée", role="business")
    spot.waive("churn/2", target="Production", requirement="sign_off", reason="haste", approver="Kim Lée")  # fmt: skip
    adoption, policy = adoption_under_policy(record, "churn/2")
    decision = decide(adoption, "@champion", policy=policy, requester="Kim Lée")
    record_decision(record, decision, created=adoption.facts.created, known=adoption.entries)
    people = adoption.involvement.people
    assert "kim lée" in everything(tmp_path)
    done = erase_person(record, "kim lée")
    assert (done.entries, done.models, done.mentions) == (7, ("churn",), ())
    assert "kim" not in everything(tmp_path)
    assert record.verify(churn).sound
    found = spot.get_adoption("churn/2")
    assert found.involvement.people == people
    assert found.involvement.champion == done.token
    assert [e.payload["approver"] for e in found.waivers] == [done.token]
    assert [e.payload["requester"] for e in found.decisions] == [done.token]
    spot.answer_concern(churn, concern, person="Dana", role="data_scientist", what="fewer now")
    with pytest.raises(NotFound, match="Kim Lée"):
        erase_person(record, "Kim Lée")


def test_who_read_the_name_before_does_not_bring_it_back(churn, tmp_path):
    """A process that lives long keeps entries in memory; after an erasure it reads them anew."""
    keeps = Record()
    spot.log_involvement(churn, phase="review", kind="champion", **KIM, record=keeps)
    assert keeps.adoption("churn", recent=True).involvement.champion == "Kim Lée"
    erase_person(Record(), "Kim Lée")
    spot.log_involvement(churn, phase="scope", kind="decided", person="Bo", role="business", record=keeps)  # fmt: skip
    assert "kim" not in everything(tmp_path)


def test_an_erasure_that_was_cut_off_is_finished(churn, tmp_path, monkeypatch):
    """The entries were erased and the summary was not: once more, and it is."""
    spot.log_involvement(churn, phase="review", kind="champion", **KIM)
    with monkeypatch.context() as broken:
        broken.setattr(Record, "refresh", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase_person(Record(), "Kim Lée")
    assert "kim" in everything(tmp_path)
    assert erase_person(Record(), "Kim Lée").entries == 0
    assert "kim" not in everything(tmp_path)


def test_free_text_that_holds_the_name_is_reported(churn):
    """Text is immutable: where it or a report mentions the person, the run is named."""
    spot.log_involvement(churn, phase="scope", kind="contributed", person="Bo", role="business", what="as Kim Lee said")  # fmt: skip
    said = {"report.md": b"asked of Kim Lee"}
    Record().append(
        Record().resolve("churn"),
        "discussion",
        {},
        person="Bo",
        role="business",
        artifacts=said,
        refresh=False,
    )
    assert len(erase_person(Record(), "Kim Lee", dry_run=True).mentions) == 2
    with pytest.raises(NotFound):  # a name that is part of another word is nobody's
        erase_person(Record(), "Lo", dry_run=True)


def test_dry_run_erases_nothing(churn):
    """A dry run counts and leaves every name."""
    spot.log_involvement(churn, phase="scope", kind="contributed", person="Bo", role="business")
    assert erase_person(Record(), "Bo", dry_run=True).entries == 1
    assert spot.get_adoption(churn).entries[0].person == "Bo"
