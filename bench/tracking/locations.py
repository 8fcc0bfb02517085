"""Where artifacts lie. Those of the store in RUNS lie in RUNS/artifacts, also after RUNS was moved or copied.

MLflow stores a place as an absolute URI. Whoever only reads takes of it what follows RUNS; whoever is to write has the
URIs rewritten first, since MLflow writes where they point. A store that is given by its URL keeps what it says.
"""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import text

from hourglass_bench.bench import schema
from hourglass_bench.bench.machine.file_lock import LOCK, lock
from hourglass_bench.bench.tracking.database import shown
from hourglass_bench.bench.tracking.opening import reading
from hourglass_bench.bench.tracking.versions import MLFLOW, refuse_newer_runs

COLUMNS: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Of MLflow's tables, that hold places of artifacts."""
PLACES: Final = """
SELECT artifact_location, name FROM experiments
UNION SELECT r.artifact_uri, e.name || '/' || r.run_uuid || '/artifacts'
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
UNION SELECT m.artifact_location, e.name || '/models/' || m.model_id || '/artifacts'
FROM logged_models m JOIN experiments e ON e.experiment_id = m.experiment_id
"""
"""Of experiments, runs and models, and where that is in the artifacts of RUNS."""
LOCK_SECONDS: Final = 20
"""Another process may write for as long."""


def local_path(uri: str) -> Path | None:
    """The path of a file's URI, or of what is a path already; None if it lies on a server, or nowhere."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(uri) if uri and not parts.scheme else None


def runs_of(folder: Path) -> Path | None:
    """RUNS of a folder RUNS/artifacts/STUDY/RUN/artifacts; None of one that lies otherwise."""
    return folder.parents[3] if folder.parts[-4:-3] == (schema.ARTIFACT_DIR,) else None


def run_folder(uri: str, runs: Path | None) -> Path | None:
    """The folder of a run's artifacts, by the URI that the store has; None if it is not on this machine.

    Args:
        runs: RUNS, if the store is the one that lies in it.
    """
    said = local_path(uri)
    before = said and runs_of(said)
    return said if runs is None or not said or not before else runs.resolve() / said.relative_to(before)


def relocate(runs: Path) -> str:
    """Have the store in RUNS say that its artifacts lie in RUNS, all at once; what was done, empty if nothing was.

    Raises:
        ValueError: it has to be done, and another process works in RUNS, which it may know by another path.
    """
    database, here = runs / schema.TRACKING_DB, _artifacts(runs.resolve().as_uri())
    if not database.exists():
        return ""
    with closing(sqlite3.connect(database, LOCK_SECONDS, isolation_level=None)) as store, ExitStack() as stack:
        if not _find_elsewhere(store, here):
            return ""
        _keep_idle(runs, stack)
        store.execute("BEGIN IMMEDIATE")
        elsewhere = _find_elsewhere(store, here)
        for there in sorted(elsewhere, key=len, reverse=True):  # one may lie in another
            for table, column in COLUMNS:
                store.execute(
                    f"UPDATE {table} SET {column} = ?1 || substr({column}, length(?2) + 1) "
                    f"WHERE substr({column}, 1, length(?2)) = ?2 AND substr({column}, 1, length(?1)) <> ?1",
                    (here, there),
                )
        store.execute("COMMIT")
    places = ", ".join(str(local_path(there)) for there in sorted(elsewhere))
    return f"{runs} was moved or copied: its artifacts were in {places} and are in {local_path(here)} from here on"


def _artifacts(root: str) -> str:
    return f"{root}/{schema.ARTIFACT_DIR}/"


def _find_elsewhere(store: sqlite3.Connection, here: str) -> set[str]:
    """The places of artifacts that the store has beside `here`, each as all URIs of what lies there begin."""
    return set(filter(None, (_root(uri, inside) for uri, inside in store.execute(PLACES)))) - {here}


def _root(uri: str | None, inside: str) -> str:
    """How the URI begins of what lies `inside` of RUNS/artifacts; empty if it is of another shape, as others' are."""
    if not uri or local_path(uri) is None:
        return ""
    begin = _artifacts(uri.rsplit("/", inside.count("/") + 2)[0])
    return begin if uri.startswith(begin) and unquote(uri.removeprefix(begin)) == inside else ""


def _keep_idle(runs: Path, stack: ExitStack) -> None:
    """Let nobody begin to work in RUNS until the stack ends.

    Raises:
        ValueError: somebody works there.
    """
    held = [*(runs / schema.UNFINISHED_DIR).glob(f"*/{LOCK}"), (runs / schema.STUDY_DB).with_suffix(".lock")]
    for path in held:
        try:
            lock(stack.enter_context(path.open("ab")))
        except BlockingIOError:
            raise ValueError(
                f"{runs} must be idle where it was moved or copied to, got a process that works in it; wait for it or "
                "stop it."
            ) from None


def artifact_uri(url: str, run_id: str) -> str | None:
    """Where a run in the database at `url` keeps its artifacts, as MLflow writes it; None if there is no such run.

    Raises:
        ValueError: the store cannot be read, or a newer version wrote it.
    """
    with reading(url, MLFLOW) as connection:
        if connection is None:
            return None
        refuse_newer_runs(connection, shown(url))
        found = connection.scalar(text("SELECT artifact_uri FROM runs WHERE run_uuid = :run"), {"run": run_id})
        return None if found is None else str(found)
