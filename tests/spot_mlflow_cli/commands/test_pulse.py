from __future__ import annotations

from terminal import run_spot


def test_users_answer_and_builders_guess(churn):
    """Given as options or asked; shown side by side with the difference."""
    done = run_spot(
        "pulse", "churn", "--person", "Fay", "--role", "frontline", "--useful", 2, "--would-use", 1
    )
    assert done.status == 0, done.err
    assert "builders have not guessed yet" in done.out
    asked = run_spot(
        "pulse", "churn", "--person", "Dana", "--role", "data_scientist", typed="9\n4\n5\n"
    )
    assert "What would users say: It is useful for my work." in asked.err
    assert "9 is not in the range 1<=x<=5" in asked.err + asked.out
    shown = run_spot("pulse", "churn", "--show", "--format", "json").json
    assert shown["useful"] == {
        "users": 2.0,
        "n_users": 1,
        "builders": 4.0,
        "n_builders": 1,
        "gap": 2.0,
    }
    assert shown["gap"] == 3.0
    assert churn.adoption("churn").involvement.score == 0


def test_wrong_use_and_dry_run_write_nothing(churn):
    """Status 2 without a person; a dry run asks and writes nothing."""
    assert run_spot("pulse", "churn").status == 2
    arguments = ("--person", "Fay", "--role", "frontline", "--useful", 6, "--would-use", 1)
    assert run_spot("pulse", "churn", *arguments).status == 2
    fine = ("--person", "Fay", "--role", "frontline", "--useful", 5, "--would-use", 1, "--dry-run")
    assert run_spot("pulse", "churn", *fine).status == 0
    assert churn.entries(churn.resolve("churn")) == []
