"""Whether a store is of the versions installed here: one that is newer is refused, and an older one migrated."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text

from hourglass_bench.bench import schema

REVISIONS = "alembic_version"


class Library(NamedTuple):
    """Whose tables a database holds."""

    name: str
    """The package."""
    migrations: str
    """The folder in it of its tables' revisions: a file each that begins with the revision's name."""
    table: str
    """One that each of its databases has."""


MLFLOW = Library("mlflow", "store/db_migrations/versions", "experiments")


def refuse_newer_tables(connection: Connection, place: str, library: Library) -> None:
    """Raise ValueError if a database, called `place`, is of a newer version of the library."""
    for revision in _revisions(connection):
        if not any(_migrations(library).glob(f"{revision}*")):
            raise newer_than(place, library.name, f"revision {revision} of its tables")


def refuse_newer_runs(connection: Connection, place: str) -> None:
    """Raise ValueError if a newer version of this code logged runs in a tracking store."""
    rows = connection.scalars(text(f"SELECT DISTINCT value FROM tags WHERE key = '{schema.SCHEMA_VERSION}'"))
    versions = [int(value) for value in rows if value.isdecimal()]
    if max(versions, default=0) > schema.VERSION:
        raise newer_than(place, "hourglass-bench", f"runs of version {max(versions)} of the schema")


def newer_than(place: str, program: str, found: str) -> ValueError:
    """The refusal, in one sentence."""
    return ValueError(
        f"{place} must be written by no newer {program} than the one installed here, got {found}; update {program}, "
        "or use another RUNS folder or store."
    )


def older_revision(connection: Connection, library: Library) -> str | None:
    """The revision of tables that are to be migrated before this version of the library can write them."""
    following = [file.read_text(encoding="utf-8") for file in _migrations(library).glob("*.py")]
    for revision in _revisions(connection):
        if any(
            re.search(rf"^down_revision\b.*[\"']{re.escape(revision)}[\"']", one, re.MULTILINE) for one in following
        ):
            return revision
    return None


def _revisions(connection: Connection) -> list[str]:
    return [str(revision) for revision in connection.scalars(text(f"SELECT version_num FROM {REVISIONS}"))]


def _migrations(library: Library) -> Path:
    spec = find_spec(library.name)  # does not import it, which can take seconds
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / library.migrations
