from __future__ import annotations

from typing import get_args

import pytest

from spot_mlflow.lift.estimation.caveats import SENTENCES, Kind, caveat
from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.realized import realize
from spot_mlflow.lift.holds.hold import hold


def test_every_caveat_has_a_sentence():
    """A kind without one would fail where it is first met, in front of a user."""
    assert set(get_args(Kind)) == set(SENTENCES)


def test_a_sentence_is_made_of_the_numbers():
    """The kind and the facts decide; the words come last."""
    few = hold("few_clusters", clusters=30, fewest=40, enough=50)
    assert caveat("unreliable", hold=few).words == (
        "Interval unreliable: 30 clusters, fewer than 40."
    )
    assert caveat("clusters_straddle", clusters=1_200, within=False).words == (
        "1,200 clusters have units in more than one arm."
    )


def test_the_kind_of_each_caveat_stands_beside_its_sentence(log, contract):
    """A machine reads the kinds, a person the sentences, in one order."""
    made = contract(design="before_after")
    moments = log(["treatment"] * 4 + ["holdout"] * 4, outcome=[1, 0, 1, 0, 1, 0, 0, 0])
    found = realize(estimate_means(moments, made), made).realized
    assert found.caveat_kinds == ("two_times",)
    assert found.caveats[0].startswith("Compares two times, not two groups")


@pytest.mark.parametrize(
    ("reduction", "said"),
    [
        (0.31, "Adjusted by the covariate, which removes 31 % of the variance."),
        (
            -0.00004,
            "Adjusted by the covariate, which explains hardly any of the outcome's variance here.",
        ),
    ],
)
def test_a_useless_covariate_is_called_so(reduction: float, said: str) -> None:
    """Nobody reads that "-0.0038 % of the variance" were removed."""
    assert caveat("adjusted", reduction=reduction).words == said
