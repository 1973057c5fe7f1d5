from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.money.margins import Margins

UNITS = make_units(8_000)


def test_every_segment_keeps_its_own_value():
    """Profit per segment uses what its own units brought, not the promise or the average."""
    margins = Margins.of(UNITS.moments(), make_contract())
    names = margins.model.strata.names
    d = margins.at.t - margins.at.h
    expected = d[:, names.index("value")] - d[:, names.index("cost")]
    assert margins.profit(margins.at) == pytest.approx(expected)


def test_spend_and_contacts_are_what_was_logged():
    """Contacts are the delivered share, spend the mean cost, per eligible unit."""
    margins = Margins.of(UNITS.moments(), make_contract())
    names = margins.model.strata.names
    assert margins.contacts(margins.at) == pytest.approx(margins.at.t[:, names.index("delivered")])
    assert margins.spend(margins.at) == pytest.approx(margins.at.t[:, names.index("cost")])


def test_what_was_not_logged_is_as_promised():
    """Without funnel and cost, contacts and their cost are the contract's."""
    margins = Margins.of(UNITS.moments("outcome"), make_contract(mix=False))
    assert margins.contacts(margins.at) == pytest.approx(np.full(2, 0.95 * 0.95))
    assert margins.spend(margins.at) == pytest.approx(np.full(2, 0.95 * 0.95 * 0.5))


def test_a_design_effect_widens():
    """Four times the variance doubles the width."""
    plain = Margins.of(UNITS.moments(), make_contract())
    wide = Margins.of(UNITS.moments(), make_contract(), widen=4.0)
    for a, b in zip(plain.intervals(plain.profit), wide.intervals(wide.profit), strict=True):
        assert b.se == pytest.approx(2 * a.se)
