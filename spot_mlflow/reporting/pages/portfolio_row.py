"""One model of the portfolio, read from its tags; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.letters import LETTERS
from spot_mlflow.readiness.benchmark import LIFT, lift_level
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.history import History, history_from
from spot_mlflow.reporting.message.listed import UPDATED, listed_from
from spot_mlflow.reporting.message.summary import NOT_ASSESSED, NOT_KNOWN
from spot_mlflow.verdicts import TAGGED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date, datetime

    from spot_mlflow.reporting.message.listed import LoudGlass, Waiting


STAGES: Final = ("not assessed", "begun", "promised", "checked")
# As people read them; the keys are those of the JSON.
STAGE_WORDS: Final = {s: "started" if s == "begun" else s for s in STAGES}
_SUM: Final = re.compile(r"(-?[\d,]+(?:\.\d+)?)(k|M|bn)?(?: ([^\s(][^(]*?))?(?: \(.*)?")
_SIZES: Final = {None: 1.0, "k": 1e3, "M": 1e6, "bn": 1e9}


@dataclass(frozen=True, slots=True)
class PortfolioRow:
    """One model, as its tags tell.

    Attributes:
        model: registered name.
        name: product name its users chose, or the registered name.
        headline: the headline tag.
        cause: where the lift was lost, in a sentence; "" where nothing is shown.
        request: what is asked; "" where nothing is.
        stage: not assessed, begun, promised or checked.
        levels: letter -> level, None where not known.
        readiness: level of the weakest letter, or None.
        involvement: the log in words.
        champion: user champion, or "".
        concerns: concerns not closed.
        lift: predicted, realized, gap, verdict, viable, evidence, as written; "" where none.
        promised: value promised, in money, or None.
        realized: value realized, or None.
        unit: label of the money.
        gate: the gate's answer for Production, in words.
        holds: the target that the gate's answer says the version has; "" where it has not.
        ready: whether it may go there and is not there yet.
        updated: ISO time of the last summary.
        holdout: salt of the holdout's draw, which models may share; "" where none is declared.
        verdict: key of ``verdicts.TAGGED``, or "".
        waiting: what waits for whom.
        arrived: share of the promised lift that arrived, or None.
        history: money by month, what crossed a line, and what there is to decide.
        glass: uses of break-glass that hold, or whose version is still there.
    """

    model: str
    name: str
    headline: str
    cause: str
    request: str
    stage: str
    levels: Mapping[str, int | None]
    readiness: int | None
    involvement: str
    champion: str
    concerns: int
    lift: Mapping[str, str]
    promised: float | None
    realized: float | None
    unit: str
    gate: str
    ready: bool
    updated: str
    holdout: str = ""
    verdict: str = ""
    waiting: tuple[Waiting, ...] = ()
    arrived: float | None = None
    history: History = field(default_factory=History)
    holds: str = ""
    glass: tuple[LoudGlass, ...] = ()

    @property
    def said(self) -> str:
        """The verdict as every surface has it; the stage where there is none."""
        if self.verdict not in TAGGED:
            return STAGE_WORDS[self.stage]
        return figures.lowered(TAGGED[self.verdict].words)

    @property
    def sign(self) -> str:
        """The shape beside the verdict; "" where there is none."""
        return TAGGED[self.verdict].sign if self.verdict in TAGGED else ""

    @property
    def weakest(self) -> str:
        """The letter with the lowest level known, the first of several; "" where none is known."""
        known = {letter: level for letter, level in self.levels.items() if level is not None}
        return min(known, key=lambda letter: known[letter], default="")

    @property
    def compared(self) -> dict[str, int | None]:
        """The levels by which it is compared with other models: measure -> level."""
        return {"overall": self.readiness, **self.levels, LIFT: lift_level(self.arrived)}

    @property
    def due(self) -> date | None:
        """When the first thing that waits is due; None where nothing has a date."""
        return min((w.due for w in self.waiting if w.due is not None), default=None)

    def loud(self, now: datetime, held: Collection[tuple[str, str]]) -> tuple[str, ...]:
        """Returns that the glass was broken, a phrase for each use to be shown.

        Args:
            now: UTC.
            held: (version, stage or "@alias") of the model, as it is now.
        """
        return tuple(words for g in self.glass if (words := g.words(now, held)))

    def overdue(self, today: date) -> bool:
        """Whether something should have been done before today."""
        return self.due is not None and self.due < today

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values under the documented keys of ``spot portfolio``."""
        return {
            "model": self.model,
            "name": self.name,
            "headline": self.headline,
            "cause": self.cause or None,
            "request": self.request or None,
            "stage": self.stage,
            "readiness": {"overall": self.readiness, **self.levels},
            "involvement": self.involvement,
            "champion": self.champion or None,
            "concerns_open": self.concerns,
            "lift": {k: v or None for k, v in self.lift.items()},
            "value": {"promised": self.promised, "realized": self.realized, "unit": self.unit},
            "gate": self.gate or None,
            "holdout": self.holdout or None,
            "updated": self.updated or None,
        }


