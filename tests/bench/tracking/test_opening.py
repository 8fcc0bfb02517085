"""Reading where nothing can be written, as of a read-only RUNS: WAL databases too, and what a writer left behind."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking import opening
from hourglass_bench.bench.tracking.database import sqlite_url
from hourglass_bench.bench.tracking.opening import reading, require_usable
from hourglass_bench.bench.tracking.store import RunLog, find_artifact, get_experiment, open_store, tracking_url
from hourglass_bench.bench.tracking.stored_runs import stored_runs
from hourglass_bench.bench.tracking.versions import MLFLOW

NOBODY = 65534


@pytest.fixture
def runs(copied_tables: None) -> Iterator[Path]:
    """A folder with a store of one run; pytest's own folders are closed to other users."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    client = open_store(tracking_url(folder))
    log = RunLog.create(client, get_experiment(client, "tiny", folder), "?", {schema.KIND: "trial", schema.UNIT: "a"})
    log.text("weights", schema.CHECKPOINT_FILE)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def close(runs: Path) -> Iterator[Callable[[], None]]:
    """Function that makes the folder one that this process cannot write, which root can do with any folder."""

    def shut() -> None:
        for path in [runs, *runs.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    user = os.geteuid()
    yield shut
    os.seteuid(user)
    for path in [runs, *runs.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def settled(runs: Path, mode: str = "WAL") -> dict[str, bytes]:
    """A copy of the store that no process has open."""
    database = runs / schema.TRACKING_DB
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(runs / "copy.db")) as copy:
        source.backup(copy)
        copy.execute(f"PRAGMA journal_mode = {mode}")
    for extra in runs.glob(f"{schema.TRACKING_DB}*"):
        extra.unlink()
    (runs / "copy.db").rename(database)
    return {path.name: path.read_bytes() for path in runs.iterdir() if path.is_file()}


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_store_that_cannot_be_written_is_read(mode: str, runs: Path, close: Callable[[], None]) -> None:
    url, before = tracking_url(runs), settled(runs, mode)
    assert before.keys() == {schema.TRACKING_DB}
    ((run_id, run),) = stored_runs(url, "tiny").items()
    assert run.unit == "a"
    assert {path.name: path.read_bytes() for path in runs.iterdir() if path.is_file()} == before  # nothing beside it
    close()
    assert stored_runs(url, "tiny") == {run_id: run}
    assert find_artifact(url, run_id, schema.CHECKPOINT_FILE).read_text() == "weights"
    assert {path.name: path.read_bytes() for path in runs.iterdir() if path.is_file()} == before
    with pytest.raises(
        ValueError, match=r"mlflow\.db must be a file that can be written, got one that is read-only or"
    ):
        open_store(url)


def test_what_a_killed_writer_left_in_the_log_is_read_too(runs: Path, close: Callable[[], None]) -> None:
    """By a copy, which is gone afterwards."""
    settled(runs)
    database, kept = runs / schema.TRACKING_DB, runs / "kept"
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with writer:
            writer.execute("UPDATE tags SET value = 'b' WHERE key = ?", (schema.UNIT,))
        kept.mkdir()
        for name in (schema.TRACKING_DB, f"{schema.TRACKING_DB}-wal"):
            shutil.copy(runs / name, kept)
    close()
    temporary = set(Path(tempfile.gettempdir()).iterdir())
    assert [run.unit for run in stored_runs(sqlite_url(kept / schema.TRACKING_DB), "tiny").values()] == ["b"]
    assert not {path for path in Path(tempfile.gettempdir()).iterdir() if path.owner() == "nobody"} - temporary
    assert {path.name for path in kept.iterdir()} == {schema.TRACKING_DB, f"{schema.TRACKING_DB}-wal"}


def test_a_connection_for_reading_cannot_write(runs: Path) -> None:
    def write() -> None:
        with reading(tracking_url(runs), MLFLOW) as connection:
            assert connection is not None
            connection.execute(text("DELETE FROM tags"))

    with pytest.raises(ValueError, match="cannot be read: attempt to write a readonly database"):
        write()
    assert len(stored_runs(tracking_url(runs), "tiny")) == 1


def test_a_new_store_needs_a_folder_that_can_be_written(runs: Path, close: Callable[[], None]) -> None:
    (runs / "file").write_text("?")
    for place in ("file/mlflow.db", "file/deeper/mlflow.db"):
        with pytest.raises(
            ValueError, match=r"mlflow\.db must be a file that can be written, got a file .* nothing can"
        ):
            require_usable(f"sqlite:///{runs / place}", MLFLOW)
    close()
    for place in ("other.db", "new/other.db"):
        with pytest.raises(
            ValueError, match=r"other\.db must be a file that can be written, got a folder .* nothing can"
        ):
            require_usable(f"sqlite:///{runs / place}", MLFLOW)


def test_writers_that_take_turns_are_waited_for(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LOCK_SECONDS", 0.1)
    url = tracking_url(runs)
    with closing(sqlite3.connect(runs / schema.TRACKING_DB, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(ValueError, match="must be free, got a lock that another program holds for more than 5 s"):
            require_usable(url, MLFLOW)
        writer.execute("COMMIT")
        require_usable(url, MLFLOW)
