"""The pages under ``spot/``: the portfolio and one model, in MLflow's own look, without a network.

Read-only: everything is derived from the record. Pages are made on the server, work without
JavaScript, and follow the theme that is chosen in MLflow.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.adoption import build_adoption
from spot_mlflow.errors import NotFound
from spot_mlflow.gate.case import ANYBODY
from spot_mlflow.gate.decision import decide
from spot_mlflow.letters import LETTERS
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.summary import version_spoken_of
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.palette import DARK, LIGHT, css_variables
from spot_mlflow.reporting.charts.readiness import readiness_chart
from spot_mlflow.reporting.message.headline import headline_of, result_words
from spot_mlflow.reporting.pages.page import environment
from spot_mlflow.reporting.pages.portfolio import STAGE_WORDS, portfolio_rows, portfolio_summary
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.respondent_view import seen_by
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.pages.forms import RECORDED
from spot_mlflow_plugins.server.pages.odd_entries import notice, without_odd
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.record.signed import model_lock, open_record, server_record
from spot_mlflow_plugins.server.trust.identity import requester, requires_login

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.errors import SpotError
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.reporting.pages.portfolio import PortfolioRow
    from spot_mlflow.reporting.sections.section import Section

TARGET: Final = "Production"
ROWS_A_PAGE: Final = 50  # of the portfolio: what a phone loads and a person reads


def portfolio_page(query: str = "", stage: str = "", page: int = 1) -> str:
    """Returns the models at a glance, fifty a page.

    Args:
        query: part of a model's name to look for.
        stage: not assessed, begun, promised or checked; all where empty.
        page: which fifty of those found, from 1; the nearest there is.
    """
    rows = portfolio_rows(_visible_models())
    wanted = query.strip().casefold()
    shown = [
        r
        for r in rows
        if (not wanted or wanted in r.model.casefold() or wanted in r.name.casefold())
        and (not stage or r.stage == stage)
    ]
    pages = max(1, math.ceil(len(shown) / ROWS_A_PAGE))
    page = min(max(page, 1), pages)
    return _render(
        "portfolio.html.j2",
        title="S.P.O.T. portfolio",
        summary=portfolio_summary(rows),
        tiles=_tiles(rows),
        rows=shown[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE],
        found=len(shown),
        page=page,
        pages=pages,
        query=query,
        stage=stage,
        letters=LETTERS,
        stages=STAGE_WORDS,
    )


def model_page(name: str, version: str | None = None, *, done: str = "") -> str:
    """Returns everything known of one model version, its result first.

    Args:
        name: of the model.
        version: version number; the one its summary is about where None.
        done: the form by which the reader has just acted, or "".

    Raises:
        NotFound: no such model or version.
    """
    shown = partial(_model_page, name, version, done)
    return without_odd(shown, partial(_entries_of, name))


def render_form(**values: Any) -> str:
    """Returns the page of a form; the values are those of its template."""
    return _render("form.html.j2", **values)


def _model_page(name: str, version: str | None, done: str, odd: tuple[Evidence, ...]) -> str:
    adoption, decision = _seen_by_reader(*state_of(name, version, odd))
    return _model_html(adoption, decision, notice(odd), RECORDED.get(done, ""))


def panel(name: str, version: str | None = None) -> dict[str, Any]:
    """Returns what the line in MLflow's own model page says, as JSON values.

    Raises:
        NotFound: no such model or version.
    """
    return without_odd(partial(_panel, name, version), partial(_entries_of, name))


def _panel(name: str, version: str | None, odd: tuple[Evidence, ...]) -> dict[str, Any]:

    adoption, decision = _seen_by_reader(*state_of(name, version, odd))
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


def _entries_of(name: str) -> Sequence[Evidence]:

    record = server_record()
    with model_lock(name):
        return record.state(record.named(name), recent=True)[1]


def state_of(
    name: str, version: str | None, odd: Sequence[Evidence] = ()
) -> tuple[Adoption, GateDecision | None]:
    """Returns what is known of a version and the gate's answer for Production.

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
    known = adoption.version is not None and policy.key_of(TARGET) is not None
    return adoption, decide(adoption, TARGET, policy=policy, requester=ANYBODY) if known else None


