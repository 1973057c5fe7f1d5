"""The route of ``spot/benchmark``: shown by GET, compared with pasted summaries by POST; nothing is written."""

from __future__ import annotations

from typing import Any, Final

from spot_mlflow.errors import Refused
from spot_mlflow_plugins.server.pages.benchmark import benchmark_page
from spot_mlflow_plugins.server.routes import walls
from spot_mlflow_plugins.server.routes.forms import STALE

PURPOSE: Final = "form\0benchmark"


def show_benchmark() -> Any:
    """Answers both methods; what was pasted comes back with whatever is wrong."""
    from flask import Response, request

    said = request.form if request.method == "POST" else request.args
    wrong, status = "", 200
    if request.method == "POST":
        try:
            walls.check_form_token(said.get("token", ""), PURPOSE)
        except Refused as e:
            wrong, status = STALE, e.http_status
    token, browser = walls.make_form_token(PURPOSE)
    page = benchmark_page(
        said.get("name", ""), request.form.get("pasted", ""), token=token, wrong=wrong
    )
    answer = Response(page, status=status, mimetype="text/html")
    walls.know_browser(answer, browser)
    return answer
