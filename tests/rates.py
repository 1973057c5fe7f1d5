"""Moments of outcomes that are 0 or 1, from their counts: no units are made that are only counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.moments.cells import Moments

if TYPE_CHECKING:
    from collections.abc import Mapping


def rates(events: Mapping[str, int], units: Mapping[str, int]) -> Moments:
    """Returns one cell an arm, of so many units with so many events."""
    arms = sorted(units)
    n = np.array([units[a] for a in arms])
    x = np.array([events[a] for a in arms], dtype=float)
    return Moments(
        segment=np.array([""] * len(arms), dtype=object),
        arm=np.array(arms, dtype=object),
        period=np.array(["NaT"] * len(arms), dtype="datetime64[D]"),
        measures=("outcome",),
        assigned=n,
        matured=n,
        n=n,
        center=np.zeros(1),
        s1=x[:, None],
        s2=x[:, None, None],
        s3=x[:, None],
        nonzero=x[:, None].astype(int),
        largest=np.ones((len(arms), 1)),
        missing=np.zeros((len(arms), 1), dtype=int),
    )
