"""Broken, foreign and locked stores: each command that opens one says so in a sentence, and writes nothing."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from hourglass_bench.__main__ import main
from hourglass_bench.api.results import load
from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import serve
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.tracking import opening
from hourglass_bench.bench.tracking.store import connect, open_store, tracking_url
from hourglass_bench.studies import placement, worker
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import InlineExecutor, pretended, sweep, trial_runs

MLFLOW, OPTUNA = schema.TRACKING_DB, schema.STUDY_DB
PAGE: Final = 4096


class Small(NamedTuple):
    """A finished study of trainings that did not happen."""

    runs: Path
    run_id: str


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, tiny_study: Factorial, copied_tables: None) -> Iterator[Small]:
    """It can be asked for by name while this module is tested, and nothing is trained or served."""

    def pretend(config: RunConfig, log: Any, **_: Any) -> Any:
        log.metrics({schema.BEST_VAL_IOU.name: 0.5})
        return pretended(log, {schema.BEST_VAL_IOU.name: 0.5})

    def serves(*_: object) -> None:
        raise AssertionError("a page is served of a broken store")

    runs = tmp_path_factory.mktemp("small") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CATALOG, tiny_study.name, tiny_study)
        patch.setattr(placement, "LocalExecutor", InlineExecutor)
        patch.setattr("hourglass_bench.studies.models.log", lambda *_: None)
        patch.setattr(worker, "run", pretend)
        patch.setattr(serve.Serve, "announce", serves)
        patch.setattr("hourglass_bench.bench.commands.ui._started", serves)
        patch.setattr(opening, "LOCK_SECONDS", 0.2)
        assert sweep(runs) == 0
        for name in (MLFLOW, OPTUNA):
            with closing(sqlite3.connect(runs / name)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield Small(runs, trial_runs(runs)[0].info.run_id)


@pytest.fixture
def runs(small: Small, tmp_path: Path) -> Path:
    """A copy of its stores: MLflow keeps a connection by the path."""
    for name in (MLFLOW, OPTUNA, "optuna.lock"):
        shutil.copy(small.runs / name, tmp_path)
    return tmp_path


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


def cut(size: Callable[[int], int]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes((content := path.read_bytes())[: size(len(content))]) and None


def garble(path: Path) -> None:
    """The first page of a table that all commands read."""
    table = "runs" if path.name == MLFLOW else "trials"
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * PAGE : page * PAGE] = bytes(range(256)) * (PAGE // 256)
    path.write_bytes(content)


def replace(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def fault(path: Path) -> None:
        path.unlink()
        make(path)

    return fault


def set_revision(path: Path) -> None:
    execute(path, "UPDATE alembic_version SET version_num = 'ffffffffffff'")


FAULTS: Final[dict[str, tuple[Callable[[Path], None], str]]] = {
    "half": (cut(lambda size: size // 2 // PAGE * PAGE), "{} must be whole, got a database that is cut off or overwri"),
    "odd end": (
        cut(lambda _: 5000),
        "{} must be whole, got a database that is cut off or overwritten in part; put back",
    ),
    "text": (
        lambda path: path.write_text("my notes\n" * 900) and None,
        "{} must be a SQLite database, got a file that",
    ),
    "garbage page": (
        garble,
        "{} must be whole, got a database that is cut off or overwritten in part; put back a copy",
    ),
    "empty": (lambda path: path.write_bytes(b"") and None, "{} must be a SQLite database, got an empty file; put back"),
    "folder": (replace(Path.mkdir), "{} must be a database file, got a folder; move it away."),
    "pipe": (replace(os.mkfifo), "{} must be a database file, got a device or pipe; move it away."),
    "dangling link": (
        replace(lambda path: path.symlink_to("/no/such.db")),
        "{} must be a database or a link to one, got",
    ),
    "link to itself": (
        replace(lambda path: path.symlink_to(path)),
        "{} must be a database or a link to one, got a link",
    ),
    "newer": (set_revision, "{} must be written by no newer"),
    "other program": (
        replace(lambda path: execute(path, "CREATE TABLE notes (a)")),
        "got those of another program (note",
    ),
}
"""Fault -> what it does to a database file, and what is said of it."""
STUDY: Final = "tiny --runs ."
TRAIN: Final = "--synthetic-scenes 6 --synthetic-frames 1 --size 16 --epochs 1 --folds 3 --device cpu --runs ."
COMMANDS: Final = {
    "sweep": (f"sweep {STUDY} --device cpu --workers 1", {MLFLOW, OPTUNA}),
    "status": (f"status {STUDY}", {MLFLOW, OPTUNA}),
    "register": (f"register {STUDY}", {MLFLOW, OPTUNA}),
    "doctor": (f"doctor {STUDY}", {MLFLOW, OPTUNA}),
    "repair": (f"doctor {STUDY} --repair", {MLFLOW, OPTUNA}),
    "migrate": ("migrate --runs .", {MLFLOW, OPTUNA}),
    "report": (f"report {STUDY}", {MLFLOW}),
    "ui": ("ui --no-browser --runs .", {MLFLOW}),
    "dashboard": ("dashboard --no-browser --runs .", {OPTUNA}),
    "train": (f"train {TRAIN}", {MLFLOW}),
    "resume": ("train --resume RUN_ID --runs .", {MLFLOW}),
    "reproduce": ("reproduce RUN_ID --runs .", {MLFLOW}),
    "sample": ("sample RUN_ID --runs .", {MLFLOW}),
    "predict": ("predict RUN_ID images --out masks --device cpu --runs .", {MLFLOW}),
}
"""Command -> its words, and the stores that it opens."""
WRITERS: Final = {"sweep", "repair", "register", "ui", "dashboard", "train", "resume", "reproduce"}
CASES: Final = [
    (fault, name, store)
    for fault in FAULTS
    for name, (_, stores) in COMMANDS.items()
    for store in sorted(stores)
    if (fault, name) != ("garbage page", "migrate")  # which reads the revision alone
]


def contents(folder: Path) -> dict[str, object]:
    """What lies there; a database by its bytes."""
    return {
        str(path): path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else path.is_dir()
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def refuses(
    runs: Path, small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """Function that gives a command and returns what it says: one paragraph, code 2, and nothing is changed."""
    (runs / "images").mkdir()
    shutil.copy(next(Path(__file__).parents[2].glob("docs/**/*.png")), runs / "images")
    monkeypatch.chdir(runs)

    def refuse(name: str, *, compare: bool = True) -> str:
        before = contents(runs) if compare else None
        capsys.readouterr()
        assert main(COMMANDS[name][0].replace("RUN_ID", small.run_id).split()) == 2
        said = capsys.readouterr()
        assert said.out == ""
        (line,) = (
            line for line in said.err.splitlines() if not line.endswith(" ...") and "was moved or copied" not in line
        )
        if compare:
            assert contents(runs) == before
        return line

    return refuse


@pytest.mark.parametrize(("fault", "name", "store"), CASES)
def test_a_broken_store_is_one_sentence(
    fault: str, name: str, store: str, runs: Path, refuses: Callable[[str], str]
) -> None:
    breaks, message = FAULTS[fault]
    breaks(runs / store)
    assert message.format(runs / store) in refuses(name)


@pytest.mark.parametrize(
    ("name", "store"), [(name, of) for name, (_, stores) in COMMANDS.items() for of in sorted(stores)]
)
def test_a_lock_that_is_held_is_waited_for_no_longer_than_that(
    name: str, store: str, runs: Path, refuses: Callable[..., str]
) -> None:
    """By a program that lets nobody read, and by one that writes, which only writers wait for."""
    with closing(sqlite3.connect(runs / store, isolation_level=None)) as holder:
        if name in WRITERS:
            holder.execute("BEGIN IMMEDIATE")
            assert f"{runs / store} must be free, got a lock that another program holds" in refuses(name, compare=False)
            holder.execute("ROLLBACK")
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        assert f"{runs / store} must be free, got a lock that another program holds" in refuses(name, compare=False)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_store_is_a_value_error_of_the_api(fault: str, runs: Path) -> None:
    breaks, message = FAULTS[fault]
    breaks(runs / MLFLOW)
    with pytest.raises(ValueError, match=r"mlflow\.db must ") as error:
        load("tiny", runs=runs)
    assert message.format(runs / MLFLOW) in str(error.value)


LOCKS: Final[dict[str, tuple[Callable[[Path], None], str]]] = {
    "folder": (replace(Path.mkdir), "got a folder; move it away."),
    "pipe": (replace(os.mkfifo), "got a device or pipe; move it away."),
    "link": (replace(lambda path: path.symlink_to(path.with_name("images"))), "got a link; move it away."),
    "text": (lambda path: path.write_text("my notes") and None, "got another file; move it away."),
    "list": (lambda path: path.write_text("[1]") and None, "got another file; move it away."),
    "bytes": (lambda path: path.write_bytes(b"\xff\xfe\x00") and None, "got another file; move it away."),
}


@pytest.mark.parametrize("name", ["sweep", "status", "doctor", "repair"])
@pytest.mark.parametrize("fault", LOCKS)
def test_what_lies_in_the_place_of_the_lock_is_named_and_kept(
    fault: str, name: str, runs: Path, refuses: Callable[[str], str]
) -> None:
    breaks, message = LOCKS[fault]
    breaks(runs / "optuna.lock")
    assert f"{runs / 'optuna.lock'} must be the lock of a RUNS folder, {message}" in refuses(name)


def test_a_storage_is_not_its_own_lock(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which is emptied."""
    (runs / OPTUNA).rename(runs / "study.lock")
    words = ["sweep", "tiny", "--runs", str(runs), "--storage", f"sqlite:///{runs / 'study.lock'}"]
    before = contents(runs)
    assert main([*words, "--device", "cpu", "--workers", "1"]) == 2
    assert "storage must be no file NAME.lock, which is the name of its lock" in capsys.readouterr().err
    assert contents(runs) == before


