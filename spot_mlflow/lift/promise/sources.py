"""``sources:`` of the contract: the tables that companies have, and the rules that join them.

Four kinds of table become one row per unit: what the scoring job wrote (decisions), who was held out
(arms), what the shop recorded (events), what the campaign tool delivered (steps). Every rule that
changes the answer is a key here; ``arms`` and ``complete_until`` have no default, since a wrong one
would change it without a sign. See ``docs/raw-tables.md``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from typing_extensions import Self

from spot_mlflow.lift.promise.step_words import StepWords
from spot_mlflow.validation import Document, Span, nearest, nearest_zone, parse_span

Label = str | int | float | bool
Name = Annotated[str, Field(min_length=1)]
# What a guardrail's column is called in the log that is made; part of names of temporary tables.
GuardrailName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
GUARDRAILS: Final = "guardrails"  # role of a guardrail's table: this, a point, its column

_PASSWORD: Final = re.compile(r"://[^/@:]*:[^@]+@")
_VARIABLE: Final = re.compile(r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$")
BEFORE: Final = timedelta(days=28)  # how far back the covariate looks unless the contract says

# What the joined log calls its columns where the contract names none; the key is the name.
LOG_COLUMNS: Final = (
    "unit", "arm", "decided_at", "outcome", "observed_at", "score", "segment", "cluster", "offer",
    "propensity", "value", "due_at", "model_version", "covariate", "offered", "delivered",
    "delivered_at", "acted", "acted_at", "team", "actor", "undelivered_reason", "cost", "handling",
)  # fmt: skip
CARRIED: Final = ("score", "segment", "cluster", "offer", "propensity", "value", "due_at")
STEP_FLAGS: Final = ("offered", "delivered", "acted")
STEP_LABELS: Final = ("team", "actor", "undelivered_reason")
STEP_AMOUNTS: Final = ("cost", "handling")


def _zone(value: Any) -> Any:
    if not isinstance(value, str) or value == "UTC":
        return value
    known = available_timezones()
    if value not in known:
        raise ValueError(
            f"{value!r} is not a time zone; use for example Europe/Berlin{nearest_zone(value)}"
        )
    return value


Zone = Annotated[str, BeforeValidator(_zone)]


class Place(Document):
    """Where one table lies.

    Attributes:
        table: path or glob of CSV or Parquet files; with ``database``, a table of it.
        query: a query of the database instead of a table.
        database: its URL without a password, or the environment variable that holds it, ``${SHOP}``.
    """

    table: Name | None = None
    query: Name | None = None
    database: Name | None = None

    @field_validator("database")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value is not None and _PASSWORD.search(value):
            raise ValueError(
                "must not hold a password, since the contract is recorded; use an environment "
                "variable, for example database: ${SHOP_URL}"
            )
        if value is not None and "$" in value and not _VARIABLE.match(value):
            raise ValueError("must be a URL, or one environment variable, for example ${SHOP_URL}")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.table is not None and self.query is not None:
            raise ValueError("give table or query, not both")
        if self.query is not None and self.database is None:
            raise ValueError("query needs database, the URL of the database it runs in")
        return self


class OutcomeLog(Place):
    """Where a ready log lies: a path or glob alone, or a table or query of a database."""

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"table": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.table is None and self.query is None:
            raise ValueError(
                "names no log; use outcome_log: outcomes.parquet, or database and table"
            )
        return self


class Table(Place):
    """Where one table lies, and which of its rows count. Left out altogether, it is given at the call.

    Attributes:
        zone: time zone of times that are written without one.
        dates: how days are written in text where not as 2027-01-31.
        decimal: what amounts in text have before their fraction; with ``,`` points stand between thousands.
        filter: column -> the value, or values, of the rows that count; others are left out.
    """

    zone: Zone = "UTC"
    dates: Literal["DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY"] | None = None
    decimal: Literal[".", ","] = "."
    filter: dict[str, Label | list[Label]] = Field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """Key -> column of every column that the document names."""
        keys = type(self).model_fields.keys() - Table.model_fields.keys()
        said = ((k, getattr(self, k)) for k in sorted(keys & _COLUMN_KEYS))
        named = ((k, v.column if isinstance(v, StepWords) else v) for k, v in said)
        return {k: v for k, v in named if isinstance(v, str)}

    @property
    def told(self) -> dict[str, StepWords]:
        """Key -> the words of yes and no, of every step that has words of its own."""
        said = ((k, getattr(self, k, None)) for k in STEP_FLAGS)
        return {k: v for k, v in said if isinstance(v, StepWords)}

    @property
    def wanted(self) -> dict[str, str]:
        """Column -> key, for every column that is read of the table."""
        named = {column: f"filter.{column}" for column in self.filter}
        return named | {v: k for k, v in self.columns.items()}


_COLUMN_KEYS: Final = {
    "unit", "at", "id", "amount", "refund_of", "currency", "version", "arm", "column",
    *CARRIED, *STEP_FLAGS, *STEP_LABELS, *STEP_AMOUNTS,
}  # fmt: skip


class Decisions(Table):
    """What the scoring job wrote: a row per unit each time it was scored."""

    unit: Name
    at: Name  # when the decision was made
    score: Name | None = None
    segment: Name | None = None
    version: Name | None = None  # of the model; rows of other versions do not count
    cluster: Name | None = None
    offer: Name | None = None
    propensity: Name | None = None
    value: Name | None = None
    due_at: Name | None = None


class ArmsFrom(Enum):
    """How a unit's arm is known."""

    COLUMN = "a column of the decisions"
    HELD_OUT = "a list of the units that were held out; all others are treated"
    TABLE = "a table of units and arms"
    HASH = "a hash of the unit's id"
    ASSIGNED = "the assignment of this contract"


