from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml

from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow.readiness import instrument as module
from spot_mlflow.readiness.instrument import (
    Instrument,
    default_instrument,
    default_path,
    json_schema,
    shipped_instrument,
)
from spot_mlflow.roles import ROLES

ASKS = {
    "S1": "XBD", "S2": "BD", "S3": "XD", "P1": "B", "P2": "XB", "P3": "BD", "P4": "BD",
    "O1": "XF", "O2": "BF", "O3": "F", "O4": "FD", "T1": "DE", "T2": "FE", "T3": "XE",
}  # fmt: skip
SHORT = {
    "X": "executive",
    "B": "business",
    "F": "frontline",
    "D": "data_scientist",
    "E": "engineer",
}
# The words of version 1.0.0. Other words need a new version, so that answers can be told apart.
HASHES = {"1.0.0": "e9654edd4ab08a289bad66bcbdaa5412a0357fb50608ed723113c2ec2914af15"}


def raw():
    """The shipped instrument as YAML gives it."""
    return yaml.safe_load(default_path().read_text(encoding="utf-8"))


def test_the_fourteen_questions_ask_the_right_roles():
    """Ids and who is asked are fixed."""
    found = shipped_instrument()
    assert list(found.ids) == list(ASKS)
    for question in found.questions:
        assert set(question.asks) == {SHORT[c] for c in ASKS[question.id]}


def test_every_level_has_words_and_an_example():
    """An executive reads sentences, never ids or numbers; no two levels say the same."""
    for question in shipped_instrument().questions:
        texts = [x.text for x in question.levels]
        assert len(set(texts)) == 5
        assert len({x.example for x in question.levels}) == 5
        assert question.text.endswith("?")
        assert question.help
        for text in texts:
            assert "level" not in text.casefold()
            assert len(text) <= 80


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_asked_at_most_seven_questions(role):
    """Seven questions take three minutes."""
    assert 3 <= len(shipped_instrument().questions_for(role)) <= 7


def test_other_words_are_another_version():
    """The text hash changes with any word a respondent reads."""
    found = shipped_instrument()
    assert HASHES[found.version] == found.hash
    data = raw()
    data["questions"][0]["levels"][2]["example"] += "!"
    assert Instrument.model_validate(data).hash != found.hash


def test_the_schema_file_is_the_model():
    """Editors check with the same rules as the program."""
    written = Path(module.__file__).with_name("instrument.schema.json").read_text(encoding="utf-8")
    assert json.loads(written) == json.loads(json.dumps(json_schema()))


def test_the_shipped_instrument_passes_its_schema():
    """An independent JSON-schema validator accepts it."""
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(raw(), json_schema())


def broken(change):
    """The shipped instrument with one fault."""
    data = copy.deepcopy(raw())
    change(data)
    return data


FAULTS = [
    (lambda d: d["questions"][0].update(levls=1), "levls", True),
    (lambda d: d["questions"][0]["levels"].pop(), "levels", True),
    (lambda d: d["questions"][0].update(asks=["boss"]), "asks", True),
    (lambda d: d["questions"][0].update(id="X1"), "id", True),
    (lambda d: d.update(version="one"), "version", True),
    (lambda d: d["questions"][0].pop("help"), "help", True),
    (lambda d: d["questions"][1].update(id="S1"), "unique", False),
    (lambda d: d.update(questions=[q for q in d["questions"] if q["id"][0] != "T"]), "T", False),
    (lambda d: d.update(roles={"boss": {"title": "Boss", "who": "decides"}}), "roles", True),
]


@pytest.mark.parametrize(("change", "named", "in_schema"), FAULTS)
def test_a_teams_own_instrument_is_checked(tmp_path, change, named, in_schema):
    """Every fault is refused with its key; the JSON schema catches what a schema can say."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(broken(change)), encoding="utf-8")
    with pytest.raises(InvalidInput, match=named) as caught:
        Instrument.load(path)
    assert str(path) in str(caught.value)
    if in_schema:
        jsonschema = pytest.importorskip("jsonschema")
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken(change), json_schema())


def test_the_instrument_in_use_may_be_a_teams_own(tmp_path, monkeypatch):
    """SPOT_INSTRUMENT names the file; a changed file is read anew."""
    assert default_instrument() is shipped_instrument()
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**raw(), "name": "ours"}), encoding="utf-8")
    monkeypatch.setenv("SPOT_INSTRUMENT", str(path))
    assert default_instrument().name == "ours"
    path.write_text(yaml.safe_dump({**raw(), "name": "theirs"}), encoding="utf-8")
    import os

    os.utime(path, ns=(1, 1))
    assert default_instrument().name == "theirs"
    monkeypatch.setenv("SPOT_INSTRUMENT", str(tmp_path / "none.yaml"))
    with pytest.raises(InvalidInput, match="no such file"):
        default_instrument()


def test_an_unknown_question_names_the_nearest():
    """The message helps."""
    with pytest.raises(NotFound, match="S1"):
        shipped_instrument().question("S9")


@pytest.mark.parametrize(
    ("stamp", "same"),
    [
        ({"name": "spot", "version": "1.9.3"}, True),
        ({"name": "spot", "version": "2.0.0"}, False),
        ({"name": "ours", "version": "1.0.0"}, False),
        ({}, False),
    ],
)
def test_answers_are_not_compared_across_major_versions(stamp, same):
    """A new major version means something else by its questions."""
    assert shipped_instrument().comparable(stamp) is same
