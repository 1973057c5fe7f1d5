"""The panel: what all respondents together say, per question, per letter, and overall.

Per question the lower median over roles (a median within each role first, so that ten data
scientists do not outvote one frontline employee). A letter is the lower median of its questions,
the whole is its weakest letter, as in the ML Test Score (Breck et al. 2017, doi:10.1109/
BigData.2017.8258038). What nobody knows is *not known*, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from spot_mlflow.letters import ORDER
from spot_mlflow.person import person_key
from spot_mlflow.readiness.panel_results import Dot, LetterResult, QuestionResult
from spot_mlflow.readiness.plan import PlanItem, plan_of
from spot_mlflow.readiness.respondents import Respondent, current_respondents
from spot_mlflow.roles import BUILDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.readiness.instrument import Instrument

CONTESTED_RANGE: Final = 2  # a lone dissenter shows in the range; agreement indices hide it
STALE: Final = timedelta(days=180)
NEW_ROUND_AFTER: Final = timedelta(days=14)  # silence that ends a round of answers


@dataclass(frozen=True, slots=True)
class Readiness:
    """The panel's result.

    Attributes:
        overall: the weakest letter's level; None until every letter is known.
        weakest: the letter with the lowest level known, or None.
        letters: S, P, O and T.
        questions: by id, in the order of the instrument.
        people: how many people answered.
        roles: roles that answered.
        last_at: when the newest answer came, or None.
        non_builders: how many of the people answered as a user.
        plan: steps from now to target, weakest letter first.
        respondents: who answered, in which role, when.
        stale: how many of them answered more than 180 days ago.
        missing_roles: roles that some question is asked of and that have not answered.
        set_aside: answers to another instrument or another major version, not compared.
        round_started: when the present round of answers began, or None.
        instrument: name and version of the instrument.
        hidden: whether the answers are withheld because the reader has not answered yet.
    """

    overall: int | None
    weakest: str | None
    letters: Mapping[str, LetterResult]
    questions: Mapping[str, QuestionResult]
    people: int
    roles: frozenset[str]
    last_at: datetime | None
    non_builders: int
    plan: tuple[PlanItem, ...]
    respondents: tuple[Respondent, ...]
    stale: int = 0
    missing_roles: tuple[str, ...] = ()
    set_aside: int = 0
    round_started: datetime | None = None
    instrument: str = ""
    hidden: bool = False

    @property
    def contested(self) -> tuple[str, ...]:
        """Ids of the questions on which respondents lie two or more levels apart."""
        return tuple(i for i, q in self.questions.items() if q.contested)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Ids of the questions without any level."""
        return tuple(i for i, q in self.questions.items() if q.level is None)

    @property
    def overdue(self) -> tuple[PlanItem, ...]:
        """Steps of the plan whose date has passed."""
        return tuple(p for p in self.plan if p.overdue)

    def has_answered(self, person: str | None) -> bool:
        """Whether this person's own answers are in."""
        key = person_key(person)
        return bool(key) and any(person_key(r.person) == key for r in self.respondents)

    def seen_by(self, person: str | None) -> Readiness:
        """Returns what this person may see: others' answers only once their own are in.

        Seeing the others first pulls one's own answer towards theirs (anchoring), so that the panel
        would agree without meaning it.
        """
        if self.has_answered(person) or not self.respondents:
            return self
        return self.withheld()

    def withheld(self) -> Readiness:
        """Returns who answered, without what they said."""
        hidden = {
            i: QuestionResult(i, missing_roles=q.missing_roles, hidden=True)
            for i, q in self.questions.items()
        }
        return replace(
            self,
            overall=None,
            weakest=None,
            letters={letter: LetterResult() for letter in ORDER},
            questions=hidden,
            plan=(),
            respondents=tuple(replace(r, answers={}) for r in self.respondents),
            hidden=True,
        )


def lower_median(levels: Iterable[int]) -> int | None:
    """Returns the lower of the two middle values, or None of nothing.

    >>> lower_median([2, 3]), lower_median([1, 4, 5]), lower_median([])
    (2, 4, None)
    """
    ordered = sorted(levels)
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def median_over_roles(levels: Iterable[tuple[str, int]]) -> int | None:
    """Returns the lower median over roles of the lower median within each role.

    >>> median_over_roles([("business", 4), ("data_scientist", 5), ("data_scientist", 5)])
    4
    """
    by_role: dict[str, list[int]] = {}
    for role, level in levels:
        by_role.setdefault(role, []).append(level)
    within = (lower_median(v) for v in by_role.values())
    return lower_median(m for m in within if m is not None)


def readiness_of(
    entries: Sequence[Evidence],
    instrument: Instrument,
    *,
    now: datetime,
    notes: Sequence[Evidence] = (),
) -> Readiness:
    """Puts the assessments of a model together.

    Args:
        entries: assessments in any order; those after ``now`` are left out.
        instrument: the questionnaire they are read with.
        now: the moment to judge ages and dates at, UTC.
        notes: discussion notes on contested questions.

    Returns:
        The panel's result; hidden where the server withholds answers from this reader.
    """
    known = [e for e in entries if e.at <= now and e.kind == "assessment"]
    usable = [e for e in known if instrument.comparable(e.payload.get("instrument", {}))]
    noted = [n for n in notes if n.at <= now]
    result = _panel(usable, instrument, now, noted)
    started = round_start([e.at for e in usable])
    if started is not None:
        before = [e for e in usable if e.at < started]
        if before:
            result = _with_change(result, _panel(before, instrument, now, ()))
    result = replace(result, set_aside=len(known) - len(usable), round_started=started)
    return result.withheld() if any(e.withheld for e in known) else result


