"""A portfolio this week: what arrived, what changed, and which decisions wait; from summary tags alone, pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from spot_mlflow.figures import about_money, count, day, money, share, things
from spot_mlflow.reporting.message.portfolio_money import portfolio_money
from spot_mlflow.verdicts import TAGGED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from spot_mlflow.reporting.message.digest import Line
    from spot_mlflow.reporting.message.open_decision import OpenDecision, State
    from spot_mlflow.reporting.message.portfolio_money import PortfolioMoney
    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow

A_WEEK: Final = timedelta(days=7)
SHOWN: Final = 8  # of each list on the first screen, and on one printed page
MOST: Final = 100  # of each list where all are asked for: 150 kB a page
NAMED: Final = 3  # groups of models that a note names
NOBODY: Final = "nobody named"
REASONS: Final[Mapping[State, str]] = {
    "losing": "It loses money",
    "not viable": "It is below the minimum worthwhile lift",
    "shortfall": "It brings less than promised",
    "unknowable": "More units would not decide it",
    "early": "Too early to tell",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A decision that waits, or a verdict that is to be expected.

    Attributes:
        model: registered name.
        name: product name its users chose, or the registered name.
        open: what there is to decide.
    """

    model: str
    name: str
    open: OpenDecision

    @property
    def reason(self) -> str:
        """Why it is to be decided, in words; a fix whose day has passed says so."""
        if self.open.choice == "fix" and self.open.by is not None:
            return f"The fix had to show by {day(self.open.by)}; {REASONS[self.open.state].lower()}"
        return REASONS[self.open.state]

    @property
    def owner(self) -> str:
        """Who measures it."""
        return self.open.owner or NOBODY

    @property
    def cost(self) -> str:
        """What a month of waiting costs: "about 12k USD a month"."""
        if self.open.monthly is None:
            return "not known"
        return f"about {about_money(max(0.0, self.open.monthly), self.open.unit)} a month"


