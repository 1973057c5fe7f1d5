"""Samples with known answers, and contracts to hold them against."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One experiment: outcome, arm and covariate (or None), unit by unit."""

    outcome: np.ndarray
    arm: np.ndarray
    covariate: np.ndarray | None = None

    @property
    def cells(self) -> Moments:
        """The units, reduced."""
        measures = {"outcome": self.outcome}
        if self.covariate is not None:
            measures["covariate"] = self.covariate
        return Moments.of_units(measures, self.arm)

    def of(self, label: str) -> np.ndarray:
        """Outcomes of one arm."""
        return self.outcome[self.arm == label]


@pytest.fixture(scope="session")
def reference(shared_data: Path) -> dict[str, Any]:
    """Figures of scipy, statsmodels, tea-tasting and gbstats."""
    return json.loads((shared_data / "reference.json").read_text())


@pytest.fixture(scope="session")
def samples(shared_data: Path) -> dict[str, Sample]:
    """The data behind the figures, by the key of ``reference.json``."""
    found = {}
    hillstrom = pd.read_csv(shared_data / "hillstrom.csv")
    arms = {"mens": ["Mens E-Mail"], "womens": ["Womens E-Mail"]}
    arms["any"] = arms["mens"] + arms["womens"]
    for name, labels in arms.items():
        rows = hillstrom[hillstrom.segment.isin([*labels, "No E-Mail"])]
        arm = np.where(rows.segment == "No E-Mail", HOLDOUT, TREATMENT)
        for metric in ("visit", "conversion", "spend"):
            outcome = rows[metric].to_numpy(float)
            found[f"hillstrom/{name}/{metric}"] = Sample(outcome, arm, rows.history.to_numpy(float))
    nsw = pd.read_csv(shared_data / "nsw_mixtape.csv")
    arm = np.where(nsw.treat == 1, TREATMENT, HOLDOUT)
    found["nsw/re78"] = Sample(nsw.re78.to_numpy(float), arm, nsw.re75.to_numpy(float))
    starbucks = pd.read_csv(shared_data / "starbucks_promo_training.csv")
    arm = np.where(starbucks.Promotion == "Yes", TREATMENT, HOLDOUT)
    found["starbucks_training/purchase"] = Sample(starbucks.purchase.to_numpy(float), arm)
    thornton = pd.read_csv(shared_data / "thornton_hiv.csv").dropna(subset=["any", "got"])
    arm = np.where(thornton["any"] == 1, TREATMENT, HOLDOUT)
    found["thornton/got"] = Sample(thornton.got.to_numpy(float), arm)
    return found


@pytest.fixture
def contract() -> Callable[..., PredictedLift]:
    """Makes a contract; keys given replace the plain ones."""

    def make(**keys: Any) -> PredictedLift:
        plain = {
            "metric": "bought",
            "predicted": {"lift": 0.05},
            "columns": {"arm": "arm", "outcome": "bought"},
        }
        return PredictedLift.load({**plain, **keys})

    return make


@pytest.fixture
def log() -> Callable[..., OutcomeMoments]:
    """Makes an outcome log of units in memory: measures by name, arm, segment, period."""

    def make(
        arm: Any, *, segment: Any = None, period: Any = None, **measures: Any
    ) -> OutcomeMoments:
        cells = Moments.of_units(measures, arm, segment=segment, period=period)
        return OutcomeMoments(cells, {}, "2027-06-01T00:00:00+00:00", rows=len(arm))

    return make


@pytest.fixture
def rates() -> Callable[..., OutcomeMoments]:
    """Makes a log of rates from counts: events and units, treated first."""

    def make(x_t: int, n_t: int, x_c: int, n_c: int) -> OutcomeMoments:
        outcome = np.r_[np.ones(x_t), np.zeros(n_t - x_t), np.ones(x_c), np.zeros(n_c - x_c)]
        arm = np.r_[np.full(n_t, TREATMENT), np.full(n_c, HOLDOUT)]
        cells = Moments.of_units({"outcome": outcome}, arm)
        return OutcomeMoments(cells, {}, "2027-06-01T00:00:00+00:00", rows=n_t + n_c)

    return make
