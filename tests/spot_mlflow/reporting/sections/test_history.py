"""What happened to a model: places, promises and checks, and the record page by page."""

from __future__ import annotations

from people import assessment, entry, raised
from reports import make_adoption, short_report

from spot_mlflow.evidence import Kind
from spot_mlflow.reporting.sections.history import SHOWN, history_sections, log_section
from spot_mlflow.reporting.words.entry_words import KINDS

ANN = assessment("Ann", "business", {"S1": 2})


def test_every_kind_of_entry_has_words() -> None:
    """A new kind of entry is a line in the table."""
    from typing import get_args

    assert set(get_args(Kind)) <= set(KINDS)


def test_promises_and_checks_newest_first() -> None:
    """Each with its version, its lift and the verdict in the words of every surface."""
    report = short_report()
    adoption = make_adoption(ANN, predicted=report.predicted, check=report)
    _, results = history_sections(adoption)
    rows = results.tables[0].rows
    assert [r[2] for r in rows] == ["Outcome check", "Promise"]
    assert rows[0][4] == "Less than promised"
    assert rows[1][3].endswith("points")


def test_where_versions_were() -> None:
    """As the decisions and the registry say; what is not recorded is unknown."""
    places, _ = history_sections(make_adoption(ANN, stage="Production"))
    assert places.tables[0].rows == (("Production", "3", "unknown", "now", "–"),)
    places, _ = history_sections(make_adoption(ANN))
    assert places.text == ("No deployment is on record.",)


def test_the_record_comes_in_pages_and_tells_no_answers() -> None:
    """Fifty entries a page, the newest first; an odd page is the nearest there is."""
    many = [raised("Cem", "frontline", "minor", n, what=f"worry {n}") for n in range(1, 120)]
    adoption = make_adoption(ANN, *many)
    first, pages = log_section(adoption)
    assert pages == 3
    assert len(first.tables[0].rows) == SHOWN
    assert first.text[0].startswith("120 entries, newest first.")
    last, _ = log_section(adoption, 99)
    assert len(last.tables[0].rows) == 20
    said = [row for page in (1, 2, 3) for row in log_section(adoption, page)[0].tables[0].rows]
    assert sum("“worry " in row[2] for row in said) == 119
    assert next(row for row in said if row[1] == "Assessment")[2] == ""


def test_an_erased_name_is_not_shown() -> None:
    """The entry stays, its speaker is said to be erased."""
    from dataclasses import replace

    gone = replace(
        entry("waiver", {"requirement": "x", "target": "y"}, "token-1", None), erased=True
    )
    rows = log_section(make_adoption(gone))[0].tables[0].rows
    assert "token-1" not in str(rows)
    assert "name erased" in str(rows)
