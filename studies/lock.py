"""The lock that makes one process the only writer of a study's store. Whoever holds it knows that nothing else runs.

PostgreSQL keeps its lock for as long as a connection lives. One that breaks is made anew and the lock taken again,
which is right unless another driver has worked in between: each session signs the study, so that this can be seen.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from hourglass_bench.bench.machine.file_lock import lock
from hourglass_bench.bench.tracking.database import POSTGRESQL, kind, postgresql_engine, redact, sqlite_path
from hourglass_bench.studies.storage import SESSION

if TYPE_CHECKING:
    import optuna

BEAT = 5.0
"""Seconds between two looks at a connection that holds a lock."""
SIGNED = """
SELECT a.value_json FROM study_user_attributes a JOIN studies s ON s.study_id = a.study_id
WHERE s.study_name = :study AND a.key = :key
"""


class Hold(Protocol):
    """A lock that is held."""

    def sign(self, root: "optuna.Study") -> None:
        """Say in the study that this session works on it."""

    def confirm(self) -> None:
        """Make sure that nobody else writes.

        Raises:
            ValueError: another driver has taken over, or may have.
            ConnectionError: that cannot be said now.
        """


def exclusive(storage: str, study: str) -> AbstractContextManager[Hold]:
    """Hold the store alone: a whole SQLite file, or one study of a PostgreSQL database.

    The kernel or the server frees the lock when the process ends, however it ends.

    Raises:
        ValueError: another driver holds it.
    """
    return _advisory(storage, study) if kind(storage) == POSTGRESQL else _file(sqlite_path(storage), study)


def require_free(storage: str, study: str) -> None:
    """Raise ValueError if another driver holds the store now; nothing is made or written."""
    if kind(storage) == POSTGRESQL:
        with exclusive(storage, study):
            return
    if holder := _holder(sqlite_path(storage)):
        raise _taken(sqlite_path(storage), holder)


def is_held(storage: str, study: str) -> bool:
    """Whether a driver works on the study now."""
    if kind(storage) == POSTGRESQL:
        with _connect(storage) as connection:
            return not _try(connection, study)
    holder = _holder(sqlite_path(storage))
    return holder is not None and holder.study == study


class Holder(NamedTuple):
    """Who holds a store, as the lock file says; it says nothing for a moment at the beginning."""

    study: str = ""
    process: int = 0


def _holder(database: Path) -> Holder | None:
    """The driver that holds a file now."""
    path = _lock_file(database)
    if not path.exists():
        return None
    with _opened(path, "r") as file:
        holder = _read(file)
        try:
            lock(file, shared=True)
        except BlockingIOError:
            return holder
    return None


@contextmanager
def _file(database: Path, study: str) -> Iterator[Hold]:
    database.parent.mkdir(parents=True, exist_ok=True)
    with _opened(_lock_file(database), "a+") as file:
        try:
            lock(file)
        except BlockingIOError:
            raise _taken(database, _read(file)) from None
        _read(file)  # what is not ours is not overwritten
        file.truncate(0)
        file.write(json.dumps(Holder(study, os.getpid())._asdict()))
        file.flush()
        yield _File(file, database)


def _read(file: IO[str]) -> Holder:
    file.seek(0)
    text = file.read()
    try:
        return Holder(**json.loads(text or "{}"))
    except (ValueError, TypeError):
        raise ValueError(f"{file.name} must be the lock of a RUNS folder, got another file; move it away.") from None


def _taken(database: Path, holder: Holder) -> ValueError:
    by = (
        f"a sweep of study {holder.study} there already (process {holder.process})" if holder.study else "a sweep there"
    )
    return ValueError(f"{database.parent} must be free, got {by}; wait for it, stop it, or use another RUNS folder.")


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[IO[str]]:
    try:
        file = path.open(mode, errors="replace")
    except OSError as error:
        raise ValueError(
            f"{path} must be a file that can be {'read' if mode == 'r' else 'written'}, got: {error.strerror}; allow "
            "it, or use another RUNS folder."
        ) from error
    with file:
        yield file


def _lock_file(database: Path) -> Path:
    """The lock beside a database.

    Raises:
        ValueError: something else is in its place.
    """
    path = database.with_suffix(".lock")
    if path == database:
        raise ValueError(f"storage must be no file NAME.lock, which is the name of its lock, got {database}.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        found = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "a device or pipe"
        raise ValueError(f"{path} must be the lock of a RUNS folder, got {found}; move it away.")
    return path


class _File:
    """A lock of a file's: the kernel takes it from nobody, but another driver would lock another file of that name."""

    def __init__(self, file: IO[str], database: Path) -> None:
        self._file = file
        self._path = _lock_file(database)

    def sign(self, root: "optuna.Study") -> None:
        """Nobody would look for it."""

    def confirm(self) -> None:
        """It is still the file of that name."""
        try:
            here = os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            here = False
        if not here:
            raise ValueError(
                f"{self._path} must stay in its place while a driver works, got one that was removed, moved or "
                "replaced; what was recorded before is kept."
            )


