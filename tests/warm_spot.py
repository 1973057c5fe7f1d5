"""``spot`` for shells, with its imports done: a command then costs what it does, not what it imports.

A small program of the same name hands its arguments, folder, environment and the three streams to a
process that has imported everything; a copy of that process is the command. Scripts that kill what they
started need the real one: the copy outlives the small program.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from warm import fork_server

_IMPORTED = (
    "duckdb",
    "great_expectations",
    "mlflow.genai",
    "pandas",
    "spot_mlflow_checks.check",
    "spot_mlflow_checks.expectations",
    "spot_mlflow_cli.main",
)
_PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as to:
    to.connect({address!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(to, [len(said).to_bytes(8, "big")], [0, 1, 2])
    to.sendall(said)
    code = to.recv(1)
sys.exit(code[0] if code else 70)
"""


@functools.cache
def folder_of_spot() -> Path:
    """Returns a folder with ``spot`` in it, to be put first on a shell's path; it goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="spot-warm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = str(folder / "socket")
    process = fork_server().Process(target=_offer, args=(address,), daemon=True)
    process.start()
    while not Path(address).exists():
        assert process.is_alive(), "the process with the imports has ended"
        time.sleep(0.05)
    program = folder / "spot"
    program.write_text(_PROGRAM.format(python=sys.executable, address=address))
    program.chmod(0o755)
    return folder


def _offer(address: str) -> NoReturn:
    """Imports what commands need, then is copied for each that is typed."""
    for name in _IMPORTED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen(16)
        Path(f"{address}.new").rename(address)
        while True:
            caller, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _run(caller)
            caller.close()


def _run(caller: socket.socket) -> NoReturn:
    """Is ``spot``, as it was typed."""
    code = 70
    try:
        head, streams, _, _ = socket.recv_fds(caller, 8, 3)
        arguments, folder, environment = json.loads(_received(caller, int.from_bytes(head, "big")))
        for at, stream in enumerate(streams):
            os.dup2(stream, at)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sys.argv = [str(Path(sys.executable).with_name("spot")), *arguments]
        code = _typed(arguments)
    finally:
        with contextlib.suppress(OSError):
            caller.send(bytes([code]))
        os._exit(code)


def _received(caller: socket.socket, size: int) -> bytes:
    said = b""
    while len(said) < size:
        said += caller.recv(size - len(said))
    return said


def _typed(arguments: list[str]) -> int:
    from spot_mlflow_cli.main import main

    try:
        main(arguments)
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    finally:
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
    return 0
