"""A model's money by month, what crossed a line of late, and its open decision: as values in one tag.

Derived from the record like every summary tag, so that a portfolio is added up without reading a
thousand records. Amounts are whole cents, written exactly; the other tags round for people.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.evidence import digest_of
from spot_mlflow.lift.estimation.months import MonthLift, by_month
from spot_mlflow.lift.money.months import MonthMoney, cents, shared_out
from spot_mlflow.reporting.message.digest import Line, crossed
from spot_mlflow.reporting.message.open_decision import OpenDecision, open_decision
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.reporting.words.lift_view import LiftView

TAG: Final = "spot.history"
LONGEST: Final = 4_900  # characters that every MLflow keeps of a tag
LINES: Final = 8  # newest ones that are kept
KINDS: Final = ("verdict", "money", "overdue")
_AHEAD: Final = timedelta(days=3_650)  # a check that falls due by itself is known in advance
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=timezone.utc)
_MARK: Final = 12  # digits of a digest


@dataclass(frozen=True, slots=True)
class Account:
    """Money to date of one model in one currency, over all its versions that were checked.

    Attributes:
        unit: label of the currency.
        promised: to date.
        arrived: to date.
        below: how far the interval reaches below what arrived; infinite where it is unbounded.
        above: how far it reaches above.
        months: by the month of the decision, oldest first; they sum to ``promised`` and ``arrived``.
    """

    unit: str
    promised: Decimal
    arrived: Decimal
    below: float
    above: float
    months: tuple[MonthMoney, ...]


@dataclass(frozen=True, slots=True)
class History:
    """What a portfolio needs of one model.

    Attributes:
        accounts: one per currency.
        logs: marks of the outcome logs and draws of the holdout behind it; two models with one mark
            act on the same customers.
        results: marks of the very figures; two models with one mark were checked on the same rows.
        lines: verdicts, money and overdue checks that crossed a line, the newest last; some may lie
            ahead.
        open: what there is to decide, or None.
    """

    accounts: tuple[Account, ...] = ()
    logs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    open: OpenDecision | None = None


def history_of(adoption: Adoption) -> History:
    """Derives the history of a model from its record: pure, the same at any later time.

    The newest check of each version counts. Of versions that were checked on one log without a
    column that tells their rows apart, the newest counts alone.
    """
    counted = _counted(adoption)
    amounts: dict[str, list[Account]] = {}
    logs: set[str] = set()
    results: set[str] = set()
    for view in counted:
        account = _account(view)
        if account is not None:
            amounts.setdefault(account.unit, []).append(account)
            logs |= set(_logs(view))
            results.add(str(view.data.get("moments_digest") or "")[:_MARK])
    ahead = replace(adoption, now=adoption.now + _AHEAD)
    lines = sorted(
        (line for line in crossed(ahead, _BEGINNING) if line.kind in KINDS),
        key=lambda line: (line.at, line.version, line.kind),
    )
    return History(
        accounts=tuple(_added(unit, amounts[unit]) for unit in sorted(amounts)),
        logs=tuple(sorted(logs)),
        results=tuple(sorted(results - {""})),
        lines=tuple(lines[-LINES:]),
        open=open_decision(adoption),
    )


def _counted(adoption: Adoption) -> list[LiftView]:
    """Returns the checks whose money counts, the newest version first."""
    found: list[LiftView] = []
    for version in sorted(adoption.checks, key=_number, reverse=True):
        view = lift_view(adoption.checks[version][-1])
        if not any(_same_rows(view, newer) for newer in found):
            found.append(view)
    return found


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0


def _same_rows(older: LiftView, newer: LiftView) -> bool:
    """Whether both may count the same rows: one log, no column for the version, common months."""
    if (older.contract.get("columns") or {}).get("model_version"):
        return False
    if not older.data.get("source") or older.data["source"] != newer.data.get("source"):
        return False
    mine, theirs = ({m.month for m in _months(v)} for v in (older, newer))
    return not mine or not theirs or bool(mine & theirs)


def _months(view: LiftView) -> tuple[MonthLift, ...]:
    """Returns the months of a check; early checks hold their first hundred periods alone."""
    told = view.data.get("months")
    if told is not None:
        return tuple(MonthLift.from_dict(m) for m in told)
    return by_month(r for r in view.periods if r.label != "NaT")


def _account(view: LiftView) -> Account | None:
    """Returns the money of one check; None where none may be headlined."""
    money = None if view.data_fault else money_of(view)
    if money is None or not math.isfinite(money.promised) or not math.isfinite(money.realized.lift):
        return None
    economics = view.data["economics"]
    months = shared_out(
        _months(view),
        promised=money.promised,
        arrived=money.realized.lift,
        a_lift=_a_lift(economics),
        treated=float(economics["to_date"].get("units") or 0),
    )
    return Account(
        unit=money.unit,
        promised=cents(money.promised),
        arrived=cents(money.realized.lift),
        below=money.realized.lift - money.realized.low,
        above=money.realized.high - money.realized.lift,
        months=months,
    )


def _a_lift(economics: Mapping[str, Any]) -> float:
    """Returns what one unit of lift brings for one treated unit; 0 where that is not known."""
    lift = (economics.get("lift") or {}).get("lift")
    earned = (economics.get("per_eligible") or {}).get("lift")
    spent = (economics.get("spend_per_eligible") or {}).get("lift")
    if not lift or earned is None or spent is None:
        return 0.0
    return max(0.0, (float(earned) + float(spent)) / float(lift))


def _logs(view: LiftView) -> tuple[str, ...]:
    """Returns marks of the log and of the draw of its holdout."""
    source = view.data.get("source")
    salt = (view.contract.get("assignment") or {}).get("salt")
    said = [("log", source), ("draw", salt)]
    return tuple(digest_of([kind, value])[:_MARK] for kind, value in said if value)


def _added(unit: str, accounts: Sequence[Account]) -> Account:
    """Adds the versions of one model up; versions live one after another, so their errors are independent."""
    return Account(
        unit=unit,
        promised=sum((a.promised for a in accounts), Decimal(0)),
        arrived=sum((a.arrived for a in accounts), Decimal(0)),
        below=math.hypot(*(a.below for a in accounts)),
        above=math.hypot(*(a.above for a in accounts)),
        months=months_added(a.months for a in accounts),
    )


def months_added(parts: Iterable[Iterable[MonthMoney]]) -> tuple[MonthMoney, ...]:
    """Adds months up, oldest first, exactly."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for months in parts:
        for m in months:
            promised, arrived = sums.get(m.month, (Decimal(0), Decimal(0)))
            sums[m.month] = (promised + m.promised, arrived + m.arrived)
    return tuple(MonthMoney(month, *sums[month]) for month in sorted(sums))