LIFT_KEYS: Final = ("predicted", "realized", "gap", "verdict", "viable", "evidence")


def portfolio_rows(models: Iterable[tuple[str, Mapping[str, str]]]) -> tuple[PortfolioRow, ...]:
    """Reads the tags of registered models; what asks for attention first.

    Args:
        models: (registered name, tags) of each.
    """
    return in_order(portfolio_row(name, tags) for name, tags in models)


def in_order(rows: Iterable[PortfolioRow]) -> tuple[PortfolioRow, ...]:
    """Sorts rows: what asks for attention first."""
    return tuple(sorted(rows, key=_attention))


def _attention(row: PortfolioRow) -> tuple[int, int, str]:
    place = TAGGED[row.verdict].rank if row.verdict in TAGGED else len(TAGGED)
    return -STAGES.index(row.stage), place, row.model.casefold()


def portfolio_row(model: str, tags: Mapping[str, str]) -> PortfolioRow:
    """Reads the tags of one registered model."""

    def tag(key: str) -> str:
        value = tags.get(f"spot.{key}", "")
        return "" if value in {NOT_KNOWN, "none"} else value

    lift = {k: tag(f"lift.{k}") for k in LIFT_KEYS}
    headline = tags.get("spot", NOT_ASSESSED)
    promised, unit = parse_money(tag("value.promised"))
    realized, _ = parse_money(tag("value.realized"))
    listed = listed_from(tags)
    gate = listed.standing
    begun = "begun" if UPDATED in tags else "not assessed"
    stage = "checked" if lift["verdict"] else "promised" if lift["predicted"] else begun
    return PortfolioRow(
        model=model,
        name=tag("name") or model,
        headline=headline,
        cause=tag("cause"),
        request=tag("request"),
        stage=stage,
        levels={letter: _level(tag(word.lower())) for letter, word in LETTERS.items()},
        readiness=_level(tag("readiness")),
        involvement=tag("involvement"),
        champion=tag("champion"),
        concerns=_level(tag("concerns.open")) or 0,
        lift=lift,
        promised=promised,
        realized=realized,
        unit=unit,
        gate="" if gate is None else gate.tag,
        ready=gate is not None and gate.met and not gate.held and not gate.returning,
        updated=tag("updated").partition(" ")[0],  # behind it stands the entry it was made from
        holdout=tag("holdout"),
        verdict=listed.verdict,
        waiting=listed.waiting,
        arrived=listed.arrived,
        history=history_from(model, tags),
        holds=gate.target if gate is not None and gate.held else "",
        glass=listed.glass,
    )


def _level(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def parse_money(text: str) -> tuple[float | None, str]:
    """Reads what ``figures.money`` wrote: "47k USD (30k to 64k)" is (47000.0, "USD")."""
    found = _SUM.fullmatch(text)
    if not found:
        return None, ""
    return float(found[1].replace(",", "")) * _SIZES[found[2]], (found[3] or "").strip()
