"""The contract of the whole command line: every command has help, every name has a home."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from terminal import run_spot

from spot_mlflow.version import __version__
from spot_mlflow_cli.main import SECTIONS, spot

COMMANDS = [name for section in SECTIONS.values() for name in section]


def run(*arguments, **environment):
    """Runs ``spot`` as a process of its own."""
    import os

    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "spot_mlflow_cli", *arguments],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name):
    """Each command has help with a sentence, and every option of it says what it does."""
    result = CliRunner().invoke(spot, [name, "--help"])
    assert result.exit_code == 0, result.output
    command = spot.get_command(click.Context(spot), name)
    assert isinstance(command, click.Command)
    assert command.help
    assert command.help.strip().splitlines()[0].endswith((".", "?", ":"))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts} has no help"


def test_help_imports_nothing_heavy():
    """``spot --help`` loads neither MLflow nor Great Expectations, pandas or matplotlib."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom spot_mlflow_cli.main import spot\n"
        "assert CliRunner().invoke(spot, ['--help']).exit_code == 0\n"
        "print([m for m in ('mlflow','great_expectations','pandas','numpy','matplotlib','scipy') if m in sys.modules])"
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_is_the_package_s():
    """``spot --version`` prints the version of the package."""
    assert __version__ in run("--version").stdout


@pytest.mark.parametrize(("typed", "meant"), [("gaet", "gate"), ("outcome", "outcomes")])
def test_a_misspelt_command_names_the_nearest(typed, meant):
    """An unknown command exits with 2 and names the nearest known one."""
    done = run_spot(typed)
    assert done.status == 2
    assert f"did you mean '{meant}'" in done.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--persn", "Did you mean '--person'?"),
        ("--zzz", "No such option '--zzz'."),
        ("--rolle", "'--role'"),
    ],
)
def test_a_misspelt_option_names_the_nearest_or_none(typed, said):
    """What is not alike is not suggested."""
    run = run_spot("sign-off", "churn/1", "--to", "Production", typed, "x")
    assert run.status == 2
    assert said in run.err


def test_an_option_that_is_unlike_all_others_gets_no_suggestion():
    """A waiver has an approver, and no person."""
    run = run_spot("waive", "churn/1", "--to", "Production", "--person", "B")
    assert (run.status, "Did you mean" in run.err) == (2, False)


def test_no_traceback_for_a_server_that_is_down():
    """A tracking server that does not answer: one line with its address, exit status 3."""
    done = run(
        "--tracking-uri", "http://127.0.0.1:9", "show", "churn",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )  # fmt: skip
    assert done.returncode == 3
    assert "http://127.0.0.1:9 did not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_model_exits_with_2(mlflow_uri):
    """A model that is not there is named, with exit status 2 and no traceback."""
    assert mlflow_uri
    done = run_spot("show", "churn")
    assert done.status == 2
    assert "no registered model 'churn'" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("uri", "status", "words"),
    [
        ("foo://bar", 2, "unsupported URI"),
        ("./mlruns", 2, "filesystem tracking backend"),
        ("sqlite:///{here}", 3, "not a database"),
        ("postgresql://ann:secret@127.0.0.1:1/mlflow", 3, "127.0.0.1"),
    ],
    ids=["scheme", "folder", "no-database", "database-down"],
)
def test_an_address_that_is_no_mlflow_is_one_line(uri, status, words):
    """No traceback, no password, and not the status that means "refused"."""
    done = run("--tracking-uri", uri.format(here=__file__), "gate", "churn/1", "--to", "Production")
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_an_error_that_nobody_foresaw_is_no_refusal(monkeypatch, capsys):
    """It exits with 3, not 1, in one line; a variable shows the traceback to who looks for it."""
    from spot_mlflow_cli import main

    def fail(**_):
        raise ZeroDivisionError("nobody\nforesaw this")

    monkeypatch.setattr(main.spot, "main", fail)
    with pytest.raises(SystemExit) as stopped:
        main.main([])
    assert stopped.value.code == 3
    assert "unexpected ZeroDivisionError: nobody foresaw this" in capsys.readouterr().err
    monkeypatch.setenv(main.TRACEBACK_VARIABLE, "1")
    with pytest.raises(ZeroDivisionError):
        main.main([])
