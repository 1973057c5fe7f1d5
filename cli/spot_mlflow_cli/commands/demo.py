"""``spot demo``: the whole story on a real field experiment, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow.figures import sentence
from spot_mlflow.reporting.words.lift_view import promise_scale
from spot_mlflow.verdicts import UNDECIDABLE, VERDICTS, VIABILITY
from spot_mlflow_cli.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from spot_mlflow.figures import LiftScale
    from spot_mlflow.lift.interval import Interval
    from spot_mlflow_cli.demo.story import Stage

MARK: Final = ".spot-demo"  # a folder with it is ours to make anew
_PORT: Final = 5000


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("spot-demo"),
    show_default=True,
    help="Where MLflow's database and artifacts are put; an earlier demo there is replaced.",
)
@click.option(
    "--data",
    is_flag=True,
    help="Only write the experiment as history.csv and outcomes.csv, here or into --folder.",
)
@click.pass_context
def command(context: click.Context, /, folder: Path, *, data: bool) -> None:
    """Tell the whole story on a real field experiment; only the roles are invented.

    A model decides whom to offer an incentive. Version 1 promises what its own training rows showed,
    version 2 what unseen villages showed. Five roles assess it, the gate refuses Production and says
    why, the work is done, the gate allows it; then the other villages' outcomes arrive, and the lift
    gap of both versions is shown. It leaves a real MLflow in ./spot-demo.

    \b
    Example:
      spot demo
      spot demo --data              the data alone, for the tutorial
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    screen = console()
    if data:
        given = context.get_parameter_source("folder") is not click.core.ParameterSource.DEFAULT
        _write_data(folder if given else Path(), screen)
        return
    folder = folder.resolve()
    with _fresh(folder), _inside(folder):
        stage = _tell(folder, screen)
    screen.print()
    screen.print(_gaps(stage))
    for version, line in stage.headlines.items():
        outcome = stage.reports[version].analysis.outcome
        why = sentence(outcome.reason) if outcome.doubt else ""
        told = f"Version {version} ({outcome.verdict}, {outcome.viable}): {line} {why}"
        screen.print(told.rstrip())
    _say_how_to_open(screen, folder)


def _write_data(folder: Path, screen: Console) -> None:
    from spot_mlflow_cli.demo.field_experiment import write_halves

    rows = [f"{folder / name} ({n:,} rows)" for name, n in write_halves(folder).items()]
    screen.print(f"Wrote {' and '.join(rows)}.", soft_wrap=True)


def _tell(folder: Path, screen: Console) -> Stage:
    """Runs the chapters, each under a spinner while it works."""
    import logging
    import warnings

    with screen.status("Starting MLflow and scikit-learn"):
        # The story tells what happens; MLflow's own remarks would drown it.
        warnings.simplefilter("ignore")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
        logging.disable(logging.WARNING)
        import spot_mlflow_cli.demo.story  # noqa: F401 - imported under the spinner
    try:
        return _chapters(folder, screen)
    finally:
        logging.disable(logging.NOTSET)


def _chapters(folder: Path, screen: Console) -> Stage:
    from rich.padding import Padding

    from spot_mlflow_cli.demo import story

    def say(line: str) -> None:
        screen.print(Padding(line, (0, 0, 0, 3), expand=False))

    stage = story.Stage(folder, say)
    for number, (title, chapter) in enumerate(story.CHAPTERS, 1):
        screen.print(f"\n[bold]{number}. {title}[/bold]")
        with screen.status(title), _quiet():
            chapter(stage)
            if chapter is story.prepare:
                story.set_the_gate(stage)
    return stage


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps MLflow's own lines on standard error and output out of the story."""
    import io

    with contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _fresh(folder: Path) -> Iterator[None]:
    """Gives an empty folder; on any stop the earlier demo, if there was one, is back in place."""
    earlier = folder.with_name(f"{folder.name}.earlier")
    for place in (folder, earlier):
        if place.exists() and any(place.iterdir()) and not (place / MARK).exists():
            raise InvalidInput(
                "the folder holds something that is not a demo",
                where=str(place),
                fix="Say --folder.",
            )
    shutil.rmtree(earlier, ignore_errors=True)
    if folder.exists() and any(folder.iterdir()):
        folder.rename(earlier)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if earlier.exists():
            earlier.rename(folder)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Works in the folder: MLflow puts artifacts beside the place where it runs."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _gaps(stage: Stage) -> Table:
    """Returns the lift gap of both versions as a table, narrow enough for any terminal."""
    from rich import box
    from rich.table import Table

    title = "Predicted against realized lift, in points; 95 % intervals below"
    table = Table(title=title, box=box.SQUARE, pad_edge=False)
    for column in ("version", "promised", "realized", "gap", "verdict"):
        table.add_column(column, no_wrap=True)
    for version, report in stage.reports.items():
        scale = promise_scale(report.predicted)
        outcome = report.analysis.outcome
        told = outcome.doubt in {None, "units"}
        verdict = VERDICTS[outcome.verdict].words if told else UNDECIDABLE
        worth = VIABILITY[outcome.viable].words
        table.add_row(
            version,
            scale.number(report.predicted.predicted.lift),
            _bare(scale, report.analysis.realized.estimate),
            _bare(scale, outcome.gap),
            f"{verdict}\n{worth}",
        )
    return table


def _bare(scale: LiftScale, estimate: Interval) -> str:
    """Returns a figure and its interval without the unit, which the title gives."""
    low, high = scale.number(estimate.low), scale.number(estimate.high)
    return f"{scale.number(estimate.lift)}\n({low} to {high})"


def _say_how_to_open(screen: Console, folder: Path) -> None:
    from shlex import quote

    from spot_mlflow_cli.demo.story import MODEL

    mlflow, spot = _typed("mlflow"), _typed("spot")
    database = quote(f"sqlite:///{folder / 'mlflow.db'}")
    screen.print("\n[bold]See it in MLflow[/bold] (stop with Ctrl-C):")
    click.echo(f"   {mlflow} server --backend-store-uri {database} --port {_PORT}")
    click.echo(f"   http://127.0.0.1:{_PORT}/#/models/{MODEL}")
    screen.print("\n[bold]Continue with[/bold]:")
    click.echo(f"   export MLFLOW_TRACKING_URI={database}")
    for ask in (f"show {MODEL}", f"gate {MODEL}/1 --to Production", f"verify {MODEL}"):
        click.echo(f"   {spot} {ask}")


def _typed(program: str) -> str:
    """Returns what a person types for a program of this environment: its name, where that finds it."""
    import sys
    from shlex import quote

    ours = Path(sys.executable).with_name(program)
    found = shutil.which(program)
    if not ours.exists() or (found is not None and Path(found).resolve() == ours.resolve()):
        return program
    return quote(str(ours))
