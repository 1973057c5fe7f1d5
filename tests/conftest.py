"""What every test may use: an MLflow of its own, real servers, and a rule about skipping."""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers import MlflowServer
    from xdist.remote import Producer

ROOT = Path(__file__).resolve().parents[1]
# Beside the checkout, or above: `make mutate` works in a copy inside of it.
DATA = next(
    (d for p in ROOT.parents if (d := p / "shared" / "data").is_dir()),
    ROOT.parent / "shared" / "data",
)
# Test modules import helpers that stand beside them ("from servers import ...").
sys.path.insert(0, str(Path(__file__).parent))

# MLflow and Great Expectations must not phone home, nor print links, from a test.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")

# Examples are drawn anew each run, as many as named here or at the test. Hypothesis judges none by
# its time, which a busy machine stretches.
settings.register_profile(
    "spot", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("spot")

# Drills with environments of earlier versions, which `make test-upgrade` makes and names.
collect_ignore = [] if "SPOT_TESTS_EARLIER_SPOT" in os.environ else ["journeys/test_upgrade.py"]

# What takes longest begins first, so that no worker is left alone with it at the end.
_LONGEST = (
    "spark",
    "test_wheel_and_demo",
    "test_concurrent_writers",
    "test_contract_fixture",
    "test_expectations",
    "test_action_pass",
    "test_bypasses",
    "test_evidence_bypasses",
    "journeys/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; within a file, and among the others, the order stays."""

    def rank(item: pytest.Item) -> int:
        return next((i for i, name in enumerate(_LONGEST) if name in item.nodeid), len(_LONGEST))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Lets the garbage collector pass over what the imports made: it stays until the end.

    It is some hundred thousand objects, and statsmodels, for one, collects at each of its calls.
    """
    gc.collect()
    gc.freeze()


class _OneJvm(LoadFileScheduling):
    """A file's tests run in one worker, for what they share; those on Spark all in one, for its JVM."""

    def _split_scope(self, nodeid: str) -> str:
        on_spark = "spark" in nodeid.partition("::")[2]
        return "spark" if on_spark else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _OneJvm:
    """Takes the place of what ``--dist`` names."""
    return _OneJvm(config, log)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turns a skip into a failure where nothing may skip (CI has installed everything).

    Data that may not be copied into the project is the one exception.
    """
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("SPOT_TESTS_SKIP_NOTHING")
    ):
        reason = str(report.longrepr)
        if "shared/data" not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} skipped, and here nothing may: {reason}"


@pytest.fixture(scope="session")
def _empty_mlflow() -> Path:
    """An SQLite file with MLflow's tables and nothing in them: made once, copied for each test."""
    import functools

    from mlflow.store.db import utils
    from servers import empty_mlflow

    # MLflow reads its sixty migrations anew for each database; between two tests they stay the same.
    utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)
    return empty_mlflow()


_NAMES_OF_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_SETTINGS_OF_MLFLOW = (
    ("mlflow.tracking._tracking_service.utils", "_tracking_uri"),
    ("mlflow.tracking._model_registry.utils", "_registry_uri"),
    ("mlflow.tracking.fluent", "_active_experiment_id"),
)


@dataclass(frozen=True)
class _MlflowSettings:
    """MLflow's own settings, which its setters write to globals and to the environment.

    What one test left would be the server of the next; and MLflow's setters cannot say again that
    nothing was set.
    """

    variables: dict[str, str | None]
    modules: dict[tuple[str, str], Any]

    @classmethod
    def now(cls) -> _MlflowSettings:
        """Reads them in the modules of MLflow that are imported already; nobody waits for the others."""
        return cls(
            {name: os.environ.get(name) for name in _NAMES_OF_MLFLOW},
            {
                (module, name): getattr(sys.modules[module], name)
                for module, name in _SETTINGS_OF_MLFLOW
                if module in sys.modules
            },
        )

    def put_back(self) -> None:
        """Sets them as they were; in a module that was not imported then, nothing was set."""
        for module, name in _SETTINGS_OF_MLFLOW:
            if module in sys.modules:
                setattr(sys.modules[module], name, self.modules.get((module, name)))
        for name, value in self.variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_AT_START = _MlflowSettings.now()


@pytest.fixture(autouse=True, scope="module")
def _mlflow_as_it_was_at_the_start() -> None:
    """Begins each file as the first: fixtures of a whole file or session set things, too."""
    _AT_START.put_back()


@pytest.fixture(autouse=True)
def _mlflow_as_it_was() -> Iterator[None]:
    """Puts back what a test or a fixture of its own set."""
    before = _MlflowSettings.now()
    yield
    before.put_back()


@pytest.fixture
def mlflow_uri(
    _empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """An MLflow of the test's own in an SQLite file, set as MLflow's own; artifacts beside it."""
    import shutil

    import mlflow

    shutil.copy(_empty_mlflow, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    yield uri
    while mlflow.active_run() is not None:
        mlflow.end_run()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that may not be copied into the project."""
    if not DATA.is_dir():
        pytest.skip(
            f"{DATA} is absent: the data there may not be copied into the project (shared/data)"
        )
    return DATA


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A local Spark whose session zone is not UTC, so that no answer may depend on it."""
    import shutil

    if shutil.which("java") is None:
        pytest.skip("java is not installed: no Spark to start")
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers that have our packages
    session = (
        SparkSession.builder.master("local[2]")
        .appName("spot-tests")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "America/New_York")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.default.parallelism", "2")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    """A PostgreSQL of the session's own; its default database is free to use."""
    from servers import postgres_programs, postgres_server

    if postgres_programs() is None:
        pytest.skip("package postgresql is not installed: no PostgreSQL to start")
    with postgres_server() as uri:
        yield uri


@pytest.fixture
def postgres_database(postgres_uri: str) -> Iterator[str]:
    """A fresh PostgreSQL database; dropped afterwards."""
    import uuid

    import sqlalchemy as sa

    name = f"t{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(postgres_uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as c:
        c.execute(sa.text(f'CREATE DATABASE "{name}"'))
    yield postgres_uri.rsplit("/", 1)[0] + f"/{name}"
    with admin.connect() as c:
        c.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture(scope="session")
def mariadb_uri() -> Iterator[str]:
    """A MariaDB of the session's own."""
    from servers import mariadb_program, mariadb_server

    if mariadb_program() is None:
        pytest.skip("package mariadb-server is not installed: no MariaDB to start")
    with mariadb_server() as uri:
        yield uri


@pytest.fixture
def mariadb_database(mariadb_uri: str) -> Iterator[str]:
    """A fresh MariaDB database; dropped afterwards."""
    import uuid

    import sqlalchemy as sa

    name = f"t{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(mariadb_uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as c:
        c.execute(sa.text(f"CREATE DATABASE {name}"))
    yield mariadb_uri.rsplit("/", 1)[0] + f"/{name}"
    with admin.connect() as c:
        c.execute(sa.text(f"DROP DATABASE {name}"))
    admin.dispose()


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A plain ``mlflow server``, without our server plugin; shared by the session's tests."""
    from servers import mlflow_server

    with mlflow_server(tmp_path_factory.mktemp("plain-server"), workers=2) as server:
        yield server.url


@pytest.fixture(scope="session")
def gated_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A gated server over SQLite, two workers; shared by the session's tests."""
    from gated import gated_mlflow_server

    with gated_mlflow_server(tmp_path_factory.mktemp("gated-server")) as server:
        yield server


@pytest.fixture(scope="session")
def gated_postgres_server(
    tmp_path_factory: pytest.TempPathFactory, postgres_uri: str
) -> Iterator[MlflowServer]:
    """A gated server over PostgreSQL, two workers; shared by the session's tests."""
    from gated import gated_mlflow_server, new_database

    folder = tmp_path_factory.mktemp("gated-postgres")
    with gated_mlflow_server(folder, backend=new_database(postgres_uri)) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def any_gated_server(request: pytest.FixtureRequest) -> MlflowServer:
    """A gated server over each backend in turn."""
    which = "gated_server" if request.param == "sqlite" else "gated_postgres_server"
    server: MlflowServer = request.getfixturevalue(which)
    return server
