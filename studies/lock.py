"""The lock that makes one process the only writer of a study's store. Whoever holds it knows that nothing else runs."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from hourglass_bench.bench.machine.file_lock import lock
from hourglass_bench.bench.tracking.database import POSTGRESQL, kind, postgresql_engine, redact, sqlite_path


def exclusive(storage: str, study: str) -> AbstractContextManager[None]:
    """Hold the store alone: a whole SQLite file, or one study of a PostgreSQL database.

    The kernel or the server frees the lock when the process ends, however it ends.

    Raises:
        ValueError: another driver holds it.
    """
    return _advisory(storage, study) if kind(storage) == POSTGRESQL else _file(sqlite_path(storage), study)


def require_free(storage: str, study: str) -> None:
    """Raise ValueError if another driver holds the store now; nothing is made."""
    if kind(storage) == POSTGRESQL or _lock_file(sqlite_path(storage)).exists():
        with exclusive(storage, study):
            pass


def is_held(storage: str, study: str) -> bool:
    """Whether a driver works on the study now."""
    if kind(storage) == POSTGRESQL:
        with _connect(storage) as connection:
            return not _try(connection, study)
    path = _lock_file(sqlite_path(storage))
    if not path.exists():
        return False
    with path.open() as file:
        try:
            lock(file, shared=True)
        except BlockingIOError:
            return bool(json.loads(file.read() or "{}").get("study") == study)
    return False


@contextmanager
def _file(database: Path, study: str) -> Iterator[None]:
    database.parent.mkdir(parents=True, exist_ok=True)
    with _lock_file(database).open("a+") as file:
        try:
            lock(file)
        except BlockingIOError:
            file.seek(0)
            holder = json.loads(file.read() or "{}")
            raise ValueError(
                f"{database.parent} must be free, got a sweep of study {holder.get('study')} there already "
                f"(process {holder.get('process')}); wait for it, stop it, or use another RUNS folder."
            ) from None
        file.truncate(0)
        file.write(json.dumps({"study": study, "process": os.getpid()}))
        file.flush()
        yield


def _lock_file(database: Path) -> Path:
    return database.with_suffix(".lock")


@contextmanager
def _advisory(storage: str, study: str) -> Iterator[None]:
    with _connect(storage) as connection:
        if not _try(connection, study):
            raise ValueError(
                f"study {study} in {redact(storage)} must be free, got a driver that holds it; wait for it or stop it."
            )
        yield


def _connect(storage: str) -> Connection:
    return postgresql_engine(storage, isolation_level="AUTOCOMMIT").connect()


def _try(connection: Connection, study: str) -> bool:
    """The lock belongs to the connection, so leaving it gives the lock back."""
    key = int.from_bytes(hashlib.sha256(f"hourglass-bench/{study}".encode()).digest()[:8], "big", signed=True)
    return bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar())
