from __future__ import annotations

import pytest
from terminal import run_spot

KIM = ("--person", "Kim", "--role", "business")


def log(record):
    """(person, role, phase, kind) of each entry, oldest first."""
    return [
        (e.person, e.role, e.payload["phase"], e.payload["kind"])
        for e in record.entries(record.resolve("churn"))
        if e.kind == "involvement"
    ]


def test_one_entry_with_its_explanation(churn):
    """Recorded, then the log in words and the score line by line."""
    done = run_spot(
        "involve", "churn", "--phase", "naming", "--kind", "decided", "--what", "Stay Radar", *KIM
    )
    assert done.status == 0, done.err
    assert log(churn) == [("Kim", "business", "naming", "decided")]
    assert "1 of 5 phases, 1 person, no open concerns" in done.out
    assert "coverage: 7 of 35" in done.out
    assert churn.adoption("churn").name == "Stay Radar"
    assert churn.facts("churn").tags["spot.name"] == "Stay Radar"


def test_every_kind_can_be_recorded(churn):
    """A champion needs no phase; the champion stands in the summary tag."""
    for kind in ("informed", "contributed", "asked-no-concerns"):
        assert run_spot("involve", "churn", "--phase", "review", "--kind", kind, *KIM).status == 0
    assert run_spot("involve", "churn", "--kind", "champion", *KIM).status == 0
    assert churn.facts("churn").tags["spot.champion"] == "Kim"
    assert run_spot("involve", "churn", "--kind", "champion-stepped-down", *KIM).status == 0
    assert len(log(churn)) == 5
    assert churn.adoption("churn").involvement.champion is None


def test_an_attendance_list_is_recorded_whole_and_once(churn, tmp_path):
    """One wrong row: nothing. Corrected: all. Again: nothing more."""
    path = tmp_path / "list.csv"
    common = ("--phase", "review", "--kind", "contributed", "--from", path)
    path.write_text("person;role\nFay;frontline\nAnn;executiv\n")
    done = run_spot("involve", "churn", *common)
    assert (done.status, "did you mean 'executive'" in done.err) == (2, True)
    assert log(churn) == []
    path.write_text("person;role\nFay;frontline\nAnn;executive\n")
    done = run_spot("involve", "churn", *common, "--format", "json")
    assert done.json["recorded"] == 2
    assert done.json["involvement"]["people"] == 2
    assert run_spot("involve", "churn", *common, "--format", "json").json["recorded"] == 0
    assert len(log(churn)) == 2


def test_an_import_that_was_cut_off_counts_nothing_until_it_is_run_again(
    churn, tmp_path, monkeypatch
):
    """The connection breaks after the second of three entries."""
    from spot_mlflow.errors import Unavailable
    from spot_mlflow.record import Record

    path = tmp_path / "list.csv"
    path.write_text("person,role\na,frontline\nb,business\nc,executive\n")
    arguments = ("involve", "churn", "--phase", "scope", "--kind", "contributed", "--from", path)
    real, calls = Record.append, []

    def breaks(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise Unavailable("the tracking server did not answer")
        return real(self, *args, **kwargs)

    with monkeypatch.context() as m:
        m.setattr(Record, "append", breaks)
        assert run_spot(*arguments).status == 3
    assert churn.adoption("churn").involvement.people == 0
    assert "Recorded: 1 entry" in run_spot(*arguments).out
    assert churn.adoption("churn").involvement.people == 3
    assert len(log(churn)) == 3


def test_a_list_under_pseudonyms_holds_no_name(churn, tmp_path):
    """Neither in tags nor in what is recorded."""
    path = tmp_path / "list.csv"
    path.write_text("person,role\nFayolanthe,frontline\n")
    done = run_spot(
        "involve",
        "churn",
        "--phase",
        "scope",
        "--kind",
        "contributed",
        "--from",
        path,
        "--pseudonym",
    )
    assert done.status == 0, done.err
    assert log(churn)[0][0].startswith("p-")
    assert b"Fayolanthe" not in (tmp_path / "mlflow.db").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--phase", "scope", "--kind", "decided"), "--person"),
        (("--phase", "scope", *KIM), "--kind"),
        (("--kind", "decided", *KIM), "phase is empty"),
        (("--phase", "naming", "--kind", "decided", *KIM), "product name"),
        (("--phase", "scope", "--kind", "decided", "--when", "2999-01-01", *KIM), "future"),
        (("--phase", "scope", "--kind", "decided", "--dry-run", *KIM), ""),
    ],
)
def test_wrong_use_or_a_dry_run_writes_nothing(churn, arguments, named):
    """Status 2 with what is missing; a dry run is fine and writes nothing."""
    done = run_spot("involve", "churn", *arguments)
    assert done.status == (2 if named else 0)
    assert named in done.err
    assert log(churn) == []
