"""Stores of an older MLflow or Optuna: read as they are, refused where they are written, and migrated with a copy."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import mlflow
import pytest
from alembic import command
from alembic.config import Config

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.tracking import migration
from hourglass_bench.bench.tracking.database import sqlite_path, sqlite_url
from hourglass_bench.bench.tracking.migration import migrate
from hourglass_bench.bench.tracking.versions import MLFLOW
from hourglass_bench.studies import storage
from hourglass_bench.studies.__main__ import main
from tests.studies.conftest import sweep, trial_runs

pytestmark = pytest.mark.usefixtures("catalog", "inline")

OLDER: Final = {schema.TRACKING_DB: "17e22815139b", schema.STUDY_DB: "v3.0.0.d"}
"""Database -> a revision of an older version."""


def downgrade(path: Path) -> None:
    """Tables as the older version had them."""
    if path.name == schema.STUDY_DB:  # what came after that revision of Optuna is an index
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DROP INDEX ix_trials_study_id")
            database.execute("UPDATE alembic_version SET version_num = 'v3.0.0.d'")
        return
    config = Config()
    config.set_main_option("script_location", str(Path(mlflow.__file__).parent / MLFLOW.migrations).rpartition("/")[0])
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    command.downgrade(config, OLDER[path.name])


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


@pytest.mark.parametrize("name", OLDER)
def test_an_older_store_is_read_as_it_is_and_migrated_with_a_copy(
    name: str,
    tmp_path: Path,
    trained: list[RunConfig],
    capsys: pytest.CaptureFixture[str],
) -> None:
    made, runs = tmp_path / "made", tmp_path / "runs"
    assert sweep(made) == 0
    trained.clear()
    shutil.copytree(made, runs)  # MLflow keeps connections by their path
    downgrade(runs / name)
    older = (runs / name).read_bytes()
    assert main(["status", "tiny", "--runs", str(runs)]) == 0
    capsys.readouterr()
    assert sweep(runs) == 2
    said = capsys.readouterr().err
    assert f"{runs / name} must be of the " in said
    assert f"got revision {OLDER[name]} of its tables, which is of an older one; hourglass-bench migrate, with" in said
    assert (runs / name).read_bytes() == older

    assert main(["migrate", "--runs", str(runs)]) == 0
    copy = runs / f"{Path(name).stem}-{OLDER[name]}.db"
    assert capsys.readouterr().out == f"{runs / name} is up to date; what it was before is kept as {copy}\n"
    assert (revision(copy), revision(runs / name)) == (OLDER[name], revision(made / name))
    left = {path.name for path in runs.iterdir() if path.is_file()}
    assert left == {*OLDER, "optuna.lock", "train.lock", copy.name}
    assert sweep(runs) == 0
    assert trained == []
    assert len(trial_runs(runs)) == 4

    kept = copy.read_bytes()
    capsys.readouterr()
    assert main(["migrate", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out.startswith("nothing to migrate: ")
    assert copy.read_bytes() == kept


@pytest.fixture
def older(tmp_path: Path, trained: list[RunConfig]) -> Path:
    """A storage of an older Optuna."""
    assert sweep(tmp_path / "made") == 0
    path = tmp_path / schema.STUDY_DB
    shutil.copy(tmp_path / "made" / schema.STUDY_DB, path)
    downgrade(path)
    return path


def test_a_migration_that_fails_leaves_the_store_as_it_was(older: Path) -> None:
    def fail(url: str) -> None:
        with closing(sqlite3.connect(sqlite_path(url))) as database, database:
            database.execute("DROP TABLE trials")
        raise RuntimeError("no such column\nand more")

    before = sorted(older.parent.iterdir())
    dump = rows(older)
    said = r"optuna\.db must be one that optuna can migrate, got: no such column; it is unchanged"
    with pytest.raises(ValueError, match=said):
        migrate(sqlite_url(older), storage.OPTUNA, fail)
    assert rows(older) == dump
    copy = older.with_name("optuna-v3.0.0.d.db")
    assert sorted(older.parent.iterdir()) == sorted([*before, copy])


def test_a_store_that_others_have_open_is_not_migrated(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(older)) as other:
        other.execute("SELECT count(*) FROM trials").fetchall()
        with pytest.raises(ValueError, match=r"optuna\.db must be free, got a lock that another program holds"):
            migrate(sqlite_url(older), storage.OPTUNA, storage.upgrade_tables)
    assert revision(older) == OLDER[schema.STUDY_DB]
    assert migrate(sqlite_url(older), storage.OPTUNA, storage.upgrade_tables) == older.with_name("optuna-v3.0.0.d.db")
