"""Real servers on loopback for tests: MLflow and PostgreSQL, started on free ports, stopped by id."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warm import Command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import sqlalchemy as sa


def free_port() -> int:
    """Returns a port that nobody listened on a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@functools.cache
def empty_mlflow() -> Path:
    """Returns an SQLite file with MLflow's tables and nothing in them: made once, to be copied."""
    from mlflow import MlflowClient

    path = Path(tempfile.mkdtemp(prefix="spot-empty-")) / "mlflow.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@dataclass
class MlflowServer:
    """A running ``mlflow server``."""

    url: str
    process: subprocess.Popen[bytes] | Command
    log: Path


@contextlib.contextmanager
def mlflow_server(
    folder: Path,
    *arguments: str,
    backend: str | None = None,
    environment: Mapping[str, str] | None = None,
    workers: int = 1,
    health: str = "/health",
) -> Iterator[MlflowServer]:
    """Starts ``mlflow server`` with its database and artifacts in ``folder``; stops it afterwards.

    An SQLite file begins with MLflow's tables in it; in another database the server makes them.
    It starts as a copy of a process that has imported it (``warm``); under gunicorn as a process of its own.
    """
    port = free_port()
    if backend is None:
        backend = f"sqlite:///{folder / 'mlflow.db'}"
        if not (folder / "mlflow.db").exists():
            shutil.copy(empty_mlflow(), folder / "mlflow.db")
    log = folder / f"server-{port}.log"
    command = [
        "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers), "--backend-store-uri", backend,
        "--artifacts-destination", str(folder / "artifacts"), *arguments,
    ]  # fmt: skip
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "COV_"))}
    # Its job runners are seven more processes that import MLflow; nothing here gives them a job.
    clean |= {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **(environment or {}),
    }
    process: subprocess.Popen[bytes] | Command
    if "--gunicorn-opts" in arguments:
        process = _cold(command, clean, folder, log)
    else:
        process = Command(command, clean, folder, log)
    try:
        wait_for(f"http://127.0.0.1:{port}{health}", process, log)
        yield MlflowServer(f"http://127.0.0.1:{port}", process, log)
    finally:
        stop(process)


def _cold(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command],
            stdout=out, stderr=out, env=environment, cwd=folder, start_new_session=True,
        )  # fmt: skip


def wait_for(
    url: str, process: subprocess.Popen[bytes] | Command, log: Path, seconds: float = 240
) -> None:
    """Waits until ``url`` answers; raises with the log's end where the server has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - loopback
            return
        time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer:\n{log.read_text(errors='replace')[-3000:]}")


def stop(process: subprocess.Popen[bytes] | Command) -> None:
    """Ends a server and the workers it started: its own process group, by id."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except (subprocess.TimeoutExpired, TimeoutError):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def postgres_programs() -> Path | None:
    """Returns the folder of PostgreSQL's server programs, or None where they are not installed."""
    on_path = shutil.which("postgres")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = [Path(on_path).parent] if on_path else folders
    return next((f for f in found if (f / "initdb").exists()), None)


def _as_postgres(command: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root: the package's own user runs it then."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """Starts a PostgreSQL of its own in a temporary folder; yields its SQLAlchemy URL.

    Raises:
        FileNotFoundError: PostgreSQL's server programs are not installed.
    """
    programs = postgres_programs()
    if programs is None:
        raise FileNotFoundError(
            "PostgreSQL's server programs (package postgresql) are not installed"
        )
    port = free_port()
    # Not pytest's tmp_path: that is root's own, and the server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="spot-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    control = str(programs / "pg_ctl")
    try:
        for command in (
            [
                str(programs / "initdb"),
                "-D",
                str(data),
                "-U",
                "spot",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "-N",
            ],
            [control, "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start"],
        ):
            subprocess.run(
                _as_postgres(command), check=True, capture_output=True, cwd=folder, timeout=120
            )
        yield f"postgresql+psycopg://spot@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(
            _as_postgres([control, "-D", str(data), "-m", "immediate", "-w", "stop"]),
            check=False, capture_output=True, cwd=folder, timeout=60,
        )  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)


def mariadb_program() -> str | None:
    """Returns MariaDB's server program, or None where it is not installed."""
    return shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def mariadb_server() -> Iterator[str]:
    """Starts a MariaDB of its own in a temporary folder; yields its SQLAlchemy URL.

    Raises:
        FileNotFoundError: MariaDB's server programs are not installed.
    """
    import sqlalchemy as sa

    program = mariadb_program()
    if program is None:
        raise FileNotFoundError("MariaDB's server (package mariadb-server) is not installed")
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="spot-mdb-"))
    user = ["--user=root"] if os.geteuid() == 0 else []
    place = ["--no-defaults", f"--datadir={folder / 'data'}", *user]
    subprocess.run(
        ["mariadb-install-db", *place, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, capture_output=True, cwd=folder, timeout=120,
    )  # fmt: skip
    options = [f"--socket={folder / 's'}", f"--port={port}", "--bind-address=127.0.0.1"]
    with (folder / "log").open("wb") as out:
        process = subprocess.Popen(
            [program, *place, *options], stdout=out, stderr=out, cwd=folder, start_new_session=True
        )
    url = f"mysql+pymysql://root@127.0.0.1:{port}/mysql"
    engine = sa.create_engine(url)
    try:
        _wait_for_login(engine, process, folder / "log")
        yield url
    finally:
        engine.dispose()
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_login(
    engine: sa.Engine, process: subprocess.Popen[bytes], log: Path, seconds: float = 120
) -> None:
    import sqlalchemy as sa

    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(sa.exc.OperationalError), engine.connect():
            return
        time.sleep(0.2)
    raise RuntimeError(f"MariaDB did not answer:\n{log.read_text(errors='replace')[-3000:]}")