LOST: Final = {
    ("sweep", MLFLOW): "must hold the runs of the 4 ended units of study tiny in",
    ("register", MLFLOW): "must hold the runs of the 4 ended units of study tiny in",
    (
        "report",
        MLFLOW,
    ): "does not exist: optuna.db beside it knows of studies whose runs it held; put back a copy of it",
    ("sweep", OPTUNA): "must hold study tiny, of which",
    ("status", OPTUNA): "must hold study tiny, of which",
    ("register", OPTUNA): "must hold study tiny, of which",
    ("doctor", OPTUNA): "must hold study tiny, of which",
}


@pytest.mark.parametrize(("name", "store"), LOST)
def test_a_store_that_is_gone_while_the_other_is_there(
    name: str, store: str, runs: Path, refuses: Callable[[str], str]
) -> None:
    """No second store is begun beside what is left of the first."""
    (runs / store).unlink()
    said = refuses(name)
    assert f"{runs / store} {LOST[name, store]}" in said
    assert "put back a copy of it" in said


def test_without_the_runs_status_counts_them_and_a_sweep_can_be_told_to_do_all_again(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / MLFLOW).unlink()
    assert main(["status", "tiny", "--runs", str(runs)]) == 0
    assert "that the tracking store does not have: 4; do their units again" in " ".join(capsys.readouterr().out.split())
    assert sweep(runs, "--redo-deleted") == 0
    assert len(trial_runs(runs)) == 4