@contextmanager
def _advisory(storage: str, study: str) -> Iterator[Hold]:
    hold, ended = _Advisory(storage, study), Event()

    def look() -> None:
        while not ended.wait(BEAT):
            with suppress(Exception):  # the driver meets it before it writes
                hold.confirm()

    looking = Thread(target=look, daemon=True)
    looking.start()
    try:
        yield hold
    finally:
        ended.set()
        looking.join()  # else it might take the lock again that is given back here
        hold.release()


class _Advisory:
    """A lock of PostgreSQL's, taken."""

    def __init__(self, storage: str, study: str) -> None:
        self._storage = storage
        self._study = study
        self._session: str | None = None
        self._lock = Lock()  # the driver and the thread that looks after it use one connection
        self._connection: Connection | None = None
        if not self._take():
            raise ValueError(
                f"study {study} in {redact(storage)} must be free, got a driver that holds it; wait for it or stop it."
            )

    def sign(self, root: "optuna.Study") -> None:
        """With a word of its own."""
        session = secrets.token_hex(8)
        root.set_user_attr(SESSION, session)
        self._session = session

    def confirm(self) -> None:
        """By the connection, or by a new one."""
        with self._lock:
            if not self._lives() and not self._take():
                raise ConnectionError(f"the lock of study {self._study} was lost and is not free yet")

    def release(self) -> None:
        """Give the lock back, if it is held."""
        with self._lock:
            self._drop()

    def _lives(self) -> bool:
        """Whether the connection is there, and the lock with it."""
        if self._connection is None:
            return False
        with suppress(DBAPIError):
            self._connection.execute(text("SELECT 1"))
            return True
        self._drop()
        return False

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.close()
        self._connection = None

    def _take(self) -> bool:
        """Take the lock by a new connection: not before a lost one, of which the server may not know, has ended."""
        with ExitStack() as stack:
            connection = stack.enter_context(_connect(self._storage))
            taken = _try(connection, self._study)
            self._require_own(connection)
            if taken:
                stack.pop_all()
                self._connection = connection
            return taken

    def _require_own(self, connection: Connection) -> None:
        """Raise ValueError if another session has signed the study."""
        if self._session is None:
            return
        signed = connection.execute(text(SIGNED), {"study": self._study, "key": SESSION}).scalar()
        if signed != json.dumps(self._session):
            raise ValueError(
                f"study {self._study} in {redact(self._storage)} must be written by one driver, got another one that "
                "took over while the connection of this one was lost; nothing that was recorded before is lost."
            )


def _connect(storage: str) -> Connection:
    return postgresql_engine(storage, isolation_level="AUTOCOMMIT").connect()


def _try(connection: Connection, study: str) -> bool:
    """The lock belongs to the connection, so leaving it gives the lock back."""
    key = int.from_bytes(hashlib.sha256(f"hourglass-bench/{study}".encode()).digest()[:8], "big", signed=True)
    return bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar())
