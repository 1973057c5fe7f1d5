"""The keys of ``sources``: which are required, what goes together, and how a fault is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.promise.sources import LOG_COLUMNS, ArmsFrom

_PLAIN: dict[str, Any] = {
    "metric": "revenue in 30 days",
    "kind": "money",
    "predicted": {"lift": 3.0, "se": 0.5},
    "window": "30d",
}
_SOURCES: dict[str, Any] = {
    "decisions": {"table": "scores.csv", "unit": "id", "at": "scored_at", "segment": "kind"},
    "arms": {"held_out": "holdout.csv", "unit": "id"},
    "events": {
        "table": "orders.csv",
        "unit": "id",
        "at": "ordered_at",
        "id": "order",
        "amount": "net",
        "complete_until": "2027-04-10",
    },
    "outcome": "sum",
}


def _contract(**changes: Any) -> dict[str, Any]:
    """A contract; ``events__zone`` changes ``sources.events.zone``, None takes a key out."""
    out = copy.deepcopy({**_PLAIN, "sources": _SOURCES})
    for path, value in changes.items():
        *places, key = path.split("__")
        at = out if places[:1] == ["top"] else out["sources"]
        for place in places:
            at = at if place == "top" else at[place]
        if value is None:
            del at[key]
        else:
            at[key] = value
    return out


def _steps(**words: Any) -> dict[str, Any]:
    """Steps whose delivery a column of words tells."""
    return {"unit": "id", "at": "sent", "delivered": {"column": "status", **words}}


def test_a_step_by_its_column_keeps_its_digest_and_one_by_words_is_read_from_yaml() -> None:
    """YAML takes the keys yes and no for truth values; the record holds them as words."""
    plain = PredictedLift.load(_contract(steps={"unit": "id", "at": "sent", "delivered": "ok"}))
    assert plain.digest.startswith("b8fd12f7226ddfd7")
    text = "{column: status, yes: delivered, no: [bounced, 3]}"
    said = {"unit": "id", "at": "sent", "delivered": yaml.safe_load(text)}
    told = PredictedLift.load(_contract(steps=said))
    words = {"column": "status", "yes": ["delivered"], "no": ["bounced", 3]}
    assert told.to_dict()["sources"]["steps"]["delivered"] == words
    for written in (told.to_dict(), yaml.safe_load(told.to_yaml())):
        assert PredictedLift.load(written).digest == told.digest


def test_a_contract_without_sources_keeps_its_digest() -> None:
    """What is on record was signed with this digest."""
    plain = PredictedLift.load({**_PLAIN, "columns": {"arm": "arm", "outcome": "got"}})
    assert "sources" not in plain.to_dict()
    assert plain.digest.startswith("16b8cd117b3efb4a")


def test_columns_are_those_of_the_joined_log_where_none_are_named() -> None:
    """A contract that names tables need not name columns of a log that it has never seen."""
    columns = PredictedLift.load(_contract()).columns
    assert (columns.unit, columns.segment, columns.covariate) == ("unit", "segment", "covariate")
    assert columns.delivered is None


def test_a_contract_with_sources_is_read_back_as_it_was_written() -> None:
    """A record holds what ``to_dict`` gives."""
    written = PredictedLift.load(_contract(repeats={"each": "every night is a new offer"}))
    assert PredictedLift.load(written.to_dict()) == written
    assert PredictedLift.stored(written.to_dict()).digest == written.digest


def test_the_joined_log_has_the_columns_that_the_tables_supply() -> None:
    """Steps bring their flags and the times of those, each its cluster; nothing else appears."""
    sources = PredictedLift.load(
        _contract(
            steps={"unit": "id", "at": "sent", "delivered": "ok", "team": "team"},
            repeats={"each": "every night is a new offer"},
            before="none",
        )
    ).sources
    assert sources is not None
    assert sources.log_keys == (
        "unit", "arm", "decided_at", "outcome", "observed_at", "segment", "cluster", "offered",
        "delivered", "delivered_at", "team",
    )  # fmt: skip
    assert set(sources.log_keys) <= set(LOG_COLUMNS)


@pytest.mark.parametrize(
    ("arms", "way"),
    [
        ({"column": "arm"}, ArmsFrom.COLUMN),
        ({"held_out": True, "unit": "id"}, ArmsFrom.HELD_OUT),
        ({"unit": "id", "arm": "arm"}, ArmsFrom.TABLE),
        ({"hash": {"salt": "churn/2027", "holdout": 0.1}}, ArmsFrom.HASH),
        ("assigned", ArmsFrom.ASSIGNED),
    ],
)
def test_arms_are_known_in_one_of_five_ways(arms: Any, way: ArmsFrom) -> None:
    """The way follows from the key that is given."""
    sources = PredictedLift.load(_contract(arms=arms)).sources
    assert sources is not None
    assert sources.arms.way is way


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": None}, "'sources.arms' is missing"),
        ({"events__complete_until": None}, "'sources.events.complete_until' is missing"),
        ({"decisions__scor": "x"}, "unknown key 'sources.decisions.scor'; did you mean 'score'?"),
        ({"decisions__zone": "Berlin"}, "did you mean 'Europe/Berlin'?"),
        ({"events__complete_until": "soon"}, "use YYYY-MM-DD"),
        ({"before": 30}, "30 has no unit"),
        ({"before": "0d"}, "'0d' is not longer than 0; none means that there is no covariate"),
        ({"events__database": "postgresql://a:b@h/x"}, "must not hold a password"),
        ({"events__query": "SELECT 1"}, "give table or query, not both"),
        ({"events__amount": None}, "outcome: sum needs events.amount"),
        ({"events__id": None, "events__refund_of": "of"}, "refund_of needs id and amount"),
        ({"repeats": "each"}, "each needs a reason"),
        ({"repeats": "frist"}, "did you mean 'first'?"),
        ({"arms": {"column": "a", "held_out": "h"}}, "got column and held_out"),
        ({"arms": {"held_out": "h.csv"}}, "held_out needs unit"),
        ({"arms": {"column": "a", "table": "t"}}, "table has no meaning with column"),
        ({"arms": "assignd"}, "use arms: assigned"),
        ({"arms": {"hash": {"salt": "s", "holdout": 1}}}, "must be less than 1"),
        ({"top__window": None}, "sources need window"),
        ({"steps": _steps(yes=["x"])}, "'sources.steps.delivered.no' is missing"),
        ({"steps": _steps(yes=["x"], no=[])}, "sources.steps.delivered.no == []"),
        (
            {"steps": _steps(yes=["A"], no=["b", "a "])},
            "the word 'a' must not be in both yes and no",
        ),
        ({"outcome": "any"}, "needs kind: binary"),
        (
            {"top__columns": {"arm": "arm", "outcome": "outcome", "team": "team"}},
            "columns.team is named, and no table of sources supplies it",
        ),
    ],
)
def test_a_fault_of_sources_is_named_with_its_key(changes: dict[str, Any], said: str) -> None:
    """One message, which names the key and what to write."""
    with pytest.raises(InvalidInput) as e:
        PredictedLift.load(_contract(**changes))
    assert said in str(e.value)
