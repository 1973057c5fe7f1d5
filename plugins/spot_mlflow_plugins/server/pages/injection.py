"""Puts one script into MLflow's own page: it adds the line under the title and the link.

The script's address is relative, so that it holds under any prefix and behind any proxy. Where the
page is not as expected it is served as it is: MLflow comes first.
"""

from __future__ import annotations

import functools
from typing import Any, Final

_PLACE: Final = "</body>"
_SCRIPT: Final = '<script defer src="spot/inject.js"></script>'


def inject_into(flask_app: Any) -> None:
    """Wraps the view that serves MLflow's page, once."""
    inner = flask_app.view_functions.get("serve")
    if inner is None or getattr(inner, "spot_injects", False):
        return

    @functools.wraps(inner)
    def serve(*args: Any, **kwargs: Any) -> Any:
        return with_script(inner(*args, **kwargs))

    serve.spot_injects = True  # type: ignore[attr-defined] # our mark on our function
    flask_app.view_functions["serve"] = serve


def with_script(response: Any) -> Any:
    """Returns MLflow's page with the script in it; anything else as it is."""
    if getattr(response, "mimetype", "") != "text/html" or response.status_code != 200:  # noqa: PLR2004 - HTTP
        return response
    response.direct_passthrough = False
    html = response.get_data(as_text=True)
    if _PLACE not in html:
        return response
    response.set_data(html.replace(_PLACE, f"{_SCRIPT}{_PLACE}", 1))
    # The page is another one than the file its tag and date are of.
    for header in ("ETag", "Last-Modified"):
        response.headers.pop(header, None)
    response.headers["Cache-Control"] = "no-cache"
    return response
