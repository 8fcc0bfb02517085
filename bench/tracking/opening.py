"""The way into a database of results: for whoever reads one, and before one is written.

Whatever is wrong with it is one ValueError that names the file, the fault and the remedy, and nothing is changed then.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import DatabaseError

from hourglass_bench.bench.tracking.database import SQLITE, kind, postgresql_engine, shown, sqlite_path
from hourglass_bench.bench.tracking.versions import REVISIONS, Library, older_revision, refuse_newer_tables

LOCK_SECONDS: Final = 5
"""A lock of SQLite that is held longer is not one of a program that only writes."""
COPY: Final = "put back a copy of it"
FAULTS: Final = {
    sqlite3.SQLITE_NOTADB: f"must be a SQLite database, got a file that is none; {COPY}, or move it away.",
    sqlite3.SQLITE_CORRUPT: f"must be whole, got a database that is cut off or overwritten in part; {COPY}, or save "
    "what can be read of it into another file, as the program sqlite3 does with its command .recover.",
    sqlite3.SQLITE_BUSY: f"must be free, got a lock that another program holds for more than {LOCK_SECONDS} s; end "
    "that program (fuser FILE tells its process) or wait for it, and give the same command again.",
}
"""What is wrong with a database file, by SQLite's code for it."""
UNWRITABLE: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


@contextmanager
def reading(url: str | URL, library: Library) -> Iterator[Connection | None]:
    """Connection that sees one moment of a library's database and cannot change it, also where nobody can.

    None if there is none: no such file, or a PostgreSQL database without the library's tables.

    Raises:
        ValueError: the database cannot be read, is another program's, or a newer version wrote it.
    """
    with ExitStack() as stack, explained(url):
        is_file = kind(url) == SQLITE
        path = find_file(url) if is_file else None
        if is_file and path is None:
            yield None
            return
        engine = _file_engine(path, stack) if path else postgresql_engine(url, isolation_level="REPEATABLE READ")
        connection = stack.enter_context(engine.connect())
        connection.exec_driver_sql("BEGIN" if is_file else "SET TRANSACTION READ ONLY")
        tables = set(inspect(connection).get_table_names())
        if is_file and not {library.table, REVISIONS} <= tables:
            found = f"those of another program ({', '.join(sorted(tables)[:3])})" if tables else "none"
            raise ValueError(
                f"{shown(url)} must hold tables of {library.name}, got {found}; {COPY}, or use another RUNS folder or "
                "store."
            )
        if library.table not in tables:
            yield None
            return
        refuse_newer_tables(connection, shown(url), library)
        yield connection


def require_usable(url: str | URL, library: Library) -> None:
    """Raise ValueError unless a library's database at `url` is whole and can be written, or made if there is none."""
    require_whole(url, library)
    with reading(url, library) as connection:
        revision = None if connection is None else older_revision(connection, library)
        if revision is not None:
            raise ValueError(
                f"{shown(url)} must be of the {library.name} installed here, got revision {revision} of its tables, "
                f"which is of an older one; {_migration(url, library)}."
            )
    if kind(url) == SQLITE:
        _require_writable(url)


def require_whole(url: str | URL, library: Library) -> None:
    """Raise ValueError if a library's database at `url` cannot be read, or its file is damaged anywhere.

    A file is looked through as a whole: 25 ms for 3 MB, 0.4 s for 120 MB.
    """
    with reading(url, library) as connection:
        if connection is None or connection.dialect.name != SQLITE:
            return
        if connection.scalar(text("PRAGMA quick_check(1)")) != "ok":
            raise ValueError(f"{shown(url)} {FAULTS[sqlite3.SQLITE_CORRUPT]}")


def find_file(url: str | URL) -> Path | None:
    """The database file of a SQLite URL; None if there is none.

    Raises:
        ValueError: something else is in its place.
    """
    path = sqlite_path(url)
    if path.is_symlink() and not path.exists():
        raise ValueError(
            f"{path} must be a database or a link to one, got a link to {path.readlink()}, which is not there; put "
            "back what it points to, or remove the link."
        )
    if not path.exists():
        return None
    if not path.is_file():
        raise ValueError(
            f"{path} must be a database file, got a {'folder' if path.is_dir() else 'device or pipe'}; move it away."
        )
    if not path.stat().st_size:
        raise ValueError(f"{path} must be a SQLite database, got an empty file; {COPY}, or remove it to begin anew.")
    return path


@contextmanager
def explained(url: str | URL) -> Iterator[None]:
    """What a database refuses in here is a ValueError."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise ValueError(explain(url, error)) from error


def explain(url: str | URL, error: Exception) -> str:
    """What a database said, as one sentence without the password."""
    driver = getattr(error, "orig", None) or error
    if fault := FAULTS.get(_code(driver)):
        return f"{shown(url)} {fault}"
    said = " ".join(str(driver).split())
    said += "" if said.endswith((".", "?")) else "."
    parsed = make_url(url)
    for secret in filter(None, [parsed.password, *parsed.normalized_query.get("password", ())]):
        said = said.replace(str(secret), "***")
    return f"{shown(url)} cannot be read: {said}"


def _code(error: object) -> int:
    """SQLite's, without its details; 0 if it is none of its errors."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _file_engine(path: Path, stack: ExitStack) -> Engine:
    return create_engine("sqlite://", creator=partial(_connect, path, stack), poolclass=NullPool)


def _connect(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Connection that cannot write.

    In WAL mode SQLite keeps a file beside the database even for readers. Where it cannot, the database is taken as one
    that nobody changes; and if a writer that was killed left a log with what is not in it yet, from a copy of both.
    """
    try:
        return _open(path, "mode=rw")
    except sqlite3.OperationalError as error:
        if _code(error) not in UNWRITABLE:
            raise
    log = path.with_name(f"{path.name}-wal")
    if not (log.is_file() and log.stat().st_size):
        return _open(path, "immutable=1")
    folder = Path(stack.enter_context(TemporaryDirectory()))
    for file in (path, log):
        shutil.copyfile(file, folder / file.name)
    return _open(folder / path.name, "mode=rw")


def _open(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=LOCK_SECONDS)
    try:
        # Not mode=ro, which leaves SQLite's own files beside the database.
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _require_writable(url: str | URL) -> None:
    """Raise ValueError unless the file can be locked for writing; one that is not there, made."""
    path = find_file(url)
    if path is None:
        place = sqlite_path(url)
        folder = next(parent for parent in place.absolute().parents if parent.exists())
        if not (folder.is_dir() and _may_write(folder)):
            raise _unwritable(
                place, f"a {'folder' if folder.is_dir() else 'file'} {folder} in which nothing can be made"
            )
        return
    if not (_may_write(path) and _may_write(path.resolve().parent)):  # SQLite itself takes it for a wish to read
        raise _unwritable(path, "one that is read-only or lies in a folder that is")
    with explained(url), closing(sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _unwritable(place: Path, found: str) -> ValueError:
    return ValueError(
        f"{place} must be a file that can be written, got {found}; allow it (chmod u+w), copy the RUNS folder to where "
        "it can be written, or use another RUNS folder."
    )


def _migration(url: str | URL, library: Library) -> str:
    if kind(url) == SQLITE:
        return (
            "hourglass-bench migrate, with the same --runs, --storage and --tracking, keeps a copy and brings the "
            "tables up to date"
        )
    command = {"mlflow": "mlflow db upgrade URL"}.get(library.name, "optuna storage upgrade --storage URL")
    return f"make a copy (pg_dump), and bring the tables up to date with {command}"
