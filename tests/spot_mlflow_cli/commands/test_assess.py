from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time

import pytest
import yaml
from terminal import run_spot

from spot_mlflow import log_assessment
from spot_mlflow.readiness.instrument import shipped_instrument

KIM = ("--person", "Kim", "--role", "business")
# Two answers in full, then skip the rest, then yes.
TWO = "b\nd\n2027-03-01\nKim\nsoon\n?\n\n\n\n\n\ny\n"


def assessments(record):
    """(person, role, question -> level) of each assessment recorded."""
    return [
        (e.person, e.role, {k: v["now"] for k, v in e.payload["answers"].items()})
        for e in record.entries(record.resolve("churn"))
        if e.kind == "assessment"
    ]


def test_one_question_at_a_time(churn):
    """Only the role's questions; level, target, date, owner and remark; then the panel."""
    done = run_spot("assess", "churn", *KIM, typed=TWO)
    assert done.status == 0, done.err
    assert "Question 7 of 7" in done.out
    assert "How reliably does the model run?" not in done.out.split("Recorded.")[0]
    assert assessments(churn) == [("Kim", "business", {"S1": 2, "S2": None})]
    answer = churn.entries(churn.resolve("churn"))[0].payload["answers"]["S1"]
    assert answer == {"now": 2, "target": 4, "by": "2027-03-01", "owner": "Kim", "comment": "soon"}
    assert "Readiness: not known yet" in done.out
    assert "S1: 2 -> 4 by 2027-03-01, Kim" in done.out


def test_executive_and_engineer_are_told_apart_in_the_panel(churn):
    """Both begin with E; the column of answers has a sign for each role, and says which."""
    for person, role in (("Ann", "executive"), ("Eve", "engineer")):
        log_assessment("churn", {"T3": 2}, person=person, role=role, record=churn)
    run_spot("assess", "churn", *KIM, "--only-now", typed="b\n" + "\n" * 6 + "y\n")
    out = run_spot("assess", "churn", *KIM, "--note", "T3", "talked over").out
    assert "E2 X2" in out
    assert "X executive, B business expert, E engineer; ? does not know." in out


@pytest.mark.usefixtures("churn")
def test_no_ids_or_level_numbers_are_seen_while_answering():
    """Sentences are chosen by letters."""
    done = run_spot("assess", "churn", *KIM, "--all", typed="q\n")
    assert "Question 1 of 14" in done.out
    for said in ("S1", "level", "  1)", "  1 "):
        assert said not in done.out


def test_back_examples_and_slips(churn):
    """One may go back, ask for examples, mistype, and aim no lower than today."""
    typed = "c\n\n\n<\nx\nz\nd\nc\ne\nsoon\n\n\n\n" + "\n" * 6 + "y\n"
    done = run_spot("assess", "churn", *KIM, typed=typed)
    assert done.status == 0, done.err
    assert "Your answer so far: The sponsor and the data team agree on it." in done.out
    assert "The managers of sales, service and finance" in done.out
    assert "'z' is none of" in done.out
    assert "today's sentence or a later one" in done.out
    assert "'soon' is not a date; use YYYY-MM-DD, for example 2027-01-31." in done.out
    assert assessments(churn) == [("Kim", "business", {"S1": 4})]


def test_enter_keeps_an_earlier_answer_as_todays(churn):
    """Who is shown an answer and keeps it has given it again; who skips has not."""
    run_spot("assess", "churn", *KIM, typed=TWO)
    done = run_spot("assess", "churn", *KIM, typed="\ns\n" + "\n" * 5 + "y\n")
    assert "Enter keep, s skip" in done.out
    assert '-> Every manager concerned can say it, unprompted. by 2027-03-01 (Kim); "soon"' in (
        " ".join(done.out.split("Your answers")[1].split())
    )
    assert assessments(churn)[1:] == [("Kim", "business", {"S1": 2})]
    first, second = (e.payload["answers"]["S1"] for e in churn.entries(churn.resolve("churn")))
    assert first == second


def test_a_skipped_question_is_taken_out_of_the_draft(churn):
    """One may think better of an answer before it is recorded."""
    done = run_spot("assess", "churn", *KIM, "--only-now", typed="b\n<\ns\nc\n" + "\n" * 5 + "y\n")
    assert done.status == 0, done.err
    assert assessments(churn) == [("Kim", "business", {"S2": 3})]


def test_stopping_keeps_the_draft_and_goes_on_there(churn):
    """Nothing is recorded until one says so; the second time begins at the first open question."""
    first = run_spot("assess", "churn", *KIM, "--only-now", typed="b\nc\nq\n")
    assert first.status == 130
    assert "2 answers kept on this computer" in first.out
    assert "Go on with: spot assess churn --person Kim --role business" in first.out
    assert assessments(churn) == []
    second = run_spot("assess", "churn", *KIM, "--only-now", typed="a\n" + "\n" * 4 + "y\n")
    assert "Going on with your draft: 2 of 7 answered." in second.out
    assert "Question 1 of 7" not in second.out
    assert assessments(churn) == [("Kim", "business", {"S1": 2, "S2": 3, "P1": 1})]
    third = run_spot("assess", "churn", *KIM, "--only-now", typed="q\n")
    assert "Going on" not in third.out
    assert "Your answer last time: Only the sponsor can say it." in third.out