class ArmHash(Document):
    """A holdout by hash: md5 of ``salt:id`` as a fraction, held out below the share."""

    salt: Name
    holdout: Annotated[float, Field(gt=0, lt=1)]


class Arms(Table):
    """Who was treated and who was held out; one of ``column``, ``held_out``, ``arm``, ``hash``.

    Attributes:
        column: column of the decisions that holds the arm.
        held_out: table of the held-out units, or true where it is given at the call.
        unit: column of the unit's id, in the list or table.
        arm: column of the arm, in a table of units and arms.
        hash: salt and share of a holdout by hash.
        assigned: the arms are those of ``assignment:`` of this contract; written ``arms: assigned``.
        treated: label, or labels, of treatment.
        holdout: label of the holdout.
    """

    column: Name | None = None
    held_out: Name | Literal[True] | None = None
    unit: Name | None = None
    arm: Name | None = None
    hash: ArmHash | None = None
    assigned: bool = False
    treated: Label | list[Label] = 1
    holdout: Label = 0

    @model_validator(mode="before")
    @classmethod
    def _assigned(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value != "assigned":
                raise ValueError(
                    f"{value!r} is not a way to know the arms; use arms: assigned, or "
                    "arms: {column: NAME}"
                )
            return {"assigned": True}
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {
            "column": self.column,
            "held_out": self.held_out,
            "arm": self.arm,
            "hash": self.hash,
            "assigned": self.assigned or None,
        }
        found = [k for k, v in ways.items() if v is not None]
        if len(found) != 1:
            got = " and ".join(found) or "none of them"
            raise ValueError(
                "give one of column (of the decisions), held_out (a list of ids), arm (of a table of "
                f"units and arms), hash (salt and holdout); got {got}"
            )
        listed = found[0] in {"held_out", "arm"}
        if listed and self.unit is None:
            raise ValueError(f"{found[0]} needs unit, the column of the unit's id")
        placed = [k for k in ("table", "query", "database", "unit") if getattr(self, k) is not None]
        if placed and not listed:
            raise ValueError(f"{placed[0]} has no meaning with {found[0]}")
        if self.held_out is not None and self.table is not None:
            raise ValueError("give the table as held_out: NAME, without table")
        return self

    @property
    def way(self) -> ArmsFrom:
        """How a unit's arm is known."""
        if self.column is not None:
            return ArmsFrom.COLUMN
        if self.held_out is not None:
            return ArmsFrom.HELD_OUT
        if self.arm is not None:
            return ArmsFrom.TABLE
        return ArmsFrom.HASH if self.hash is not None else ArmsFrom.ASSIGNED

    @property
    def place(self) -> str | None:
        """The table of the list, under whichever key it is given."""
        return self.held_out if isinstance(self.held_out, str) else self.table


class Each(Document):
    """Every decision counts, with the unit as cluster; needs a reason, which the report repeats."""

    each: Name


def _moment(value: Any) -> Any:
    """A date, a time, ``latest``, ``now`` or ``{behind: 1d}``; kept as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and value not in {"latest", "now"}:
        try:
            datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise ValueError(
                f"{value!r} is not a date; use YYYY-MM-DD, latest (the newest event), now (always "
                "complete) or {behind: 1d}"
            ) from None
    return value


class Behind(Document):
    """The feed is complete up to this long ago: a load every night is behind by a day."""

    behind: Span


CompleteUntil = Annotated[str | Behind, BeforeValidator(_moment)]


class Events(Table):
    """What happened: orders, payments, cancellations.

    Attributes:
        unit: column of the unit's id.
        at: column of the time; a date counts as the end of its day.
        id: column of the event's id; each id counts once, with its latest row.
        amount: column of the amount.
        refund_of: column that holds the id of the event refunded; the refund then counts at that
            event's time, else at its own.
        currency: column of the currency; rows of more than one are refused.
        complete_until: last day, or moment, up to which all events are in the feed.
    """

    unit: Name
    at: Name
    id: Name | None = None
    amount: Name | None = None
    refund_of: Name | None = None
    currency: Name | None = None
    complete_until: CompleteUntil

    @model_validator(mode="after")
    def _refunds_need_ids(self) -> Self:
        if self.refund_of is not None and (self.id is None or self.amount is None):
            raise ValueError("refund_of needs id and amount")
        return self


class GuardrailEvents(Events):
    """Events that a guardrail is made of, in the window after the decision: complaints, refunds.

    Attributes:
        outcome: what is made of a unit's events: whether there was one, their number, or their amounts
            added up.
    """

    outcome: Literal["any", "count", "sum"] = "any"

    @model_validator(mode="after")
    def _sums_need_amounts(self) -> Self:
        if self.outcome == "sum" and self.amount is None:
            raise ValueError("outcome: sum needs amount, the column that is added up")
        return self


class Steps(Table):
    """What was done about a decision: contacts, deliveries, acts.

    Without ``offered`` every row is an offer. A flag is yes or no, the time when it happened, or words
    of which the contract says what they mean.
    """

    unit: Name
    at: Name
    offered: Name | StepWords | None = None
    delivered: Name | StepWords | None = None
    acted: Name | StepWords | None = None
    undelivered_reason: Name | None = None
    team: Name | None = None
    actor: Name | None = None
    cost: Name | None = None
    handling: Name | None = None


def _before(value: Any) -> Any:
    if value != "none" and value is not None and not parse_span(value):
        raise ValueError(f"{value!r} is not longer than 0; none means that there is no covariate")
    return None if value == "none" else value


class Sources(Document):
    """The tables from which the outcome log is made, and the rules.

    Attributes:
        decisions: what the scoring job wrote.
        arms: who was held out.
        repeats: which decision counts of a unit that was scored more than once.
        events: what happened.
        outcome: what is made of a unit's events in the window: their amounts added up, their number,
            whether there was one (of a positive amount, where there are amounts), or whether none was.
        before: how far before the decision the covariate looks; ``none``: no covariate.
        steps: what was done.
        guardrails: the column of a guardrail of the contract -> the events that it is made of.
        ids: how ids are compared: as written, or as whole numbers (``0012`` is 12).
    """

    decisions: Decisions
    arms: Arms
    repeats: Literal["first", "last"] | Each = "first"
    events: Events
    outcome: Literal["sum", "count", "any", "none"]
    before: Annotated[Span | None, BeforeValidator(_before)] = BEFORE
    steps: Steps | None = None
    guardrails: dict[GuardrailName, GuardrailEvents] = Field(default_factory=dict)
    ids: Literal["text", "number"] = "text"

    @field_validator("repeats", mode="before")
    @classmethod
    def _each_has_a_reason(cls, value: Any) -> Any:
        if value == "each":
            raise ValueError(
                "each needs a reason, since units then count several times; use "
                "repeats: {each: why every decision counts}"
            )
        if isinstance(value, str) and value not in {"first", "last"}:
            known = ("first", "last", "each")
            raise ValueError(f"{value!r} must be one of first, last, each{nearest(value, known)}")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.outcome == "sum" and self.events.amount is None:
            raise ValueError("outcome: sum needs events.amount, the column that is added up")
        if isinstance(self.repeats, Each) and self.decisions.cluster is not None:
            raise ValueError(
                "repeats: each makes the unit the cluster; leave decisions.cluster out"
            )
        return self

    @property
    def tables(self) -> dict[str, Table]:
        """Role -> document, of every table that is read."""
        named = self.arms.way in {ArmsFrom.HELD_OUT, ArmsFrom.TABLE}
        found: dict[str, Table | None] = {
            "decisions": self.decisions,
            "arms": self.arms if named else None,
            "events": self.events,
            "steps": self.steps,
            **{f"{GUARDRAILS}.{k}": v for k, v in self.guardrails.items()},
        }
        return {k: v for k, v in found.items() if v is not None}

    @property
    def log_keys(self) -> tuple[str, ...]:
        """Keys of the columns that the joined log has, in the order of ``LOG_COLUMNS``."""
        keys = {"unit", "arm", "decided_at", "outcome", "observed_at"}
        keys |= {k for k in CARRIED if getattr(self.decisions, k) is not None}
        if self.decisions.version is not None:
            keys.add("model_version")
        if self.before is not None:
            keys.add("covariate")
        if isinstance(self.repeats, Each):
            keys.add("cluster")
        if self.steps is not None:
            keys |= {"offered"} | (self.steps.columns.keys() - {"unit", "at"})
            keys |= {f"{k}_at" for k in ("delivered", "acted") if k in keys}
        return tuple(k for k in LOG_COLUMNS if k in keys)

    def columns(self) -> dict[str, Any]:
        """The ``columns`` of the joined log: every key under its own name, and the labels of the arms."""
        labels = {"treated": self.arms.treated, "holdout": self.arms.holdout}
        return {**{k: k for k in self.log_keys}, **labels}


def with_columns(contract: Any) -> Any:
    """Returns the keys of a contract, with the columns of the joined log where it names none."""
    if not isinstance(contract, dict) or "columns" in contract or not contract.get("sources"):
        return contract
    try:
        columns = Sources.model_validate(contract["sources"]).columns()
    except ValidationError:  # named with its place when the contract itself is read
        columns = {"arm": "arm", "outcome": "outcome"}
    return {**contract, "columns": columns}
