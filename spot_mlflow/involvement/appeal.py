"""The appeal gap: what users say of the model against what its builders think they would say.

Two items, 1 to 5: it is useful for my work; I would use it tomorrow. Builders misjudge how their
model appeals, so both are shown side by side with their difference. Never part of the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.person import person_key
from spot_mlflow.roles import BUILDERS, USERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spot_mlflow.evidence import Evidence

ITEMS: Final[Mapping[str, str]] = {
    "useful": "It is useful for my work.",
    "would_use": "I would use it tomorrow.",
}
HIGHEST: Final = 5


@dataclass(frozen=True, slots=True)
class AppealItem:
    """One item of the pulse.

    Attributes:
        item: "useful" or "would_use"; text: the sentence people agree with.
        users: mean of the users' answers, 1 to 5, or None; n_users: how many.
        builders: mean of the builders' guesses, or None; n_builders: how many.
    """

    item: str
    text: str
    users: float | None
    n_users: int
    builders: float | None
    n_builders: int

    @property
    def gap(self) -> float | None:
        """Builders' guess minus users' answer: positive where builders think too well of it."""
        if self.users is None or self.builders is None:
            return None
        return self.builders - self.users


@dataclass(frozen=True, slots=True)
class Appeal:
    """Both items, users and builders side by side."""

    useful: AppealItem
    would_use: AppealItem

    @property
    def items(self) -> tuple[AppealItem, AppealItem]:
        """The two items, in the order in which they are asked."""
        return (self.useful, self.would_use)

    @property
    def gap(self) -> float | None:
        """Mean of the two gaps, or None until users and builders have both answered."""
        gaps = [i.gap for i in self.items if i.gap is not None]
        return sum(gaps) / len(gaps) if gaps else None

    @property
    def words(self) -> str:
        """The gap in one sentence."""
        if not self.useful.n_users:
            return "no user has been asked yet"
        if self.gap is None:
            return "users have been asked, builders have not guessed yet"
        if abs(self.gap) < 0.5:  # noqa: PLR2004 - half a step of five
            return "builders judge the appeal as users do"
        word = "higher" if self.gap > 0 else "lower"
        return f"builders rate it {abs(self.gap):.1f} levels (of 5) {word} than users do"


def appeal_of(entries: Iterable[Evidence]) -> Appeal:
    """Puts the pulses together; of one person's pulses the newest counts.

    A builder's pulse is a guess of the users' answer, whatever it is marked as.
    """
    newest: dict[tuple[str, bool], Evidence] = {}
    for e in sorted(entries, key=lambda e: (e.at, e.id)):
        if e.kind != "pulse":
            continue
        guess = is_guess(e.role) or bool(e.payload.get("guess"))
        newest[person_key(e.person) or f"erased:{e.id}", guess] = e
    users = [e for (_, guess), e in newest.items() if not guess and e.role in USERS]
    builders = [e for (_, guess), e in newest.items() if guess]
    return Appeal(*(_item(name, users, builders) for name in ITEMS))


def check_pulse(useful: int, would_use: int, *, role: str) -> dict[str, Any]:
    """Returns the payload of a pulse; a builder's is marked as a guess.

    Raises:
        InvalidInput: an item is no whole number from 1 to 5.
    """
    for name, value in (("useful", useful), ("would_use", would_use)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HIGHEST:
            raise InvalidInput(f"{name} == {value!r}, must be a whole number from 1 to 5")
    return {"useful": useful, "would_use": would_use, "guess": is_guess(role)}


def is_guess(role: str | None) -> bool:
    """Whether a pulse in this role is a guess of the users' answer."""
    return role in BUILDERS


def _item(name: str, users: list[Evidence], builders: list[Evidence]) -> AppealItem:
    def mean(entries: list[Evidence]) -> float | None:
        values = sorted(float(e.payload[name]) for e in entries)
        return sum(values) / len(values) if values else None

    return AppealItem(name, ITEMS[name], mean(users), len(users), mean(builders), len(builders))
