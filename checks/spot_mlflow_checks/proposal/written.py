"""Writes a proposal as ``lift.yaml``: each guess with its reason, and ``TODO`` for what nobody can guess."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow.lift.promise.open_points import OPEN
from spot_mlflow_checks.draft import as_yaml, head, listed
from spot_mlflow_checks.proposal.links import share_of_ids
from spot_mlflow_checks.proposal.names import words
from spot_mlflow_checks.proposal.propose import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spot_mlflow_checks.proposal.propose import ArmsWay, Outcome, Proposal
    from spot_mlflow_checks.proposal.roles import Chosen
    from spot_mlflow_checks.proposal.step_words import Delivered

_WIDE: Final = 38  # where comments begin
_ASKED: Final = {
    "lift": "the promised lift; 0.05 is 5 points of a rate, or 5 cents of an amount",
    "se": "its standard error; or low and high in place of it",
    "baseline": "the outcome without the model, as in the holdout; 0.12 is 12 % of the units",
    "minimum": "the minimum worthwhile lift; without it, derived from economics",
    "share": "share treated by design, 0.9 if a tenth is held out; the sample-ratio check uses it",
    "measurement": "who measures the outcome; the gate asks for it",
    "window": "how long after a decision an event counts, for example 30d",
    "arms": "who was held out? Take one of the lines above, or correct it",
    "labels": "the label of treatment, and that of the holdout",
    "zone": "time zone of times written without one, for example Europe/Berlin or UTC",
}
_BY_HASH: Final = "arms: {hash: {salt: NAME, holdout: 0.1}}"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said; "" where nothing was asked or answered.

    Of a point that a contract may do without, None where it was not asked and "" where it was left out.

    Attributes:
        lift: the promise.
        se: its standard error.
        window: how long an event counts.
        outcome: what is made of the events.
        arms: the way of the proposal that is right, or None.
        treated: label of treatment, where the way does not know it.
        holdout: label of the holdout.
        complete_until: until when the events are in.
        counted: which rows of the events count, as ``filter`` says it; "all" for no filter.
        events_by: "id" where each id of an event counts once, "row" where each row counts.
        zone: of times without one.
        kind: what the amounts are, money or count, where the table does not show it.
        baseline: the outcome without the model.
        minimum: the minimum worthwhile lift.
        held: the share held out by design.
        owner: who measures the outcome.
    """

    lift: str = ""
    se: str = ""
    window: str = ""
    outcome: Outcome | None = None
    arms: ArmsWay | None = None
    treated: str = ""
    holdout: str = ""
    complete_until: str = ""
    counted: str = ""
    events_by: Literal["", "id", "row"] = ""
    zone: str = ""
    kind: str = ""
    baseline: str | None = None
    minimum: str | None = None
    held: str | None = None
    owner: str | None = None


def written(found: Proposal, said: Answers) -> str:
    """Returns the text of ``lift.yaml``."""
    outcome, why = (said.outcome, "as you said") if said.outcome else found.outcome
    lines = head(
        _metric(found, outcome),
        _kind(found, said, outcome),
        "increase",
        lift=_answered(said.lift, "lift"),
        se=_answered(said.se, "se"),
        window=f"{f'window: {said.window or OPEN}':<31} # {_ASKED['window']}",
        **_may_be_left_out(said),
    )
    lines += ["sources:                        # the tables, and the rules that join them"]
    lines += _table("decisions", found, said)
    lines += _arms(found, said)
    lines += [
        _line("  repeats: first", "of a unit decided more than once: first | last | {each: REASON}")
    ]
    lines += _table("events", found, said)
    lines += [_line(f"  outcome: {outcome}", f"{why}; sum | count | any | none")]
    lines += [
        _line("  before: 28d", "events before the decision, as a covariate; none for no covariate")
    ]
    lines += _table("steps", found, said) if "steps" in found.tables else []
    lines += [_line(f"  ids: {found.ids[0]}", f"{found.ids[1]}; text | number")]
    lines += [f"  # not used: {listed([name])} ({why})" for name, why in found.spare.items()]
    return "\n".join(lines) + "\n"


def _kind(found: Proposal, said: Answers, outcome: Outcome) -> str:
    """The kind of outcome; open where amounts are added up that may be money or a count."""
    if outcome == "sum" and not found.is_money:
        return said.kind or OPEN
    return KINDS[outcome]


