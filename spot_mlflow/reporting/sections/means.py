"""What else a log adds up per unit, by arm: plain means beside the lift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.reporting.words.lift_view import LiftView


def means_section(view: LiftView) -> Section | None:
    """Returns the table of means by arm; None where no measure of the log is shown."""
    found: Sequence[Mapping[str, Any]] = view.data.get("means") or ()
    if not found or view.data_fault:
        return None
    arms = list(dict.fromkeys(arm for m in found for arm in m["arms"]))
    table = Table(
        caption="Mean per unit with an outcome, by arm; not adjusted for anything",
        columns=("what", *arms),
        rows=tuple(
            (str(m["label"]), *(figures.plain(m["arms"].get(arm)) for arm in arms)) for m in found
        ),
        numeric=frozenset(range(1, len(arms) + 1)),
    )
    return Section("means", "What else differs between the arms?", tables=(table,))
