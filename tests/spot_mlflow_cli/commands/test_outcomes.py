"""``spot outcomes``: checked, shown, recorded; killed at any moment, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

import spot_mlflow as spot
from spot_mlflow_cli.main import spot as command_line

if TYPE_CHECKING:
    from spot_mlflow.record import Record

CONTRACT: dict[str, Any] = {
    "metric": "bought",
    "predicted": {"lift": 0.3, "se": 0.01},
    "minimum_viable": 0.1,
    "tolerance": 0.1,
    "window": "7d",
    "columns": {"unit": "id", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y", "decided_at": "d"},
}  # fmt: skip
AS_OF = "2026-06-01"


def log(folder: Path, first: int = 1, last: int = 28, lift: float = 0.3, month: int = 1) -> str:
    """A CSV of 200 units a day; treated units buy more often by ``lift``."""
    lines = ["id,arm,y,d,region"]
    for day in range(first, last + 1):
        for i in range(200):
            arm, share = ("t", 0.2 + lift) if i % 2 else ("c", 0.2)
            bought = int((i // 2) % 100 < 100 * share)
            lines.append(
                f"{month:02d}{day:02d}{i:04d},{arm},{bought},2026-{month:02d}-{day:02d},r{i % 3}"
            )
    path = folder / f"log-{month}-{first}.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def promised(churn: Record) -> Record:
    """churn/1 with its promise on record."""
    spot.log_predicted_lift("churn/1", CONTRACT, record=churn)
    return churn


def run(*arguments: str, exit_code: int = 0) -> Result:
    """Runs ``spot outcomes churn/1`` in this process."""
    result = CliRunner().invoke(
        command_line, ["outcomes", "churn/1", *arguments], standalone_mode=False
    )
    raised = result.exception
    code = (
        raised.code
        if isinstance(raised, SystemExit)
        else getattr(raised, "exit_status", result.exit_code)
    )
    assert code == exit_code, raised or result.output
    return result


def test_a_check_is_shown_and_recorded(promised: Record, tmp_path: Path) -> None:
    """Text opens with the sentence, and the record holds the same verdict."""
    said = run(log(tmp_path), "--as-of", AS_OF).stdout
    assert "Recorded for churn/1" in said
    check = promised.adoption("churn/1").latest_check
    assert check is not None
    assert check["verdict"] == "met"
    assert check["realized"]["lift"] == pytest.approx(0.3)


def test_json_has_the_documented_keys(promised: Record, tmp_path: Path) -> None:
    """The keys a machine may read, and figures equal to those of the library."""
    from spot_mlflow_checks import check_outcomes

    path = log(tmp_path)
    body = json.loads(run(path, "--as-of", AS_OF, "--format", "json", "--dry-run").stdout)
    assert {
        "model",
        "version",
        "verdict",
        "viable",
        "evidence",
        "predicted",
        "realized",
        "gap",
        "checks",
    } <= set(body)
    assert set(body["predicted"]) == {"lift", "low", "high"}
    assert {"lift", "low", "high", "se", "n_treatment", "n_holdout"} <= set(body["realized"])
    assert {"lift", "low", "high"} <= set(body["gap"])
    keys = {"name", "severity", "success", "observed", "message"}
    assert [c for c in body["checks"] if not keys <= set(c)] == []
    wanted = check_outcomes(path, CONTRACT, as_of=AS_OF).to_dict()
    assert {k: body[k] for k in ("realized", "gap", "checks")} == {
        k: wanted[k] for k in ("realized", "gap", "checks")
    }
    assert promised.adoption("churn/1").latest_check is None


def test_a_promise_made_anew_does_not_undo_the_looks(promised: Record, tmp_path: Path) -> None:
    """What was fixed before the first outcome and changed since is said, printed and recorded."""
    path = log(tmp_path)
    first = json.loads(run(path, "--as-of", AS_OF, "--format", "json").stdout)
    again = {**CONTRACT, "predicted": {**CONTRACT["predicted"], "source": "in other words"}}
    spot.log_predicted_lift("churn/1", again, record=promised)
    reworded = json.loads(run(path, "--as-of", AS_OF, "--format", "json").stdout)
    looser = {**again, "tolerance": 0.25, "kind": "money", "outliers": {"winsorize": 0.99}}
    spot.log_predicted_lift("churn/1", looser, record=promised)
    last = json.loads(run(path, "--as-of", AS_OF, "--format", "json").stdout)
    assert [x["previous_looks"] for x in (first, reworded, last)] == [0, 1, 2]
    assert any("this is look 3" in c for c in last["realized"]["caveats"])
    told = "The promise was changed after outcomes had been looked at: tolerance, outliers, kind."
    assert not any("was changed" in n for n in (*first["notes"], *reworded["notes"]))
    assert last["notes"][0].startswith(told)
    check = promised.adoption("churn/1").latest_check
    assert check is not None
    assert sum(n.startswith(told) for n in check["notes"]) == 1


def test_dry_run_writes_nothing(promised: Record, tmp_path: Path) -> None:
    """Checked and printed, nothing logged."""
    before = len(promised.adoption("churn/1").entries)
    assert "Nothing was recorded" in run(log(tmp_path), "--dry-run").stdout
    assert len(promised.adoption("churn/1").entries) == before


@pytest.mark.parametrize(
    ("lift", "fail_on", "code"),
    [(0.0, "shortfall", 1), (0.3, "shortfall", 0), (0.0, "not-viable", 1), (0.3, "data", 0)],
)
def test_fail_on_makes_an_answer_an_exit_status(
    promised: Record, tmp_path: Path, lift: float, fail_on: str, code: int
) -> None:
    """Recorded first, then 1 where the answer is the one named."""
    run(log(tmp_path, lift=lift), "--as-of", AS_OF, "--fail-on", fail_on, exit_code=code)
    assert promised.adoption("churn/1").latest_check is not None


def test_a_data_fault_gives_no_number_that_looks_fine(promised: Record, tmp_path: Path) -> None:
    """Units that appear twice make the verdict inconclusive, with the fault as the reason."""
    path = log(tmp_path)
    text = Path(path).read_text()
    Path(path).write_text(text + "\n".join(text.splitlines()[1:801]) + "\n")
    body = json.loads(run(path, "--as-of", AS_OF, "--format", "json").stdout)
    assert (body["verdict"], body["viable"]) == ("inconclusive", "undecided")
    assert body["reason"].startswith(
        "data: 800 of 5,600 units (14 %) appear more than once; first: unit 01010000"
    )
    adoption = promised.adoption("churn/1")
    check = adoption.latest_check
    assert check is not None
    assert check["verdict"] == "inconclusive"
    logged = promised.client.get_run(check["run_id"]).data.metrics
    assert set(logged) == {"predicted_lift"}  # MLflow would draw the others as if they held
    for tags in (adoption.facts.tags, promised.client.get_model_version("churn", "1").tags):
        assert tags["spot"].startswith("the log must be corrected first · "), tags["spot"]
        assert "points" not in tags["spot"]
        assert (tags["spot.lift.realized"], tags["spot.lift.verdict"]) == (
            "not known",
            "inconclusive: data",
        )


def test_a_segment_is_broken_down_on_request(promised: Record, tmp_path: Path) -> None:
    """--segment names a column that the promise does not; the promise stays as it was."""
    body = json.loads(
        run(log(tmp_path), "--as-of", AS_OF, "--segment", "region", "--format", "json").stdout
    )
    assert {s["label"] for s in body["segments"]} == {"r0", "r1", "r2"}
    assert "segment" not in body["contract"]["columns"]
    assert promised.adoption("churn/1").latest_check is not None


def test_the_next_cohort_alone_is_merged_with_what_was_recorded(
    promised: Record, tmp_path: Path
) -> None:
    """A file of new days only gives the answer of the whole log, from the moments on record."""
    run(log(tmp_path, 1, 20), "--as-of", "2026-02-01")
    second = run(log(tmp_path, 21, 28), "--as-of", AS_OF, "--format", "json")
    assert "Downloading" not in second.stderr  # MLflow's bar, between ours and the answer
    body = json.loads(second.stdout)
    assert body["passes"][0] == "closed cohorts from the earlier check"
    assert body["rows"] == 28 * 200
    assert body["realized"]["n_treatment"] == 28 * 100
    again = json.loads(run(log(tmp_path), "--as-of", AS_OF, "--full", "--format", "json").stdout)
    assert again["passes"][0] == "base"
    for key in ("lift", "se", "n_treatment", "n_holdout"):
        assert again["realized"][key] == pytest.approx(body["realized"][key])


def test_without_a_promise_it_says_what_comes_first(churn: Record, tmp_path: Path) -> None:
    """The fix is the command that records a promise."""
    result = run(log(tmp_path), exit_code=2)
    assert "spot promise churn/1 lift.yaml" in str(result.exception)
    assert churn.adoption("churn/1").latest_check is None


def checks(record: Record) -> int:
    """How many checks of churn/1 are on record."""
    return len(record.adoption("churn/1").checks.get("1", ()))


def test_the_same_log_again_is_on_record_and_writes_nothing(
    promised: Record, tmp_path: Path
) -> None:
    """From Python, then by the command: exit 0, the same figures, one entry; --again writes another."""
    from spot_mlflow_checks import check_outcomes

    path = log(tmp_path)
    report = check_outcomes(path, CONTRACT, as_of=AS_OF, model_version="1")
    first = spot.log_outcomes("churn/1", report, record=promised)
    assert spot.log_outcomes("churn/1", report, record=promised).id == first.id
    body = json.loads(run(path, "--as-of", "2026-06-02", "--format", "json").stdout)
    assert (body["recorded"], body["on_record_since"][:10]) == (False, first.at.isoformat()[:10])
    wanted = report.to_dict()["realized"]
    for key in ("lift", "low", "high", "n_treatment", "n_holdout"):
        assert body["realized"][key] == pytest.approx(wanted[key], abs=1e-12)
    assert "Nothing new was recorded (--again" in run(path, "--as-of", AS_OF).stdout
    assert checks(promised) == 1
    run(path, "--as-of", AS_OF, "--again")
    assert checks(promised) == 2


def test_a_log_that_leaves_units_out_is_refused_unless_a_reason_is_given(
    promised: Record, tmp_path: Path
) -> None:
    """By command and from Python, whatever the way of reading; with a reason it is the first note."""
    from spot_mlflow_checks import check_outcomes

    run(log(tmp_path), "--as-of", "2026-01-20")  # days from 13 January on were still open
    later = log(tmp_path, month=2)
    for options in ((), ("--full",), ("--segment", "region")):
        result = run(later, "--as-of", AS_OF, *options, exit_code=2)
        assert "of the 4,000 units of the last check (as of 20 January 2026)" in str(
            result.exception
        )
    report = check_outcomes(later, CONTRACT, as_of=AS_OF, model_version="1")
    with pytest.raises(spot.InvalidInput, match="leaves out 4,000 of the 4,000 units"):
        spot.log_outcomes("churn/1", report, record=promised)
    assert checks(promised) == 1
    said = run(later, "--as-of", AS_OF, "--full", "--fewer", "the pilot was started anew").stdout
    assert "Reason given: the pilot was started anew." in said
    assert checks(promised) == 2


# A child of the prepared process records the check, and is killed as it begins its n-th step: a
# statement to the database, or a file opened for writing. Without n it says how many steps there are.
KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from spot_mlflow.api import log_outcomes
from spot_mlflow.record import Record, outcomes
from spot_mlflow_checks import check_outcomes
path, as_of = sys.argv[1:]
adoption = Record().adoption("churn/1")
report = check_outcomes(path, adoption.predicted, as_of=as_of)
entry = outcomes.outcome_entry(report, adoption)  # page and picture are drawn once for all children
outcomes.outcome_entry = lambda *_: entry
steps = 0

def step(*_):
    global steps
    steps += 1
    if steps == last:
        os.kill(os.getpid(), signal.SIGKILL)

def opened(name, arguments):
    if name == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa+"):
        step()

def record(n):
    global last
    last = n
    event.listen(Engine, "before_cursor_execute", step)
    sys.addaudithook(opened)
    log_outcomes("churn/1", report, again=True, record=Record())

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        record(int(line))
        print(steps, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""


def environment(uri: str) -> dict[str, str]:
    """Returns that of a process which finds the code of these tests, and the record."""
    paths = os.pathsep.join(sys.path)
    return {**os.environ, "MLFLOW_TRACKING_URI": uri, "PYTHONPATH": paths}


def test_killed_at_any_step_it_leaves_no_entry_or_a_whole_one(
    promised: Record, tmp_path: Path, mlflow_uri: str
) -> None:
    """SIGKILL at many steps of recording a check: each entry that counts holds everything."""
    path = log(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", KILLED, path, AS_OF],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(mlflow_uri),
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("0\n0\n")
        process.stdin.flush()
        # The first makes the companion experiment, too.
        steps = [int(process.stdout.readline()) for _ in range(2)][1]
        assert steps > 40
        process.stdin.writelines(f"{1 + steps * i // 20}\n" for i in range(20))
        process.stdin.close()
        assert process.stdout.read() == ""  # none of them came to its end
    wanted = {"report.html", "report.json", "report.md", "validation.json", "moments.json"}
    found = promised.adoption("churn/1").checks.get("1", ())
    assert 2 <= len(found) < 22
    for check in found:
        names = {a.path for a in promised.client.list_artifacts(check["run_id"])}
        assert wanted <= names
        assert check["verdict"] == "met"
    run(path, "--as-of", AS_OF, "--again")
    assert len(promised.adoption("churn/1").checks["1"]) == len(found) + 1


def test_the_command_itself_survives_sigkill(
    promised: Record, tmp_path: Path, mlflow_uri: str
) -> None:
    """The process killed while it reads, computes or writes: nothing half written counts."""
    path = log(tmp_path)
    for seconds in (0.5, 3.0, 6.0):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "spot_mlflow_cli", "outcomes", "churn/1", path, "--as-of", AS_OF],
            env=environment(mlflow_uri), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    for check in promised.adoption("churn/1").checks.get("1", ()):
        assert "report.html" in {a.path for a in promised.client.list_artifacts(check["run_id"])}
