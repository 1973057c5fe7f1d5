"""A first ``lift.yaml`` from the columns that a file has, to be completed by a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow_checks.rows import flag
from spot_mlflow_checks.sums import segment_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow_checks.engines.source import Source

# contract key -> names that people give such a column, the likeliest first.
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "unit": ("unit", "unit_id", "customer_id", "customer", "user_id", "user", "client_id", "account_id", "patient_id", "person_id", "id"),
    "arm": ("arm", "treatment", "treated", "treat", "variant", "group", "assignment", "test_group", "campaign_group", "promotion", "any"),
    "outcome": ("outcome", "converted", "conversion", "purchased", "purchase", "bought", "responded", "response", "retained", "churned", "churn", "cancelled", "unsubscribed", "clicked", "click", "orders", "visits", "visit", "spend", "revenue", "got", "target", "y"),
    "decided_at": ("decided_at", "decision_time", "scored_at", "assigned_at", "decided", "timestamp", "ts", "date", "day"),
    "observed_at": ("observed_at", "outcome_at", "converted_at", "outcome_date", "observed"),
    "score": ("score", "prediction", "probability", "uplift", "propensity_score"),
    "segment": ("segment", "tier", "region", "channel", "customer_segment"),
    "offer": ("offer", "offer_name"),
    "offered": ("offered", "is_offered"),
    "delivered": ("delivered", "is_delivered", "sent"),
    "undelivered_reason": ("undelivered_reason", "reason"),
    "delivered_at": ("delivered_at", "sent_at"),
    "due_at": ("due_at", "due"),
    "acted": ("acted", "followed", "accepted_recommendation"),
    "acted_at": ("acted_at",),
    "override_reason": ("override_reason",),
    "team": ("team", "branch", "store", "call_centre", "call_center"),
    "actor": ("actor", "agent", "employee"),
    "value": ("value", "margin", "profit"),
    "cost": ("cost", "costs"),
    "covariate": ("covariate", "pre_period", "previous_spend", "history", "baseline", "re75"),
    "cluster": ("cluster", "village", "villnum", "school", "clinic"),
    "propensity": ("propensity",),
    "model_version": ("model_version", "version"),
}  # fmt: skip
_HOLDOUT: Final = re.compile(
    r"^(0|0\.0|no\b.*|none|false|f|n|control|ctrl|hold|holdout|hold-out|untreated|placebo|c)$",
    re.IGNORECASE,
)
# Outcomes of which fewer are better.
_UNWANTED: Final = re.compile(
    r"churn|cancel|unsubscri|default|complain|return(s|ed)$|lapse|attrit|loss|fraud", re.IGNORECASE
)
_FEW: Final = 8
_COUNTED: Final = 50  # whole numbers up to here are counts rather than money
_TO_BE_NAMED: Final = "CHANGE_ME"


@dataclass(frozen=True, slots=True)
class Profile:
    """What one column holds.

    Attributes:
        name: of the column.
        labels: its values as text, where they are few; else empty.
    """

    name: str
    labels: tuple[str, ...] = ()


def draft_contract(source: Source) -> str:
    """Returns a commented ``lift.yaml`` for a log.

    Columns are guessed by their names, arms and kind by their values; what could not be guessed is
    named CHANGE_ME, with the columns that might be meant.
    """
    columns = list(source.families)
    found = _guessed(columns)
    arms = _arms(source, found)
    found = {k: v for k, v in found.items() if v != arms.name} | (
        {"arm": arms.name} if arms.name else {}
    )
    arm, outcome = found.get("arm"), found.get("outcome")
    treated, holdout = _labels(arms)
    lines = _head(outcome, _kind(source, outcome), _direction(outcome))
    lines += ["columns:                        # contract key: column of the log"]
    lines += [
        _required("arm", arm, columns),
        *(_label_lines(treated, holdout)),
        _required("outcome", outcome, columns),
    ]
    lines += [f"  {k}: {_yaml(v)}" for k, v in found.items() if k not in {"arm", "outcome"}]
    missing = [k for k in _NAMES if k not in found]
    lines += ["  # not found; name the column where the log has one:"]
    lines += [f"  # {k}: {k}" for k in missing if k not in {"arm", "outcome"}]
    spare = [c for c in columns if c not in found.values()]
    if spare:
        lines.append(f"  # columns of the log not used yet: {_listed(spare)}")
    return "\n".join(lines) + "\n"


def _guessed(columns: Sequence[str]) -> dict[str, str]:
    plain = {re.sub(r"[^a-z0-9]+", "_", c.lower()).strip("_"): c for c in reversed(columns)}
    out: dict[str, str] = {}
    for key, names in _NAMES.items():
        name = next((plain[n] for n in names if n in plain and plain[n] not in out.values()), None)
        if name is not None:
            out[key] = name
    return out


def _profile(source: Source, name: str | None) -> Profile:
    if name is None:
        return Profile("")
    column, family = source.column(name), source.families[name]
    query = (
        sa.select(column, sa.func.count().label("n"))
        .where(sa.not_(source.dialect.blank(column, family)))
        .group_by(column)
        .order_by(sa.desc("n"))
        .limit(_FEW + 1)
    )
    labels = [segment_label(row[0]) for row in source.fetch(query)]
    return Profile(name, tuple(sorted(labels)) if len(labels) <= _FEW else ())


def _arms(source: Source, found: dict[str, str]) -> Profile:
    """The column of the arms: by its name, else the first that holds a word like "control"."""
    if "arm" in found:
        return _profile(source, found["arm"])
    texts = [c for c, family in source.families.items() if family in {"text", "any"}]
    for name in texts:
        profile = _profile(source, name)
        if any(_HOLDOUT.match(x) and not x[:1].isdigit() for x in profile.labels):
            return profile
    return Profile("")


def _labels(arms: Profile) -> tuple[list[str], str | None]:
    """Returns (treated labels, holdout label) as far as their words tell."""
    holdout = next((x for x in arms.labels if _HOLDOUT.match(x)), None)
    return [x for x in arms.labels if x != holdout], holdout


def _kind(source: Source, outcome: str | None) -> str:
    if outcome is None:
        return "binary"
    d, family = source.dialect, source.families[outcome]
    x = d.number(source.column(outcome), family)
    broken = sa.func.sum(flag(x != d.floor(x)))
    query: Any = sa.select(sa.func.min(x), sa.func.max(x), sa.func.count(sa.distinct(x)), broken)
    low, high, distinct, fractions = source.fetch(query.select_from(source.log))[0]
    if low is None or (distinct <= 2 and {float(low), float(high)} <= {0.0, 1.0}):  # noqa: PLR2004 - 0 and 1
        return "binary"
    return "money" if fractions or low < 0 or high > _COUNTED else "count"


def _direction(outcome: str | None) -> str:
    return "decrease" if outcome is not None and _UNWANTED.search(outcome) else "increase"


def _listed(names: Sequence[str]) -> str:
    """Writes names on the one line of a comment, whatever they hold."""
    return ", ".join("".join(c if c.isprintable() else " " for c in n) for n in names)


def _head(outcome: str | None, kind: str, direction: str) -> list[str]:
    return [
        "# The lift contract: what the model promises, and how it will be measured.",
        "# Complete it, then: spot promise MODEL/VERSION lift.yaml",
        f"metric: {_yaml(outcome or _TO_BE_NAMED)}   # what is measured, in words of the business",
        f"{f'kind: {kind}':<31} # binary (0 and 1) | count | money",
        "effect: absolute                # absolute (points, units) | relative (share of the holdout)",
        f"{f'direction: {direction}':<31} # increase | decrease: which way is better",
        'population: ""                  # who is eligible, treated and holdout alike',
        "predicted:                      # the promise, from a backtest on units the model had not seen",
        "  lift: 0.05                    # CHANGE: 0.05 is 5 points",
        "  se: 0.01                      # CHANGE: its standard error; or low and high",
        "  source: backtest",
        "# minimum_viable: 0.02          # the least lift worth having; derived from economics otherwise",
        "# tolerance: 0.015              # how far below the promise still counts as kept",
        "# looks: monitored              # once | monitored; monitored needs planned_units",
        "# planned_units: 4000",
        "# window: 90d                   # an outcome counts once this has passed since the decision",
        "# treatment_share: 0.5          # by design; the sample-ratio check uses it",
        "# economics: {unit: USD, value: 10, offer_cost: 0.10, handling_cost: 0.05, incentive: 0}",
        '# measurement: {owner: "", starts: 2027-01-10, first_check: 2027-04-15}   # the gate asks for it',
        "# funnel: {offered: 1.0, delivered: 0.95, on_time: 1.0}   # what the prediction assumed",
    ]


def _required(key: str, name: str | None, columns: Sequence[str]) -> str:
    if name is not None:
        return f"  {key}: {_yaml(name)}"
    return f"  {key}: {_TO_BE_NAMED}   # one of: {_listed(columns)}"


def _label_lines(treated: list[str], holdout: str | None) -> list[str]:
    if holdout is None or not treated:
        seen = f"   # the log has: {_listed(treated)}" if treated else ""
        return [f"  treated: 1{seen}", "  holdout: 0"]
    labels: Any = treated[0] if len(treated) == 1 else treated
    return [f"  treated: {_yaml(labels)}", f"  holdout: {_yaml(holdout)}"]


def _yaml(value: Any) -> str:
    """Writes one value as YAML, quoted where it needs it; whole numbers as numbers."""
    import yaml

    def plain(x: Any) -> Any:
        return (
            int(float(x)) if isinstance(x, str) and re.fullmatch(r"-?[0-9]{1,9}(\.0+)?", x) else x
        )

    value = [plain(x) for x in value] if isinstance(value, list) else plain(value)
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")
