from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from spot_mlflow.lift.estimators.simultaneous import Width, discoveries, judged
from spot_mlflow.lift.promise.looks import width_of

p_values = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12)


@settings(max_examples=60)
@given(p_values)
def test_holm_adjusts_as_statsmodels_does(p):
    """Adjusted p values and decisions agree with statsmodels for any family."""
    from scipy.special import ndtri

    t = -ndtri(np.array(p))
    found = judged(t, np.ones(len(p)), Width(), alpha=0.05)
    expected = multipletests(p, 0.05, method="holm")
    assert [f.p_adjusted for f in found] == pytest.approx(expected[1].tolist(), rel=1e-6)
    # From p to t and back is not exact, so the border itself may fall to either side.
    clear = ~np.isclose(expected[1], 0.05, rtol=1e-9)
    assert (
        np.array([f.found for f in found])[clear].tolist() == (expected[1] < 0.05)[clear].tolist()
    )


@settings(max_examples=60)
@given(p_values)
def test_discoveries_are_those_of_statsmodels(p):
    """Benjamini and Hochberg's decisions agree with statsmodels for any family."""
    adjusted = multipletests(p, 0.05, "fdr_bh")[1]
    assert discoveries(np.array(p)).tolist() == (adjusted <= 0.05).tolist()


def test_what_could_not_be_tested_is_no_discovery():
    """It counts in the family; a family of none has none."""
    assert discoveries(np.array([0.02, np.nan])).tolist() == [True, False]
    assert discoveries(np.array([0.03, np.nan])).tolist() == [False, False]
    assert discoveries(np.array([])).tolist() == []


def test_the_lower_bound_is_bonferronis_and_no_less_than_zero_where_found():
    """A shown loss is at least 0; another loss keeps its negative Bonferroni bound."""
    first, second = judged(np.array([3.0, 0.1]), np.ones(2), Width(), alpha=0.025)
    z = Width().multiplier(2 * 0.025 / 2)
    assert first.lost_at_least == pytest.approx(3 - z)
    assert second.lost_at_least == pytest.approx(0.1 - z)
    assert (first.found, second.found) == (True, False)


def test_what_has_no_error_is_taken_as_it_is():
    """A loss known exactly is found, no loss known exactly is not, and neither counts as a test."""
    lost, none, tested = judged(
        np.array([0.2, 0.0, 2.0]), np.array([0, 0, 1.0]), Width(), alpha=0.05
    )
    assert (lost.found, lost.lost_at_least) == (True, 0.2)
    assert not none.found
    assert tested.found


def test_a_monitored_contract_gets_the_width_of_the_sequence():
    """The multiplier is that of the confidence sequence, and wider than one look's."""
    from spot_mlflow.lift.estimators.sequence import multiplier

    contract = make_contract(looks="monitored", planned_units=40_000)
    width = width_of(contract, 10_000)
    expected = float(multiplier(10_000, alpha=0.05, planned=40_000))
    assert width.multiplier(0.05) == pytest.approx(expected)
    assert width.multiplier(0.05) > width_of(make_contract(), 10_000).multiplier(0.05)


@settings(max_examples=40)
@given(st.floats(0.001, 0.4), st.floats(0.01, 100))
def test_the_monitored_p_value_inverts_the_multiplier(alpha, mixing):
    """An estimate that lies exactly at its interval's end has the p value alpha / 2."""
    width = Width(mixing)
    assert width.p_value(width.multiplier(alpha)) == pytest.approx(alpha / 2)
