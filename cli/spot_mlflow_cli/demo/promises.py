"""What each version promises, and how that was found.

Share and tolerance were chosen before any outcome of the other villages was looked at:

- the better **half** of people, because with about 60 villages a third would leave an interval as
  wide as the tolerance, and then nothing could be decided;
- the **least lift worth having** is 10 points, and the **tolerance** 17.5: half the way from there to
  the 45 points that the whole experiment is known for, the same for both versions.

``REASONS`` says so in the story.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.promise.terms import Prediction
from spot_mlflow.validation import utc
from spot_mlflow_checks import check_outcomes
from spot_mlflow_cli.demo import field_experiment as experiment
from spot_mlflow_cli.demo import people as roles
from spot_mlflow_cli.demo.targeting import SHARE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

LEAST: Final = 0.10
TOLERANCE: Final = 0.175
REASONS: Final = (
    (
        f"Decided before anybody looked at an outcome of the other villages: the better {SHARE:.0%} by score "
        "are offered the incentive, because with so few villages a smaller share would allow no verdict."
    ),
    (
        f"Less than {LEAST * 100:g} points is not worth having. A promise counts as kept if it is missed by at "
        f"most {TOLERANCE * 100:g} points: half the way from {LEAST * 100:g} to the 45 points that the "
        "experiment is known for."
    ),
)
_COLUMNS: Final = {
    "unit": experiment.PERSON,
    "arm": experiment.ARM,
    "outcome": experiment.OUTCOME,
    "cluster": experiment.VILLAGE,
    "score": "score",
}


def promise(people: pd.DataFrame, scores: NDArray[np.float64], source: str) -> PredictedLift:
    """Promises the lift that the better half by score showed, villages as clusters.

    Args:
        people: those with an arm and an outcome.
        scores: (people,) the scores that decide who is in the better half.
        source: how the scores came about.
    """
    backtest = PredictedLift.from_backtest(
        scores,
        people[experiment.ARM].to_numpy(),
        people[experiment.OUTCOME].to_numpy(),
        top=SHARE,
        uplift_scores=True,
        **_terms(),
    )
    # The backtest takes people as independent; neighbours are not. The same estimator that will
    # judge the outcomes gives lift and standard error with villages as clusters.
    chosen = people.assign(score=scores)[scores >= threshold(scores)]
    shown = check_outcomes(chosen, backtest).analysis.realized
    prediction = Prediction(
        lift=round(shown.estimate.lift, 4),
        se=round(shown.estimate.se or 0.0, 4),
        baseline=round(shown.mean_holdout, 4),
        source=source,
    )
    return backtest.model_copy(update={"predicted": prediction})


def threshold(scores: NDArray[np.float64]) -> float:
    """Returns the score from which on the offer is made."""
    import numpy as np

    return float(np.quantile(scores, 1 - SHARE))


def _terms() -> dict[str, Any]:
    today = utc(None).date()
    return {
        "metric": "people who come for their result",
        "kind": "binary",
        "population": f"the better {SHARE:.0%} by score, tested for HIV",
        "minimum_viable": LEAST,
        "tolerance": TOLERANCE,
        "looks": "once",
        "measurement": {
            "owner": roles.BUSINESS,
            "starts": today,
            "first_check": today + timedelta(days=90),
        },
        "columns": _COLUMNS,
    }
