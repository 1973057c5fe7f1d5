from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.targets import fold, normalize_target, same_person, same_target


@pytest.mark.parametrize(
    "written",
    [
        "champion",
        "CHAMPION",
        "Champion ",
        "cham\u200bpion",  # zero width space
        "\u202echampion",  # right-to-left override
        "ｃｈａｍｐｉｏｎ",  # full width
        "сhampion",  # Cyrillic es
        "chаmpiоn",  # Cyrillic a and o
        "chámpion",
        "champ\u0131on",  # dotless i
        "𝐜𝐡𝐚𝐦𝐩𝐢𝐨𝐧",  # mathematical bold
        "champio\u0578",  # Armenian vo
        "champion\u3164",  # Hangul filler, drawn as nothing
    ],
)
def test_names_that_look_the_same_are_the_same(written: str) -> None:
    """A person who cannot tell two aliases apart meets one gate for both."""
    assert same_target(f"@{written}", "@champion")


@pytest.mark.parametrize("written", ["champion2", "champ", "challenger", "champions"])
def test_names_that_look_different_stay_different(written: str) -> None:
    """Folding does not gate what nobody would mistake for the target."""
    assert not same_target(f"@{written}", "@champion")


@given(st.text(max_size=40))
def test_folding_is_stable(name: str) -> None:
    """A folded name folds to itself, so that comparing folded names is an equivalence."""
    assert fold(fold(name)) == fold(name)


@given(st.text(alphabet=st.characters(codec="latin-1", categories=("L", "N")), max_size=30))
def test_letter_case_and_form_never_matter(name: str) -> None:
    """Upper case, lower case and any Unicode normal form of a name are one name."""
    forms = {
        unicodedata.normalize(f, n)
        for f in ("NFC", "NFD", "NFKC", "NFKD")
        for n in (name, name.lower())
    }
    assert {fold(f) for f in forms} == {fold(name)}


def test_an_unknown_person_is_nobodys_equal() -> None:
    """Two unknown people are not taken for one, and a name is one person's however it is written."""
    assert not same_person(None, None)
    assert not same_person("Ann", None)
    assert same_person("ann sample", "Ann  Sample")


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("production", "Production"),
        (" STAGING ", "Staging"),
        ("@Champion", "@champion"),
        ("none", "None"),
    ],
)
def test_targets_get_their_usual_spelling(written: str, usual: str) -> None:
    """Stages are spelt as MLflow does, aliases in lower case with their sign."""
    assert normalize_target(written) == usual


@pytest.mark.parametrize("written", ["", "@", "champion", "Prodcution", "@\u200b"])
def test_what_is_no_target_is_refused_with_a_hint(written: str) -> None:
    """A word that is neither stage nor alias is refused, and the message says how to write one."""
    with pytest.raises(InvalidInput, match="must be a stage or an alias"):
        normalize_target(written)
