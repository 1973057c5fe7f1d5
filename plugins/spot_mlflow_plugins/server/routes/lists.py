"""The routes of the pages that look over versions and models: list, comparison, benchmark."""

from __future__ import annotations

from typing import Any

from spot_mlflow_plugins.server.pages.benchmark import benchmark_file
from spot_mlflow_plugins.server.pages.compare import compare_page
from spot_mlflow_plugins.server.pages.models import models_csv, models_page
from spot_mlflow_plugins.server.routes.benchmark import show_benchmark
from spot_mlflow_plugins.server.routes.html_answers import asked_model, shows_html


@shows_html
def models() -> str:
    """Which models there are, and which of them need attention."""
    from flask import request

    return models_page(request.args)


@shows_html
def models_file() -> Any:
    """The same models as CSV."""
    from flask import Response, request

    answer = Response(models_csv(request.args), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="models.csv"'
    return answer


@shows_html
def compare() -> str:
    """One version of a model against another."""
    from flask import request

    asked = request.args
    return compare_page(asked_model(), asked.get("version") or None, asked.get("with") or None)


@shows_html
def benchmark() -> Any:
    """Our models among others."""
    return show_benchmark()


@shows_html
def benchmark_summary() -> Any:
    """Our anonymous summary, for other teams."""
    from flask import Response

    answer = Response(benchmark_file(), mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="benchmark.json"'
    return answer
