"""The model: whom to offer the incentive, by how much more likely it makes them to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier

from spot_mlflow_cli.demo.field_experiment import ARM, FEATURES, OUTCOME, VILLAGE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SHARE = 0.5  # of people, the best by score, who get the offer


class IncentiveUplift(BaseEstimator):  # type: ignore[misc] # scikit-learn ships no types
    """Two forests, one an arm; the difference of their rates is the predicted lift (a T-learner)."""

    def __init__(self, trees: int = 200, smallest_leaf: int = 3) -> None:
        self.trees = trees
        self.smallest_leaf = smallest_leaf

    def fit(self, x: pd.DataFrame, offered: NDArray[Any], came: NDArray[Any]) -> IncentiveUplift:
        """Learns from people of whom chance decided who was offered the incentive."""
        self.forests_ = [
            RandomForestClassifier(
                self.trees, min_samples_leaf=self.smallest_leaf, random_state=0, n_jobs=1
            ).fit(x[offered == arm], came[offered == arm])
            for arm in (0, 1)
        ]
        return self

    def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
        """Returns the predicted lift of each person, (people,), in rate units."""
        holdout, treated = (f.predict_proba(x)[:, 1] for f in self.forests_)
        lift: NDArray[np.float64] = treated - holdout
        return lift


def trained_on(people: pd.DataFrame) -> IncentiveUplift:
    """Trains on people with an arm and an outcome."""
    return IncentiveUplift().fit(
        people[FEATURES], people[ARM].to_numpy(), people[OUTCOME].to_numpy(dtype=int)
    )


def scores_on_unseen_villages(people: pd.DataFrame) -> NDArray[np.float64]:
    """Scores each person by a model that never saw their village; (people,)."""
    import numpy as np
    from sklearn.model_selection import GroupKFold

    scores = np.empty(len(people))
    for learn, judge in GroupKFold(5).split(people, groups=people[VILLAGE]):
        scores[judge] = trained_on(people.iloc[learn]).predict(people.iloc[judge][FEATURES])
    return scores
