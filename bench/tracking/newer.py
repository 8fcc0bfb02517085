"""Whether a newer version has written a store: this one would misread it, or spoil it for the newer one."""

from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import NullPool, create_engine, inspect, text

from bench import schema
from bench.tracking.database import POSTGRESQL, SQLITE, kind, postgresql_engine, redact, sqlite_path

REVISIONS = "alembic_version"
TAGS = "tags"


def refuse_newer(url: str, library: str, migrations: str) -> None:
    """Raise ValueError if a database is newer than the installed `library` or than this code; nothing is made.

    Args:
        url: Of a database; what lies behind a server is for the server to know.
        migrations: Folder in the library of its tables' revisions, a file each that begins with the revision's name.
    """
    if kind(url) not in (SQLITE, POSTGRESQL) or (kind(url) == SQLITE and not sqlite_path(url).is_file()):
        return
    engine = create_engine(url, poolclass=NullPool) if kind(url) == SQLITE else postgresql_engine(url)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        revisions = connection.scalars(text(f"SELECT version_num FROM {REVISIONS}")) if REVISIONS in tables else ()
        known = [path.name for path in (_folder_of(library) / migrations).iterdir()]
        for revision in revisions:
            if not any(name.startswith(revision) for name in known):
                raise newer_than(url, library, f"revision {revision} of its tables")
        if TAGS in tables:
            rows = connection.scalars(text(f"SELECT DISTINCT value FROM {TAGS} WHERE key = '{schema.SCHEMA_VERSION}'"))
            versions = [int(value) for value in rows if value.isdecimal()]
            if max(versions, default=0) > schema.VERSION:
                raise newer_than(url, "hourglass-bench", f"runs of version {max(versions)} of the schema")


def newer_than(url: str, program: str, found: str) -> ValueError:
    """The refusal, in one sentence."""
    return ValueError(
        f"{redact(url)} must be written by no newer {program} than the one installed here, got {found}; update "
        f"{program}, or use another RUNS folder or store."
    )


def _folder_of(library: str) -> Path:
    spec = find_spec(library)  # does not import it, which can take seconds
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
