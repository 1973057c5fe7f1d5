"""``check_outcomes`` on real data and on logs with one thing wrong at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.engines.spill import SpillFolder

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport

AS_OF = "2026-06-01"
CONTRACT: dict[str, Any] = {
    "metric": "spend",
    "kind": "money",
    "predicted": {"lift": 10.0},
    "tolerance": 5.0,
    "window": "30d",
    "treatment_share": 0.5,
    "columns": {"unit": "id", "arm": "arm", "outcome": "y", "decided_at": "d", "segment": "s"},
}


def log(n: int = 4000) -> pd.DataFrame:
    """A clean log: half treated on every day, ten units of money more each."""
    r = np.random.default_rng(3)
    arm = np.arange(n) % 2
    return pd.DataFrame({
        "id": np.arange(n),
        "arm": arm,
        "y": np.round(r.gamma(2, 20, n) + 10 * arm, 2),
        "d": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) // 2 % 60, unit="D"),
        "s": np.where(np.arange(n) % 4 < 2, "a", "b"),
    })  # fmt: skip


def contract(**changes: Any) -> dict[str, Any]:
    """The contract with some keys, or columns, added."""
    columns = CONTRACT["columns"] | changes.pop("columns", {})
    return {**CONTRACT, **changes, "columns": columns}


def check(frame: pd.DataFrame, *, as_of: str = AS_OF, **changes: Any) -> LiftReport:
    """Checks a frame against the contract with changes."""
    return check_outcomes(frame, contract(**changes), as_of=as_of)


def said(report: LiftReport, name: str) -> tuple[bool, str]:
    """Returns (success, message) of one check."""
    return next((c.success, c.message) for c in report.checks if c.name == name)


def test_importing_the_package_imports_no_great_expectations() -> None:
    """A check costs seconds to import: only whoever checks pays."""
    code = "import sys, spot_mlflow_checks; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", ["frame", "csv"])
def test_thornton_gives_the_published_shares(kind: str, shared_data: Path) -> None:
    """.3387 -> .7892 as published; rows without arm or outcome are counted, and do not stop it."""
    path = shared_data / "thornton_hiv.csv"
    promise = {
        "metric": "got",
        "predicted": 0.35,
        "columns": {"arm": "any", "outcome": "got", "cluster": "villnum"},
    }
    report = check_outcomes(pd.read_csv(path) if kind == "frame" else path, promise)
    r = report.analysis.realized
    assert (r.mean_holdout, r.mean_treatment) == (
        pytest.approx(0.33868378812),
        pytest.approx(0.78923563998),
    )
    assert (r.n_holdout, r.n_treatment) == (623, 2211)
    assert r.raw_difference == pytest.approx(0.45055185185991825)
    assert report.success
    assert "1,919 of 4,820 rows (40 %) have no arm" in said(report, "arms_assigned")[1]
    assert (
        "67 of 2,901 units (2.3 %) are mature but have no outcome"
        in said(report, "outcomes_complete")[1]
    )


def test_lalonde_gives_the_published_difference() -> None:
    """+1,794.34 USD, Welch standard error 671.00, with a covariate logged or not."""
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / "nsw_mixtape.csv"
    if not path.exists():
        pytest.skip("shared/data is absent")
    promise = {
        "metric": "re78",
        "kind": "money",
        "predicted": 886,
        "columns": {"arm": "treat", "outcome": "re78"},
    }
    r = check_outcomes(path, promise).analysis.realized
    assert r.raw_difference == pytest.approx(1794.342404270271)
    assert r.estimate.se == pytest.approx(670.9965463815241)


def test_a_clean_log_passes_every_check() -> None:
    """Nothing is wrong, and nothing is said to be."""
    dated = log().assign(o=lambda f: f["d"] + pd.Timedelta(days=1))
    report = check(dated, columns={"observed_at": "o"})
    assert [c.name for c in report.checks if not c.success] == []
    assert report.verdict in {"met", "exceeded"}
    assert report.moments.passes == ("base", "units")


BROKEN: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "appear twice": (lambda f: pd.concat([f, f.iloc[100:102]]), {}, "units_unique", "2 of 4,000 units (0.05 %) appear more than once; first: unit 100"),
    "two arms": (lambda f: pd.concat([f, f.iloc[7:8].assign(arm=0)]), {}, "units_in_one_arm", "1 of 4,000 units (0.025 %) are in two arms; first: unit 7"),
    "unknown arm": (lambda f: f.assign(arm=f["arm"].where(f.index > 3, 9)), {}, "arms_known", "4 of 4,000 rows"),
    "missing arm": (lambda f: f.assign(arm=f["arm"].where(f.index > 3)), {}, "arms_assigned", "4 of 4,000 rows (0.1 %) have no arm; first: unit 0"),
    "missing outcome": (lambda f: f.assign(y=f["y"].where(f.index > 3)), {}, "outcomes_complete", "4 of 4,000 units (0.1 %) are mature but have no outcome; first: unit 0"),
    "infinite outcome": (lambda f: f.assign(y=f["y"].where(f.index > 3, np.inf)), {}, "outcomes_plausible", "4 of 4,000 rows (0.1 %) have an infinite outcome"),
    "early outcome": (lambda f: f.assign(o=f["d"] - pd.to_timedelta(np.where(f.index < 5, 1, -1), unit="D")), {"columns": {"observed_at": "o"}}, "outcomes_after_decisions", "5 of 4,000 rows"),
    "late outcome": (lambda f: f.assign(o=f["d"] + pd.to_timedelta(np.where(f.index < 5, 31, 1), unit="D")), {"columns": {"observed_at": "o"}}, "outcomes_in_window", "5 of 4,000 units"),
    "negative money": (lambda f: f.assign(v=np.where(f.index < 5, -1.0, 1.0)), {"columns": {"value": "v"}}, "money_plausible", "5 of 4,000 rows (0.12 %) have a negative value"),
    "negative cost": (lambda f: f.assign(v=np.where(f.index < 5, -1.0, 1.0)), {"columns": {"cost": "v"}}, "money_plausible", "negative cost"),
    "value in words": (lambda f: f.assign(v=np.where(f.index < 5, "1,50", "1.50")), {"columns": {"value": "v"}}, "money_plausible", "5 of 4,000 rows (0.12 %) have a non-numeric value, which counts as none; first: unit 0"),
    "covariate in words": (lambda f: f.assign(v=np.where(f.index < 5, "low", "1.50")), {"columns": {"covariate": "v"}}, "outcomes_plausible", "have a non-numeric covariate"),
    "negative handling": (lambda f: f.assign(v=np.where(f.index < 5, -1.0, 1.0)), {"columns": {"handling": "v"}}, "money_plausible", "negative cost of handling; first: unit 0"),
    "infinite handling": (lambda f: f.assign(v=np.where(f.index < 5, np.inf, 1.0)), {"columns": {"handling": "v"}}, "money_plausible", "infinite cost of handling; first: unit 0"),
    "delivered only": (lambda f: f.assign(o=f["arm"], v=np.where(f.index == 2, 1, f["arm"])), {"columns": {"offered": "o", "delivered": "v"}}, "delivery_after_offer", "1 of 4,000 rows (0.025 %) were delivered but never offered; first: unit 2"),
    "contamination": (lambda f: f.assign(o=np.where(f.index < 200, 1, f["arm"])), {"columns": {"offered": "o"}}, "holdout_untouched", "100 of 2,000 units (5 %) of the holdout were offered"),
    "time missing": (lambda f: f.assign(d=f["d"].where(f.index > 3)), {}, "times_plausible", "4 of 4,000 rows"),
    "year 9999": (lambda f: f.assign(d=f["d"].dt.strftime("%Y-%m-%d").where(f.index > 3, "9999-01-01")), {}, "times_plausible", "in the future"),
    "sample ratio": (lambda f: f[(f["arm"] == 1) | (f.index % 3 == 0)], {}, "sample_ratio", "arm sizes do not match the design"),
    "segment mix": (lambda f: f, {"segments": {"a": {"share": 0.9}, "b": {"share": 0.1}}}, "segment_mix", "moved by 40 %"),
    "values in cents": (lambda f: f.assign(v=6000.0 * f["y"]), {"columns": {"value": "v"}, "economics": {"value": 60}}, "value_as_promised", "value is 6,000 per good outcome, the contract says 60"),
    "not covered": (lambda f: f.assign(p=0.5, y=f["y"].where(f.index % 4 > 0)), {"columns": {"score": "p"}}, "predictions_covered", "1,000 of 4,000 units (25 %) were scored"),
    "clusterless": (lambda f: f.assign(c=(f.index // 10).where(f.index > 3)), {"columns": {"cluster": "c"}}, "clusters_named", "4 of 4,000 units"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_fault_is_found_counted_and_named(name: str) -> None:
    """The check fails with the count, the share and, where units are named, the first of them."""
    change, changes, checked, words = BROKEN[name]
    success, message = said(check(change(log()), **changes), checked)
    assert not success
    assert words in message


def test_a_blocking_fault_makes_the_verdict_inconclusive() -> None:
    """Many units twice: no verdict, no viability, and the reason begins with data."""
    frame = log()
    report = check(pd.concat([frame, frame.iloc[:400]]), minimum_viable=1.0)
    assert (report.verdict, report.viable, report.success) == ("inconclusive", "undecided", False)
    assert report.analysis.outcome.reason.startswith("data: 400 of 4,000 units (10 %) appear")
    for name in ("lift_met", "lift_viable"):
        success, message = said(report, name)
        assert not success
        assert message.startswith("data: ")


def test_money_that_cannot_be_read_gives_no_figure() -> None:
    """Values with a decimal comma are no zeros: there is no verdict, and the reason says why."""
    report = check(log().assign(v="1,50"), columns={"value": "v"})
    assert report.verdict == "inconclusive"
    assert "4,000 of 4,000 rows (100 %) have a non-numeric value" in report.analysis.outcome.reason


def test_a_moment_still_to_come_is_said() -> None:
    """Maturity as of next century is no maturity: a note says what was asked."""
    notes = check(log(), as_of="2999-01-01").analysis.notes
    assert any("as of 2999-01-01, which is in the future" in n for n in notes)


def test_a_blocking_fault_leaves_no_arm_a_verdict() -> None:
    """Several treatment arms, and units twice: none of them is said to have kept the promise."""
    frame = log().assign(arm=lambda f: np.random.default_rng(1).integers(0, 3, len(f)))
    arms = {"columns": {"treated": [1, 2], "holdout": 0}, "treatment_share": None}
    clean, broken = (check(f, **arms) for f in (frame, pd.concat([frame, frame.iloc[:400]])))
    assert len(clean.analysis.arms) == 2
    assert {a.verdict for a in clean.analysis.arms} != {"inconclusive"}
    assert {a.verdict for a in broken.analysis.arms} == {"inconclusive"}


def test_immature_units_are_shown_and_do_not_count() -> None:
    """Only units whose window has passed are analysed."""
    report = check(log(), as_of="2026-02-15")
    assert report.moments.cells.n.sum() == (log()["d"] <= "2026-01-16").sum()
    assert "not mature yet" in said(report, "outcomes_mature")[1]
    assert report.success


def test_rows_of_another_version_do_not_count() -> None:
    """They are left out and counted."""
    frame = log().assign(version=lambda f: np.where(f.index < 1000, 2, 3))
    promise = contract(columns={"model_version": "version"})
    report = check_outcomes(frame, promise, as_of=AS_OF, model_version="3")
    assert report.moments.cells.assigned.sum() == 3000
    assert (
        "1,000 of 4,000 rows (25 %) belong to another model version"
        in said(report, "one_model_version")[1]
    )
    there = r"another model version than 7: version 3 \(3,000 rows\), version 2 \(1,000 rows\)"
    with pytest.raises(InvalidInput, match=there):
        check_outcomes(frame, promise, as_of=AS_OF, model_version="7")


@pytest.mark.parametrize(
    ("apart", "as_of"),
    [
        (lambda f: f.assign(version=2, y=np.inf, c=-1.0), AS_OF),
        (lambda f: f.assign(d=f["d"] + pd.Timedelta(days=100), y=np.inf, c=-1.0), "2026-04-05"),
    ],
    ids=["another version", "decided after as_of"],
)
def test_nothing_is_asked_of_rows_that_do_not_count(apart: Any, as_of: str) -> None:
    """The same units under another version, or later on, are no duplicates, and their faults not ours."""
    ours = log().assign(version=3, c=1.0)
    promise = contract(columns={"model_version": "version", "cost": "c"})
    alone = check_outcomes(ours, promise, as_of=as_of, model_version="3")
    beside = check_outcomes(pd.concat([ours, apart(ours)]), promise, as_of=as_of, model_version="3")
    assert beside.verdict == alone.verdict == "met"
    failed = {c.name for c in beside.checks if not c.success} - {"outcomes_dated"}
    assert failed in ({"one_model_version"}, {"outcomes_mature"})
    told = {c.name: c.message for c in alone.checks if c.name not in failed}
    assert told == {c.name: c.message for c in beside.checks if c.name not in failed}


def test_mixed_model_versions_leave_no_verdict() -> None:
    """Rows of several versions, and none asked for: that is said, and no number stands as good."""
    frame = log().assign(version=lambda f: np.where(f.index < 10, 2, 3))
    promise = contract(columns={"model_version": "version"})
    report = check_outcomes(frame, promise, as_of=AS_OF)
    assert report.verdict.startswith("inconclusive")
    passed, message = said(report, "one_model_version")
    assert not passed
    assert "10 of 4,000 rows (0.25 %) belong to other model versions than most" in message
    one = check_outcomes(frame[frame["version"] == 3], promise, as_of=AS_OF)
    assert said(one, "one_model_version")[0]


def test_many_segments_are_bounded_and_said() -> None:
    """All but the largest go into (other); the sums stay whole."""
    frame = log().assign(s=lambda f: "s" + (f.index // 4).astype(str))
    report = check_outcomes(frame, CONTRACT, as_of=AS_OF, segment_limit=10)
    assert set(report.moments.cells.segment) >= {"(other)"}
    assert len(set(report.moments.cells.segment)) == 11
    assert report.moments.cells.n.sum() == 4000
    assert any("990 of 1,000 segments" in n for n in report.analysis.notes)


def test_winsorizing_caps_at_the_declared_quantile() -> None:
    """The sum is that of outcomes capped at the value of rank ceil(q n), both arms together."""
    frame = log()
    report = check(frame, outliers={"winsorize": 0.95})
    cap = np.sort(frame["y"])[3800 - 1]
    cells = report.moments.cells
    total = cells.s1[:, 0].sum() + cells.center[0] * cells.n.sum()
    assert total == pytest.approx(np.minimum(frame["y"], cap).sum(), rel=1e-12)
    assert report.moments.passes[0] == "quantile"


def test_logged_propensities_weigh_the_outcome_as_declared() -> None:
    """Weights are 1 / propensity of the arm received, clipped at .01; a declared cap holds in them too."""
    rng = np.random.default_rng(5)
    frame = log()
    chance = rng.uniform(0.3, 0.7, len(frame))
    treated = rng.random(len(frame)) < chance
    frame = frame.assign(arm=treated.astype(int), p=np.where(treated, chance, 1 - chance))
    frame.loc[0, "p"] = 0.001
    columns = {"propensity": "p", "segment": None, "decided_at": None}  # one stratum
    more = {"design": "logged_propensity", "window": None, "columns": columns}
    for outliers, cap in ((None, np.inf), ({"winsorize": 0.95}, np.sort(frame["y"])[3800 - 1])):
        report = check(frame, outliers=outliers, **more)
        y, w = np.minimum(frame["y"], cap), 1 / frame["p"].clip(lower=0.01)
        t = frame["arm"] == 1
        wanted = np.average(y[t], weights=w[t]) - np.average(y[~t], weights=w[~t])
        assert report.analysis.realized.grade == "B"
        assert report.analysis.realized.estimate.lift == pytest.approx(wanted, rel=1e-9)
        assert report.analysis.realized.reliable


def test_score_bins_follow_the_stored_edges() -> None:
    """Bin i holds scores with i edges at or below; units without a score stand apart."""
    frame = log().assign(p=lambda f: np.where(f.index < 8, np.nan, (f.index % 100) / 100))
    report = check(frame, score_edges=[0.25, 0.5], columns={"score": "p"})
    bins = report.moments.score_bins
    assert bins is not None
    by_bin = bins.collapse("segment")
    wanted = pd.cut(frame["p"], [-1, 0.2499, 0.4999, 1], labels=["0", "1", "2"]).value_counts()
    found = dict(zip(by_bin.segment, by_bin.n, strict=True))
    assert found == {**wanted.to_dict(), "(no score)": 8}


def test_teams_are_added_up_by_days() -> None:
    """Each team and day has the units decided on it, since lifts are compared within days."""
    frame = log().assign(t=lambda f: np.where(f.index % 5 == 0, "west", "east"))
    teams = check(frame, columns={"team": "t"}).moments.teams
    assert teams is not None
    cells = teams.collapse("segment", "period")
    wanted = frame.groupby(["t", frame["d"].dt.normalize()])["id"].count()
    found = {
        (s, pd.Timestamp(p)): n
        for s, p, n in zip(cells.segment, cells.period, cells.assigned, strict=True)
    }
    assert found == wanted.to_dict()


def test_the_spill_folder_is_cleaned_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check leaves nothing in the temp folder, whether it ends well or not."""
    made: list[str] = []
    make = tempfile.mkdtemp

    def here(*args: str | None, **named: str | None) -> str:
        made.append(make(*args, **named))
        return made[-1]

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other processes use the common one
    monkeypatch.setattr(tempfile, "mkdtemp", here)
    check(log())
    with pytest.raises(ValueError, match="no column"):
        check(log().drop(columns="y"))
    spills = [path for path in made if "spot-spill-" in path]
    assert spills
    assert [path for path in spills if Path(path).exists()] == []


