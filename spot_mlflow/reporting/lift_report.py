"""The report of one outcome check: a self-contained HTML file, and the same as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting.headline import headline_of
from spot_mlflow.reporting.lift_view import LiftView, lift_view
from spot_mlflow.reporting.summary import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.report import LiftReport


def html(check: LiftReport | Mapping[str, Any], adoption: Adoption | None = None) -> str:
    """Returns one HTML file that needs no network.

    Args:
        check: the outcome check, fresh or from the record.
        adoption: what else is known of the model, or None.
    """
    from jinja2 import Environment, PackageLoader

    view = lift_view(check)
    loader = PackageLoader("spot_mlflow.reporting", "templates")
    environment = Environment(loader=loader, autoescape=True)
    return environment.get_template("report.html.j2").render(
        title=f"Lift of {view.metric}",
        headline=headline_of(check, adoption).text,
        rows=_figures(view),
    )


def markdown(check: LiftReport | Mapping[str, Any], adoption: Adoption | None = None) -> str:
    """Returns the report as Markdown, with the same figures."""
    view = lift_view(check)
    rows = [f"| {escape_markdown(k)} | {escape_markdown(v)} |" for k, v in _figures(view)]
    head = escape_markdown(headline_of(check, adoption).text)
    title = f"# Lift of {escape_markdown(view.metric)}"
    return "\n\n".join([title, head, "\n".join(["| | |", "|---|---|", *rows])]) + "\n"


def _figures(view: LiftView) -> list[tuple[str, str]]:
    scale = view.scale
    return [
        ("Predicted lift", scale.with_interval(view.predicted)),
        ("Realized lift", scale.with_interval(view.realized)),
        ("Lift gap", f"{scale.signed_amount(view.gap.lift)} ({scale.interval(view.gap)})"),
        ("Verdict", view.verdict),
        ("Worth having", view.viable),
    ]
