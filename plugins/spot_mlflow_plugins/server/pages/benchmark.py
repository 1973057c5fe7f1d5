"""The page ``spot/benchmark``: our models among others. What is imported is compared with and not kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.benchmark import export_summary, load_summary
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting.pages.benchmark_page import benchmark_of, lift_note
from spot_mlflow.validation import utc
from spot_mlflow_plugins.server.pages.pages import render_page
from spot_mlflow_plugins.server.pages.rows import visible_rows

if TYPE_CHECKING:
    from spot_mlflow.readiness.benchmark import Summary

MOST: Final = 50  # summaries in one comparison
LISTED: Final = 1_000  # models to choose from


def benchmark_page(model: str = "", pasted: str = "", *, token: str, wrong: str = "") -> str:
    """Returns the comparison.

    Args:
        model: to place among the others, or "".
        pasted: summaries of other teams, one after the other; they are not kept.
        token: for the form by which summaries are imported.
        wrong: what is wrong with the request, or "".
    """
    rows = visible_rows()
    summaries: list[Summary] = []
    if pasted and not wrong:
        try:
            summaries = read_summaries(pasted)
        except InvalidInput as e:
            wrong = str(e)
    return render_page(
        "benchmark.html.j2",
        title="Benchmark · S.P.O.T.",
        benchmark=benchmark_of(rows, summaries, model),
        names=sorted((r.model, r.name) for r in rows if any(r.compared.values()))[:LISTED],
        model=model,
        pasted=pasted,
        imported=[(s.made, max(d.n for d in s.measures.values())) for s in summaries if s.measures],
        token=token,
        wrong=wrong,
        note=lift_note(),
    )


def read_summaries(text: str) -> list[Summary]:
    """Reads summaries that stand one after the other, as they were pasted.

    Raises:
        InvalidInput: one of them is not JSON, or not a summary; it says which.
    """
    found: list[Summary] = []
    rest, decoder = text.strip().lstrip("\ufeff"), json.JSONDecoder()
    while rest:
        where = f"summary {len(found) + 1}"
        if len(found) == MOST:
            raise InvalidInput(f"there are more than {MOST} summaries", where=where)
        try:
            said, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            raise InvalidInput(
                "is not valid JSON",
                where=where,
                fix="Paste the whole file that the other team exported.",
            ) from None
        found.append(load_summary(said, default_instrument(), where=where))
        rest = rest[end:].lstrip(" \t\r\n,")
    return found


def benchmark_file() -> str:
    """Returns the anonymous summary of the models that the reader may read, as JSON.

    Raises:
        InvalidInput: fewer than five models have been assessed on the same measures.
    """
    levels: list[dict[str, Any]] = [r.compared for r in visible_rows()]
    summary = export_summary(levels, default_instrument(), month=f"{utc(None):%Y-%m}")
    return json.dumps(summary.model_dump(mode="json"), indent=2) + "\n"
