"""Roles: one table, from which everything that differs by role follows."""

from __future__ import annotations

import copy
from dataclasses import fields

import yaml

from spot_mlflow.readiness.instrument import Instrument, default_path
from spot_mlflow.roles import BUILDERS, ROLE_TABLE, ROLES, USERS, called


def test_roles_are_told_apart_wherever_a_reader_meets_them():
    """No two share a title, a name in sentences, a mark or a sign; no fact is missing."""
    for fact in ("title", "called", "mark", "sign"):
        assert len({getattr(role, fact) for role in ROLE_TABLE.values()}) == len(ROLES), fact
    assert all(getattr(role, f.name) for role in ROLE_TABLE.values() for f in fields(role))


def test_every_role_is_on_one_side():
    """Users and builders are all roles, and nobody is both."""
    assert set(ROLES) == USERS | BUILDERS
    assert not USERS & BUILDERS


def test_a_word_of_an_old_record_stays_as_it_is():
    """A role that the table does not know is shown, not refused."""
    assert called("overseer") == "overseer"


def test_an_instrument_may_have_words_of_its_own_for_some_roles():
    """The others keep those of the table; a role that nobody asks needs none."""
    data = yaml.safe_load(default_path().read_text(encoding="utf-8"))
    data["roles"] = {"business": {"title": "Category manager", "who": "designs the offers"}}
    found = Instrument.model_validate(copy.deepcopy(data)).roles
    assert found["business"].title == "Category manager"
    assert found["engineer"].title == ROLE_TABLE["engineer"].title
    for question in data["questions"]:
        question["asks"] = [r for r in question["asks"] if r != "engineer"] or ["business"]
    assert "engineer" not in Instrument.model_validate(data).roles
