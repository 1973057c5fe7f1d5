"""What the calculation's own tests notice: changes made by mutmut to ten files, a thousand of them.

``pyproject.toml`` names the files and the tests of each. The changes are drawn with a stated seed,
so that two runs on the same code ask the same. A timeout counts as noticed, as in mutmut itself.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

SEED = 20261128
MOST = 1000
# mutmut writes all changes before it tries the first; one is enough to have them written.
FIRST = "spot_mlflow.lift.estimators.difference.*__mutmut_1"
SURVIVED, NOT_TRIED = 0, None
FAILED_TO_RUN = 33  # no test calls the function


def mutmut(*arguments: str) -> None:
    """Runs it, two changes at a time."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2", *arguments]
    subprocess.run(command, check=True)


def outcomes() -> dict[str, int | None]:
    """Returns the exit code of the tests by change."""
    files = sorted(Path("mutants").rglob("*.meta"))
    return {n: c for f in files for n, c in json.loads(f.read_text())["exit_code_by_key"].items()}


def main(most: int = MOST) -> None:
    """Draws, tries, and prints the share noticed in each file, and what survived."""
    mutmut(FIRST)
    names = sorted(outcomes())
    drawn = sorted(random.Random(SEED).sample(names, min(most, len(names))))  # noqa: S311 - a sample, no secret
    mutmut(*drawn)
    found = outcomes()
    tried, killed = Counter[str](), Counter[str]()
    for name in drawn:
        place = name.partition(".x")[0]
        tried[place] += 1
        killed[place] += found[name] not in {SURVIVED, NOT_TRIED, FAILED_TO_RUN}
    print(f"{len(drawn)} of {len(names)} changes, seed {SEED}")
    for place in sorted(tried):
        print(f"{killed[place]:5} of {tried[place]:4} noticed in {place}")
    print(f"{killed.total() / tried.total():.1%} noticed; not noticed (mutmut show NAME):")
    for name in drawn:
        if found[name] in {SURVIVED, FAILED_TO_RUN}:
            print(f"  {name}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