def history_tag(history: History, *, longest: int = LONGEST) -> str:
    """Returns the value of the tag; where it would be too long, the oldest months are put together.

    What a reader adds up stays the same to the last cent.

    Args:
        history: of the model.
        longest: characters that the registry keeps; where not even the sums fit, nothing is told.
    """
    while len(text := _text(history)) > min(longest, LONGEST):
        shorter = _folded(history)
        if shorter == history:
            return _text(History())
        history = shorter
    return text


def _folded(history: History) -> History:
    """Returns the two oldest months of the longest account as one; without any, lines or marks less."""
    longest = max(history.accounts, key=lambda a: len(a.months), default=None)
    if longest is None or len(longest.months) < 2:  # noqa: PLR2004 - two months to put together
        if history.lines:
            return replace(history, lines=history.lines[1:])
        return replace(history, logs=history.logs[1:], results=history.results[1:])
    first, second, *others = longest.months
    both = MonthMoney(
        second.month, first.promised + second.promised, first.arrived + second.arrived
    )
    short = replace(longest, months=(both, *others))
    return replace(history, accounts=tuple(short if a is longest else a for a in history.accounts))


def _text(history: History) -> str:
    said = {
        "accounts": [
            {
                "unit": a.unit,
                "promised": str(a.promised),
                "arrived": str(a.arrived),
                "below": _number_or_none(a.below),
                "above": _number_or_none(a.above),
                "months": [[m.month, str(m.promised), str(m.arrived)] for m in a.months],
            }
            for a in history.accounts
        ],
        "logs": history.logs,
        "results": history.results,
        "lines": [
            {k: v for k, v in line.to_dict().items() if v and k != "model"}
            for line in history.lines
        ],
        "open": None if history.open is None else history.open.to_dict(),
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _number_or_none(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


def history_from(model: str, tags: Mapping[str, str]) -> History:
    """Reads the tag of a model; an empty history where it has none, or one that is not ours."""
    try:
        said = json.loads(tags.get(TAG) or "{}")
        return History(
            accounts=tuple(_account_from(a) for a in said.get("accounts", ())),
            logs=tuple(map(str, said.get("logs", ()))),
            results=tuple(map(str, said.get("results", ()))),
            lines=tuple(_line_from(model, x) for x in said.get("lines", ())),
            open=OpenDecision.from_dict(said["open"]) if said.get("open") else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
        return History()  # of another version, or of somebody's own making


def _account_from(said: Mapping[str, Any]) -> Account:
    months = (MonthMoney(str(m), Decimal(p), Decimal(a)) for m, p, a in said["months"])
    below, above = (math.inf if said[k] is None else float(said[k]) for k in ("below", "above"))
    return Account(
        unit=str(said["unit"]),
        promised=Decimal(said["promised"]),
        arrived=Decimal(said["arrived"]),
        below=below,
        above=above,
        months=tuple(months),
    )


def _line_from(model: str, said: Mapping[str, Any]) -> Line:
    return Line(
        model=model,
        version=str(said.get("version", "")),
        at=datetime.fromisoformat(said["at"]),
        kind=said["kind"],
        what=str(said["what"]),
        cause=said.get("cause", ""),
        cause_text=str(said.get("cause_text", "")),
        urgent=bool(said.get("urgent")),
    )
