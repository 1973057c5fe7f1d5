"""Runs a part of the tests on each Python that can be found, with the lowest and newest of what is needed.

``make matrix`` runs it. CI does not: each row installs its own environment. A row whose Python is not on this
machine is left out, and the output says so. ``make matrix ROWS="3.10-lowest 3.13"`` runs some rows;
``SPOT_MATRIX_PART=2/10`` runs the second of ten parts of their test files, for a look on a busy machine.

Each row installs what these tests need, without Spark, the dialects of warehouses, which ask for versions of their own,
and the compiled parser, which some Pythons must build. The lowest row installs the lowest version that
``pyproject.toml`` allows of each dependency of the package itself; the tools of the tests stay at their newest.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path
from typing import Final

import click

ROOT: Final = Path(__file__).resolve().parents[1]
BUILD: Final = ROOT / "build" / "matrix"
TESTS: Final = tuple(
    f"tests/spot_mlflow/{room}"
    for room in ("lift", "readiness", "involvement", "gate", "reporting", "record")
)
# What the tests of these rooms need beside the package; the extra ``test`` asks for much more.
EXTRAS: Final = "postgres,mysql,png,excel"
TOOLS: Final = (
    "pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "statsmodels", "tea-tasting", "sqlglot", "polars",
    "moto[server]", "psycopg2-binary",  # what SQLAlchemy 2.0 takes for postgresql://
)  # fmt: skip
SHOWN: Final = ("mlflow", "pandas", "numpy", "sqlalchemy", "pydantic", "duckdb")


@dataclass(frozen=True, slots=True)
class Row:
    """One environment.

    Attributes:
        name: of the row.
        python: version of Python, such as 3.10.
        more: requirements beside those of the package.
        lowest: whether the package's own dependencies are at the lowest version that is allowed.
    """

    name: str
    python: str
    more: tuple[str, ...] = ()
    lowest: bool = False


ROWS: Final = (
    Row("3.10-lowest", "3.10", lowest=True),
    Row("3.10", "3.10"),
    Row("3.11-pandas-2", "3.11", ("pandas<3",)),
    Row("3.11-sqlalchemy-2.0", "3.11", ("sqlalchemy<2.1",)),
    Row("3.11", "3.11", ("pandas>=3", "sqlalchemy>=2.1")),
    Row("3.12", "3.12"),
    Row("3.13", "3.13"),
    Row("3.14", "3.14"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: its versions and the last line of its tests, or why there is none."""

    row: Row
    passed: bool | None
    versions: str
    said: str

    def __str__(self) -> str:
        verdict = {True: "passed", False: "FAILED", None: "left out"}[self.passed]
        return f"{self.row.name:<20} {verdict:<9} {self.said}\n{'':<30} {self.versions}".rstrip()


def interpreter(version: str) -> Path | None:
    """Returns a Python of a version: the one on the path that answers, else one that pyenv has installed."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    on_path = shutil.which(f"python{version}")
    for candidate in (on_path, *sorted(pyenv.glob(f"versions/{version}.*/bin/python"))):
        if candidate is not None:
            said = subprocess.run(
                [str(candidate), "--version"], capture_output=True, text=True, check=False
            )
            if said.returncode == 0 and said.stdout.startswith(f"Python {version}."):
                return Path(candidate)
    return None


def lowest_versions() -> list[str]:
    """Returns the lowest version allowed of each of the package's dependencies, as constraints."""
    found = []
    for said in requires("spot-mlflow") or ():
        name, _, marker = said.partition(";")
        low = re.search(r"^([A-Za-z0-9_.-]+).*>=([0-9.]+)", name.strip())
        if low and "extra" not in marker:
            found.append(f"{low[1]}=={low[2]}")
    return found


def run(row: Row) -> Outcome:
    """Installs the environment of a row and runs the tests in it; the whole output is kept in a file."""
    home, log = BUILD / row.name, BUILD / f"{row.name}.log"
    BUILD.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    found = interpreter(row.python)
    if found is None or _run(log, "uv", "venv", "--clear", "--python", found, home):
        return Outcome(row, None, "", f"Python {row.python} was not found")
    python = home / "bin" / "python"
    constraints = BUILD / f"{row.name}.txt"
    constraints.write_text("\n".join(lowest_versions() if row.lowest else ()) + "\n")
    wanted = ("--constraint", constraints, "--editable", f"{ROOT}[{EXTRAS}]", *TOOLS, *row.more)
    if _run(log, "uv", "pip", "install", "--python", python, *wanted):
        return Outcome(row, False, "", f"could not be installed: see {log}")
    begin = time.monotonic()
    arguments = (
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not browser",
    )
    failed = _run(
        log, python, "-m", "pytest", *arguments, *chosen(os.environ.get("SPOT_MATRIX_PART", "1/1"))
    )
    last = log.read_text(errors="replace").strip().splitlines()[-1].strip("= ")
    said = f"{last} ({time.monotonic() - begin:.0f} s)" if not last.endswith(")") else last
    return Outcome(row, not failed, _versions(python), said)


def chosen(part: str) -> list[str]:
    """Returns the test files of a part such as 2/10; each file is in one of the parts."""
    number, of = (int(x) for x in part.split("/"))
    files = sorted(f for room in TESTS for f in (ROOT / room).rglob("test_*.py"))
    return [str(f.relative_to(ROOT)) for f in files[number - 1 :: of]]


def _run(log: Path, *line: object) -> int:
    with log.open("a") as out:
        if line[0] == "uv":
            line = (sys.executable, "-m", *line)
        done = subprocess.run(
            [str(x) for x in line], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    return done.returncode


def _versions(python: Path) -> str:
    code = f"from importlib.metadata import version as v; print(*(n + ' ' + v(n) for n in {SHOWN!r}), sep=', ')"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main(names: list[str]) -> int:
    """Runs the rows that are named, else all; returns 1 where one failed."""
    unknown = set(names) - {row.name for row in ROWS}
    if unknown:
        known = ", ".join(row.name for row in ROWS)
        click.echo(f"no row is named {', '.join(sorted(unknown))}; there are {known}", err=True)
        return 2
    outcomes = []
    for row in ROWS:
        if not names or row.name in names:
            click.echo(f"{row.name} ...", err=True)
            outcomes.append(run(row))
            click.echo(str(outcomes[-1]))
    return int(any(o.passed is False for o in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
