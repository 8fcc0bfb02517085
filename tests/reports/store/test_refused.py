"""Wrong input to `python -m reports`: one paragraph, exit code 2, no traceback, nothing written."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import run_sql

from hourglass_bench.bench import schema
from hourglass_bench.reports import build, document
from hourglass_bench.reports.__main__ import main

Refuse = Callable[[Callable[[list[str]], int], str], str]


@pytest.fixture
def runs(troubled_store: Path, tmp_path: Path) -> Path:
    """A folder with a store that can be reported."""
    shutil.copy(troubled_store / schema.TRACKING_DB, tmp_path)
    return run_sql(tmp_path, "PRAGMA journal_mode=DELETE")  # readers leave SQLite's own files beside one in WAL mode


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a report of nothing but its template, an empty page and an empty PDF."""
    monkeypatch.setattr(document, "write", lambda *_: {"sections": [{"blocks": []}]})
    monkeypatch.setattr(build, "page", lambda *_: "")
    monkeypatch.setattr(build, "_compile", lambda folder, *_: (folder / build.PDF).write_bytes(b""))


@pytest.mark.parametrize("command", ["build", "calibrate"])
def test_unknown_study(command: str, runs: Path, refused: Refuse) -> None:
    said = refused(main, f"{command} --study quack --runs .")
    assert (
        f"study must be one of those in {runs / schema.TRACKING_DB}, which are: quick; got 'quack'; did you mean quick?"
        in said
    )


def test_no_store(tmp_path: Path, refused: Refuse) -> None:
    remedy = "no study ran with RUNS=elsewhere. Run one first, with `make sweep`."
    said = refused(main, "build --runs elsewhere")
    assert f"{tmp_path / 'elsewhere' / schema.TRACKING_DB} does not exist: {remedy}" in said


def test_store_without_a_study(template: Path, tmp_path: Path, refused: Refuse) -> None:
    shutil.copy(template, tmp_path)
    run_sql(tmp_path, "PRAGMA journal_mode=DELETE")
    said = refused(main, "build --runs .")
    assert f"{tmp_path / schema.TRACKING_DB} holds no study yet: run one first, with `make sweep`." in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"{schema.TRACKING_DB} must be a SQLite database, got an empty file; put back a copy of it"),
        (b"these are no tables" * 100, f"{schema.TRACKING_DB} must be a SQLite database, got a file that is none; "),
    ],
)
def test_file_that_is_no_store(content: bytes, message: str, tmp_path: Path, refused: Refuse) -> None:
    (tmp_path / schema.TRACKING_DB).write_bytes(content)
    assert message in refused(main, "build --runs .")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "ALTER TABLE metrics RENAME TO points",
            "lacks the table metrics: it is no MLflow 3 store, or one of a newer layout.",
        ),
        ("ALTER TABLE metrics RENAME COLUMN step TO stride", "lacks metrics.step: "),
        (
            "UPDATE alembic_version SET version_num = 'ffffffffffff'",
            f"{schema.TRACKING_DB} must be written by no newer mlflow than the one installed here, got revision f",
        ),
        (
            f"UPDATE tags SET value = '99' WHERE key = '{schema.SCHEMA_VERSION}'",
            "8 of version 99. Update hourglass-bench",
        ),
    ],
)
def test_newer_layout(statement: str, message: str, runs: Path, refused: Refuse) -> None:
    run_sql(runs, statement)
    assert message in refused(main, "build --runs .")


@pytest.mark.parametrize("name", [schema.REPORT_DIR, f"{schema.REPORT_DIR}/quick"])
@pytest.mark.usefixtures("hasty")
def test_a_file_in_the_way_of_the_report(name: str, runs: Path, refused: Refuse) -> None:
    (runs / name).parent.mkdir(parents=True, exist_ok=True)
    (runs / name).write_text("in the way")
    said = refused(main, "build --runs .")
    assert f"{runs / name} must be a folder, where reports are written, and is a link or a file: " in said
    assert (runs / name).read_text() == "in the way"


@pytest.mark.usefixtures("hasty")
def test_where_runs_cannot_be_written_the_report_goes_elsewhere(
    runs: Path, refused: Refuse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / schema.REPORT_DIR).mkdir()
    (runs / schema.REPORT_DIR / ".lock").mkdir()  # as root, whom no mode keeps from writing
    said = refused(main, "build --runs .")
    assert f"the report in {runs / schema.REPORT_DIR / 'quick'} cannot be made: " in said
    assert "Another place for it is --out FOLDER." in said
    assert main(["report", "--runs", str(runs), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out' / 'quick' / 'report.pdf'}\n"
    assert not (runs / schema.REPORT_DIR / "quick").exists()


@pytest.mark.usefixtures("hasty")
def test_a_file_of_a_run_that_cannot_be_read_is_named(
    runs: Path, refused: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error", str(runs / "artifacts" / "panel.npz"))

    (runs / schema.REPORT_DIR).mkdir()
    monkeypatch.setattr(document, "write", read)
    said = refused(main, "build --runs .")
    assert said.endswith(f"reports: {runs / 'artifacts' / 'panel.npz'} must be readable, got input/output error.\n")


# The last one is Typst's, which says it in words only.
@pytest.mark.parametrize(
    ("function", "error"),
    [
        ("document.write", OSError(errno.ENOSPC, "No space left on device")),
        ("replaced", PermissionError(errno.EACCES, "Permission denied")),
        ("_compile", OSError("No space left on device (os error 28)")),
    ],
)
@pytest.mark.usefixtures("hasty")
def test_a_disk_that_refuses(
    function: str, error: OSError, runs: Path, refused: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    (runs / schema.REPORT_DIR).mkdir()
    monkeypatch.setattr(f"{build.__name__}.{function}", refuse)
    assert f"cannot be made: {error}." in refused(main, "build --runs .")
