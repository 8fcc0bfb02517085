"""Both stores on a real PostgreSQL, started by the test from the machine's own binaries."""

import getpass
import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from hourglass_bench.bench import schema
from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies import lock
from hourglass_bench.studies.__main__ import main
from tests.studies.conftest import sweep, trial_runs

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("initdb")] if found
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARIES, reason="no PostgreSQL server here (Debian's package postgresql has one)"),
    pytest.mark.usefixtures("catalog", "inline"),
]


def as_owner(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as `postgres`, whom Debian's package makes."""
    return ["runuser", "-u", "postgres", "--", *command] if getpass.getuser() == "root" else command


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a fresh server, without a database's name."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if getpass.getuser() == "root":
        shutil.chown(folder, "postgres")
    binaries, data = BINARIES[-1], folder / "data"
    make = [str(binaries / "initdb"), "-D", str(data), "-U", "bench", "--auth", "trust", "--no-sync"]
    subprocess.run(as_owner(make), check=True, capture_output=True, cwd=folder)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    start = [*control, "-l", str(folder / "log"), "-o", options, "start"]
    subprocess.run(as_owner(start), check=True, cwd=folder, stdout=subprocess.DEVNULL)
    opened: list[Any] = []
    remember = lambda connection, _: opened.append(connection)  # noqa: E731
    event.listen(Engine, "connect", remember)
    try:
        yield f"postgresql://bench@127.0.0.1:{port}"
    finally:
        event.remove(Engine, "connect", remember)
        for connection in opened:  # MLflow and Optuna keep theirs until the process ends, which here it does not
            connection.close()
        subprocess.run(as_owner([*control, "-m", "immediate", "stop"]), check=True, capture_output=True, cwd=folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stores(server: str) -> tuple[str, ...]:
    """The flags that name two databases on the server."""
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("optuna", "mlflow"):
            connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return "--storage", f"{server}/optuna", "--tracking", f"{server}/mlflow"


def test_sweep_status_resume_and_report(
    tmp_path: Path, stores: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(tmp_path, *stores) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["complete"] == 4
    assert not (tmp_path / schema.STUDY_DB).exists()
    assert not (tmp_path / schema.TRACKING_DB).exists()
    assert main(["status", "tiny", "--runs", str(tmp_path), "--json", *stores]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert sweep(tmp_path, *stores) == 0
    assert [run.info.status for run in trial_runs(tmp_path, tracking=stores[-1])] == ["FINISHED"] * 4
    capsys.readouterr()
    assert reports(["build", "--study", "tiny", "--runs", str(tmp_path), "--json", *stores[2:]]) == 0
    built = json.loads(capsys.readouterr().out)
    assert built["runs"] == 4
    assert Path(built["report"]).read_bytes().startswith(b"%PDF")


def test_a_second_driver_is_refused_and_the_lock_ends_with_its_holder(
    tmp_path: Path, stores: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    storage = stores[1]
    with lock.exclusive(storage, "tiny"):
        assert lock.is_held(storage, "tiny")
        assert not lock.is_held(storage, "quick")
        assert sweep(tmp_path, *stores) == 2
        with lock.exclusive(storage, "quick"):
            pass
    assert "study tiny in postgresql://bench@127.0.0.1" in capsys.readouterr().err
    assert not lock.is_held(storage, "tiny")


@pytest.mark.parametrize("flag", ["--storage", "--tracking"])
def test_a_database_that_is_not_there_is_one_paragraph(
    tmp_path: Path, server: str, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    assert sweep(tmp_path, flag, f"{server}/nowhere") == 2
    said = capsys.readouterr().err
    assert 'database "nowhere" does not exist' in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["optuna", "mlflow"])
def test_newer_tables_are_refused(
    tmp_path: Path, server: str, stores: tuple[str, ...], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert sweep(tmp_path, *stores) == 0
    change = text("UPDATE alembic_version SET version_num = :revision")
    engine = create_engine(f"{server}/{name}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        before = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(change, {"revision": "f" * 12})
        capsys.readouterr()
        assert sweep(tmp_path, *stores) == 2
        connection.execute(change, {"revision": before})
    engine.dispose()
    assert f"/{name} must be written by no newer {name} than the one installed here" in capsys.readouterr().err
    assert sweep(tmp_path, *stores) == 0
