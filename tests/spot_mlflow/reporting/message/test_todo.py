from __future__ import annotations

from people import NOW, act, assessment, entry, event, raised

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.reporting.message.todo import owed_by, todo_of

CONTRACT = {
    "metric": "stayed", "predicted": 0.3, "columns": {"arm": "a", "outcome": "b"},
    "measurement": {"owner": "Kim", "first_check": "2026-10-15"},
}  # fmt: skip


def todo(*entries):
    """What these entries leave open."""
    facts = ModelFacts("churn", 1, KnownVersions([VersionFacts("1", NOW)]))
    return todo_of(build_adoption(facts, entries, version="1", now=NOW))


def test_an_untouched_model_owes_nothing():
    """Three hundred models nobody has begun with are not three hundred chores."""
    assert todo() == ()


def test_each_open_point_names_who_what_when_and_the_command():
    """Concern to answer, concern to confirm, plan, role to ask, old assessment, check due."""
    waiting = raised("Fay", "frontline", "blocking", 5)
    answered = raised("Fay", "frontline", "major", 20)
    found = todo(
        waiting,
        answered,
        act(answered, "answered", "Dana", "data_scientist", 9),
        assessment(
            "Kim",
            "business",
            {"P1": {"now": 1, "target": 3, "by": "2026-12-01", "owner": "Bo"}},
            100,
        ),
        entry("prediction", {"contract": CONTRACT, "contract_digest": "d"}, None, None, 30, "1"),
    )
    said = {(t.who, t.what.split(":")[0], str(t.due), t.overdue): t.command for t in found}
    assert said == {
        ("the builders", f"answer the blocking concern “{waiting.payload['what']}”", "2026-10-30", True):
            f"spot concern answer churn {waiting.payload['concern']} --person NAME --role data_scientist --what WORDS",
        ("Fay", f"confirm or reopen the major concern “{answered.payload['what']}”", "2026-10-30", True):
            f"spot concern confirm churn {answered.payload['concern']} --person Fay --role frontline",
        ("Bo", "Product", "2026-12-01", False): "spot assess churn --person Bo --role ROLE",
        ("Kim", "a new assessment", "2026-10-22", True): "spot ask churn --role business",
        ("Kim", "the first outcome check of version 1", "2026-10-15", True): "spot outcomes churn/1 SOURCE",
        **{
            (title, f"an assessment by the {title}", "None", False): f"spot ask churn --role {role}"
            for role, title in {
                "executive": "executive", "frontline": "frontline",
                "data_scientist": "data scientist", "engineer": "engineer",
            }.items()
        },
    }  # fmt: skip


def test_the_model_is_called_as_its_users_call_it():
    """The product name first, the registered one beside it."""
    named = event("Kim", "business", "naming", "decided", what="Stay Radar")
    found = todo(named, raised("Fay", "frontline", "minor", 0))
    assert {t.title for t in found} == {"Stay Radar (churn)"}
    assert {t.to_dict()["name"] for t in found} == {"Stay Radar"}
    assert {t.title for t in todo(raised("Fay", "frontline", "minor", 0))} == {"churn"}


def test_what_is_overdue_stands_first():
    """Then by date, and what has none last."""
    found = todo(raised("Fay", "frontline", "minor", 0), raised("Fay", "frontline", "blocking", 9))
    assert [t.overdue for t in found][:2] == [True, False]
    assert found[-1].due is None


def test_one_persons_share():
    """By name, however it is written."""
    found = todo(assessment("Kim", "business", {"P1": {"now": 1, "target": 3, "owner": "Kim Lee"}}))
    assert [t.who for t in owed_by(found, " kim  lee")] == ["Kim Lee"]
