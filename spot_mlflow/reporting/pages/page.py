"""Sets templates as HTML: autoescaped, one style sheet, no network."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.palette import DARK, LIGHT, css_variables

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(template: str, **values: Any) -> str:
    """Returns a page made of a template in ``templates``; whatever people wrote is escaped."""
    found = environment()
    style = found.get_template("style.css").render(
        light=css_variables(LIGHT), dark=css_variables(DARK)
    )
    return found.get_template(template).render(style=style, **values)


@cache
def environment() -> Environment:
    """Returns the Jinja environment of reports; a server's pages may add their own templates."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("spot_mlflow.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["typeset"] = figures.typeset
    made.filters["capital"] = figures.raised  # Jinja's own lowers the rest
    made.filters["coded"] = coded
    made.filters["things"] = figures.things
    made.filters["thousands"] = figures.count
    made.filters["day"] = figures.day
    return made


def coded(text: str) -> Markup:
    """Returns ``text`` escaped, with what stands in backticks set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
