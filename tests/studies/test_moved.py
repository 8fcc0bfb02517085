"""RUNS that was moved or copied works where it is, nothing is read or written where it was, and its name is any."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hourglass_bench.api.results import load
from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main as bench
from hourglass_bench.bench.commands.predict import resolve_checkpoint
from hourglass_bench.bench.machine.file_lock import LOCK
from hourglass_bench.bench.tracking.locations import COLUMNS, relocate
from hourglass_bench.bench.tracking.store import RunLog, open_store, tracking_url
from hourglass_bench.bench.training.unfinished import Unfinished
from hourglass_bench.studies import lock, placement, storage
from hourglass_bench.studies.__main__ import main as studies
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import InlineExecutor, sweep, trial_runs

NAMES = ["a%20b", "100%", "what?#", "{x}", 'it\'s "so"', "ü 漢", "-lead", "a;b&c=d", "$HOME `id`", "a\\b*[c]", "file:"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, tiny_study: Factorial) -> Path:
    """A finished study that was swept in `old`, and then moved."""
    old = tmp_path_factory.mktemp("home") / "old"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CATALOG, tiny_study.name, tiny_study)
        patch.setattr(placement, "LocalExecutor", InlineExecutor)
        patch.setattr("hourglass_bench.studies.models.log", lambda *_: None)
        assert sweep(old) == 0
    return old.rename(old.with_name("kept"))


@pytest.fixture(params=["moved", "copied"])
def runs(kept: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The study in another place. Where it was there is nothing, or a copy whose artifacts are of no use."""
    old, runs = kept.with_name("old"), tmp_path / "new place"
    shutil.copytree(kept, runs)
    if request.param == "copied":
        shutil.copytree(kept, old)
        for path in (old / schema.ARTIFACT_DIR).rglob("*.*"):
            if path.is_file():
                path.write_text("not to be read")
    before = contents(old)
    yield runs
    assert contents(old) == before
    shutil.rmtree(old, ignore_errors=True)


def contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def stored_places(runs: Path) -> set[str]:
    """Every place of artifacts that the store has, but for MLflow's own experiment."""
    with closing(sqlite3.connect(runs / schema.TRACKING_DB)) as store:
        rows = [row for table, column in COLUMNS for row in store.execute(f"SELECT {column} FROM {table}")]
    return {place for (place,) in rows if place and not place.endswith("mlruns/0")}


def test_who_reads_finds_all_and_writes_nothing(runs: Path) -> None:
    before = contents(runs)
    run_id = trial_runs(runs)[0].info.run_id
    place = resolve_checkpoint(run_id, runs)
    assert place.is_relative_to(runs)
    assert len(load("tiny", runs=runs).frames) == 4 * 4
    assert {path for path in contents(runs) if not path.name.startswith("mlflow.db")} == {
        path for path in before if not path.name.startswith("mlflow.db")
    }
    assert not any("new%20place" in place for place in stored_places(runs))


