from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from spot_mlflow.errors import InvalidInput
from spot_mlflow.record.entry import Draft
from spot_mlflow.record.export_file import Chained, Seal, check_seal, read_lines
from spot_mlflow.record.import_file import check_file
from spot_mlflow.record.references import ModelRef

HEAD = {
    "format": 1, "model": "churn", "created": 5, "server": "x", "exported": "2027-01-01",
    "versions": [{"version": "1", "source": "", "run": ""}],
}  # fmt: skip


def seal(seed: int = 1) -> Seal:
    """A key of a test's own."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
    public = key.public_key().public_bytes_raw().hex()
    return Seal(public, lambda text: key.sign(text.encode()).hex())


def entry(artifacts: dict[str, bytes] | None = None, **changed: object) -> dict[str, object]:
    """An entry as an export has it."""
    draft = Draft(
        ModelRef("churn", "1", 5),
        "pulse",
        {"useful": 4},
        "Kim",
        "business",
        artifacts=artifacts or {},
    )
    text = draft.text()
    said = {"tags": draft.tags(text, 1), "text": text, "metrics": [], "dataset": None}
    return {**said, "left_out": {}, **changed}


def written(path, *lines, head=HEAD, entries=None, signed=None):
    """Writes a file of lines, its chain whole."""
    out = Chained()
    count = sum(kind == "entry" for kind, _ in lines) if entries is None else entries
    body = [out.line("export", head), *(out.line(*x) for x in lines), out.end(count, signed)]
    path.write_bytes(b"".join(body))
    return path


def test_a_signed_file_is_whole(tmp_path):
    """A file is read line by line, and its signature names its key."""
    path = written(tmp_path / "f", ("entry", entry()), signed=seal())
    checked = check_file(path)
    assert len(checked.entries) == 1
    assert checked.spoken == {"1"}
    assert len(checked.origin.key) == 16


def test_a_chain_made_anew_breaks_the_signature(tmp_path):
    """Who alters a file and chains it again cannot sign it."""
    path = written(tmp_path / "f", ("entry", entry()), signed=seal())
    end = json.loads(path.read_bytes().splitlines()[-1])["line"]["end"]
    out = Chained()
    forged = [out.line("export", HEAD), out.line("entry", entry()), out.line("end", end)]
    path.write_bytes(b"".join(forged))
    last = list(read_lines(path))[-1]
    with pytest.raises(InvalidInput, match="line 3 has the signature of another file"):
        check_seal(path, last)
    with pytest.raises(InvalidInput, match="line 3"):
        check_file(path)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "",
        ".hidden",
        "a\\b",
        "a/",
        "C:x",
        "a\0b",
        "x" * 300,
    ],
)
def test_a_file_cannot_lead_elsewhere(tmp_path, name):
    """A path that leaves the entry's own folder is refused with its line, in the entry and in the file."""
    path = written(tmp_path / "f", ("entry", entry({name: b"x"})))
    with pytest.raises(InvalidInput, match="line 2 names the file"):
        check_file(path)
    said = {"path": name, "size": 1, "sha256": "0" * 64}
    path = written(tmp_path / "f", ("entry", entry()), ("artifact", said))
    with pytest.raises(InvalidInput, match="line 3 names the file"):
        check_file(path)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([("part", "eA==")], "line 2 belongs to no file"),
        ([("entry", {"tags": {}})], "line 2 is not an entry"),
        ([("entry", entry(text="{}"))], "line 2 is not"),
        ([("entry", entry(metrics=[["x"]]))], "line 2 is not an entry"),
        ([("entry", entry(dataset=["a"]))], "line 2 has an invalid data set"),
        ([("entry", {**entry(), "tags": {**entry()["tags"], "spot.signature": "1"}})], "line 2 has tags"),
        ([("entry", {**entry(), "tags": {**entry()["tags"], "spot.person": "Eve"}})], "line 2 is not"),
        ([("artifact", {"path": "x", "size": 1, "sha256": "0" * 64})], "line 2 is not the first line"),
        ([("export", HEAD)], "line 2 has 'export'"),
        ([("other", {})], "line 2 has 'other'"),
    ],
)  # fmt: skip
def test_a_line_that_is_not_what_it_must_be(tmp_path, lines, said):
    """Each fault is told with its line."""
    with pytest.raises(InvalidInput, match=said):
        check_file(written(tmp_path / "f", *lines))


def test_an_entry_comes_once(tmp_path):
    """The same entry twice is refused."""
    same = entry()
    with pytest.raises(InvalidInput, match="line 3 repeats entry"):
        check_file(written(tmp_path / "f", ("entry", same), ("entry", same)))


def test_a_file_must_be_whole(tmp_path):
    """A file that is shorter or longer than its head says, or not what was recorded, is refused."""
    one = entry({"a.bin": b"abc"})
    digest = json.loads(one["text"])["artifacts"]["a.bin"]
    head = ("artifact", {"path": "a.bin", "size": 3, "sha256": digest})
    whole = [("entry", one), head, ("part", "YWJj")]
    assert check_file(written(tmp_path / "f", *whole)).bytes == 3
    for wrong, said in (
        ([("entry", one), head], "line 4 comes before a.bin is whole"),
        ([("entry", one), head, ("part", "YWI=")], "line 5 comes before a.bin is whole"),
        ([("entry", one), head, ("part", "YWJk")], "line 5 comes before a.bin is whole"),
        ([("entry", one), head, ("part", "YWJjZA==")], "line 4 makes a.bin longer"),
        ([("entry", one), head, ("part", "?")], "line 4 is not base64"),
        ([*whole, head], "line 5 is not the file a.bin"),
    ):
        with pytest.raises(InvalidInput, match=said):
            check_file(written(tmp_path / "f", *wrong))


def test_the_head_and_the_count(tmp_path):
    """A newer format, a head without a model and a wrong count are refused."""
    for head, said in (({**HEAD, "format": 2}, "format 1"), ({**HEAD, "model": 3}, "whose record")):
        with pytest.raises(InvalidInput, match=said):
            check_file(written(tmp_path / "f", head=head))
    with pytest.raises(InvalidInput, match="does not count"):
        check_file(written(tmp_path / "f", ("entry", entry()), entries=2))


def test_what_is_no_export(tmp_path):
    """Anything else is refused: another file, an empty one, none."""
    for content, said in (
        (b"hello\n", "line 1 is not a line"),
        (b"", "ends after line 0"),
        (b"{}", "cut off"),
    ):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(InvalidInput, match=said):
            check_file(tmp_path / "f")
    with pytest.raises(InvalidInput, match="cannot be read"):
        check_file(tmp_path / "none")
