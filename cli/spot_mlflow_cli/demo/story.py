"""The steps of the story, one function each; ``CHAPTERS`` gives their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import mlflow

import spot_mlflow as spot
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.letters import LETTERS
from spot_mlflow.record import Record
from spot_mlflow.record.connection import open_client
from spot_mlflow.record.policies import set_policy
from spot_mlflow.reporting.message.headline import headline
from spot_mlflow.reporting.words.lift_view import promise_scale
from spot_mlflow_checks import check_outcomes
from spot_mlflow_cli.demo import field_experiment as experiment
from spot_mlflow_cli.demo import people as roles
from spot_mlflow_cli.demo import promises
from spot_mlflow_cli.demo.targeting import scores_on_unseen_villages, trained_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow_cli.demo.targeting import IncentiveUplift

MODEL: Final = "result-incentive"
TARGET: Final = "Production"


@dataclass
class Stage:
    """What the steps hand on to each other.

    Attributes:
        folder: where everything lands.
        say: shows one line of the story.
        learned: answered people of the villages to learn from.
        other: people of the other villages, with all that is missing.
        models: version -> (model, score from which on the offer is made).
        reports: version -> what the outcome check found.
        headlines: version -> the sentence that MLflow now shows of it: result, cause, request.
    """

    folder: Path
    say: Callable[[str], None]
    learned: Any = None
    other: Any = None
    models: dict[str, tuple[IncentiveUplift, float]] = field(default_factory=dict)
    reports: dict[str, LiftReport] = field(default_factory=dict)
    headlines: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """The SQLite file that MLflow keeps, as a URI."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"


def prepare(stage: Stage) -> None:
    """Reads the experiment and parts the villages."""
    mlflow.set_tracking_uri(stage.database)
    mlflow.set_registry_uri(stage.database)
    people = experiment.load()
    halves = experiment.halves(people)
    stage.learned = experiment.answered(halves.learned)
    stage.other = halves.other
    stage.say(
        f"{len(people):,} people; {people[experiment.ARM].isna().sum():,} without an arm, "
        f"{people[experiment.OUTCOME].isna().sum():,} without an outcome."
    )
    stage.say(
        f"To learn from: {len(stage.learned):,} people in "
        f"{stage.learned[experiment.VILLAGE].nunique()} villages. The others stay unseen."
    )
    for reason in promises.REASONS:
        stage.say(reason)


def first_version(stage: Stage) -> None:
    """Trains on half of the villages and promises what the training rows showed."""
    model = trained_on(stage.learned)
    scores = model.predict(stage.learned[experiment.FEATURES])
    _register(stage, model, scores, "the best half of its own training rows")
    stage.say(
        "It was tested on the rows that it had learned by heart. Somebody requests Production:"
    )
    _ask_for_production(stage, "1")


def second_version(stage: Stage) -> None:
    """Trains again and promises what villages showed that the model had not seen."""
    scores = scores_on_unseen_villages(stage.learned)
    model = trained_on(stage.learned)
    _register(stage, model, scores, "the best half in villages it had not seen (5 folds)")


def assess(stage: Stage) -> None:
    """Five roles answer the S.P.O.T. questions; the nurse raises a concern; the gate says no."""
    for person, role, answers in roles.FIRST_ROUND:
        spot.log_assessment(f"{MODEL}/2", answers, person=person, role=role)
    spot.raise_concern(
        f"{MODEL}/2",
        person=roles.FRONTLINE,
        role="frontline",
        what=roles.CONCERN,
        severity="blocking",
    )
    readiness = spot.get_adoption(f"{MODEL}/2").readiness
    letters = ", ".join(f"{LETTERS[k]} {v.level}" for k, v in readiness.letters.items())
    stage.say(f"Five roles answered, of 5 levels: {letters}.")
    stage.say(f"{roles.FRONTLINE} raised a blocking concern: “{roles.CONCERN}”")
    _ask_for_production(stage, "2")


def involve(stage: Stage) -> None:
    """The work that the gate asked for."""
    model = f"{MODEL}/2"
    for entry in roles.INVOLVEMENT:
        spot.log_involvement(model, **entry)
    concern = spot.get_adoption(model).involvement.concerns[0].id
    spot.answer_concern(model, concern, person=roles.BUSINESS, role="business", what=roles.ANSWER)
    spot.confirm_concern(model, concern, person=roles.FRONTLINE, role="frontline")
    spot.log_assessment(model, roles.AFTER_TRAINING, person=roles.FRONTLINE, role="frontline")
    spot.log_pulse(model, person=roles.FRONTLINE, role="frontline", useful=4, would_use=4)
    spot.log_pulse(model, person=roles.SCIENTIST, role="data_scientist", useful=5, would_use=5)
    spot.sign_off(model, target=TARGET, person=roles.BUSINESS, role="business")
    adoption = spot.get_adoption(model)
    stage.say(f"Involved: {adoption.involvement.words}. Its users call it “{adoption.name}”.")
    stage.say("The teams were trained, the concern was answered and confirmed, the owner signed.")
    _ask_for_production(stage, "2")


