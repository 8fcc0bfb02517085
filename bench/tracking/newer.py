"""Whether a newer version has written a store: this one would misread it, or spoil it for the newer one."""

from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.database import POSTGRESQL, SQLITE, database_engine, kind, redact, sqlite_path

REVISIONS = "alembic_version"
TAGS = "tags"
MLFLOW = ("mlflow", "store/db_migrations/versions")
"""The library, and the folder in it of its tables' revisions: a file each that begins with the revision's name."""


def refuse_newer(url: str, library: str, migrations: str) -> None:
    """Raise ValueError if a database is newer than the installed `library` or than this code; nothing is made.

    Args:
        url: Of a database; what lies behind a server is for the server to know.
        library, migrations: As in `MLFLOW`.
    """
    if kind(url) not in (SQLITE, POSTGRESQL) or (kind(url) == SQLITE and not sqlite_path(url).is_file()):
        return
    with database_engine(url).connect() as connection:
        tables = inspect(connection).get_table_names()
        if REVISIONS in tables:
            refuse_newer_tables(connection, redact(url), library, migrations)
        if TAGS in tables:
            rows = connection.scalars(text(f"SELECT DISTINCT value FROM {TAGS} WHERE key = '{schema.SCHEMA_VERSION}'"))
            versions = [int(value) for value in rows if value.isdecimal()]
            if max(versions, default=0) > schema.VERSION:
                raise newer_than(redact(url), "hourglass-bench", f"runs of version {max(versions)} of the schema")


def refuse_newer_tables(connection: Connection, place: str, library: str, migrations: str) -> None:
    """The same for the tables of a database that is open; messages call it `place`."""
    spec = find_spec(library)  # does not import it, which can take seconds
    assert spec is not None
    assert spec.origin is not None
    for revision in connection.scalars(text(f"SELECT version_num FROM {REVISIONS}")):
        if not any((Path(spec.origin).parent / migrations).glob(f"{revision}*")):
            raise newer_than(place, library, f"revision {revision} of its tables")


def newer_than(place: str, program: str, found: str) -> ValueError:
    """The refusal, in one sentence."""
    return ValueError(
        f"{place} must be written by no newer {program} than the one installed here, got {found}; update {program}, "
        "or use another RUNS folder or store."
    )