def round_start(times: Sequence[datetime]) -> datetime | None:
    """Returns when the newest round of answers began: after two weeks or more without any."""
    ordered = sorted(times)
    start: datetime | None = None
    for i, at in enumerate(ordered):
        if i == 0 or at - ordered[i - 1] >= NEW_ROUND_AFTER:
            start = at
    return start


def _panel(
    entries: Sequence[Evidence], instrument: Instrument, now: datetime, notes: Sequence[Evidence]
) -> Readiness:
    respondents = current_respondents(entries)
    questions = {
        q.id: _question(q.id, q.asks, respondents, now, notes) for q in instrument.questions
    }
    letters: dict[str, LetterResult] = {
        letter: _letter([questions[q.id] for q in instrument.questions_of(letter)])
        for letter in ORDER
    }
    levels = {k: v.level for k, v in letters.items() if v.level is not None}
    weakest = min(levels, key=lambda k: levels[k]) if levels else None
    asked = {role for q in instrument.questions for role in q.asks}
    roles = frozenset(r.role for r in respondents)
    return Readiness(
        overall=min(levels.values()) if len(levels) == len(ORDER) else None,
        weakest=weakest,
        letters=letters,
        questions=questions,
        people=len({r.key for r in respondents}),
        roles=roles,
        last_at=max((r.at for r in respondents), default=None),
        non_builders=len({r.key for r in respondents if r.role not in BUILDERS}),
        plan=plan_of(questions, letters, instrument, now.date()),
        respondents=respondents,
        stale=sum(now - r.at > STALE for r in respondents),
        missing_roles=tuple(r for r in instrument.roles if r in asked and r not in roles),
        instrument=f"{instrument.name} {instrument.version}",
    )


def _question(
    id_: str,
    asks: Sequence[str],
    respondents: Sequence[Respondent],
    now: datetime,
    notes: Sequence[Evidence],
) -> QuestionResult:
    given = [(r, r.answers[id_]) for r in respondents if id_ in r.answers]
    levels = [(r.role, a.now) for r, a in given if a.now is not None]
    values = [level for _, level in levels]
    low, high = min(values, default=None), max(values, default=None)
    contested = low is not None and high is not None and high - low >= CONTESTED_RANGE
    planned = sorted(
        (a for _, a in given if a.owner or a.by), key=lambda a: (a.at, a.owner or "", str(a.by))
    )
    answered_roles = {r.role for r, _ in given}
    return QuestionResult(
        question=id_,
        level=median_over_roles(levels),
        low=low,
        high=high,
        contested=contested,
        noted=contested and _noted(id_, respondents, notes, (low, high)),
        dont_know=sum(a.now is None for _, a in given),
        answered=len(values),
        roles=tuple(sorted({role for role, _ in levels})),
        missing_roles=tuple(r for r in asks if r not in answered_roles),
        target=median_over_roles((r.role, a.target) for r, a in given if a.target is not None),
        by=next((a.by for a in reversed(planned) if a.by), None),
        owner=next((a.owner for a in reversed(planned) if a.owner), None),
        dots=tuple(
            Dot(r.role, a.now, a.target, r.person, a.comment, now - a.at > STALE) for r, a in given
        ),
    )


def _noted(
    id_: str,
    respondents: Sequence[Respondent],
    notes: Sequence[Evidence],
    span: tuple[int | None, int | None],
) -> bool:
    """A note counts when today's lowest and highest answer had been given when it was written."""
    answers = [r.answers[id_] for r in respondents if id_ in r.answers]
    for note in notes:
        if note.payload.get("question") != id_:
            continue
        known = [a.now for a in answers if a.now is not None and a.at <= note.at]
        if known and (min(known), max(known)) == span:
            return True
    return False


def _letter(questions: Sequence[QuestionResult]) -> LetterResult:
    known = [(q.question, q.level) for q in questions if q.level is not None]
    wanted = [q.target if q.target is not None else q.level for q in questions]
    return LetterResult(
        level=lower_median(level for _, level in known),
        weakest=min(known, key=lambda pair: pair[1])[0] if known else None,
        target=lower_median(w for w in wanted if w is not None)
        if any(q.target is not None for q in questions)
        else None,
        unknown=tuple(q.question for q in questions if q.level is None),
    )


def _with_change(result: Readiness, before: Readiness) -> Readiness:
    def step(now: int | None, then: int | None) -> int | None:
        return now - then if now is not None and then is not None else None

    return replace(
        result,
        letters={
            k: replace(v, change=step(v.level, before.letters[k].level))
            for k, v in result.letters.items()
        },
        questions={
            k: replace(v, change=step(v.level, before.questions[k].level))
            for k, v in result.questions.items()
        },
    )