def measure(stage: Stage) -> None:
    """The other villages' outcomes arrive; both versions are checked, villages as clusters."""
    for version, (model, edge) in stage.models.items():
        scores = model.predict(stage.other[experiment.FEATURES])
        log = stage.other.assign(score=scores)[scores >= edge]
        path = stage.folder / f"outcomes-version-{version}.parquet"
        log.to_parquet(path, index=False)
        promised = spot.get_adoption(f"{MODEL}/{version}").predicted
        assert promised is not None  # noqa: S101 - recorded two chapters ago
        report = check_outcomes(str(path), promised)
        spot.log_outcomes(f"{MODEL}/{version}", report)
        stage.reports[version] = report
        stage.headlines[version] = headline(spot.get_adoption(f"{MODEL}/{version}"))
        stage.say(_arrived(version, log, report))


CHAPTERS: Final[tuple[tuple[str, Callable[[Stage], None]], ...]] = (
    ("A field experiment in Malawi: who comes for the HIV result if paid to?", prepare),
    ("Version 1 promises what its own training rows showed", first_version),
    ("Version 2 promises what unseen villages showed", second_version),
    ("Five roles say how ready it is", assess),
    ("What the gate asked for is done", involve),
    ("The other villages' outcomes arrive", measure),
)


def _register(
    stage: Stage, model: IncentiveUplift, scores: NDArray[np.float64], source: str
) -> None:
    """Logs and registers the model and records its promise, as a training script would."""
    promise = promises.promise(stage.learned, scores, source)
    mlflow.set_experiment("training")
    with mlflow.start_run(run_name=f"forests, {source}"):
        mlflow.log_params({"trees": model.trees, "smallest_leaf": model.smallest_leaf})
        example = stage.learned[experiment.FEATURES].head(5)
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=MODEL,
            signature=mlflow.models.infer_signature(example, model.predict(example)),
            pip_requirements=["scikit-learn", "spot-mlflow"],
            serialization_format="cloudpickle",  # forests and a class of our own
        )
        spot.log_predicted_lift(info, promise)
    version = str(info.registered_model_version)
    stage.models[version] = (model, promises.threshold(scores))
    stage.say(_promised(version, promise))


def _promised(version: str, promise: PredictedLift) -> str:

    scale = promise_scale(promise)
    p = promise.predicted
    half = 1.96 * p.standard_error
    return (
        f"Version {version} promises +{scale.amount(p.lift)} "
        f"({scale.number(p.lift - half)} to {scale.number(p.lift + half)}), {promise.metric}."
    )


def _arrived(version: str, log: pd.DataFrame, report: LiftReport) -> str:

    scale = promise_scale(report.predicted)
    realized = report.analysis.realized
    no_arm = log[experiment.ARM].isna()
    no_outcome = log[experiment.OUTCOME].isna() & ~no_arm
    return (
        f"Version {version} chose {len(log):,} people. {no_arm.sum():,} have no arm and "
        f"{no_outcome.sum():,} others have no outcome; these are counted and left out. "
        f"Realized: {scale.with_interval(realized.estimate)} of "
        f"{scale.amount(report.predicted.predicted.lift)} promised."
    )


def _ask_for_production(stage: Stage, version: str) -> None:
    """Asks MLflow for the transition, as anybody would; the gate is in the registry's URI."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from rich.markup import escape

    client = MlflowClient(stage.database, f"spot+{stage.database}")
    try:
        client.transition_model_version_stage(MODEL, version, TARGET)
    except MlflowException:
        decision = spot.check_gate(f"{MODEL}/{version}", TARGET)
        stage.say(f"[red]Refused[/red]: {escape(decision.verdict)} (policy {decision.policy}).")
        for r in decision.missing:
            stage.say(f"[dim]- {escape(f'{r.title}: {r.measured}')}[/dim]")
        stage.say(f"[dim]What helps, for each: spot gate {MODEL}/{version} --to {TARGET}[/dim]")
    else:
        stage.say(f"[green]Allowed[/green]: version {version} is in {TARGET}.")


def set_the_gate(stage: Stage) -> None:
    """Puts the default policy in force, in mode block."""
    policy = default_policy().model_copy(update={"mode": "block"})
    client = open_client(stage.database, stage.database, make=True)
    set_policy(Record(client=client), policy)
