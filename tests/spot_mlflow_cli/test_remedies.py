"""The command that a requirement names as its remedy is one that can be typed."""

from __future__ import annotations

import shlex

import pytest
from terminal import run_spot

from spot_mlflow import log_assessment, raise_concern
from spot_mlflow.gate.requirements import requirement_texts

# What a reader puts in place of the words in capitals and of what a measure names.
PUT_IN = {
    "model": "churn", "ref": "churn/1", "target": "Production", "incumbent": "churn/1",
    "role": "business", "phase": "review", "question": "P1", "act": "answer", "first": "Staging",
}  # fmt: skip
WORDS = {"NAME": "Kim", "ROLE": "business", "WORDS": "done", "OUTCOMES": "outcomes.csv"}
LACKING = {"promise": "lift.yaml", "outcomes": "no predicted lift"}  # what these stop at here
REMEDIES = sorted({text.fix for text in requirement_texts().values()})


@pytest.mark.parametrize("fix", REMEDIES)
@pytest.mark.usefixtures("churn")
def test_the_remedy_can_be_typed(fix, tmp_path, monkeypatch):
    """With its words put in it runs; where a file or a promise is lacking, nothing else is."""
    monkeypatch.chdir(tmp_path)
    log_assessment("churn", {"P1": 2}, person="Kim", role="business")
    concern = raise_concern(
        "churn", person="Fay", role="frontline", what="too many calls", severity="minor"
    )
    line = fix.format(**PUT_IN, concern=concern)
    program, command, *rest = (WORDS.get(w, w) for w in shlex.split(line))
    assert program == "spot"
    done = run_spot(command, *rest)
    if command in LACKING:
        assert done.status == 2
        assert LACKING[command] in done.err
    else:
        assert done.status == 0, done.err
