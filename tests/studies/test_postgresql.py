"""Both stores on a real PostgreSQL, started by the test from the machine's own binaries."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import optuna
import pytest
from sqlalchemy import create_engine, text

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.run import RunResult, run
from hourglass_bench.bench.tracking.database import postgresql_engine
from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies import lock, storage, worker
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.study import Factorial
from tests.servers import needs_postgresql, run_postgresql
from tests.studies.conftest import sweep, trial_runs
from tests.studies.once import require_once

pytestmark = [
    pytest.mark.slow,
    needs_postgresql,
    pytest.mark.usefixtures("catalog", "inline"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a fresh server, without a database's name."""
    with run_postgresql() as postgresql:
        postgresql.make_databases("optuna", "mlflow")
        yield postgresql.url


@pytest.fixture(scope="module")
def stores(server: str) -> tuple[str, ...]:
    """The flags that name two databases on the server."""
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
    url = stores[1]
    with lock.exclusive(url, "tiny"):
        assert lock.is_held(url, "tiny")
        assert not lock.is_held(url, "quick")
        assert sweep(tmp_path, *stores) == 2
        with lock.exclusive(url, "quick"):
            pass
    assert "study tiny in postgresql://bench@127.0.0.1" in capsys.readouterr().err
    assert not lock.is_held(url, "tiny")


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


def end_connections(storage: str) -> None:
    """As an administrator, or a restart of the server, ends those that hold locks."""
    with postgresql_engine(storage, isolation_level="AUTOCOMMIT").connect() as connection:
        held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        ended = connection.execute(text(f"SELECT pg_terminate_backend(pid, 10000) FROM ({held}) AS held")).all()
    assert ended == [(True,)]


def make_root(storage_url: str, name: str) -> optuna.Study:
    return storage.create(storage.open_storage(storage_url), name, [schema.BEST_VAL_IOU])


def test_a_lost_lock_is_taken_again(stores: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.1)
    with lock.exclusive(stores[1], "lost") as hold:
        hold.sign(make_root(stores[1], "lost"))
        end_connections(stores[1])
        deadline = time.monotonic() + 30
        while not lock.is_held(stores[1], "lost"):  # by itself: a driver may not write for an hour
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(ValueError, match="study lost in .* must be free, got a driver that holds it"):
            lock.require_free(stores[1], "lost")
        hold.confirm()
    assert not lock.is_held(stores[1], "lost")


def test_a_lock_that_is_given_back_while_it_is_looked_after_is_free(
    stores: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, confirm = Event(), lock._Advisory.confirm

    def slow(self: lock._Advisory) -> None:
        begun.set()
        time.sleep(0.5)
        confirm(self)

    monkeypatch.setattr(lock, "BEAT", 0.01)
    monkeypatch.setattr(lock._Advisory, "confirm", slow)
    with lock.exclusive(stores[1], "given"):
        assert begun.wait(60)
    time.sleep(1)
    assert not lock.is_held(stores[1], "given")


def test_a_lock_that_another_driver_took_over_is_seen_while_it_works_and_after(
    stores: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT", 3600)
    root = make_root(stores[1], "taken")
    with lock.exclusive(stores[1], "taken") as first:
        first.sign(root)
        end_connections(stores[1])
        with lock.exclusive(stores[1], "taken") as second:
            with pytest.raises(ConnectionError, match="was lost and is not free yet"):
                first.confirm()  # it may be its own, of which the server has not seen the end
            second.sign(root)
            for _ in range(2):
                with pytest.raises(ValueError, match="must be written by one driver, got another one that took over"):
                    first.confirm()
            second.confirm()
        with pytest.raises(ValueError, match="must be written by one driver"):
            first.confirm()


def test_a_driver_that_lost_its_lock_to_another_one_stops_before_it_writes(
    tmp_path: Path,
    stores: tuple[str, ...],
    tiny_study: Factorial,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The other one starts in the middle of a trial, and does all units: the first does none of them again."""
    monkeypatch.setattr(lock, "BEAT", 3600)
    begun: list[RunConfig] = []
    study = replace(tiny_study, name="fought")
    monkeypatch.setitem(CATALOG, "fought", study)
    options = Options(device="cpu", workers="1", runs=tmp_path, storage=stores[1], tracking=stores[3])

    def fought(config: RunConfig, *arguments: Any, **named: Any) -> RunResult:
        begun.append(config)
        if len(begun) == 2:
            end_connections(stores[1])
            assert run_study(study, options).states["complete"] == 4
        return run(config, *arguments, **named)

    monkeypatch.setattr(worker, "run", fought)
    assert sweep(tmp_path, *stores, study="fought") == 2
    assert "got another one that took over while the connection of this one was lost" in capsys.readouterr().err
    require_once(tmp_path, "fought", tiny_study.training.epochs, stored=stores[1], tracking=stores[3])
    assert len(begun) == 5
    assert sweep(tmp_path, *stores, study="fought") == 0
    assert len(begun) == 5


def test_no_password_is_written_or_said(
    tmp_path: Path, server: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in files, tables and artifacts of a study and its report, nor in what is said, resuming included."""
    secret = "s3cretpassword"
    with create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT").connect() as connection:
        for name in ("own_optuna", "own_mlflow"):
            connection.execute(text(f"CREATE DATABASE {name}"))
    place = server.replace("bench@", f"bench:{secret}@")
    monkeypatch.setenv("HOURGLASS_BENCH_STORAGE", f"{place}/own_optuna")
    monkeypatch.setenv("HOURGLASS_BENCH_TRACKING", f"{place}/own_mlflow")
    runs = ["--runs", str(tmp_path)]
    for _ in range(2):
        assert sweep(tmp_path) == 0
    assert main(["status", "tiny", *runs]) == 0
    assert main(["doctor", "tiny", *runs]) == 0
    assert reports(["report", "tiny", *runs]) == 0
    assert reports(["report", "nothing", *runs]) == 2
    said = "".join(capfd.readouterr())
    assert "own_mlflow" in said
    assert secret not in said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    for name in ("own_optuna", "own_mlflow"):
        assert secret not in everything(f"{server}/{name}")


def everything(url: str) -> str:
    """All rows of all tables of a database."""
    with create_engine(url).connect() as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return "\n".join(str(connection.execute(text(f'SELECT * FROM "{table}"')).all()) for table in tables)
