"""Servers that are stopped in mid-study and come back: nothing is lost, nothing is there twice, nothing stays open.

HOURGLASS_OUTAGE_SECONDS says for how long they are away.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hourglass_bench.bench import schema
from tests.servers import MlflowServer, PostgreSQL, Server, needs_postgresql, run_postgresql
from tests.studies.once import require_none_lost, require_once
from tests.studies.storm import LOCAL, STUDY, Driver

SECONDS = float(os.environ.get("HOURGLASS_OUTAGE_SECONDS", "10"))
UNITS, EPOCHS = 4, 40

pytestmark = pytest.mark.slow


@pytest.fixture
def mlflow(tmp_path: Path) -> Iterator[MlflowServer]:
    (tmp_path / "server").mkdir()
    server = MlflowServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with run_postgresql() as server:
        yield server


@pytest.fixture
def databases(postgresql: PostgreSQL, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The flags that name two fresh databases."""
    name = request.node.name
    postgresql.make_databases(f"optuna_{name}", f"mlflow_{name}")
    return "--storage", f"{postgresql.url}/optuna_{name}", "--tracking", f"{postgresql.url}/mlflow_{name}"


def drive(runs: Path, *stores: str) -> Driver:
    """A driver of a smaller storm."""
    return Driver(LOCAL, runs, "--repeats", str(UNITS // 2), "--epochs", str(EPOCHS), *stores)


def interrupt(server: Server, driver: Driver) -> None:
    """Stop a server while trials run, and start it again."""
    driver.until_ended(1)
    server.stop()
    time.sleep(SECONDS)
    server.start()


def test_a_tracking_server_comes_back(tmp_path: Path, mlflow: MlflowServer) -> None:
    runs, tracking = tmp_path / "runs", mlflow.url
    driver = drive(runs, "--tracking", tracking)
    interrupt(mlflow, driver)
    assert driver.finish()["complete"] == UNITS
    assert "does not answer" in driver.said()
    assert {run.info.status for run in require_once(runs, STUDY, EPOCHS, tracking=tracking)} == {"FINISHED"}
    assert not (runs / schema.SPOOL_DIR).exists()
    row = f"tracking server killed, back after {SECONDS:g} s"
    require_none_lost(row, runs, STUDY, said=driver.said(), tracking=tracking)


@needs_postgresql
def test_postgresql_comes_back(tmp_path: Path, postgresql: PostgreSQL, databases: tuple[str, ...]) -> None:
    runs, (_, stored, _, tracking) = tmp_path / "runs", databases
    driver = drive(runs, *databases)
    interrupt(postgresql, driver)
    assert driver.finish()["complete"] == UNITS
    assert "does not answer" in driver.said()
    assert "FINISHED" in {
        run.info.status for run in require_once(runs, STUDY, EPOCHS, stored=stored, tracking=tracking)
    }
    assert not (runs / schema.SPOOL_DIR).exists()
    row = f"PostgreSQL stopped, back after {SECONDS:g} s"
    require_none_lost(row, runs, STUDY, said=driver.said(), stored=stored, tracking=tracking)
