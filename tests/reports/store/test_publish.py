"""What a built report leaves at the parent run of its study."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers import run_sql

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.store import RunLog, connect, tracking_url
from hourglass_bench.reports import build
from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.build import Built
from hourglass_bench.reports.store import publish
from hourglass_bench.reports.store.load import load_study
from tests.studies.conftest import trial_runs

CONFIGURATIONS = f"{schema.BEST_VAL_IOU.name} mean,{schema.TEST_IOU.name} mean\n0.7,0.6\n0.8,0.5\n,\n"


@pytest.fixture
def runs(small_store: Path, tmp_path: Path) -> Path:
    """A folder with the tracking store of a finished study, whose artifacts lie there too."""
    shutil.copy(small_store / schema.TRACKING_DB, tmp_path)
    artifacts = (tmp_path / schema.ARTIFACT_DIR).as_uri()
    return run_sql(tmp_path, f"UPDATE runs SET artifact_uri = '{artifacts}/' || run_uuid")


def parent(runs: Path) -> Any:
    """The parent run."""
    (run,) = trial_runs(runs, "quick", kind="study")
    return run


def files(runs: Path) -> dict[str, str]:
    """Content of the published files, by name."""
    folder = runs / schema.ARTIFACT_DIR / parent(runs).info.run_id / publish.FOLDER
    return {path.name: path.read_text() for path in folder.iterdir()}


def made(folder: Path, answer: str, *, html: bool = True, **numbers: float) -> Path:
    """The parts of a built report that are published."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    blocks = [{"kind": "lead", "text": answer}, {"kind": "table", "rows": []}, {"kind": "text", "text": "A reason."}]
    sections = [{"blocks": blocks}, {"blocks": [{"kind": "text", "text": "Page two."}]}]
    report = {"sections": sections, "numbers": {f"claim.{name}": {"value": value} for name, value in numbers.items()}}
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "data" / "configurations.csv").write_text(CONFIGURATIONS)
    (folder / "report.pdf").write_text(f"PDF: {answer}")
    if html:
        (folder / "report.html").write_text(f"page: {answer}")
    return folder


def test_an_answer_replaces_the_one_of_before(runs: Path, tmp_path: Path) -> None:
    for number, answer in enumerate(("Nothing is known.", "One is better.")):
        folder = made(tmp_path / answer, answer, difference=0.1 + number, low=-0.2, high=0.4)
        assert publish.publish(folder, "quick", runs, "") is None
    data = parent(runs).data
    assert data.tags[schema.NOTE] == f"{schema.NOTE_ANSWER}\n\nOne is better.\n\nA reason."
    assert files(runs) == {"report.pdf": "PDF: One is better.", "report.html": "page: One is better."}
    assert data.metrics == {
        schema.STUDY_DIFFERENCE.name: 1.1,
        schema.STUDY_DIFFERENCE_LOW.name: -0.2,
        schema.STUDY_DIFFERENCE_HIGH.name: 0.4,
        schema.STUDY_IOU.name: 0.5,  # of the configuration that validation chooses
    }


def test_names_are_no_markdown(runs: Path, tmp_path: Path) -> None:
    publish.publish(made(tmp_path / "report", "[l](http://x) <img src=x> *b* [0.1, 0.2]"), "quick", runs, "")
    said = parent(runs).data.tags[schema.NOTE]
    assert "\n\n[l]\\(http://x) \\<img src=x> \\*b\\* [0.1, 0.2]\n\n" in said


def test_the_next_report_is_the_same(runs: Path, tmp_path: Path) -> None:
    before = load_study(runs, "quick").trials
    publish.publish(made(tmp_path / "report", "One is better.", difference=0.1, low=0.0, high=0.2), "quick", runs, "")
    pd.testing.assert_frame_equal(load_study(runs, "quick").trials, before)


def test_a_copied_store_writes_no_files_into_the_original(runs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(runs / schema.TRACKING_DB, copy)
    publish.publish(made(tmp_path / "first", "Of the original."), "quick", runs, "")
    said = publish.publish(made(tmp_path / "second", "Of the copy."), "quick", copy, "")
    assert said is not None
    assert "artifacts lie in" in said
    assert files(runs)["report.pdf"] == "PDF: Of the original."
    assert "Of the copy." in parent(copy).data.tags[schema.NOTE]


def test_what_stands_before_the_answer_is_kept(runs: Path, tmp_path: Path) -> None:
    run = parent(runs).info.run_id
    for number in range(2):
        note = parent(runs).data.tags.get(schema.NOTE, "")
        RunLog(connect(tracking_url(runs)), run).tags({schema.NOTE: f"Edit {number} by a user.\n\n{note}"})
        publish.publish(made(tmp_path / "report", "One is better."), "quick", runs, "")
    said = parent(runs).data.tags[schema.NOTE]
    assert said.startswith(f"Edit 1 by a user.\n\nEdit 0 by a user.\n\n{schema.NOTE_ANSWER}\n\nOne is better.")
    assert said.count(schema.NOTE_ANSWER) == 1


def test_a_page_of_before_does_not_outlive_a_report_without_one(runs: Path, tmp_path: Path) -> None:
    publish.publish(made(tmp_path / "with", "Old."), "quick", runs, "")
    assert set(files(runs)) == {"report.pdf", "report.html"}
    assert publish.publish(made(tmp_path / "without", "New.", html=False), "quick", runs, "") is None
    assert files(runs) == {"report.pdf": "PDF: New."}


def test_a_study_without_a_parent_run(runs: Path, tmp_path: Path) -> None:
    run_sql(runs, f"UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = '{parent(runs).info.run_id}'")
    assert publish.publish(made(tmp_path / "report", "One is better."), "quick", runs, "") is None
    assert not (runs / schema.ARTIFACT_DIR).exists()


def test_a_report_has_all_that_is_published(runs: Path, small_store: Path, built: Callable[..., Built]) -> None:
    folder = built(small_store, "quick").report.parent
    assert publish.publish(folder, "quick", runs, "") is None
    data = parent(runs).data
    assert data.metrics.keys() == {schema.STUDY_IOU.name, *(metric.name for metric in publish.FIGURES.values())}
    (title,) = json.loads((folder / "report.json").read_text())["sections"][0]["blocks"][:1]
    assert title["text"] in data.tags[schema.NOTE]


def test_a_store_that_cannot_be_written(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sql(
        runs, "CREATE TRIGGER refuse BEFORE INSERT ON latest_metrics BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    )
    pdf = made(tmp_path / "report", "One is better.") / "report.pdf"
    monkeypatch.setattr(build, "build", lambda *_, **__: Built(pdf, "quick", 24, 8, {}))
    assert main(["report", "quick", "--runs", str(runs)]) == 0
    said = capsys.readouterr()
    moved, line, _ = said.err.splitlines()  # and what to do next
    assert f"{runs} was moved or copied" in moved
    assert "could not be put into the tracking store: " in line
    assert line.endswith("the disk is full")
    assert said.out.startswith(str(pdf))
