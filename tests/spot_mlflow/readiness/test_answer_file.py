from __future__ import annotations

import base64
import json
from email.message import EmailMessage

import pytest
from people import INSTRUMENT

from spot_mlflow.errors import InvalidInput
from spot_mlflow.readiness.answer_file import read_answer_file, read_answer_files
from spot_mlflow.readiness.answer_text import MAIL_BEGIN, MAIL_END, cell, uncell
from spot_mlflow.readiness.worksheet import Worksheet
from spot_mlflow.readiness.worksheet_written import written


def write(tmp_path, name, content):
    """A file with this content."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def levels(file):
    """Question -> level of what was read."""
    return {k: v["now"] for k, v in file.answers.items()}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "S1: 3\nO3: don't know\nP1: {now: 2, target: 4}\nP2:\n"),
        ("a.yml", "answers: {S1: 3, O3: '?', P1: {now: 2}, P2: {now: , target: }}\n"),
        ("a.json", '{"S1": 3, "O3": null, "P1": {"now": 2}}'),
        ("a.csv", "question,now\nS1,3\nO3,don't know\nP1, 2 \nP2,\n"),
        ("a.csv", "\ufeffquestion;now;comment\r\nS1;3;x\r\nO3;?;\r\nP1;2;\r\n"),
        ("a.tsv", "question\tnow\nS1\t3\nO3\tdk\nP1\t2\n"),
    ],
)
def test_the_forms_people_write(tmp_path, name, text):
    """Short or long, from an editor or a spreadsheet; a blank is a question not answered."""
    assert levels(read_answer_file(write(tmp_path, name, text), INSTRUMENT)) == {
        "S1": 3, "P1": 2, "O3": None,
    }  # fmt: skip


def test_a_csv_may_hold_several_respondents(tmp_path):
    """Rows are put together by model, role and person."""
    text = "person,role,question,now\nKim,business,S1,3\nFay,frontline,O3,1\nKim,business,P1,2\n"
    path = write(tmp_path, "all.csv", text)
    found = read_answer_files(path, INSTRUMENT)
    assert [(f.person, f.role, levels(f)) for f in found] == [
        ("Kim", "business", {"S1": 3, "P1": 2}), ("Fay", "frontline", {"O3": 1}),
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="2 respondents"):
        read_answer_file(path, INSTRUMENT)


def document(**more):
    """What the worksheet saves."""
    return {
        "spot": "answers", "model": "churn", "role": "business", "person": "Kim",
        "instrument": INSTRUMENT.stamp, "answers": {"P1": {"now": "2", "comment": "Zoë ✓"}}, **more,
    }  # fmt: skip


def packed(value):
    """As the worksheet writes it into a mail."""
    code = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    lines = "\r\n".join(code[i : i + 72] for i in range(0, len(code), 72))
    return f"Here are my answers.\r\n\r\n{MAIL_BEGIN}\r\n{lines}\r\n{MAIL_END}\r\n"


def test_answers_come_by_mail(tmp_path):
    """Wrapped, quoted by a reply, as text or as the mail itself, with the file attached or not."""
    body = packed(document())
    quoted = "\n".join(f"> {line}" for line in body.splitlines())
    mail = EmailMessage()
    mail.set_content(body, cte="quoted-printable")
    for name, content in (("a.txt", body), ("b.txt", quoted), ("c.eml", mail.as_bytes())):
        found = read_answer_file(write(tmp_path, name, content), INSTRUMENT)
        assert (found.person, found.answers["P1"]["comment"]) == ("Kim", "Zoë ✓")
    attached = EmailMessage()
    attached.set_content("Here they are.\n\nKim")
    saved = json.dumps(document(), ensure_ascii=False).encode()
    attached.add_attachment(saved, maintype="application", subtype="json", filename="spot-Kim.JSON")
    found = read_answer_file(write(tmp_path, "e.eml", attached.as_bytes()), INSTRUMENT)
    assert (found.person, found.answers["P1"]["comment"]) == ("Kim", "Zoë ✓")
    with pytest.raises(InvalidInput, match="damaged on the way"):
        read_answer_file(write(tmp_path, "d.txt", f"{MAIL_BEGIN}\nabcde\n{MAIL_END}"), INSTRUMENT)


FAULTS = [
    ("a.docx", "x", "ending .docx"),
    ("a.json", "{", "not valid JSON"),
    ("a.json", "[" * 100_000, "nested too deeply"),
    ("a.json", "[]", "no questions"),
    ("a.yaml", "S1: [", "line"),
    ("a.yaml", "answers: {}", "no question is answered"),
    ("a.yaml", "S9: 3", "unknown question 'S9'"),
    ("a.csv", "question,now\nS1,3\nS1,4\n", "row 3: question 'S1' is answered twice"),
    ("a.csv", "question\nS1\n", "column 'now' is missing"),
    ("a.csv", "question,now\nS1,3,4\n", "more cells"),
    ("a.csv", 'question,now\n"S1,3\n', "not valid CSV"),
    ("a.csv", "question,now\nS1,\n", "no question is answered"),
    ("a.md", "# something", "first line is missing"),
    ("a.txt", "hello", "first line is missing"),
    ("a.eml", "Subject: x\n\nhello", "holds no answers"),
    ("a.html", "<html>", "is not an S.P.O.T. worksheet"),
    ("a.yaml", "instrument: 3\nS1: 3", "instrument == 3"),
]


@pytest.mark.parametrize(("name", "text", "named"), FAULTS)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path, name, text, named):
    """The file is named, and what is wrong with it."""
    path = write(tmp_path, name, text)
    with pytest.raises(InvalidInput, match=named) as caught:
        read_answer_files(path, INSTRUMENT)
    assert str(path) in str(caught.value)


def test_a_file_that_is_none_or_too_long(tmp_path):
    """Said before it is read into memory twice."""
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_answer_file(tmp_path / "none.json", INSTRUMENT)
    with pytest.raises(InvalidInput, match="at most"):
        read_answer_file(write(tmp_path, "long.json", " " * 5_000_001), INSTRUMENT)


def test_the_empty_worksheet_is_told_from_the_filled_one(tmp_path):
    """People send the wrong file back; the message says which one is wanted."""
    sheet = Worksheet(INSTRUMENT, "churn", "business")
    with pytest.raises(InvalidInput, match=r"empty worksheet.*Save my answers"):
        read_answer_file(write(tmp_path, "w.html", written(sheet, "html")), INSTRUMENT)


def test_two_boxes_for_one_question_are_refused(tmp_path):
    """In Markdown nothing stops a person from ticking two."""
    text = written(Worksheet(INSTRUMENT, "churn", "business"), "markdown")
    twice = text.replace("- [ ] now", "- [x] now", 2)
    with pytest.raises(InvalidInput, match="two boxes"):
        read_answer_file(write(tmp_path, "w.md", twice), INSTRUMENT)
    ticked = text.replace("- [ ] now", "- [X]  now", 1).replace(
        "Remark:\n\n", "Remark: all in all\n\n", 1
    )
    found = read_answer_file(write(tmp_path, "w.md", ticked.replace("\n", "\r\n")), INSTRUMENT)
    assert found.answers["S1"]["now"] == 1
    assert found.answers["S1"]["comment"] == "all in all"


def test_markdown_as_people_write_it_loses_nothing(tmp_path):
    """A wide tick, a remark typed below the word over several lines, an indented list."""
    text = written(Worksheet(INSTRUMENT, "churn", "business"), "markdown")
    by_hand = text.replace("- [ ] now", "  - [ x ] now", 1).replace(
        "Remark:\n\n", "Remark:\nas far as I know,\n\nin our branch\n\n", 1
    )
    found = read_answer_file(write(tmp_path, "w.md", by_hand), INSTRUMENT).answers
    assert found["S1"]["now"] == 1
    assert found["S1"]["comment"] == "as far as I know,\n\nin our branch"


@pytest.mark.parametrize("box", ["- [x] now [ ] wanted", "- [ ] now [X] wanted", "- [x] now"])
def test_a_ticked_line_that_cannot_be_read_is_named(tmp_path, box):
    """A mail program may cut the mark at its end; an answer must not vanish in silence."""
    text = written(Worksheet(INSTRUMENT, "churn", "business"), "markdown")
    broken = f"{text}\n{box}: it was cut here\n".replace("- [ ] now", "- [x] now", 1)
    broken = broken.replace("Remark:", "Notes", 7)
    with pytest.raises(InvalidInput, match=r"line \d+: a box is ticked.*Copy the line"):
        read_answer_file(write(tmp_path, "w.md", broken), INSTRUMENT)


def test_windows_spreadsheets_are_read(tmp_path):
    """cp1252, as "CSV" is saved there."""
    path = write(tmp_path, "a.csv", "question;now;comment\r\nS1;3;Zoë\r\n".encode("cp1252"))
    assert read_answer_file(path, INSTRUMENT).answers["S1"]["comment"] == "Zoë"


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "x", "", "'", "'x", "-", "\t"])
def test_a_cell_reads_back_as_it_was(text):
    """Escaping a formula is undone on reading."""
    assert uncell(cell(text)) == text