def _seen_by_reader(
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


def _model_html(adoption: Adoption, decision: GateDecision | None, odd: str, done: str = "") -> str:
    from spot_mlflow.reporting.pages.adoption_view import title_of

    facts = adoption.facts
    return _render(
        "model.html.j2",
        title=f"{adoption.name} · S.P.O.T.",
        name=facts.name,
        title_of=title_of(adoption),
        headline=headline_of(adoption=adoption, decision=decision),
        adoption=adoption,
        odd=odd,
        done=done,
        concerns=adoption.involvement.open_concerns,
        letters=_letters(adoption),
        versions=[v.version for v in facts.versions][:-21:-1],
        sections=_sections(adoption, decision),
        report_run=(adoption.latest_check or {}).get("run_id"),
    )


def _letters(adoption: Adoption) -> list[tuple[str, Any, str]]:
    """Returns (word, result, weakest question in short words) of each letter."""
    instrument = default_instrument()
    found = []
    for letter, word in LETTERS.items():
        result = adoption.readiness.letters[letter]
        weakest = instrument.question(result.weakest).label if result.weakest else ""
        found.append((word, result, weakest))
    return found


def _sections(adoption: Adoption, decision: GateDecision | None) -> tuple[Section, ...]:
    """Returns the gate's answer, the report's sections, then readiness, involvement and plan."""
    from spot_mlflow.reporting.pages.adoption_view import adoption_sections
    from spot_mlflow.reporting.sections.lift import sections_of

    own = {s.key: s for s in adoption_sections(adoption, decision)}
    check = adoption.latest_check
    if check is None:
        lift = [own["lift"]] if "lift" in own else []
    else:
        found = sections_of(lift_view(check), adoption)
        lift = [s for s in found if s.key not in {"readiness", "method"}]
    if "readiness" in own and adoption.readiness.people:
        own["readiness"] = _with_dots(own["readiness"], adoption)
    people = [own[key] for key in ("readiness", "involvement", "plan", "taken_down") if key in own]
    return (*([own["gate"]] if "gate" in own else []), *lift, *people)


def _with_dots(section: Section, adoption: Adoption) -> Section:
    """Returns the readiness with every respondent as a dot; the picture brings its own table."""
    from dataclasses import replace

    chart = readiness_chart(adoption.readiness, default_instrument())
    return replace(section, charts=(chart,), tables=())


def _tiles(rows: Sequence[PortfolioRow]) -> list[tuple[str, str, str]]:
    """Returns (label, figure, detail) of the row at the top."""
    found = portfolio_summary(rows)
    stages = " · ".join(f"{n} {STAGE_WORDS[stage]}" for stage, n in found.stages.items() if n)
    share = figures.share(found.arrived / found.decided) if found.decided else "–"
    tiles = [
        ("Models", figures.count(found.models), stages),
        ("Promise kept", share, f"{found.arrived} of {found.decided} decided"),
    ]
    tiles += [
        (
            f"Value to date, {unit or 'money'}",
            figures.money(realized),
            f"of {figures.money(promised)} promised",
        )
        for unit, (promised, realized) in found.value.items()
    ]
    ready = sum(r.ready for r in rows)
    tiles.append((f"Ready for {TARGET}", figures.count(ready), f"of {found.models}"))
    return tiles


def _visible_models() -> list[tuple[str, Any]]:
    """Returns (name, tags) of the models that the user may read."""
    with mlflow_errors("the registry"):
        found = open_record().portfolio()
    if not requires_login() or private.sender_is_admin():
        return found
    return [(name, tags) for name, tags in found if private.may_read_model(name)]


def _render(template: str, **values: Any) -> str:
    page: str = _environment().get_template(template).render(**values)
    return page


@cache
def _environment() -> Any:
    from jinja2 import ChoiceLoader, PackageLoader

    shared = environment()
    own = PackageLoader("spot_mlflow_plugins.server", "templates")
    return shared.overlay(loader=ChoiceLoader([own, *([shared.loader] if shared.loader else [])]))
