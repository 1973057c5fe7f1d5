"""The expression of the arm for every engine, kept as one golden file.

``python tests/spot_mlflow_checks/holdout/golden_arms.py`` writes it anew, from the root of the repository.
"""

from __future__ import annotations

from pathlib import Path

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.holdout.written import ENGINES, arm_sql

FILE = Path(__file__).parents[2] / "golden" / "arms.sql"
COLUMNS = {
    "arm": "arm", "outcome": "y", "unit": "unit id", "treated": ["mail", "it's new"], "holdout": "old\\plain %",
    "decided_at": "decided", "segment": "part",
}  # fmt: skip
SCHEDULE = [
    {"from": "2027-01-10", "shares": {"mail": 0.3, "it's new": 0.5}},
    {"from": "2027-02-10", "holdout": 0.1},
    {"from": "2027-02-10", "segment": "north", "holdout": 0.25},
]


def contract(**assignment: object) -> PredictedLift:
    """A contract with whatever must be quoted."""
    said = {"salt": "it's\\2027:%ü", **(assignment or {"schedule": SCHEDULE})}
    return PredictedLift.load(
        {"metric": "spend", "predicted": 0.02, "columns": COLUMNS, "assignment": said}
    )


def written() -> str:
    """One share, then a schedule, for every engine."""
    out = []
    for engine in ENGINES:
        out += [f"-- {engine}: one share", arm_sql(engine, contract(holdout=0.1)), ""]
        out += [f"-- {engine}: a schedule", arm_sql(engine, contract()), ""]
    return "\n".join(out)


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
