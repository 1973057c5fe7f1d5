"""Each of the raw tables with forty kinds of fault: one message that names the table and what is wrong."""

from __future__ import annotations

import sqlite3
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from test_hostile import CONTRACT, FILES, SOURCES, TABLES, in_files

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Fault = tuple[str, Any, dict[str, Any], str]  # name, table, keys of its source, what is said

ALL = {**TABLES, "arms": "id,arm\n1,t\n2,c\n3,t\n"}
LISTED = {"unit": "id", "arm": "arm", "treated": "t", "holdout": "c"}
ROLES = ("decisions", "arms", "events", "steps")


def files(role: str, folder: Path) -> Iterator[Fault]:
    """What stands in for a file of the table."""
    head = ALL[role].partition("\n")[0] + "\n"
    for said, text in FILES.items():
        path = folder / f"{said.replace(' ', '_').replace('/', '_')}.csv"
        path.write_bytes(
            (head if text is None else text).encode() if isinstance(text, str | None) else text
        )
        yield said, str(path), {}, said
    cut = folder / "cut.parquet"
    pd.DataFrame({"id": ["1"]}).to_parquet(cut)
    cut.write_bytes(cut.read_bytes()[:-20])
    named = folder / "named.parquet"
    named.write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    packed = folder / "packed.csv"
    with zipfile.ZipFile(packed, "w") as z:
        z.writestr("a.csv", ALL[role])
    (folder / "empty").mkdir()
    bare = folder / "bare.db"
    sqlite3.connect(bare).execute("CREATE TABLE other (x)").connection.close()
    yield "cut Parquet", str(cut), {}, "cut.parquet"
    yield "nothing but Parquet's mark", str(named), {}, "named.parquet"
    yield "packed", str(packed), {}, "packed.csv"
    yield "a folder", str(folder / "empty"), {}, "empty"
    yield "no such file", str(folder / "none.csv"), {}, "none.csv"
    yield "no file matches", str(folder / "none-*.csv"), {}, "none-*.csv"
    yield "no path", "", {}, "no path was given"
    yield "a number", 5, {}, "cannot read"
    yield "a list", [1, 2], {}, "cannot read"
    yield "no such database", "nowhere://x::t", {}, "no such database"
    yield "no database file", f"sqlite:///{folder / 'no.db'}::t", {}, "no such file"
    yield "no such table", f"sqlite:///{bare}::t", {}, "'t'"


def frames(role: str) -> Iterator[Fault]:
    """Columns of a frame that cannot mean what the contract says."""
    lines = [line.split(",") for line in ALL[role].strip().split("\n")]
    frame = pd.DataFrame(lines[1:], columns=lines[0])
    n = len(frame)
    column = "(sources." + role + ".unit)"
    yield "ids with a fraction", frame.assign(id=[i + 0.0 for i in range(n)]), {}, column
    yield "decimal ids", frame.assign(id=[Decimal(i).scaleb(-2) for i in range(n)]), {}, column
    yield "no ids", frame.assign(id=None), {}, "no unit has an id"
    yield "blank ids", frame.assign(id="  "), {}, "no unit has an id"
    yield "ids of nothing", frame.assign(id="N/A"), {}, "no unit has an id"
    yield "a column twice", pd.concat([frame, frame[["id"]]], axis=1), {}, "'id'"
    yield "no rows", frame[:0], {}, "the table is empty"
    yield "no columns", pd.DataFrame(), {}, "at least one column"
    yield "another case", frame.rename(columns={"id": "ID"}), {}, "'id'"
    yield "filter without a column", frame, {"filter": {"none": 1}}, "filter.none"
    yield (
        "filter without rows",
        frame,
        {"filter": {"id": "x"}},
        f"sources.{role}.filter leaves no row",
    )
    yield "no unit", without_column(frame, "id"), {}, f"sources.{role}.unit"


def without_column(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The frame without a column."""
    return frame.drop(columns=column)


def times(role: str) -> Iterator[Fault]:
    """Times that are none."""
    lines = [line.split(",") for line in ALL[role].strip().split("\n")]
    frame = pd.DataFrame(lines[1:], columns=lines[0])
    for name, value, said in (
        ("words", "soon", "no time can be read"),
        ("other days", "31.01.2026", "no time can be read"),
        ("before 1970", "1950-01-01", "no time can be read"),
        ("the future", "2999-01-01", "every time is after as_of"),
        ("numbers", 17, "must hold times"),
        ("truths", True, "must hold times"),
        ("nothing", None, "no time can be read"),
    ):
        yield name, frame.assign(at=value), {}, said
    yield "no time", frame.drop(columns="at"), {}, f"sources.{role}.at"


def own(role: str) -> Iterator[Fault]:
    """Faults that only this table can have."""
    if role == "arms":
        table = pd.DataFrame({"id": ["1", "2", "3"], "arm": ["t", "c", "t"]})
        yield "nobody held out", table.assign(arm="t"), {}, "none of 3 decided units is held out"
        yield "other labels", table.assign(arm="x"), {}, "none of 3 decided units is held out"
        yield "other customers", table.assign(id=["7", "8", "9"]), {}, "is held out"
        yield (
            "other form",
            table.assign(id=["01", "02", "03"]),
            {},
            "would be known if written alike",
        )
        yield "no arm", table.drop(columns="arm"), {}, "sources.arms.arm"
        return
    yield from times(role)
    if role == "steps":
        lines = [line.split(",") for line in ALL[role].strip().split("\n")]
        frame = pd.DataFrame(lines[1:], columns=lines[0])
        for key, words in (("delivered", ["sent", "bounced"]), ("acted", ["called", "none"])):
            said = [words[i % 2] for i in range(len(frame))]
            named = f"(sources.steps.{key}): no answer is yes or no"
            yield f"words for {key}", frame.assign(state=said), {key: "state"}, named
        unknown = {"delivered": {"column": "state", "yes": ["ok"], "no": ["lost"]}}
        yield "words in no list", frame.assign(state="sent"), unknown, "it has 'sent' (1 row)"


def faults(role: str, folder: Path) -> list[Fault]:
    """All of them."""
    return [*files(role, folder), *frames(role), *own(role)]


def wrong(role: str, fault: Fault, given: dict[str, Any]) -> str:
    """What is wrong with the answer to a fault; "" where it is as it must be."""
    name, table, keys, said = fault
    sources = {**SOURCES, "arms": LISTED}
    sources[role] = {**sources[role], **keys}
    contract = PredictedLift.load({**CONTRACT, "sources": sources})
    try:
        with joined_log({**given, role: table}, contract, as_of="2026-02-01"):
            return f"{name}: is taken"
    except InvalidInput as e:
        text = str(e)
    except Exception as e:  # noqa: BLE001 - any other kind is the fault looked for
        return f"{name}: {type(e).__name__}: {e}"
    if "\n" in text or said not in text or role not in text:
        return f"{name}: {text!r} lacks {said!r} or {role!r}"
    return ""


@pytest.mark.parametrize("role", ROLES)
def test_each_table_with_forty_kinds_of_fault(tmp_path: Path, role: str) -> None:
    """Never taken, never another error, one line that names the table and the column or the file."""
    given = in_files(tmp_path)
    (tmp_path / "arms.csv").write_text(ALL["arms"], encoding="utf-8")
    given["arms"] = str(tmp_path / "arms.csv")
    found = faults(role, tmp_path)
    assert len({name for name, *_ in found}) >= 40
    assert [w for fault in found if (w := wrong(role, fault, given))] == []
