"""Excel workbooks (.xlsx): one sheet, its first row the names of the columns, held in memory."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput
from spot_mlflow.validation import nearest
from spot_mlflow_checks.engines.source import check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

_CSV = "save the sheet as 'CSV UTF-8 (comma delimited)'"


def is_workbook(path: str) -> bool:
    """Whether a file is an .xlsx, under any name."""
    try:
        with zipfile.ZipFile(path) as packed:
            return "xl/workbook.xml" in packed.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def read_workbook(path: str, wanted: Mapping[str, str], sheet: str | None = None) -> Any:
    """Returns a pandas frame of a sheet; of the only one with rows where none is named.

    Cells with formulas count as the values that Excel stored with them.

    Raises:
        InvalidInput: where openpyxl is not installed or cannot read the file, the sheet is not there or
            not named, or the first row does not name the columns.
    """
    try:
        import openpyxl
    except ModuleNotFoundError:
        raise InvalidInput(
            "is an Excel workbook, and 'openpyxl', which reads it, is not installed",
            where=path,
            fix=f"pip install 'spot-mlflow[excel]', or {_CSV}.",
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as e:  # noqa: BLE001 - the library raises what its parts raise
        said = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise InvalidInput(
            f"is an Excel workbook that cannot be read: {said}",
            where=path,
            fix=f"Open it in Excel and {_CSV}.",
        ) from None
    try:
        return _frame(_chosen(book, path, sheet), path, wanted)
    finally:
        book.close()


def _chosen(book: Any, path: str, sheet: str | None) -> Any:
    filled = [x for x in book.worksheets if next(x.iter_rows(values_only=True), None)]
    names = [x.title for x in filled]
    if sheet is not None:
        found = next((x for x in filled if x.title == sheet), None)
        if found is None:
            raise InvalidInput(
                f"no sheet {sheet!r}{nearest(sheet, names)}",
                where=path,
                fix=f"It has {', '.join(names) or 'no rows'}.",
            )
        return found
    if not filled:
        raise InvalidInput("the workbook is empty", where=path, fix="Give one row per unit.")
    if len(filled) > 1:
        raise InvalidInput(
            f"has {len(names)} sheets with rows, but none was named as the log",
            where=path,
            fix=f"Give --table SHEET (table=). It has {', '.join(names)}.",
        )
    return filled[0]


def _frame(sheet: Any, path: str, wanted: Mapping[str, str]) -> Any:
    import pandas as pd

    rows = sheet.iter_rows(values_only=True)
    head = [None if x is None else str(x).strip() for x in next(rows)]
    if not any(head):
        raise InvalidInput(
            "row 1 names no columns", where=path, fix="The first row must be the header."
        )
    check_names([x for x in head if x], wanted, path)
    cells = [[*row[: len(head)], *[None] * (len(head) - len(row))] for row in rows]
    frame = pd.DataFrame(cells, columns=range(len(head)))
    named = [i for i, x in enumerate(head) if x and x not in head[:i]]
    return frame[named].set_axis([head[i] for i in named], axis=1)