@dataclass(frozen=True)
class Week:
    """What the page shows.

    Attributes:
        since: a week ago, UTC.
        until: now, UTC.
        models: how many models the reader may see.
        kept: of those decided, how many kept or exceeded their promise.
        decided: models whose verdict is more than inconclusive.
        checked: models whose outcomes were checked.
        money: by currency, the largest promise first.
        changes: what crossed a line this week, urgent first, then the newest; what one check changed
            of a model together.
        waiting: decisions that wait, the costliest first.
        early: models whose verdict is to be expected, the soonest first.
        owners: all owners of decisions that wait, whichever is asked for.
        names: model -> the name its users chose.
    """

    since: datetime
    until: datetime
    models: int
    kept: int
    decided: int
    checked: int
    money: tuple[PortfolioMoney, ...]
    changes: tuple[tuple[Line, ...], ...]
    waiting: tuple[Waiting, ...]
    early: tuple[Waiting, ...]
    owners: tuple[str, ...]
    names: Mapping[str, str]

    @property
    def title(self) -> str:
        """The sentence that answers the page: "47k of 120k USD promised was realized (30k to 64k)."."""
        if not self.money:
            if self.decided:
                return f"{count(self.kept)} of {things(self.decided, 'promise')} {_was(self.decided)} kept."
            if self.checked:
                return f"{things(self.checked, 'model')} {_was(self.checked)} checked; none has a verdict yet."
            return "No model has been checked yet." if self.models else "There is no model yet."
        first = self.money[0].money
        arrived = money(first.realized.lift, half_width=first.half_width)
        return f"{arrived} of {first.promised_text} promised was realized ({first.range_text})."

    @property
    def to_do(self) -> str:
        """What is asked of the reader, in a sentence; "" where nothing waits."""
        if not self.waiting:
            return ""
        number = len(self.waiting)
        said = f"{things(number, 'decision')} {'waits' if number == 1 else 'wait'}"
        return f"{said}{_costs(self.waiting)}."

    @property
    def share_kept(self) -> str:
        """The share of promises kept: "60 %"; a dash where none is decided."""
        return share(self.kept / self.decided) if self.decided else "–"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the sums: customers of several models, rows counted once."""
        shared = [
            f"{_listed([self.names[n] for n in group])} act on the same customers; "
            "what one brought may be counted with the other as well."
            for total in self.money
            for group in total.shared
        ]
        once = [
            f"{self.names[left]} was checked on the same rows as {self.names[counted]} and is counted there."
            for total in self.money
            for left, counted in sorted(total.left_out.items())
        ]
        more = [
            (shared, "{} of models act on the same customers.", "more group", "more groups"),
            (once, "{} were checked on the same rows as others.", "more model", "more models"),
        ]
        return tuple(
            note
            for notes, words, one, many in more
            for note in (
                *notes[:NAMED],
                *([words.format(things(len(notes) - NAMED, one, many))] * (len(notes) > NAMED)),
            )
        )


def _was(n: int) -> str:
    return "was" if n == 1 else "were"


def _listed(names: Sequence[str], most: int = 4) -> str:
    shown = list(names[:most])
    more = len(names) - len(shown)
    if more:
        shown.append(things(more, "other model"))
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _costs(waiting: Sequence[Waiting]) -> str:
    """Returns what a month of waiting costs, each currency by itself; "" where nothing is known."""
    sums: dict[str, float] = {}
    for w in waiting:
        if w.open.monthly is not None:
            sums[w.open.unit] = sums.get(w.open.unit, 0.0) + w.open.monthly
    told = [about_money(max(0.0, v), unit) for unit, v in sorted(sums.items(), key=lambda x: -x[1])]
    return f"; waiting costs about {' and '.join(told)} a month" if told else ""


def week_of(rows: Sequence[PortfolioRow], now: datetime, *, owner: str = "") -> Week:
    """Puts the page together.

    Args:
        rows: the models that the reader may see.
        now: until when, UTC.
        owner: whose decisions are asked for; all where empty.
    """
    today = now.date()
    marks = [TAGGED[r.verdict].good for r in rows if r.verdict in TAGGED]
    open_ones = [Waiting(r.model, r.name, r.history.open) for r in rows if r.history.open]
    waiting = [w for w in open_ones if w.open.waits(today)]
    early = [w for w in open_ones if w.open.known is not None and w.open.known >= today]
    lines = [x for r in rows for x in r.history.lines if now - A_WEEK <= x.at <= now]
    return Week(
        since=now - A_WEEK,
        until=now,
        models=len(rows),
        kept=sum(good is True for good in marks),
        decided=sum(good is not None for good in marks),
        checked=len(marks),
        money=portfolio_money({r.model: r.history for r in rows if r.history.accounts}),
        changes=_together(lines),
        waiting=tuple(sorted((w for w in waiting if owner in ("", w.owner)), key=_costliest)),
        early=tuple(sorted(early, key=_soonest)),
        owners=tuple(sorted({w.owner for w in waiting}, key=str.casefold)),
        names={r.model: r.name for r in rows},
    )


def _together(lines: Sequence[Line]) -> tuple[tuple[Line, ...], ...]:
    """Returns lines of one model and moment together: urgent ones first, then the newest."""
    found: dict[tuple[str, datetime], list[Line]] = {}
    for line in lines:
        found.setdefault((line.model, line.at), []).append(line)
    ordered = [tuple(sorted(group, key=lambda x: x.kind, reverse=True)) for group in found.values()]
    return tuple(
        sorted(
            ordered,
            key=lambda g: (not any(x.urgent for x in g), -g[0].at.timestamp(), g[0].model),
        )
    )


def _costliest(waiting: Waiting) -> tuple[float, date, str]:
    return -(waiting.open.monthly or 0.0), waiting.open.since, waiting.model


def _soonest(waiting: Waiting) -> tuple[str, str]:
    return str(waiting.open.known), waiting.model
