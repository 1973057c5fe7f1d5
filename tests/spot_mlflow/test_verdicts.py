"""One table of verdicts: each has its line, and what differs by it is nowhere left out."""

from __future__ import annotations

from typing import get_args

import pytest

from spot_mlflow.verdicts import (
    GRADES,
    HARMS,
    SEVERITIES,
    TAGGED,
    VERDICTS,
    VIABILITY,
    Grade,
    Harm,
    Severity,
    Verdict,
    Viability,
)


@pytest.mark.parametrize(
    ("kind", "table"),
    [(Verdict, VERDICTS), (Viability, VIABILITY), (Harm, HARMS), (Grade, GRADES), (Severity, SEVERITIES)],
)  # fmt: skip
def test_every_verdict_has_its_line(kind, table):
    """What may be found and what is shown of it are the same."""
    assert set(get_args(kind)) == set(table)


@pytest.mark.parametrize("table", [TAGGED, VIABILITY, HARMS])
def test_no_verdict_is_told_by_colour_alone(table):
    """Each has a word and a shape of its own; those that are not decided look alike."""
    decided = [mark for mark in table.values() if mark.good is not None]
    assert all(mark.words and mark.sign for mark in table.values())
    assert len({mark.sign for mark in decided}) == len(decided)
    assert len({mark.sign for mark in table.values() if mark.good is None}) == 1


def test_what_asks_for_attention_comes_first():
    """A broken promise comes before an open one, and that before one that was kept."""
    ranked = [mark.good for mark in sorted(TAGGED.values(), key=lambda mark: mark.rank)]
    assert ranked == [False, None, None, None, True, True]
    assert len({mark.rank for mark in TAGGED.values()}) == len(TAGGED)
