"""Our models among others: n shown, small counts hidden."""

from __future__ import annotations

import pytest
from people import INSTRUMENT

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.benchmark import EVERY, export_summary
from spot_mlflow.reporting.pages.benchmark_page import HIDDEN, benchmark_of, lift_note
from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows


def rows(*levels: int):
    """Models with these levels on every letter, as their tags tell."""
    words = ("readiness", "strategy", "product", "operation", "technology")
    return portfolio_rows(
        (f"m{i}", {"spot.updated": "x", **{f"spot.{w}": str(n) for w in words}})
        for i, n in enumerate(levels)
    )


def test_the_answer_names_the_weakest_letter_with_n() -> None:
    """How many of ours reach level 3, and how many elsewhere."""
    theirs = export_summary([dict.fromkeys(EVERY, 4)] * 10, INSTRUMENT, month="2026-10")
    found = benchmark_of(rows(1, 1, 1, 1, 1, 4, 4), [theirs])
    assert found.answer == (
        "Our weakest letter is Strategy: 2 of 7 of our models reach 3 of 5, "
        "and 10 of 10 of those of other teams."
    )


def test_too_few_are_not_compared() -> None:
    """Four models tell of single models."""
    found = benchmark_of(rows(1, 2, 3, 4))
    assert found.answer.startswith("Too early to compare: 4 models assessed, at least 5 needed")
    assert found.table is not None
    assert all(row[2:] == ("too few",) * 5 for row in found.table.rows)
    assert benchmark_of(()).table is None


def test_small_counts_are_hidden() -> None:
    """Two at level 1 are hidden, and with them the five at level 2, from which they would follow."""
    found = benchmark_of(rows(1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3))
    assert found.table is not None
    assert found.table.rows[0] == ("Readiness, our models", "13", HIDDEN, HIDDEN, "6", "0", "0")


def test_a_model_is_placed_among_the_others() -> None:
    """Itself is not among those it is compared with; of one that is not there nothing is said."""
    found = benchmark_of(rows(1, 2, 2, 3, 4, 5), model="m3")
    assert dict(found.standings)["Strategy"] == "Level 3; of n = 5: 3 lower, 0 the same, 2 higher."
    with pytest.raises(InvalidInput, match="no model 'secret'"):
        benchmark_of(rows(1, 2), model="secret")
    assert "90 to 110 %" in lift_note()
