"""Sample ratio read every day: false alarms and detection, 20,000 runs each.

Run with ``python -m benchmarks.simulate_sample_ratio``.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.simulation import SEED, replicates, write
from spot_mlflow.lift.soundness.sample_ratio import ALARM_E, log_e_values

RUNS = 20_000
PER_DAY = 1_000
# designed treatment share, share that is really drawn, days
DESIGNS = ((0.9, 0.9, 90), (0.5, 0.5, 90), (0.9, 0.91, 28), (0.5, 0.51, 28), (0.5, 0.51, 90))


def simulate(designed: float, drawn: float, days: int) -> dict[str, float | int | str | None]:
    """Draws daily counts and asks the e-value on each day."""
    rng = np.random.default_rng([SEED, round(1000 * designed), round(1000 * drawn), days])
    runs = replicates(RUNS)
    treated = rng.binomial(PER_DAY, drawn, (runs, days)).cumsum(axis=1)
    total = PER_DAY * np.arange(1, days + 1)
    counts = np.stack([treated, total - treated], axis=-1)
    alarm = log_e_values(counts, [designed, 1 - designed]) >= math.log(ALARM_E)
    ever = alarm.any(axis=1)
    day = float(np.median(alarm[ever].argmax(axis=1) + 1)) if ever.any() else None
    return {
        "designed": designed,
        "drawn": drawn,
        "days": days,
        "runs": runs,
        "what": "false alarm" if designed == drawn else "detection",
        "alarms": float(ever.mean()),
        "median day of alarm": day,
    }


if __name__ == "__main__":
    write(
        "sample_ratio",
        "Sample ratio, read every day",
        f"{PER_DAY:,} units a day; alarm once the e-value reaches {ALARM_E:g}. Targets: at most "
        "0.025 false alarms over 90 days; at least 0.98 detection of 90 -> 91 % in 28 days.",
        [simulate(*d) for d in DESIGNS],
    )
