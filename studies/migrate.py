"""`hourglass-bench migrate`: both stores brought to the versions of MLflow and Optuna that are installed here."""

from pathlib import Path

from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.tracking.database import SQLITE, kind, shown
from hourglass_bench.bench.tracking.migration import migrate
from hourglass_bench.bench.tracking.store import tracking_url, upgrade_tables
from hourglass_bench.bench.tracking.versions import MLFLOW
from hourglass_bench.studies import lock, storage


def migrate_stores(runs: Path, storage_url: str = "", tracking: str = "") -> Answer:
    """Migrate what is older, each store after a copy of it; other stores than files are left alone.

    Raises:
        ValueError: a store cannot be read or migrated, or others use it; then it is unchanged.
    """
    url, place = storage.storage_url(runs, storage_url), tracking_url(runs, tracking)
    copies: dict[str, str] = {}
    for store, library, upgrade in (
        (place, MLFLOW, upgrade_tables),
        (url, storage.OPTUNA, storage.upgrade_tables),
    ):
        if kind(store) != SQLITE:
            continue
        if store == url:
            lock.require_free(store, "")
        if copy := migrate(store, library, upgrade):
            copies[shown(store)] = str(copy)
    lines = [f"{store} is up to date; what it was before is kept as {copy}" for store, copy in copies.items()]
    return Answer(
        {"migrated": copies}, "\n".join(lines) or "nothing to migrate: no database file here is of an older version"
    )
