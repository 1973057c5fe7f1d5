from __future__ import annotations

from typing import get_args

import numpy as np

from spot_mlflow.lift.holds.hold import DOUBTS, Block, hold
from spot_mlflow.lift.holds.words import SENTENCES, hold_words


def test_every_hold_has_a_doubt_and_a_sentence() -> None:
    """A kind without either would fail where it is first met, in front of a user."""
    assert set(get_args(Block)) == set(DOUBTS) == set(SENTENCES)


def test_the_numbers_of_a_hold_are_in_its_json_and_its_sentence() -> None:
    """A machine reads the kind and the numbers, a person the sentence made of them."""
    found = hold("no_counterpart", units=np.int64(1_000), left_out=450)
    assert found.to_dict() == {"by": "no_counterpart", "units": 1_000, "left_out": 450}
    assert found.doubt == "overlap"
    assert hold_words(found).reason.startswith("450 of 1,000 units (45 %) are in days or segments")
