from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from terminal import run_spot

# What each shell runs to complete "spot ga" after the printed lines were read.
ASK = {
    "bash": 'COMP_WORDS=(spot ga); COMP_CWORD=1; _spot_completion spot; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": 'compadd() {}; _describe() { print -rl -- "${(@P)3}"; }; words=(spot ga); CURRENT=2; _spot_completion',
    "fish": 'complete --do-complete "spot ga"',
}
INSTALLED = [shell for shell in ASK if shutil.which(shell)]


@pytest.mark.parametrize("shell", INSTALLED)
def test_a_real_shell_completes_a_command(shell: str, tmp_path) -> None:
    """The printed lines are read by the shell itself, and Tab behind "spot ga" gives "gate"."""
    lines = run_spot("completion", shell)
    assert lines.status == 0, lines.err
    spot = tmp_path / "spot"
    spot.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W ignore -m spot_mlflow_cli "$@"\n')
    spot.chmod(0o755)
    known = "compdef() {}\n" if shell == "zsh" else ""
    script = f"{known}{lines.out}\n{ASK[shell]}\n"
    done = subprocess.run(
        [shell, "-c", script], capture_output=True, text=True, check=False, timeout=120,
        env={
            **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )  # fmt: skip
    assert "gate" in done.stdout, done.stderr
    assert "verify" not in done.stdout


def test_completing_imports_no_command(monkeypatch) -> None:
    """Tab answers at once: neither MLflow nor a command's module is imported for the names."""
    code = (
        "import sys\nfrom spot_mlflow_cli.main import spot, main\n"
        "try:\n    main([])\nexcept SystemExit:\n    pass\n"
        "print([m for m in sys.modules if m == 'mlflow' or m.startswith('spot_mlflow_cli.commands')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={
            **os.environ, "PYTHONPATH": os.pathsep.join(sys.path),
            "_SPOT_COMPLETE": "bash_complete", "COMP_WORDS": "spot ", "COMP_CWORD": "1",
        },
    )  # fmt: skip
    assert "plain,gate" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_another_shell_is_refused_with_those_that_work() -> None:
    """The three that click completes are named."""
    done = run_spot("completion", "tcsh")
    assert done.status == 2
    assert "'bash', 'zsh', 'fish'" in done.err
