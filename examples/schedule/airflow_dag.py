"""Checks what is due every morning; put this file into Airflow's folder of DAGs.

What may work later (exit status 3) is tried again as `retries` says; what needs a person (1 and 2)
fails at once. Set MLFLOW_TRACKING_URI for the workers. Written for Airflow 3; `airflow.decorators`
in place of `airflow.sdk` for Airflow 2.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

TRY_AGAIN = 3


class NeedsAPerson(Exception):
    """Trying again does not help."""


def check_due_outcomes(*options: str) -> dict[str, Any]:
    """Runs ``spot outcomes --all --due`` and returns how many versions came to which end.

    Raises:
        NeedsAPerson: a log or a contract is at fault, or an answer is one that --fail-on names.
        RuntimeError: MLflow or a database did not answer.
    """
    command = ["spot", "outcomes", "--all", "--due", "--format", "json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"spot ended with {done.returncode} and no answer") from None
    failed = [
        f"{v['model']}/{v['version']}: {v['error']['what']}"
        for v in found["versions"]
        if v["error"]
    ]
    failed += [f"{m['model']}: {m['error']['what']}" for m in found["unread"]]
    print("\n".join(failed), file=sys.stderr)
    if done.returncode == 0:
        return dict(found["summary"])
    said = "; ".join(failed) or f"exit status {done.returncode}"
    raise RuntimeError(said) if done.returncode >= TRY_AGAIN else NeedsAPerson(said)


try:
    from airflow.exceptions import AirflowFailException
    from airflow.sdk import dag, task
except ModuleNotFoundError as e:
    if e.name is None or not e.name.startswith("airflow"):
        raise
else:  # read by Airflow
    START = datetime(2026, 1, 1, tzinfo=timezone.utc)

    @dag(schedule="15 6 * * *", start_date=START, catchup=False, max_active_runs=1)
    def check_outcomes() -> None:
        """One task; several at once would only wait for each other."""

        @task(retries=3, retry_delay=timedelta(minutes=5))
        def check() -> dict[str, Any]:
            try:
                return check_due_outcomes()
            except NeedsAPerson as e:
                raise AirflowFailException(str(e)) from None

        check()

    check_outcomes()
