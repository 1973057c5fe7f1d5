from __future__ import annotations

from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.reporting.words.steps import STEPS, step


def test_every_question_has_a_step_to_every_level() -> None:
    """Each level but the first, of each question, is asked for in words of its own."""
    questions = default_instrument().questions
    assert set(STEPS) == {q.id for q in questions}
    asked = [step(q.id, level) for q in questions for level in range(2, len(q.levels) + 1)]
    assert len(set(asked)) == len(asked)


def test_a_step_is_a_request_and_no_answer_of_the_questionnaire() -> None:
    """It begins with a verb, has no full stop, and quotes no level."""
    levels = {level.text.rstrip(".") for q in default_instrument().questions for level in q.levels}
    for steps in STEPS.values():
        for said in steps:
            assert said not in levels
            assert said[0].isupper()
            assert not said.endswith(".")
            assert said.split()[0] not in {"The", "We", "It", "They", "There"}


def test_an_unknown_question_is_asked_for_by_its_name() -> None:
    """A question of another questionnaire still makes a request."""
    assert step("X9", 4) == "Bring “X9” to 4 of 5"
