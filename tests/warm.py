"""Server processes that begin with their imports done.

Importing is most of what a start of ``mlflow server`` costs, and one start imports three times: its
command, its supervisor and each worker. A fork server imports once a session; command and workers
begin as its copies. What runs in them is MLflow's own command, with the arguments, environment and
folder of the test. The modules that look at the environment when they are imported (MLflow's
server and ours) are imported afresh, and the worker's are not those of the command.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

# Of the one fork server of a session: what servers and writers import.
PRELOADED = [
    "warm",
    "writers",
    "mlflow.cli",
    "mlflow.server.fastapi_app",
    "mlflow.server.auth",
    "mlflow.store.tracking.sqlalchemy_store",
    "spot_mlflow.record",
    "spot_mlflow_plugins.server.app",
    "psycopg",
    "uvicorn.main",
]
AFRESH = ("mlflow.server", "spot_mlflow_plugins")


def fork_server() -> multiprocessing.context.ForkServerContext:
    """Returns how to start processes from the session's fork server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


class Command:
    """A running command, as ``subprocess.Popen`` would show it."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        self.args = list(arguments)
        said = (self.args, dict(environment), str(folder), str(log))
        self._process: ForkServerProcess = fork_server().Process(target=_begin, args=said)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Returns the exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end.

        Raises:
            TimeoutError: it goes on running.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError(f"{self.args} did not end in {timeout} s")
        return self._process.exitcode


def _begin(arguments: list[str], environment: dict[str, str], folder: str, log: str) -> NoReturn:
    """Is the command: ``mlflow`` with arguments."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    # Its siblings know another process as their parent; what spot ends on a failed start is its own.
    multiprocessing.process._parent_process = None  # type: ignore[attr-defined]
    orders, to_uvicorn = multiprocessing.Pipe(duplex=False)
    uvicorn = os.fork()
    if uvicorn == 0:
        to_uvicorn.close()
        _serve(orders)
    orders.close()

    import mlflow.server
    from mlflow.cli import cli

    def run_uvicorn(command: list[str], *, extra_env: dict[str, str], **_: Any) -> _Started:
        to_uvicorn.send((command, {**os.environ, **extra_env}))
        return _Started(uvicorn)

    mlflow.server._exec_cmd = run_uvicorn
    _end(cli, arguments)


def _serve(orders: Connection) -> NoReturn:
    """Is uvicorn, once the command says with what; its workers are copies too."""
    try:
        command, environment = orders.recv()
    except EOFError:  # the command ended before
        os._exit(1)
    os.environ.update(environment)
    for name in [m for m in sys.modules if m.split(".")[0] in AFRESH or m.startswith(AFRESH)]:
        del sys.modules[name]
    del sys.modules["mlflow"].server
    import uvicorn.main
    from uvicorn import _subprocess

    _subprocess.spawn = multiprocessing.get_context("fork")  # type: ignore[assignment]
    assert command[1:3] == ["-m", "uvicorn"], command
    _end(uvicorn.main.main, command[3:])


def _end(main: Any, arguments: list[str]) -> NoReturn:
    """Runs a click command to its end, and ends the process as an interpreter of its own would."""
    code = 0
    try:
        main(arguments)
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
    os._exit(code)


class _Started:
    """The part of ``Popen`` that MLflow's command uses of the uvicorn it starts."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if done else None
        return self._code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, signal.Signals(number))

    def wait(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code