def _may_be_left_out(said: Answers) -> dict[str, str]:
    """Name -> line, of the points that a contract may do without; "" where a person left one out."""
    treated = said.held and str(round(1 - float(said.held), 10))
    held = f"{said.held} held out by design, as you said"
    lines = {
        "baseline": ("  baseline: {}", said.baseline, "as you said"),
        "minimum": ("minimum_viable: {}", said.minimum, "as you said"),
        "share": ("treatment_share: {}", treated, held),
        "measurement": ("measurement: {{owner: {}}}", said.owner, "as you said; the gate asks for it"),
    }  # fmt: skip
    out = {}
    for key, (line, value, why) in lines.items():
        shown = OPEN if value is None else as_yaml(value) if key == "measurement" else value
        comment = f"{_ASKED[key]}; or delete this line" if value is None else why
        out[key] = "" if value == "" else f"{line.format(shown):<31} # {comment}"
    return out


def _metric(found: Proposal, outcome: Outcome) -> str:
    events = found.tables["events"]
    name = words(events.sample.table.rsplit("/", 1)[-1].rsplit(".", 1)[0]).replace("_", " ")
    made = {
        "sum": f"{events.columns.get('amount', 'amount')} of {name} per unit",
        "count": f"{name} per unit",
        "any": f"units with {name}",
        "none": f"units without {name}",
    }
    return made[outcome]


def _answered(said: str, key: str) -> str:
    width = 26 if key == "se" else 24
    return f"{said:<{width}}# as you said" if said else f"{OPEN:<{width}}# {_ASKED[key]}"


def _line(text: str, comment: str) -> str:
    return (
        f"{text:<{_WIDE}}# {listed([comment])}"
        if len(text) < _WIDE
        else f"{text}   # {listed([comment])}"
    )


def _unused(chosen: Chosen, *more: str) -> Iterator[str]:
    used = {chosen.unit, chosen.at, *chosen.columns.values(), *more}
    spare = [c for c in chosen.sample.columns if c not in used]
    if spare:
        yield f"    # other columns: {listed(spare)}"


def _table(role: str, found: Proposal, said: Answers) -> list[str]:
    chosen = found.tables[role]
    lines = [_line(f"  {role}:", chosen.why), *_place(chosen)]
    lines += [_line(f"    unit: {as_yaml(chosen.unit)}", _unit_reason(role, found))]
    lines += [_line(f"    at: {as_yaml(chosen.at)}", _time_reason(chosen))]
    lines += [
        _line(f"    {key}: {as_yaml(column)}", _column_reason(chosen, key, column))
        for key, column in chosen.columns.items()
        if key != "arm" and not _has_words(role, key, found) and column != chosen.doubtful_id
    ]
    lines += list(_doubtful_id(chosen, said))
    if role == "steps" and found.delivered is not None:
        lines += [_delivered(found.delivered)]
    lines += list(_spelling(chosen))
    if found.needs_zone(role):
        comment = "as you said" if said.zone else _ASKED["zone"]
        lines += [_line(f"    zone: {said.zone or OPEN}", comment)]
    if role == "events":
        lines += list(_filters(found, said))
        lines += [_complete(found, said)]
    told = found.delivered if role == "steps" else None
    return [*lines, *_unused(chosen, *([] if told is None else [told.column]))]


def _spelling(chosen: Chosen) -> Iterator[str]:
    """How days and amounts of a table are written, where not as engines read them."""
    columns = chosen.sample.columns
    if (at := columns.get(chosen.at)) and at.dates:
        yield _line(f"    dates: {at.dates}", f"as {at.values[0]} is written")
    commas = [c for c in chosen.columns.values() if columns[c].is_decimal_comma]
    if commas:
        yield _line('    decimal: ","', f"as {columns[commas[0]].values[0]} is written")


def _place(chosen: Chosen) -> Iterator[str]:
    yield f"    table: {as_yaml(chosen.sample.table)}"
    if chosen.sample.database:
        yield f"    database: {as_yaml(chosen.sample.database)}"


def _unit_reason(role: str, found: Proposal) -> str:
    if role != "decisions":
        return f"{share_of_ids(found.links[role])} of its ids are among the decisions{_odd(role, found)}"
    named = [(found.tables[r].sample.name, link) for r, link in found.links.items()]
    return "; ".join(f"{share_of_ids(link)} of the ids of {name} are in it" for name, link in named)