def test_saying_no_at_the_end_records_nothing_and_keeps_the_draft(churn):
    """One may sleep over it; --restart throws it away."""
    done = run_spot("assess", "churn", *KIM, "--only-now", typed="b\n" + "\n" * 6 + "n\n")
    assert done.status == 0
    assert assessments(churn) == []
    again = run_spot("assess", "churn", *KIM, "--only-now", "--restart", typed="q\n")
    assert "Nothing was answered" in again.out


@pytest.mark.usefixtures("churn")
def test_a_draft_belongs_to_one_person_role_and_model(tmp_path):
    """Another person on the same computer does not find it; only its owner may read it."""
    run_spot("assess", "churn", *KIM, "--only-now", typed="b\nq\n")
    (draft,) = (tmp_path / "home" / "drafts").iterdir()
    assert draft.stat().st_mode & 0o077 == 0
    other = run_spot("assess", "churn", "--person", "Ann", "--role", "executive", typed="q\n")
    assert "Going on" not in other.out
    draft.write_text("{broken")
    broken = run_spot("assess", "churn", *KIM, typed="q\n")
    assert (broken.status, "Going on" in broken.out) == (130, False)


# Takes the terminal as its own and minds Ctrl-C, whatever the test's own process does with it.
AS_A_SHELL_WOULD = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def read_until(terminal, text, times=1, seconds=120):
    """Reads what the terminal shows until a text has been seen so often."""
    seen, end = "", time.monotonic() + seconds
    while seen.count(text) < times:
        ready, _, _ = select.select([terminal], [], [], end - time.monotonic())
        if not ready:
            raise TimeoutError(f"{text!r} was not seen in:\n{seen}")
        seen += os.read(terminal, 4096).decode(errors="replace")


def press_ctrl_c(terminal, text):
    """Presses Ctrl-C until the text is seen: Python drops one that falls into a finalizer."""
    for seconds in (20, 20, 80):
        os.write(terminal, b"\x03")
        try:
            return read_until(terminal, text, seconds=seconds)
        except TimeoutError as e:
            late = e
    raise late


def test_ctrl_c_in_a_real_terminal_keeps_the_draft(churn, mlflow_uri, tmp_path):
    """A real process on a real terminal, Ctrl-C typed: exit 130, the answer is kept."""
    terminal, child = pty.openpty()
    env = {
        **os.environ, "MLFLOW_TRACKING_URI": mlflow_uri, "SPOT_HOME": str(tmp_path / "home"),
        "MLFLOW_DISABLE_TELEMETRY": "true", "TERM": "xterm",
    }  # fmt: skip
    process = subprocess.Popen(
        [
            sys.executable, "-c", AS_A_SHELL_WOULD,
            "-m", "spot_mlflow_cli", "assess", "churn", *KIM, "--only-now",
        ],
        stdin=child, stdout=child, stderr=child, env=env, start_new_session=True,
    )  # fmt: skip
    os.close(child)
    try:
        read_until(terminal, "q stop):")
        os.write(terminal, b"c\n")
        read_until(terminal, "q stop):")
        press_ctrl_c(terminal, "1 answer kept on this computer")
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert assessments(churn) == []
    (draft,) = (tmp_path / "home" / "drafts").iterdir()
    assert json.loads(draft.read_text())["answers"] == {"S1": {"now": 3}}


def answer_file(tmp_path, name, **content):
    """An answer file as a worksheet saves it."""
    path = tmp_path / name
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_files_are_recorded_together_or_not_at_all(churn, tmp_path):
    """One faulty file among three: nothing is written; corrected, all are."""
    good = [
        answer_file(
            tmp_path,
            f"{i}.yaml",
            model="churn",
            person=f"p{i}",
            role="frontline",
            answers={"O3": 2},
        )
        for i in range(2)
    ]
    bad = answer_file(
        tmp_path, "bad.yaml", model="churn", person="x", role="frontline", answers={"O3": 7}
    )
    sources = [a for p in [*good, bad] for a in ("--from", p)]
    failed = run_spot("assess", "churn", *sources)
    assert failed.status == 2
    assert "bad.yaml" in failed.err
    assert assessments(churn) == []
    done = run_spot("assess", "churn", *sources[:4])
    assert done.status == 0, done.err
    assert len(assessments(churn)) == 2


