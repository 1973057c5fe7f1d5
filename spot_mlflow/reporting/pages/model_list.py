"""The list of models: which of them, in which order, as a page or as CSV; pure."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from spot_mlflow.gate.targets import fold
from spot_mlflow.letters import LETTERS
from spot_mlflow.person import person_key
from spot_mlflow.readiness.answer_text import cell
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.pages.portfolio_row import STAGE_WORDS
from spot_mlflow.verdicts import TAGGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow

ROWS_A_PAGE: Final = 50  # what a phone loads and a person reads
LONGEST: Final = 200  # characters of what is looked for
OFFERED: Final = 50  # names and targets to choose from, the most frequent ones
# What a model may be filtered by beside its verdict: how far it has come, where it has none.
RESULTS: Final[Mapping[str, str]] = {
    **{key: mark.words for key, mark in TAGGED.items()},
    **{s: f"{figures.raised(w)}, no verdict" for s, w in STAGE_WORDS.items() if s != "checked"},
}


def _number(value: float | None) -> float:
    return math.inf if value is None else -value


# Order -> words and the key to sort by; the first keeps the order of attention.
ORDERS: Final[Mapping[str, tuple[str, Callable[[PortfolioRow], Any]]]] = {
    "": ("What needs attention", lambda _: 0),
    "name": ("Name", lambda r: r.name.casefold()),
    "due": ("Next date", lambda r: (r.due is None, str(r.due))),
    "ready": ("Readiness, lowest first", lambda r: (r.readiness is None, r.readiness or 0)),
    "promised": ("Promised money, most first", lambda r: _number(r.promised)),
    "arrived": ("Realized money, most first", lambda r: _number(r.realized)),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which models are asked for; all of it is in the address.

    Attributes:
        q: part of a name.
        verdict: key of ``RESULTS``.
        owner: somebody for whom something waits.
        letter: the weakest one of the model.
        target: stage or "@alias" that some version has.
        overdue: "yes" for those of which something is overdue.
        sort: key of ``ORDERS``.
        page: which fifty, from 1.
    """

    q: str = ""
    verdict: str = ""
    owner: str = ""
    letter: str = ""
    target: str = ""
    overdue: str = ""
    sort: str = ""
    page: int = 1

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> Wanted:
        """Reads the query of an address; what makes no sense in it is as if it were not there."""
        said = {
            f.name: asked.get(f.name, "").strip()[:LONGEST] for f in fields(cls) if f.name != "page"
        }
        known = {"verdict": RESULTS, "letter": LETTERS, "sort": ORDERS, "overdue": ("yes",)}
        said |= {k: "" for k, values in known.items() if said[k] not in values}
        page = asked.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 10 else 1  # noqa: PLR2004 - digits
        return cls(**said, page=max(number, 1))

    @property
    def filtered(self) -> bool:
        """Whether some models are left out."""
        return any((self.q, self.verdict, self.owner, self.letter, self.target, self.overdue))

    def address(self, **other: Any) -> str:
        """Returns the query of an address that asks for the same, but for what is given."""
        found = replace(self, **other)
        said = {f.name: getattr(found, f.name) for f in fields(found)}
        return urlencode({k: v for k, v in said.items() if v and (k, v) != ("page", 1)})


def found_rows(
    rows: Iterable[PortfolioRow],
    wanted: Wanted,
    *,
    today: date,
    held: Mapping[str, frozenset[str]],
) -> tuple[PortfolioRow, ...]:
    """Returns the rows that are asked for, in the order asked for.

    Args:
        rows: what asks for attention first.
        wanted: which ones.
        today: to judge by what is overdue.
        held: model -> stages and aliases ("@name") that some version has.
    """
    q, owner, target = wanted.q.casefold(), person_key(wanted.owner), fold(wanted.target)
    tests: list[Callable[[PortfolioRow], bool]] = []
    if q:
        tests.append(lambda r: q in r.model.casefold() or q in r.name.casefold())
    if wanted.verdict:
        tests.append(lambda r: (r.verdict or r.stage) == wanted.verdict)
    if owner:
        tests.append(lambda r: any(person_key(w.who) == owner for w in r.waiting))
    if wanted.letter:
        tests.append(lambda r: r.weakest == wanted.letter)
    if target:
        tests.append(lambda r: any(fold(t) == target for t in held.get(r.model, ())))
    if wanted.overdue:
        tests.append(lambda r: r.overdue(today))
    found = [r for r in rows if all(test(r) for test in tests)]
    return tuple(sorted(found, key=ORDERS[wanted.sort][1]))


def owners(rows: Iterable[PortfolioRow]) -> list[str]:
    """Returns for whom something waits, those with most models first; fifty at most."""
    counted = Counter(w for r in rows for w in {w.who for w in r.waiting})
    return [name for name, _ in counted.most_common(OFFERED)]


def targets(held: Mapping[str, frozenset[str]], chosen: str = "") -> list[str]:
    """Returns the aliases, then the stages, that are in use; the chosen one in any case."""
    counted = Counter(t for found in held.values() for t in found)
    offered = {t for t, _ in counted.most_common(OFFERED)} | ({chosen} if chosen else set())
    return sorted(offered, key=lambda t: (not t.startswith("@"), t.casefold()))


COLUMNS: Final = (
    "model", "name", "verdict", "viable", "evidence", "promised", "arrived", "gap",
    "money promised", "money arrived", "unit", *LETTERS.values(), "readiness", "involvement",
    "champion", "concerns", "in", "where", "waits for", "next date", "overdue", "request", "updated",
)  # fmt: skip


def csv_text(
    rows: Sequence[PortfolioRow], *, today: date, held: Mapping[str, frozenset[str]]
) -> str:
    """Returns the rows as CSV, one model a line; no spreadsheet runs what people wrote as a formula.

    Args:
        rows: in their order.
        today: to judge by what is overdue.
        held: model -> stages and aliases that some version has.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for r in rows:
        has = ", ".join(targets({"": held.get(r.model, frozenset())}))
        waits = ", ".join(dict.fromkeys(w.who for w in r.waiting))
        said = (
            r.model, r.name, r.said, r.lift["viable"], r.lift["evidence"], r.lift["predicted"],
            r.lift["realized"], r.lift["gap"], r.promised, r.realized, r.unit, *r.levels.values(),
            r.readiness, r.involvement, r.champion, r.concerns, has, r.gate, waits, r.due or "",
            "yes" if r.overdue(today) else "no", r.request, r.updated,
        )  # fmt: skip
        writer.writerow([_cell(value) for value in said])
    return text.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    return cell(value) if isinstance(value, str) else value