@pytest.mark.usefixtures("catalog", "inline")
def test_a_study_goes_on_where_it_is(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(runs, "--repeats", "3") == 0
    assert capsys.readouterr().err.count(f"{runs} was moved or copied: its artifacts were in ") == 1
    assert {place.startswith(f"{runs.as_uri()}/artifacts/") for place in stored_places(runs)} == {True}
    folders = {run.info.run_id for run in trial_runs(runs)}
    assert len(folders) == 6
    assert {path.parents[2].name for path in runs.rglob(schema.CHECKPOINT_FILE)} == folders
    assert sweep(runs, "--repeats", "3") == 0
    assert "was moved" not in capsys.readouterr().err


def test_other_commands_that_write_go_on_too(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = trial_runs(runs)[0].info.run_id
    assert bench(["reproduce", run_id, "--runs", str(runs)]) == 0
    said = capsys.readouterr()
    assert "identical: all" in said.out
    assert "was moved or copied" in said.err
    (again,) = trial_runs_of(runs, "reproduce")
    assert (runs / schema.ARTIFACT_DIR / "reproduce" / again / "artifacts" / schema.CHECKPOINT_FILE).is_file()


def trial_runs_of(runs: Path, experiment: str) -> list[str]:
    return [run.info.run_id for run in trial_runs(runs, experiment)]


@pytest.fixture
def moved(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "runs")


def test_it_is_moved_all_at_once_or_not_at_all(moved: Path) -> None:
    before = stored_places(moved)
    with closing(sqlite3.connect(moved / schema.TRACKING_DB)) as store:
        store.execute("CREATE TRIGGER stop BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    with pytest.raises(sqlite3.IntegrityError, match="the disk is full"):
        relocate(moved)
    assert stored_places(moved) == before
    with closing(sqlite3.connect(moved / schema.TRACKING_DB)) as store:
        store.execute("DROP TRIGGER stop")
    assert relocate(moved)
    assert relocate(moved) == ""


def test_places_of_others_stay(moved: Path) -> None:
    client = open_store(tracking_url(moved))
    elsewhere = client.create_experiment("others", artifact_location="file:///data/artifacts/of-others")
    bucket = client.create_experiment("bucket", artifact_location="s3://bucket/artifacts/bucket")
    nested = client.create_experiment("nested", artifact_location=f"{moved.as_uri()}/artifacts/nested/artifacts/nested")
    assert relocate(moved)
    places = [client.get_experiment(name).artifact_location for name in (elsewhere, bucket, nested)]
    assert places[0] == "file:///data/artifacts/of-others"
    assert places[1] == "s3://bucket/artifacts/bucket"
    assert places[2].startswith(f"{moved.as_uri()}/artifacts/nested")


def test_a_store_given_by_its_url_keeps_what_it_says(moved: Path, tmp_path: Path) -> None:
    before = stored_places(moved)
    other = tmp_path / "other.db"
    shutil.copy(moved / schema.TRACKING_DB, other)
    run_id = trial_runs(moved)[0].info.run_id
    with pytest.raises(ValueError, match="must have the artifact checkpoint/state_dict.pt, got none"):
        resolve_checkpoint(run_id, moved, f"sqlite:///{other}")
    assert stored_places(moved) == before


@pytest.mark.parametrize("who", ["study", "training"])
def test_nobody_is_moved_while_another_process_works(moved: Path, who: str) -> None:
    """By the path that it knows RUNS by, which may be another name of the same folder."""
    before = stored_places(moved)
    with Unfinished() as training:
        if who == "training":
            training.hold(moved / schema.UNFINISHED_DIR / "one")
            with pytest.raises(ValueError, match="must be idle where it was moved or copied to, got a process"):
                relocate(moved)
        else:
            held = lock.exclusive(storage.storage_url(moved), "tiny")
            with held, pytest.raises(ValueError, match="must be idle where it was moved or copied to, got a process"):
                relocate(moved)
    assert stored_places(moved) == before
    assert relocate(moved)


def test_older_stores_move_too(stored: Path) -> None:
    runs = shutil.move(stored / "runs", stored / "moved")
    folders = [Path(folder) for folder in load("quick", runs=runs)._summary.study.trials["artifacts"]]
    assert {folder.is_relative_to(runs) for folder in folders} == {True}
    assert any((folder / schema.FRAME_TABLE).is_file() for folder in folders)
    assert relocate(Path(runs))
    assert {place.startswith(f"{Path(runs).as_uri()}/artifacts/") for place in stored_places(Path(runs))} == {True}
    assert not (stored / "runs").exists()


@pytest.mark.usefixtures("catalog", "inline")
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_any_name_holds_all_that_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = Path(name)
    assert sweep_there(runs) == 0, capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    run = trial_runs(runs)[0]
    assert len(list(runs.rglob(schema.CHECKPOINT_FILE))) == len(trial_runs(runs)) == 4
    place = resolve_checkpoint(run.info.run_id, runs)
    assert place.is_relative_to(runs.resolve())
    assert len(load("tiny", runs=runs).frames) == 4 * 4
    assert studies(["status", "tiny", f"--runs={name}", "--json"]) == 0
    given = f"sqlite:///{runs.resolve()}/{schema.TRACKING_DB}".replace("%", "%25").replace("?", "%3F")
    assert resolve_checkpoint(run.info.run_id, Path("none"), given) == place
    RunLog(open_store(tracking_url(runs)), run.info.run_id).text("?", "a note.txt")
    assert (place.parents[1] / "a note.txt").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def sweep_there(runs: Path) -> int:
    return studies(["sweep", "tiny", f"--runs={runs}", "--device", "cpu", "--workers", "1", "--json"])


@pytest.mark.usefixtures("catalog")
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\u2028b"])
@pytest.mark.parametrize(
    "verb", ["sweep tiny", "status tiny", "register tiny", "dashboard", "train", "ui", "reproduce X"]
)
def test_a_name_that_no_terminal_shows_is_refused(
    name: str, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main = studies if verb.split()[0] in ("sweep", "status", "register", "dashboard") else bench
    assert main([*verb.split(), "--runs", name]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"RUNS must be a path of printable UTF-8 characters, got {name!r}" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("catalog", "inline")
@pytest.mark.parametrize(
    "inside", ["optuna.lock", "mlflow.db", "optuna.db", "artifacts", "artifacts/tiny", "unfinished", f"train.{LOCK}"]
)
def test_links_that_lead_out_are_not_written_through(
    inside: str, moved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, users = moved / inside, tmp_path / "users"
    if place.exists():
        shutil.move(place, users)
    elif "." in inside:
        users.write_text("text")
    else:
        users.mkdir()
    place.symlink_to(users)
    before = contents(users) | ({users: users.read_bytes()} if users.is_file() else {})
    assert sweep(moved, "--repeats", "3") == 2
    assert f"{place} must not be a link that leads out of {moved}, got one to {users}" in capsys.readouterr().err
    assert contents(users) | ({users: users.read_bytes()} if users.is_file() else {}) == before


@pytest.mark.usefixtures("catalog", "inline")
def test_runs_and_its_cache_may_be_links(moved: Path, tmp_path: Path) -> None:
    shutil.move(moved / schema.CACHE_DIR, tmp_path / "large disk")
    (moved / schema.CACHE_DIR).symlink_to(tmp_path / "large disk")
    (tmp_path / "link").symlink_to(moved)
    assert sweep(tmp_path / "link", "--repeats", "3") == 0
    assert len(trial_runs(moved)) == 6


@pytest.mark.parametrize("write", ["text", "artifacts", "replace"])
def test_a_link_among_the_artifacts_of_a_run_is_not_written_through(moved: Path, tmp_path: Path, write: str) -> None:
    relocate(moved)
    log = RunLog(open_store(tracking_url(moved)), trial_runs(moved)[0].info.run_id)
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "one.txt").write_text("text")
    (tmp_path / "new" / "report").mkdir(parents=True)
    (tmp_path / "new" / "report" / "one.txt").write_text("other")
    Path(log.artifact("report")).symlink_to(tmp_path / "users")
    writes: dict[str, Callable[[], None]] = {
        "text": lambda: log.text("other", "report/one.txt"),
        "artifacts": lambda: log.artifacts(tmp_path / "new"),
        "replace": lambda: log.replace_artifacts("report", [tmp_path / "new" / "report" / "one.txt"]),
    }
    with pytest.raises(ValueError, match="must not be a link that leads out of"):
        writes[write]()
    assert os.listdir(tmp_path / "users") == ["one.txt"]
    assert (tmp_path / "users" / "one.txt").read_text() == "text"
