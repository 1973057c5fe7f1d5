"""Runs ``spot`` in this process as a person would type it, with what they answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from spot_mlflow_cli.main import main


@dataclass(frozen=True)
class Run:
    """What a command printed, complained of, and ended with."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def run_spot(*arguments: object, typed: str = "") -> Run:
    """Runs a command; ``typed`` is what the person answers, line by line."""
    try:
        runner = CliRunner(mix_stderr=False)  # type: ignore[call-arg] # click 8.1
    except TypeError:
        runner = CliRunner()
    with runner.isolation(input=typed) as streams:
        try:
            main([str(a) for a in arguments])
            status: Any = 0
        except SystemExit as e:
            status = e.code
        out, err = (streams[i].getvalue().decode() for i in (0, 1))
    return Run(int(status or 0), out, err)
