"""What an earlier version has to do with this one's lift, and how the lifts of the versions compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.lasting_holdout import lasting_holdout
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.lift_view import promise_scale
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.figures import LiftScale
    from spot_mlflow.lasting_holdout import LastingHoldout

_NOT_ADDED = "Do not add the lifts or the money of versions: the same outcomes may be in both."


def lasting_section(adoption: Adoption | None) -> Section | None:
    """Returns how this version's holdout goes together with earlier ones and with other models'.

    None where the contract names no salt: whom others leave alone is then not known.
    """
    if adoption is None or adoption.predicted is None or adoption.predicted.assignment is None:
        return None
    others = other_models_words(adoption.predicted.assignment.salt)
    found = lasting_holdout(adoption)
    if found is None:
        return Section("lasting", "Whose lift is it?", text=(others,))
    scale = promise_scale(adoption.predicted)
    table = Table(
        "Lift by version",
        ("version", "decided", "realized", "interval", "salt of the holdout"),
        tuple(_rows(found, scale)),
        frozenset({2, 3}),
    )
    compared = len(found.versions) > 1
    return Section(
        "lasting",
        "How do earlier versions affect it?",
        text=(holdout_words(found), *_compared(found, scale), others),
        tables=(table,) if compared else (),
        notes=(_NOT_ADDED,) if compared else (),
    )


def other_models_words(salt: str) -> str:
    """Returns what a salt that other models have too means for the lift; a report knows one model alone."""
    return (
        f"Other models with the salt {salt} leave the same customers alone. If they treat the same "
        "people, this lift and its money include their effect: do not add them up. "
        "spot portfolio names these models."
    )


def holdout_words(found: LastingHoldout) -> str:
    """Returns what this version's lift is the lift of."""
    mine = f"version {found.version}"
    if not found.shared:
        return (
            f"The holdout of {mine} was drawn again (salt {found.salt}). Lasting effects of earlier "
            f"versions are the same in both arms: this is the lift of {mine}, given what came before."
        )
    earlier = " and ".join(f"version {v}" for v in found.earlier[-2:])
    since = "" if found.since is None else f" since {figures.day(found.since)}"
    text = (
        f"The holdout of {mine} was held out under {earlier} too{since} (salt {found.salt}). So the lift "
        f"is that of the whole policy since then, with lasting effects of {earlier}, not that of "
        f"{mine} alone. To measure {mine} alone, draw a new holdout with another salt."
    )
    if found.released:
        text += (
            f" The holdout has grown: {figures.share(found.released)} of it was treated by an earlier "
            "version, so that effects of it are in the holdout too, and the lift may look smaller."
        )
    return text


def _compared(found: LastingHoldout, scale: LiftScale) -> list[str]:
    """Returns how the lift differs from the version before, and whether it wears off."""
    said = []
    if found.change is not None:
        lift = found.change.lift
        chance = "" if found.change.clear else "; that may be chance"
        said.append(
            f"Against version {found.change.before} the lift changed by "
            f"{scale.signed_amount(lift.lift)} ({scale.interval(lift)}){chance}."
        )
    if found.trend is not None:
        clear = found.trend.words(scale)
        said.append(clear or "While a version is in use, no clear change of its lift shows.")
    return said


def _rows(found: LastingHoldout, scale: LiftScale) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for v in found.versions:
        days = [figures.day(d) for d in (v.first, v.last) if d is not None]
        arrived = scale.amount(v.realized.lift) if v.comparable else "another measure"
        interval = scale.interval(v.realized) if v.comparable else figures.NOTHING
        rows.append(
            (
                v.version,
                " to ".join(days) or figures.NOTHING,
                arrived,
                interval,
                v.salt or "not declared",
            )
        )
    return rows
