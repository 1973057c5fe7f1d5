"""Which column of a log means what: guessed by names first, by values where those tell more.

An outcome is never taken for an arm: a column of yes and no is an arm only where its name says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from spot_mlflow.lift.promise.unit_values import HOLDOUT_WORDS
from spot_mlflow_checks.proposal.names import ID, UNIT
from spot_mlflow_checks.proposal.names import words as _words
from spot_mlflow_checks.sums import segment_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow_checks.engines.source import Source
    from spot_mlflow_checks.proposal.samples import Sample

# contract key -> names that people give such a column, the likeliest first; compared without
# underscores, so that userid and userId are user_id.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "unit": ("unit", "unit_id", "customer_id", "customer", "cust_id", "user_id", "user", "uid", "client_id", "client", "account_id", "account", "member_id", "subscriber_id", "visitor_id", "player_id", "device_id", "household_id", "patient_id", "person_id", "contact_id", "lead_id", "id", "uuid", "guid"),
    "arm": ("arm", "treatment", "treated", "treat", "treatment_group", "variant", "variation", "group", "assignment", "assigned_group", "test_group", "ab_group", "experiment_group", "experiment_arm", "test_control", "campaign_group", "bucket", "promotion", "any"),
    "outcome": ("outcome", "converted", "conversion", "purchased", "purchase", "bought", "responded", "response", "retained", "renewed", "churned", "churn", "cancelled", "unsubscribed", "subscribed", "clicked", "click", "paid", "orders", "visits", "visit", "spend", "revenue", "got", "target", "label", "y"),
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
# Where no name is one of those: outcomes that carry more in their name (retention_7, conv_30d).
_OUTCOME: Final = re.compile(
    r"^(is_|has_|did_|n_|num_|total_|sum_)?(retention|retain|retained|conver|conv_|purchas|bought|respon|churn|"
    r"cancel|unsubscri|subscri|click|paid|payment|order|visit|spend|spent|revenue|sales|signup|signed_up|"
    r"renew|return|lapse|default|open|outcome|success)"
)
# Arms under a name that may be something else: taken where the column holds two words.
_PERHAPS_ARM: Final = ("version", "condition", "cell", "cohort", "test", "experiment", "page", "landing_page", "exposure", "campaign")  # fmt: skip
_ARM_WORDS: Final = re.compile(
    r"^(control.*|ctrl|hold.?out|held.?out|untreated|placebo|no[ _-].+|.*[ _-]control)$",
    re.IGNORECASE,
)
_TRUTH: Final = frozenset(
    {"true", "false", "t", "f", "yes", "no", "y", "n", "1", "0", "1.0", "0.0"}
)
_FEW: Final = 8
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Profile:
    """What one column holds.

    Attributes:
        name: of the column.
        labels: its values as text, where they are few; else empty.
    """

    name: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess, and why.

    Attributes:
        column: of the log.
        why: for a comment.
    """

    column: str
    why: str


@dataclass(frozen=True, slots=True)
class Guesses:
    """What a log's columns seem to mean.

    Attributes:
        columns: contract key -> guess.
        treated: labels of the arms that were treated, as far as is known.
        holdout: label of the arm that was left alone; None where no word tells.
    """

    columns: Mapping[str, Guess]
    treated: tuple[str, ...] = ()
    holdout: str | None = None


def guesses(source: Source, held: Sample) -> Guesses:
    """Guesses what the columns of a log mean, by their names, the labels of a few, and its first rows."""
    by_name = _by_name(list(source.families))
    arms, why = _arms(source, by_name)
    found = {k: v for k, v in by_name.items() if v != arms.name and k != "arm"}
    if "outcome" not in found:
        taken = {arms.name, *found.values()}
        outcome = next(
            (c for c in source.families if c not in taken and _OUTCOME.match(_words(c))), None
        )
        found |= {"outcome": outcome} if outcome else {}
    out = {k: Guess(v, "by its name") for k, v in found.items()}
    out |= _by_first_rows(held, out, {arms.name, *found.values()})
    if arms.name:
        out["arm"] = Guess(arms.name, why)
    alone = [x for x in arms.labels if HOLDOUT_WORDS.match(x) or _ARM_WORDS.match(x)]
    holdout = alone[0] if alone else None
    return Guesses(out, tuple(x for x in arms.labels if x != holdout), holdout)


def _by_first_rows(held: Sample, found: Mapping[str, Guess], taken: set[str]) -> dict[str, Guess]:
    """The unit, where a name like "Customer No" tells it, and the only column of times."""
    spare = [c for c in held.columns.values() if c.name not in taken]
    out: dict[str, Guess] = {}
    if "unit" not in found:
        ids = [c for c in spare if UNIT.search(_words(c.name)) and ID.search(_words(c.name))]
        out |= {"unit": Guess(ids[0].name, "by its name")} if ids else {}
    times = [c for c in spare if c.is_time or c.is_local_time]
    if not {"decided_at", "observed_at"} & set(found) and len(times) == 1:
        out["decided_at"] = Guess(times[0].name, "it alone holds times")
    return out


def _plain(name: str) -> str:
    return _words(name).replace("_", "")


def _by_name(columns: Sequence[str]) -> dict[str, str]:
    plain = {_plain(c): c for c in reversed(columns)}
    out: dict[str, str] = {}
    for key, names in NAMES.items():
        known = (plain.get(_plain(n)) for n in names)
        name = next((c for c in known if c is not None and c not in out.values()), None)
        if name is not None:
            out[key] = name
    return out


def _arms(source: Source, by_name: Mapping[str, str]) -> tuple[Profile, str]:
    """The column of the arms, and why: by its name, by a word like "control", or by two labels."""
    if "arm" in by_name:
        return profile(source, by_name["arm"]), "by its name"
    outcome = by_name.get("outcome")
    texts = [
        c for c, family in source.families.items() if family in {"text", "any"} and c != outcome
    ]
    for name in texts:
        found = profile(source, name)
        word = next((x for x in found.labels if _ARM_WORDS.match(x)), None)
        if word is not None and not _is_truth(found):
            return found, f"it holds {word!r}"
    for name in texts:
        if _words(name) in _PERHAPS_ARM or _words(name).endswith(("_group", "_arm", "_variant")):
            found = profile(source, name)
            if len(found.labels) == _TWO and not _is_truth(found):
                return found, "CHANGE if not: two labels, and no other column looks like the arm"
    return Profile(""), ""


def _is_truth(found: Profile) -> bool:
    return {x.strip().lower() for x in found.labels} <= _TRUTH


def profile(source: Source, name: str) -> Profile:
    """Returns the labels of a column, where they are few."""
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
