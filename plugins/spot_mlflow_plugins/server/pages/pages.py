"""The pages under ``spot/``: the portfolio and one model, in MLflow's own look, without a network.

Read-only: everything is derived from the record. Pages are made on the server, work without
JavaScript, and follow the theme that is chosen in MLflow.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from spot_mlflow.adoption import build_adoption
from spot_mlflow.errors import NotFound
from spot_mlflow.gate.case import ANYBODY
from spot_mlflow.gate.decision import decide
from spot_mlflow.letters import LETTERS
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.summary import version_spoken_of
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.palette import DARK, LIGHT, css_variables
from spot_mlflow.reporting.message.headline import headline_of, result_words
from spot_mlflow.reporting.pages.page import environment
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.respondent_view import seen_by
from spot_mlflow.reporting.words.standing import first_target
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.pages.navigation import entries_shown
from spot_mlflow_plugins.server.pages.odd_entries import without_odd
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, server_record
from spot_mlflow_plugins.server.trust.identity import requester

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.errors import SpotError
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision


def render_page(template: str, **values: Any) -> str:
    """Returns a page from its template."""
    return _render(template, **values)


def render_form(**values: Any) -> str:
    """Returns the page of a form; the values are those of its template."""
    return _render("form.html.j2", **values)


def render_link(**values: Any) -> str:
    """Returns the page that a mailed link opens; the values are those of its template."""
    return _render("link.html.j2", **{"form": None, "thread": (), "worries": (), **values})


def panel(name: str, version: str | None = None) -> dict[str, Any]:
    """Returns what the line in MLflow's own model page says, as JSON values.

    Raises:
        NotFound: no such model or version.
    """
    return without_odd(partial(_panel, name, version), partial(entries_of, name))


def _panel(name: str, version: str | None, odd: tuple[Evidence, ...]) -> dict[str, Any]:

    adoption, decision = seen_by_reader(*state_of(name, version, odd))
    head = headline_of(adoption=adoption, decision=decision)
    missing = [] if decision is None else [r.title or r.name for r in decision.missing]
    ready = adoption.readiness
    return {
        "model": name,
        "version": adoption.version,
        "title": head.title,
        "result": figures.raised(_result(adoption)),
        "gate": head.where,
        "allowed": head.settled,
        "missing": missing[:5],
        "headline": head.finding,
        "request": head.request,
        "weakness": head.weakness,
        "letters": [
            {"name": word, "level": ready.letters[letter].level} for letter, word in LETTERS.items()
        ],
        "involvement": adoption.involvement.words,
    }


def _result(adoption: Adoption) -> str:
    check = adoption.latest_check
    return result_words(None if check is None else lift_view(check), adoption)


def entries_of(name: str) -> Sequence[Evidence]:
    """Returns the entries of a model."""
    record = server_record()
    with model_lock(name):
        return record.state(record.named(name), recent=True)[1]


def state_of(
    name: str, version: str | None, odd: Sequence[Evidence] = ()
) -> tuple[Adoption, GateDecision | None]:
    """Returns what is known of a version and the gate's answer for the first target asked about.

    Args:
        name: of the model.
        version: version number; the one its summary is about where None.
        odd: entries to leave out.
    """
    record = server_record()
    with model_lock(name), mlflow_errors(f"model {name!r}"):
        facts, entries = record.state(record.named(name, version), recent=True)
        policy = policy_in_force(record)
    entries = [e for e in entries if e not in odd] if odd else entries
    if version is not None and facts.version(version) is None:
        raise NotFound(f"model {name!r} has no version {version!r}")
    spoken = version or version_spoken_of(facts, entries)
    adoption = record.with_files(build_adoption(facts, entries, version=spoken, now=utc(None)))
    target = None if adoption.version is None else first_target(policy, facts)
    if target is None:
        return adoption, None
    return adoption, decide(adoption, target, policy=policy, requester=ANYBODY)


def seen_by_reader(
    adoption: Adoption, decision: GateDecision | None
) -> tuple[Adoption, GateDecision | None]:
    """Keeps the others' answers from an authenticated user who is asked and has not answered."""
    return seen_by(adoption, decision, requester())


def error_page(error: SpotError) -> str:
    """Returns the page that says what is wrong, and what to do."""
    return _render("error.html.j2", title="S.P.O.T.", what=error.what, fix=error.fix)


def style() -> str:
    """Returns the style sheet of the pages; reports' own colours and parts."""
    sheet: str = (
        _environment()
        .get_template("pages.css.j2")
        .render(light=css_variables(LIGHT), dark=css_variables(DARK))
    )
    return sheet


def _render(template: str, **values: Any) -> str:
    made = _environment().get_template(template)
    page: str = made.render(navigation=entries_shown(), **values)
    return page


@cache
def _environment() -> Any:
    from jinja2 import ChoiceLoader, PackageLoader

    shared = environment()
    own = PackageLoader("spot_mlflow_plugins.server", "templates")
    return shared.overlay(loader=ChoiceLoader([own, *([shared.loader] if shared.loader else [])]))
