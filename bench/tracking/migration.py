"""A database file whose tables an older version of its library made, brought to the version installed here."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.tracking.database import shown, sqlite_path, sqlite_url
from hourglass_bench.bench.tracking.opening import LOCK_SECONDS, explained, reading
from hourglass_bench.bench.tracking.versions import Library, older_revision


def migrate(url: str, library: Library, upgrade: Callable[[str], None]) -> Path | None:
    """Bring the tables of a database file up to date, whole or not at all; a copy of before lies beside it.

    Args:
        upgrade: What the library does to the database at a URL.

    Returns:
        The copy; None if there was nothing to do.

    Raises:
        ValueError: the database cannot be read, others use it, or its library cannot migrate it; then it is unchanged.
    """
    with reading(url, library) as connection:
        revision = None if connection is None else older_revision(connection, library)
    if revision is None:
        return None
    path = sqlite_path(url).resolve()
    copy = path.with_name(f"{path.stem}-{revision}{path.suffix}")
    with explained(url), closing(sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)) as held:
        # Out of WAL mode the file is all there is, and it stands still while it is held.
        held.execute("PRAGMA journal_mode = DELETE")
        held.execute("BEGIN EXCLUSIVE")
        with replacing(copy) as partial:
            shutil.copyfile(path, partial)
        with replacing(path) as draft:
            shutil.copyfile(path, draft)
            try:
                upgrade(sqlite_url(draft))
            except Exception as error:  # whatever the library, its migrations and the database have to say
                said = str(error).strip().partition("\n")[0]
                raise ValueError(
                    f"{shown(url)} must be one that {library.name} can migrate, got: {said}; it is unchanged."
                ) from error
            finally:
                for extra in draft.parent.glob(f"{draft.name}-*"):
                    os.unlink(extra)
    return copy
