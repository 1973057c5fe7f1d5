from __future__ import annotations

import csv
import io
from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from people import INSTRUMENT

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.answer_file import read_answer_file
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.worksheet import ENDINGS, Worksheet
from spot_mlflow.readiness.worksheet_written import FORMATS, written
from spot_mlflow.roles import ROLES

# Words that a format might take for something else: numbers, dates, formulas, its own marks.
LOOK_LIKE = (
    "42", "2027-03-01", "yes", "null", "~", "=1+1", "'=x", "# no", "- [x] now: a <!-- 1 -->",
    "> said", "Remark: y", 'a;b,c\t"d"', "x\n\n## 2. y <!-- S2 -->\nBy when: never", "</script>",
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=60), st.sampled_from(LOOK_LIKE))
LEVEL = st.integers(1, 5)


@st.composite
def answers(draw):
    """What a respondent may say, in every form, with whatever text they like."""
    said = {}
    for id_ in draw(st.lists(st.sampled_from(INSTRUMENT.ids), min_size=1, unique=True)):
        now = draw(st.one_of(st.none(), LEVEL))
        said[id_] = {
            "now": now,
            "target": draw(st.one_of(st.none(), st.integers(now or 1, 5))),
            "by": draw(st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2099, 1, 1)))),
            "owner": draw(st.one_of(st.none(), TEXT)),
            "comment": draw(st.one_of(st.none(), TEXT)),
        }
    return parse_answers(said, INSTRUMENT)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60)
@given(payload=answers(), role=st.sampled_from([*ROLES, None]))
def test_every_form_reads_back_without_loss(tmp_path_factory, form, payload, role):
    """Whatever was answered and written: model, role, person, stamp and answers come back."""
    sheet = Worksheet(
        INSTRUMENT, "churn/eu", role, person="Zoë <b>&amp;", answers=payload["answers"]
    )
    path = tmp_path_factory.mktemp("sheet") / sheet.file_name(form)
    path.write_bytes(written(sheet, form).encode())
    found = read_answer_file(path, INSTRUMENT)
    assert found.payload == payload
    assert (found.model, found.role, found.person) == ("churn/eu", role, "Zoë <b>&amp;")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_its_own_questions_only(role):
    """And what is answered already, whoever it is asked of."""
    sheet = Worksheet(INSTRUMENT, "churn", role)
    assert all(role in q.asks for q in sheet.questions)
    assert sheet.minutes <= 3
    filled = parse_answers({"T1": 2, "O3": 1}, INSTRUMENT)["answers"]
    more = Worksheet(INSTRUMENT, "churn", role, answers=filled)
    assert {"T1", "O3"} <= {q.id for q in more.questions}
    assert len(Worksheet(INSTRUMENT, "churn").questions) == len(INSTRUMENT.ids)


def test_a_file_name_that_any_system_takes():
    """Registered names may hold anything; file names may not."""
    sheet = Worksheet(INSTRUMENT, "../Chürn: v/2 \u202e", "business")
    for form in FORMATS:
        name = sheet.file_name(form)
        assert name.endswith(ENDINGS[form])
        assert name.isascii()
        assert name.startswith("spot-churn-v-2-business")
        assert not set(name) & set('/\\:*?"<>| ')


def test_no_spreadsheet_runs_what_people_wrote():
    """A remark that begins like a formula is written as text, and comes back as it was."""
    for text in ("=1+1", "+x", "-x", "@x", "'=x", "'x"):
        filled = parse_answers({"S1": {"now": 1, "comment": text}}, INSTRUMENT)["answers"]
        rows = list(
            csv.DictReader(
                io.StringIO(written(Worksheet(INSTRUMENT, "=cmd", answers=filled), "csv"))
            )
        )
        row = next(r for r in rows if r["question"] == "S1")
        assert not row["comment"].startswith(("=", "+", "-", "@"))
        assert row["model"] == "'=cmd"


def test_the_blank_yaml_is_valid_and_says_what_to_do():
    """Comments carry the sentences, nothing is answered."""
    text = written(Worksheet(INSTRUMENT, "churn", "business"), "yaml")
    document = yaml.safe_load(text)
    assert set(document["answers"]) == {q.id for q in INSTRUMENT.questions_for("business")}
    assert all(v is None for a in document["answers"].values() for v in a.values())
    assert "#   1 = Nothing; we would only know." in text
    assert max(len(line) for line in text.splitlines() if line.startswith("  #")) <= 100


def test_another_form_or_question_is_refused():
    """Nothing is written by guess."""
    with pytest.raises(InvalidInput, match="did you mean 'html'"):
        written(Worksheet(INSTRUMENT, "churn"), "htm")
    with pytest.raises(InvalidInput, match="X1"):
        written(Worksheet(INSTRUMENT, "churn", answers={"X1": {"now": 1}}), "yaml")
