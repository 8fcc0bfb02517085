"""What the tracking store and the study store have in common: URLs, SQLite's settings, and how stores fail."""

import errno
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from hourglass_bench.bench.files import require_printable
from hourglass_bench.bench.machine.out_of_memory import causes

PORTS = {"http": 80, "https": 443, "postgresql": 5432}
SQLITE = "sqlite"
POSTGRESQL = "postgresql"
REACH_SECONDS = 5

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}


def sqlite_url(path: Path) -> str:
    """URL of a database file, whose name may hold what means something else in a URL, or in Optuna's templates.

    Slashes are escaped as well: MLflow makes the folders that it reads in the URL as it stands, and there are none.
    """
    whole = path.resolve() if path.exists() or not path.is_symlink() else path.absolute()  # a link to nothing stays one
    return f"{SQLITE}:////{quote(str(whole)[1:], safe='')}"


def store_url(file: Path, url: str) -> str:
    """`url`, or that of the database `file` in RUNS if it is empty; one of SQLite as `sqlite_url` spells it.

    Raises:
        ValueError: it is no URL of a store, or RUNS has a name that no terminal could show.
    """
    require_printable("RUNS", file.parent)
    if not url:
        return sqlite_url(file)
    if kind(url) != SQLITE:
        return url
    _, mark, options = url.partition("?")
    return f"{sqlite_url(sqlite_path(url))}{mark}{options}"


def kind(url: str | URL) -> str:
    """`sqlite`, `postgresql`, `http` or `https`, whatever driver the URL names.

    Raises:
        ValueError: it is none of them.
    """
    scheme = str(url).partition(":")[0].partition("+")[0]
    if scheme != SQLITE and scheme not in PORTS:
        raise ValueError(
            f"a store's URL must start with one of {SQLITE}, {', '.join(PORTS)}, got {redact(str(url))!r}."
        )
    return scheme


def sqlite_path(url: str | URL) -> Path:
    """The file of a SQLite URL.

    Raises:
        ValueError: the URL names none.
    """
    name = make_url(url).database
    if not name:
        raise ValueError(f"a SQLite URL must name a file, as in sqlite:////data/runs.db, got {str(url)!r}.")
    return Path(name)


def shown(url: str | URL) -> str:
    """A store as messages name it: a file by its path, a server with its password masked and without options."""
    parsed = make_url(url)
    if parsed.get_backend_name() == SQLITE:
        return parsed.database or str(parsed)
    return redact(parsed.render_as_string(hide_password=False))


def redact(url: str) -> str:
    """The URL without its password and its options, which may hold one too, for messages and records."""
    try:
        return make_url(url).set(query={}).render_as_string(hide_password=True)
    except ArgumentError:
        return url.rpartition("@")[2] if "@" in url else url


def require_reachable(name: str, url: str) -> None:
    """Raise ValueError at once if no store can be where `url` points; clients retry for minutes before they say so."""
    scheme = kind(url)
    if scheme == SQLITE:
        sqlite_path(url)
        return
    parsed = make_url(url)
    host, port = parsed.host, parsed.port or PORTS[scheme]
    if host is not None:  # else it is a local socket
        try:
            socket.create_connection((host, port), timeout=REACH_SECONDS).close()
        except OSError as error:
            raise ValueError(
                f"{name} must be the URL of a store that answers, got {redact(url)}: {host}:{port} says {error}."
            ) from None
    if scheme == POSTGRESQL:
        postgresql_engine(url).connect().close()


def postgresql_engine(url: str | URL, **options: Any) -> Engine:
    """Engine without a pool: a connection that is closed is gone, and its locks with it.

    Raises:
        ValueError: there is no driver.
    """
    try:
        return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": REACH_SECONDS}, **options)
    except ImportError as error:
        raise ValueError(
            f'PostgreSQL needs its driver: pip install "hourglass-bench[postgresql]" ({error}).'
        ) from error


def prepare(name: str, url: str) -> None:
    """What comes before a store is opened for writing: it answers; a SQLite file is in WAL mode.

    Raises:
        ValueError: as `require_reachable`.
    """
    require_reachable(name, url)
    if kind(url) == SQLITE:
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
        settle_sqlite()
        with closing(sqlite3.connect(sqlite_path(url))) as connection:
            # The file stays in this mode, in which readers and one writer do not wait for each other.
            connection.execute("PRAGMA journal_mode=WAL")


def make_whole(path: Path, make: Callable[[str], None]) -> None:
    """Have `make` make a database, given its URL, unless it is there.

    It is made elsewhere and then moved, since neither library can go on where it was killed.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".new-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        make(sqlite_url(draft))
        if not path.exists():
            draft.replace(path)


def settle_sqlite() -> None:
    """From now on open SQLite files with synchronous=NORMAL.

    In WAL mode that loses nothing to a killed process and saves one disk flush per commit.
    """
    if not event.contains(Engine, "connect", _relax_sync):
        event.listen(Engine, "connect", _relax_sync)


def _relax_sync(connection: Any, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        with suppress(sqlite3.DatabaseError):  # a file that is no database is for its reader to report
            connection.execute("PRAGMA synchronous=NORMAL")


class StoreError(RuntimeError):
    """A disk or database failed, as another process tells it."""


def store_failure(error: BaseException) -> str | None:
    """What the disk or the database said, if that is why `error` was raised; None for every other error."""
    for cause in causes(error):
        if isinstance(cause, OperationalError):
            return str(cause.orig).strip().partition("\n")[0]
        unreachable = isinstance(cause, ConnectionError) or type(cause).__module__.startswith("requests.")
        unwritable = isinstance(cause, OSError) and cause.errno in _UNWRITABLE
        if isinstance(cause, StoreError | sqlite3.OperationalError) or unreachable or unwritable:
            return str(cause)
    return None
