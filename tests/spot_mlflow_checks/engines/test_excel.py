"""An Excel workbook as a log: read like any other, or refused with what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import openpyxl
import pandas as pd
import pytest
from small_log import PART, WHOLE, seen, small_contract, small_log

from spot_mlflow import InvalidInput
from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from pathlib import Path


def workbook(folder: Path, sheets: dict[str, Any], blank: int = 0) -> str:
    """A workbook with a frame a sheet, and formatted rows without anything in them below."""
    path = str(folder / "log.xlsx")
    with pd.ExcelWriter(path) as book:
        for name, frame in sheets.items():
            frame.to_excel(book, sheet_name=name, index=False)
    if blank:
        written = openpyxl.load_workbook(path)
        sheet = written.worksheets[0]
        below = sheet.max_row
        for i in range(1, blank + 1):
            sheet.cell(below + i, 1).number_format = "0.00"
        written.save(path)
    return path


DATED = small_contract({"decided_at": "at", "segment": "part"}, window="7d")


def test_a_workbook_is_read_like_any_other_log(tmp_path: Path) -> None:
    """Numbers, text and dates of its only sheet give the lift of the log."""
    assert seen(workbook(tmp_path, {"log": small_log()}), DATED, as_of="2026-06-01") == WHOLE


def test_rows_without_anything_below_the_log_are_left_out_and_said(tmp_path: Path) -> None:
    """Three formatted rows are no units."""
    path = workbook(tmp_path, {"log": small_log()}, blank=3)
    assert seen(path, DATED, as_of="2026-06-01") == WHOLE
    report = check_outcomes(path, DATED, as_of="2026-06-01")
    assert any("3 blank rows" in note for note in report.analysis.notes)


def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    """Of several sheets with rows the log's is named by table; else they are listed."""
    log = small_log()
    path = workbook(tmp_path, {"all": log, "one part": log[log["part"] == "a"]})
    assert seen(path, table="one part") == PART
    with pytest.raises(InvalidInput, match=r"2 sheets with rows.*--table SHEET.*all, one part"):
        seen(path)
    with pytest.raises(InvalidInput, match=r"no sheet 'One part'.*It has all, one part"):
        seen(path, table="One part")
    with pytest.raises(InvalidInput, match="query"):
        seen(path, query="SELECT 1")


def test_a_workbook_without_its_reader_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which library, which extra, and the way round."""
    path = workbook(tmp_path, {"log": small_log()})
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InvalidInput, match=r"openpyxl.*spot-mlflow\[excel\].*CSV UTF-8"):
        seen(path)


def test_the_first_row_names_the_columns(tmp_path: Path) -> None:
    """A title above the header is no header; a name that occurs twice is refused with the file."""
    log = small_log()
    twice = pd.concat([log, log[["arm"]]], axis=1)
    with pytest.raises(InvalidInput, match="column 'arm' occurs 2 times"):
        seen(workbook(tmp_path, {"log": twice}))
    titled = log.set_axis([None, None, None, None, None], axis=1)
    with pytest.raises(InvalidInput, match=r"row 1 names no columns"):
        seen(workbook(tmp_path, {"log": titled}))
