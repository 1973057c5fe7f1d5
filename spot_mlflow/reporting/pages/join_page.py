"""The page beside a written log: how many rows each rule touched, an audit of the number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.pages.page import render
from spot_mlflow.reporting.sections.joined import quiet_table, section_of
from spot_mlflow.version import __version__

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.joined import Joined
    from spot_mlflow.lift.promise.contract import PredictedLift


def html(joined: Joined, predicted: PredictedLift, *, rows: int, out: str, as_of: str) -> str:
    """Returns one HTML file that needs no network.

    Args:
        joined: what each rule touched.
        predicted: the contract.
        rows: of the log.
        out: where it was written.
        as_of: ISO time of the join.
    """
    return render(
        "join.html.j2",
        title=f"How the outcome log of {predicted.metric} was made",
        metric=predicted.metric,
        day=figures.day(as_of[:10]),
        finding=f"{figures.things(rows, 'unit')} in {out}, as of {as_of.replace('T', ' ')[:16]} UTC.",
        section=section_of(joined),
        quiet=quiet_table(joined),
        contract=predicted.to_yaml(),
        foot=f"Written by spot-mlflow {__version__}.",
    )