def test_what_a_killed_check_spilled_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL leaves a folder behind; the next check takes it away, and none that is in use."""
    code = """if True:
        import os, signal
        from spot_mlflow_checks.engines.spill import SpillFolder
        spill = SpillFolder()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run(
        [sys.executable, "-c", code], check=False, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    (left,) = tmp_path.glob("spot-spill-*")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    used = SpillFolder()
    long_ago = time.time() - 3600
    for folder in (left, Path(used.path).parent):
        os.utime(folder, (long_ago, long_ago))
    check(log())
    assert list(tmp_path.glob("spot-spill-*")) == [Path(used.path).parent]
    used.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_column_of_a_frame_is_named() -> None:
    """The nearest column is found among all of the frame's, not those that are read alone."""
    import polars as pl

    frame = log().rename(columns={"arm": "amr"})
    for given in (frame, pl.from_pandas(frame), pl.from_pandas(frame).lazy()):
        with pytest.raises(ValueError, match="did you mean 'amr'"):
            check_outcomes(given, CONTRACT, as_of=AS_OF)


def test_two_columns_of_one_name_are_named() -> None:
    """A join that left a column twice is refused in a sentence, not in a library's own words."""
    twice = pd.concat([log(), log()[["arm"]]], axis=1)
    with pytest.raises(
        ValueError, match="pandas frame: column names must differ, got 'arm' 2 times"
    ):
        check_outcomes(twice, CONTRACT, as_of=AS_OF)


def test_rows_that_lie_elsewhere_are_not_collected() -> None:
    """A lazy frame over another engine is refused with what to give instead; a polars one is read."""
    import duckdb
    import narwhals as nw
    import polars as pl

    frame = log()
    lazy = check_outcomes(pl.from_pandas(frame).lazy(), CONTRACT, as_of=AS_OF)
    assert lazy.analysis.realized == check(frame).analysis.realized
    elsewhere = nw.from_native(duckdb.connect().from_df(frame))
    with pytest.raises(ValueError, match=r"would have to be collected here. Give the database URL"):
        check_outcomes(elsewhere, CONTRACT, as_of=AS_OF)


@pytest.mark.postgres
def test_the_callers_database_is_left_as_it_was(postgres_database: str) -> None:
    """A connection taken from the caller's engine goes back; one of the caller's own stays open, and its settings."""
    engine = sa.create_engine(postgres_database, poolclass=sa.QueuePool)
    log().to_sql("log", engine, index=False)
    show = sa.text("SHOW work_mem")
    with engine.connect() as c:
        before = c.execute(show).scalar()
    from_engine = check_outcomes(engine, CONTRACT, table="log", as_of=AS_OF)
    assert engine.pool.checkedout() == 0
    with pytest.raises(ValueError, match="no table"):
        check_outcomes(engine, CONTRACT, table="logs", as_of=AS_OF)
    assert engine.pool.checkedout() == 0
    with engine.connect() as c:
        assert c.execute(show).scalar() == before
        from_connection = check_outcomes(c, CONTRACT, table="log", as_of=AS_OF)
        assert c.execute(show).scalar() == before
    engine.dispose()
    assert from_connection.analysis.realized == from_engine.analysis.realized


ENDLESS = """if True:
    import os, signal, threading, time
    import pandas, sqlalchemy as sa
    from spot_mlflow_checks.engines.duck import open_frame

    # A shell lets what it starts in the background ignore Ctrl-C, and a process hands that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asked = threading.Event()

    def impatient():
        asked.wait()
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGINT)

    with open_frame(pandas.DataFrame({"id": [1]}), {"id": "columns.unit"}) as source:
        rows = sa.text("range(1000000), range(1000000)")
        threading.Thread(target=impatient, daemon=True).start()
        try:
            asked.set()
            source.fetch(sa.select(sa.func.count()).select_from(rows))
        except KeyboardInterrupt:
            print("stopped")
"""


def test_control_c_in_the_midst_of_a_query_is_control_c() -> None:
    """Pressed once, it stops query and caller, whichever thread DuckDB runs the query in."""
    command = [sys.executable, "-c", ENDLESS]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=500)
    assert done.stdout == "stopped\n", done.stderr


def test_progress_tells_every_pass() -> None:
    """Whoever looks on hears what is being done."""
    heard: list[str] = []
    check_outcomes(log(), CONTRACT, as_of=AS_OF, progress=heard.append)
    assert heard == ["base", "units", "statistics"]