@pytest.mark.parametrize("name", ["sweep", "register", "ui"])
def test_an_experiment_that_was_deleted(
    name: str, small: Small, runs: Path, refuses: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(tracking_url(runs))
    client.delete_experiment(client.get_experiment_by_name("tiny").experiment_id)
    monkeypatch.setitem(COMMANDS, "ui", ("ui --study tiny --no-browser --runs .", {MLFLOW}))
    expected = {"sweep": "must not be deleted, got one that is; restore it", "ui": "study must be one of the store's"}
    assert expected.get(name, "must have a complete run of") in refuses(name, compare=False)


def test_a_link_to_a_store_elsewhere_is_read_and_not_written(
    runs: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path_factory.mktemp("links") / "runs"
    here.mkdir()
    for name in (MLFLOW, OPTUNA):
        (here / name).symlink_to(runs / name)
    assert main(["status", "tiny", "--runs", str(here)]) == 0
    before = contents(runs)
    capsys.readouterr()
    assert sweep(here, "--repeats", "3") == 2
    assert "Traceback" not in capsys.readouterr().err
    assert contents(runs) == before


def test_a_store_without_its_tables_is_not_filled(tmp_path: Path) -> None:
    """As one that a program made which was killed: it is not what a study began."""
    execute(tmp_path / MLFLOW, "PRAGMA journal_mode = WAL")
    with pytest.raises(ValueError, match=r"mlflow\.db must hold tables of mlflow, got none; put back a copy"):
        open_store(tracking_url(tmp_path))