def _odd(role: str, found: Proposal) -> str:
    """Says in which form ids are the same, where they are not so as they are written."""
    shared = found.links[role]
    if shared.by_case:
        few = "1 more only" if shared.by_case == 1 else f"{shared.by_case:,} more only"
        return f". CHANGE: {few} in upper and lower case ({shared.example}); write them alike"
    return " as numbers" if shared.form == "number" else ""


def _time_reason(chosen: Chosen) -> str:
    column = chosen.sample.columns[chosen.at]
    if column.is_local_time and not column.dates:
        first = column.values[0]
        return f"CHANGE: times must be written as 2027-01-31, here is {first}; convert the column"
    return "by its name, and it holds times" if words(chosen.at) else "it holds times"


def _column_reason(chosen: Chosen, key: str, column: str) -> str:
    found = chosen.sample.columns[column]
    if key == "id":
        twice = found.repeats
        return (
            f"by its name; each counts once, and {twice:,} rows repeat one"
            if twice
            else "each row has one of its own"
        )
    return "by its name"


def _has_words(role: str, key: str, found: Proposal) -> bool:
    """Whether words say if the step was passed; they are written on a line of their own."""
    return (role, key) == ("steps", "delivered") and found.delivered is not None


def _delivered(told: Delivered) -> str:
    """The line that says which words mean that a contact was delivered."""
    lists = f"yes: {as_yaml(list(told.yes))}, no: {as_yaml(list(told.no))}"
    text = f"delivered: {{column: {as_yaml(told.column)}, {lists}}}"
    if not told.is_known:
        return f"    # {text}   # which mean yes, and which no? It holds {listed(told.other)}"
    unsure = f". CHANGE: in which list belongs {listed(told.other)}?" if told.other else ""
    return _line(f"    {text}", f"by the words of {told.column}{unsure}")


def _doubtful_id(chosen: Chosen, said: Answers) -> Iterator[str]:
    """The line for ids of events that many rows repeat, each time with something else beside them."""
    column = chosen.doubtful_id
    if not column or said.events_by == "row":
        return
    if said.events_by == "id":
        yield _line(
            f"    id: {as_yaml(column)}", "as you said; each counts once, by its latest row"
        )
        return
    twice = chosen.sample.columns[column].repeats
    yield _line(
        f"    id: {OPEN}",
        f"{twice:,} rows repeat {column} with other values beside it: {column} if each counts once, "
        "by its latest row; delete this line if each row counts",
    )


def _filters(found: Proposal, said: Answers) -> Iterator[str]:
    if said.counted:
        if said.counted != "all":
            yield _line(f"    filter: {said.counted}", "as you said")
        return
    for column, labels in found.statuses.items():
        values = json.dumps(list(labels), ensure_ascii=False)
        yield _line(
            f"    # filter: {{{as_yaml(column)}: {values}}}",
            "which of them count? Leave out the others",
        )
    if found.doubted:
        asked = (
            f"which rows count, by {found.doubted}? See the line above; delete this one if all do"
        )
        yield _line(f"    filter: {OPEN}", asked)


def _complete(found: Proposal, said: Answers) -> str:
    if said.complete_until:
        return _line(f"    complete_until: {said.complete_until}", "as you said")
    newest = f", {found.newest_event}" if found.newest_event else ""
    asked = (
        "until when are all events in the table? A day (2027-04-10), latest (the newest event"
        f"{newest}), now, or {{behind: 1d}}"
    )
    return _line(f"    complete_until: {OPEN}", asked)


def _arms(found: Proposal, said: Answers) -> list[str]:
    if said.arms is not None:
        return [_line(f"  {arms_text(said.arms, said.treated, said.holdout)}", "as you said")]
    odd = _odd("arms", found) if "arms" in found.links else ""
    ways = [_line(f"  # {arms_text(w)}", w.why + odd * ("unit" in w.keys)) for w in found.arms]
    ways += [_line(f"  # {_BY_HASH}", "a holdout by a hash of the id, which was made so")]
    return [*ways, _line(f"  arms: {OPEN}", _ASKED["arms"])]


def arms_text(way: ArmsWay, treated: str = "", holdout: str = "") -> str:
    """Returns the line of ``arms:`` for a way, with labels where it has none of its own."""
    labels = {"treated": treated or OPEN, "holdout": holdout or OPEN}
    keys: Mapping[str, object] = {k: labels[k] if v is None else v for k, v in way.keys.items()}
    return f"arms: {as_yaml(dict(keys), sort=False)}"
