from __future__ import annotations

from terminal import run_spot

from spot_mlflow import log_involvement


def test_a_name_is_erased_and_the_log_still_verifies(churn, tmp_path):
    """Asked first; the entry stays under a token, the name is gone, the score is the same."""
    log_involvement("churn", phase="scope", kind="decided", person="Kimberlina", role="business")
    before = churn.adoption("churn").involvement
    assert "Would be erased in 1 entry: churn." in run_spot("erase", "Kimberlina", "--dry-run").out
    assert run_spot("erase", "Kimberlina", typed="n\n").status == 130
    assert churn.entries(churn.resolve("churn"))[0].person == "Kimberlina"
    done = run_spot("erase", "  kimberlina", typed="y\n")
    assert done.status == 0, done.err
    after = churn.adoption("churn").involvement
    assert (after.score, after.people, after.words) == (before.score, before.people, before.words)
    assert churn.verify("churn").sound
    entry = churn.entries(churn.resolve("churn"))[0]
    assert entry.erased
    assert "Kimberlina" not in str(churn.client.get_run(entry.run_id).data)
    again = run_spot("erase", "Kimberlina", "--yes")
    assert (again.status, "no entry names" in again.err) == (2, True)
