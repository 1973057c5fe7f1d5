from __future__ import annotations

from dataclasses import replace

import pytest
from people import NOW, entry

from spot_mlflow.errors import InvalidInput
from spot_mlflow.involvement.attendance import batch_of, read_attendance
from spot_mlflow.involvement.batch import check_batch
from spot_mlflow.involvement.log import involvement_of

DEFAULTS = {"phase": "review", "kind": "contributed", "when": "2026-10-20"}


def write(tmp_path, text, encoding="utf-8"):
    """A CSV file."""
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("sep", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_an_attendance_list_is_names_and_roles(tmp_path, sep, encoding):
    """As any spreadsheet writes it; the rest comes from the command."""
    text = (
        f"Person{sep}Role{sep}what\r\nZoë{sep}frontline{sep}\r\n\r\nKim{sep}business{sep}asked\r\n"
    )
    rows = read_attendance(write(tmp_path, text, encoding), DEFAULTS)
    assert [(r.person, r.role, r.payload["phase"], r.payload["what"]) for r in rows] == [
        ("Zoë", "frontline", "review", ""), ("Kim", "business", "review", "asked"),
    ]  # fmt: skip


def test_every_row_at_fault_is_named_and_nothing_is_used(tmp_path):
    """One round is enough to correct the file."""
    text = "person,role,phase\nKim,business,\n,frontline,\nFay,frontlin,\nAnn,executive,reviews\n"
    with pytest.raises(InvalidInput) as caught:
        read_attendance(write(tmp_path, text), DEFAULTS)
    said = str(caught.value)
    for part in ("line 3", "line 4", "did you mean 'frontline'", "line 5", "Nothing was recorded"):
        assert part in said
    assert "line 2" not in said


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "person"),
        ("person,rol\nKim,business\n", "did you mean 'role'"),
        ("name,role\nKim,business\n", "unknown column 'name'"),
        ("role\nbusiness\n", "'person' is missing"),
        ("person,role\n", "has no rows"),
        ("person,role\nKim,business,extra\n", "3 cells"),
        ('person,role\n"Kim,business\n', "not valid CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path, text, named):
    """With what is wrong and where."""
    with pytest.raises(InvalidInput, match=named):
        read_attendance(write(tmp_path, text), DEFAULTS)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_attendance(tmp_path / "none.csv", DEFAULTS)


def test_another_encoding_is_refused_with_the_remedy(tmp_path):
    """A guess could write a name down wrongly for good."""
    path = tmp_path / "a.csv"
    path.write_bytes("person,role\nZoë,business\n".encode("cp1252"))
    with pytest.raises(InvalidInput, match=r"byte 14.*CSV UTF-8"):
        read_attendance(path, DEFAULTS)


def entries_of(batch):
    """The entries of an import as the record would hold them."""
    return [entry("involvement", dict(b.payload), b.person, b.role, 1, id=b.id) for b in batch]


def by_id(batch, **more):
    """The record after an import."""
    return {e.id: replace(e, **more) for e in entries_of(batch)}


def test_lists_that_differ_in_names_only_are_two_imports(tmp_path):
    """The same meeting twice with other people: both count, each of them once."""
    first = read_attendance(write(tmp_path, "person,role\nKim,business\nFay,frontline\n"), DEFAULTS)
    other = read_attendance(write(tmp_path, "person,role\nKim,business\nBo,frontline\n"), DEFAULTS)
    one = batch_of(first, model="churn:1")
    known = by_id(one)
    two = batch_of(other, model="churn:1", known=known)
    assert not {b.id for b in one} & {b.id for b in two}
    known |= by_id(two)
    assert batch_of(first, model="churn:1", known=known) == one
    assert batch_of(other, model="churn:1", known=known) == two


def test_no_id_is_made_of_a_name(tmp_path):
    """An erased name cannot be tried out on the ids; the list stays the one that was imported."""
    first = read_attendance(write(tmp_path, "person,role\nKim,business\n"), DEFAULTS)
    other = read_attendance(write(tmp_path, "person,role\nBo,business\n"), DEFAULTS)
    one, two = (batch_of(rows, model="churn:1") for rows in (first, other))
    assert [(b.id, b.payload) for b in one] == [(b.id, b.payload) for b in two]
    known = by_id(one, person="(erased 1a2b3c)", erased=True)
    assert batch_of(first, model="churn:1", known=known) == one


def test_an_import_counts_as_a_whole_and_once(tmp_path):
    """Cut off it counts nothing; run again it has the same ids, so nothing is doubled."""
    text = "person,role\nKim,business\nFay,frontline\nFay,frontline\n"
    rows = read_attendance(write(tmp_path, text), DEFAULTS)
    batch = batch_of(rows, model="churn:1")
    assert len({b.id for b in batch}) == 3
    assert batch == batch_of(read_attendance(write(tmp_path, text), DEFAULTS), model="churn:1")
    assert {b.id for b in batch}.isdisjoint(b.id for b in batch_of(rows, model="churn:2"))
    whole = entries_of(batch)
    assert involvement_of(whole[:2], version=None, now=NOW).people == 0
    assert involvement_of(whole, version=None, now=NOW).people == 2
    assert involvement_of(whole, version=None, now=NOW).phases["review"] == 3


@pytest.mark.parametrize(
    "bad", [{}, {"id": "x", "of": 1}, {"id": "0" * 16, "of": 0}, {"id": "0" * 16, "of": True}]
)
def test_the_mark_of_an_import_is_checked(bad):
    """A forged mark must not hide entries by asking for more than there are."""
    with pytest.raises(InvalidInput, match="batch"):
        check_batch(bad)
