from __future__ import annotations

from pathlib import Path

import pytest
from terminal import run_spot

from spot_mlflow import log_involvement


@pytest.mark.usefixtures("churn")
def test_a_card_is_printed_or_written():
    """Markdown by default, one HTML file on request; a dry run writes nothing."""
    log_involvement(
        "churn", phase="naming", kind="decided", person="Kim", role="business", what="Stay Radar"
    )
    assert run_spot("card", "churn/1").out.startswith("# Model card: Stay Radar (churn), version 1")
    assert "Would write" in run_spot("card", "churn", "-o", "card.md", "--dry-run").out
    assert not Path("card.md").exists()
    assert run_spot("card", "churn", "--format", "html", "-o", "card.html").status == 0
    assert Path("card.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run_spot("card", "churn/9").status == 2
    assert run_spot("card", "churn", "-o", "no/such/folder.md").status == 2