@pytest.mark.usefixtures("churn")
def test_a_file_of_another_model_is_refused(tmp_path):
    """Mails get mixed up."""
    path = answer_file(
        tmp_path, "a.yaml", model="upsell", person="Kim", role="business", answers={"P1": 2}
    )
    done = run_spot("assess", "churn", "--from", path)
    assert done.status == 2
    assert "for model 'upsell', not 'churn'" in done.err


def test_a_file_without_a_name_takes_it_from_the_command(churn, tmp_path):
    """And says so when it is nowhere."""
    path = answer_file(tmp_path, "a.yaml", P1=2)
    assert "person is missing" in run_spot("assess", "churn", "--from", path).err
    done = run_spot("assess", "churn", "--from", path, *KIM, "--format", "json")
    assert assessments(churn) == [("Kim", "business", {"P1": 2})]
    assert done.json["readiness"]["questions"]["P1"]["level"] == 2
    assert {"overall", "S", "P", "O", "T"} <= set(done.json["readiness"])


def test_the_stamp_of_the_worksheet_is_recorded(churn, tmp_path):
    """Which words the respondent read stays known."""
    stamp = {**shipped_instrument().stamp, "version": "1.9.0", "hash": "ab"}
    path = answer_file(
        tmp_path, "a.yaml", person="Kim", role="business", instrument=stamp, answers={"P1": 2}
    )
    assert run_spot("assess", "churn", "--from", path).status == 0
    assert churn.entries(churn.resolve("churn"))[0].payload["instrument"] == stamp


def test_a_dry_run_writes_nothing(churn, tmp_path):
    """Not from a file, not from the terminal; the draft of the terminal stays."""
    path = answer_file(tmp_path, "a.yaml", P1=2)
    assert run_spot("assess", "churn", "--from", path, *KIM, "--dry-run").status == 0
    assert run_spot("assess", "churn", *KIM, "--dry-run", typed=TWO).status == 0
    assert assessments(churn) == []


def test_a_new_answer_supersedes_the_old_which_stays(churn, tmp_path):
    """Two entries in the record, the newer one in the panel."""
    for level in (2, 4):
        path = answer_file(tmp_path, "a.yaml", P1=level)
        run_spot("assess", "churn", "--from", path, *KIM)
    assert len(assessments(churn)) == 2
    readiness = churn.adoption("churn").readiness
    assert (readiness.people, readiness.questions["P1"].level) == (1, 4)


def test_a_contested_question_is_noted(churn, tmp_path):
    """After the discussion the note is recorded and counts."""
    for person, level in (("Kim", 2), ("Bo", 5)):
        path = answer_file(tmp_path, "a.yaml", P1=level)
        run_spot("assess", "churn", "--from", path, "--person", person, "--role", "business")
    assert not churn.adoption("churn").readiness.questions["P1"].noted
    done = run_spot("assess", "churn", *KIM, "--note", "P1", "agreed on two")
    assert done.status == 0, done.err
    assert churn.adoption("churn").readiness.questions["P1"].noted
    assert "contested, noted" in done.out


@pytest.mark.usefixtures("churn")
def test_others_answers_are_hidden_while_ones_own_are_missing(tmp_path):
    """Noting a discussion without having answered shows nothing of the others."""
    path = answer_file(tmp_path, "a.yaml", P1={"now": 2, "comment": "secret"})
    run_spot("assess", "churn", "--from", path, *KIM)
    done = run_spot(
        "assess",
        "churn",
        "--person",
        "Ann",
        "--role",
        "executive",
        "--note",
        "P1",
        "x",
    )
    assert "shown once your own are in" in done.out
    assert "B2" not in done.out


def test_a_pseudonym_stands_in_the_record_not_the_name(churn, tmp_path):
    """Neither the name nor the login is written anywhere; the same person stays one person."""
    for level in (2, 3):
        path = answer_file(tmp_path, "a.yaml", P1=level)
        done = run_spot("assess", "churn", "--from", path, *KIM, "--pseudonym")
        assert done.status == 0, done.err
    readiness = churn.adoption("churn").readiness
    assert readiness.people == 1
    entry = churn.entries(churn.resolve("churn"))[0]
    assert entry.person.startswith("p-")
    assert entry.recorded_by.startswith("p-")
    assert b"Kim" not in (tmp_path / "mlflow.db").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("churn",), "--person"),
        (("churn", "--person", "Kim"), "--role"),
        (("churn", *KIM, "--format", "json"), "--from"),
        (("chrn", *KIM), "did you mean 'churn'"),
        (("churn", "--from", "none.json"), "cannot be read"),
        (("churn", *KIM, "--note", "P9", "x"), "no question 'P9'"),
    ],
)
def test_wrong_use_is_status_two_with_the_remedy(churn, arguments, named):
    """And nothing is written."""
    done = run_spot("assess", *arguments)
    assert done.status == 2
    assert named in done.err
    assert assessments(churn) == []
