"""`doctor`: each inconsistency is found, and repaired once; what is to be done again, the next sweep does."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.tracking.entries import Entries
from hourglass_bench.bench.tracking.spool import Spool
from hourglass_bench.bench.tracking.store import connect, tracking_url
from hourglass_bench.studies import lock, placement, storage, worker
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.doctor import Kind
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import InlineExecutor, find_study, pretended, sweep, trial_runs

STEMS: Final = ["a", "b", "c"]


def keep_files(folder: Path) -> None:
    """What a run that was tested keeps."""
    (folder / "checkpoint").mkdir(parents=True)
    with ZipFile(folder / schema.CHECKPOINT_FILE, "w") as archive:
        archive.writestr("weights", bytes(1000))
    for name in (schema.CONFIG_FILE, schema.SEAL_FILE):
        (folder / name).write_text("{}")
    (folder / schema.SPLIT_FILE).write_text(json.dumps({"test": STEMS}))
    pd.DataFrame({"stem": STEMS}).to_parquet(folder / schema.FRAME_TABLE)


@pytest.fixture(scope="module")
def trained() -> list[RunConfig]:
    """Configurations that were trained since."""
    return []


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, tiny_study: Factorial, copied_tables: None, trained: list[RunConfig]
) -> Iterator[Path]:
    """RUNS of a study of trainings that did not happen, and that keep files."""

    def pretend(config: RunConfig, log: Any, **_: Any) -> Any:
        trained.append(config)
        log.metrics({schema.BEST_VAL_IOU.name: 0.5})
        folder = tmp_path_factory.mktemp("kept") / "files"
        keep_files(folder)
        log.settle().artifacts(folder)
        return pretended(log, {schema.BEST_VAL_IOU.name: 0.5})

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CATALOG, tiny_study.name, tiny_study)
        patch.setattr(placement, "LocalExecutor", InlineExecutor)
        patch.setattr("hourglass_bench.studies.models.log", lambda *_: None)
        patch.setattr(worker, "run", pretend)
        runs = tmp_path_factory.mktemp("finished") / "runs"
        assert sweep(runs) == 0
        yield runs


class Patient:
    """A copy of it, in which something is broken."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.url = storage.storage_url(runs)
        self.client: MlflowClient = connect(tracking_url(runs))
        self.ids = sorted(run.info.run_id for run in trial_runs(runs))
        (parent,) = trial_runs(runs, kind="study")
        self.parent, self.experiment = parent.info.run_id, parent.info.experiment_id

    def files(self, run: int) -> Path:
        return Path(self.runs, schema.ARTIFACT_DIR, "tiny", self.ids[run], "artifacts")

    def optuna(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.runs / schema.STUDY_DB)) as database, database:
            database.execute("PRAGMA foreign_keys = ON")
            database.execute(statement, values)

    def trial_of(self, run: int) -> int:
        """The storage's id of the trial of a run."""
        trials = [trial for stage in storage.stages(find_study(self.runs)) for trial in stage.get_trials()]
        return next(one._trial_id for one in trials if one.user_attrs[storage.RUN_ID] == self.ids[run])

    def purge(self, *run_ids: str) -> None:
        """As `mlflow gc`."""
        for run_id in run_ids:
            self.client.delete_run(run_id)
            self.client._tracking_client.store._hard_delete_run(run_id)


@pytest.fixture
def patient(finished: Path, tmp_path: Path, trained: list[RunConfig]) -> Patient:
    runs = tmp_path / "runs"
    shutil.copytree(finished, runs)
    with closing(sqlite3.connect(runs / schema.TRACKING_DB)) as database, database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            moved = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            database.execute(moved, (finished.as_uri(), runs.as_uri()))
    trained.clear()
    return Patient(runs)


def forget_outcome(patient: Patient) -> None:
    """As a driver that was killed before it wrote it."""
    patient.optuna("DELETE FROM trial_user_attributes WHERE trial_id = ? AND key = 'state'", patient.trial_of(0))
    patient.optuna("UPDATE trials SET state = 'RUNNING' WHERE trial_id = ?", patient.trial_of(0))
    patient.client.delete_tag(patient.ids[0], schema.STATE)
    patient.client.update_run(patient.ids[0], "RUNNING")


def leave_in_spool(patient: Patient) -> None:
    """As a driver that was killed after it wrote the outcome of a trial whose tracking store had been away."""
    run_id, spool = patient.ids[0], Spool(patient.runs, patient.ids[0])
    spool.add([Entries(metrics={schema.BEST_VAL_IOU.name: 0.5})])
    spool.add_artifacts(patient.files(0))
    shutil.rmtree(patient.files(0))
    _artifact_repos_cache.clear()  # in this process MLflow has seen the run before RUNS was copied
    with closing(sqlite3.connect(patient.runs / schema.TRACKING_DB)) as database, database:
        for table in ("metrics", "latest_metrics"):
            database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run_id,))
    patient.optuna("UPDATE trials SET state = 'RUNNING' WHERE trial_id = ?", patient.trial_of(0))
    patient.client.delete_tag(run_id, schema.STATE)
    patient.client.update_run(run_id, "RUNNING")


def lose_trial(patient: Patient) -> None:
    """As an older copy of the storage, which lacks the last one."""
    trial = max(patient.trial_of(run) for run in range(len(patient.ids)))
    for table in ("params", "user_attributes", "values", "intermediate_values"):
        patient.optuna(f"DELETE FROM trial_{table} WHERE trial_id = ?", trial)
    patient.optuna("DELETE FROM trials WHERE trial_id = ?", trial)


def repeat_outcome(patient: Patient) -> None:
    """A second run and trial of a unit."""
    study = storage.stages(find_study(patient.runs))[0]
    (first,) = (one for one in study.get_trials() if one.user_attrs[storage.RUN_ID] == patient.ids[0])
    tags = patient.client.get_run(patient.ids[0]).data.tags
    again = patient.client.create_run(patient.experiment, tags=tags)
    patient.client.log_metric(again.info.run_id, schema.BEST_VAL_IOU.name, 0.5)
    patient.client.set_terminated(again.info.run_id)
    keep_files(Path(again.info.artifact_uri.removeprefix("file://")))
    from optuna.trial import create_trial

    attributes = first.user_attrs | {storage.RUN_ID: again.info.run_id}
    study.add_trial(create_trial(value=0.5, user_attrs=attributes))


def differ(patient: Patient) -> None:
    patient.client.log_metric(patient.ids[0], schema.BEST_VAL_IOU.name, 0.6, step=0)


def disagree(patient: Patient) -> None:
    patient.client.set_tag(patient.ids[0], schema.STATE, "failed")


def shorten_table(patient: Patient) -> None:
    pd.DataFrame({"stem": STEMS[:2]}).to_parquet(patient.files(0) / schema.FRAME_TABLE)


def garble(name: str) -> Callable[[Patient], None]:
    def fault(patient: Patient) -> None:
        path = patient.files(0) / name
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 0xFF
        path.write_bytes(content)

    return fault


def halve(name: str) -> Callable[[Patient], None]:
    def fault(patient: Patient) -> None:
        path = patient.files(0) / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return fault


def remove(name: str) -> Callable[[Patient], None]:
    return lambda patient: (patient.files(0) / name).unlink()


FAULTS: Final[dict[str, tuple[Callable[[Patient], None], list[Kind], int]]] = {
    "run deleted": (lambda patient: patient.client.delete_run(patient.ids[0]), ["lost"], 1),
    "run gone": (lambda patient: patient.purge(patient.ids[0]), ["lost"], 1),
    "three runs gone": (lambda patient: patient.purge(*patient.ids[:3]), ["lost"] * 3, 3),
    "cut off": (forget_outcome, ["open trial", "open run"], 1),
    "cut off while its run was told": (leave_in_spool, ["open trial", "open run"], 0),
    "trial open": (
        lambda patient: patient.optuna("UPDATE trials SET state = 'RUNNING' WHERE trial_id = ?", patient.trial_of(0)),
        ["open trial"],
        0,
    ),
    "run open": (lambda patient: patient.client.update_run(patient.ids[0], "RUNNING"), ["state", "open run"], 0),
    "run of another state": (disagree, ["state"], 0),
    "trial lost": (lose_trial, ["unclaimed"], 1),
    "outcome twice": (repeat_outcome, ["duplicate"], 0),
    "another metric": (differ, ["different"], 1),
    "frame table of fewer frames": (shorten_table, ["damaged"], 1),
    **{f"no {name}": (remove(name), ["damaged"], 1) for name in (schema.CHECKPOINT_FILE, schema.SPLIT_FILE)},
    **{f"no {name}": (remove(name), ["damaged"], 1) for name in (schema.SEAL_FILE, schema.FRAME_TABLE)},
    f"garbled {schema.CHECKPOINT_FILE}": (garble(schema.CHECKPOINT_FILE), ["damaged"], 1),
    f"half of {schema.FRAME_TABLE}": (halve(schema.FRAME_TABLE), ["damaged"], 1),
    "study's run deleted": (lambda patient: patient.client.delete_run(patient.parent), ["study's run"], 0),
    "study's run gone": (lambda patient: patient.purge(patient.parent), ["study's run"], 0),
    "study's run open": (lambda patient: patient.client.update_run(patient.parent, "RUNNING"), ["study's run"], 0),
}
"""Fault -> what makes it, what is found, and how many units the next sweep does again."""


def stored(runs: Path) -> list[list[str]]:
    """All that both databases hold."""
    dumps = []
    for name in (schema.TRACKING_DB, schema.STUDY_DB):
        with closing(sqlite3.connect(runs / name)) as database:
            dumps.append(list(database.iterdump()))
    return dumps


def ask(runs: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main(["doctor", "tiny", "--runs", str(runs), "--json", *flags])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_inconsistency_is_found_and_repaired_once(
    fault: str, patient: Patient, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    breaks, kinds, again = FAULTS[fault]
    breaks(patient)
    before = stored(patient.runs)
    code, answer = ask(patient.runs, capsys)
    assert (code, [one["kind"] for one in answer["findings"]]) == (1, kinds)
    assert stored(patient.runs) == before
    code, answer = ask(patient.runs, capsys, "--repair")
    assert (code, answer["findings"], [one["kind"] for one in answer["repaired"]]) == (0, [], kinds)
    repaired = stored(patient.runs)
    assert repaired != before
    code, answer = ask(patient.runs, capsys, "--repair")
    assert (code, answer["findings"], answer["repaired"]) == (0, [], [])
    assert stored(patient.runs) == repaired
    assert sweep(patient.runs) == 0
    assert len(trained) == again
    counting = [run for run in trial_runs(patient.runs) if schema.SUPERSEDED not in run.data.tags]
    complete = [run.data.tags[schema.UNIT] for run in counting if run.data.tags.get(schema.STATE) == "complete"]
    assert len(complete) == len(set(complete)) == 4
    assert ask(patient.runs, capsys)[0] == 0


def test_a_study_that_is_whole_is_left_as_it_is(patient: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    before = stored(patient.runs)
    for flags in ([], ["--repair"]):
        assert ask(patient.runs, capsys, *flags) == (0, {"study": "tiny", "findings": [], "repaired": []})
    assert stored(patient.runs) == before


def test_people_get_a_line_for_each_finding_and_each_repair(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    patient.client.delete_run(patient.ids[0])
    disagree_id = patient.ids[1]
    patient.client.set_tag(disagree_id, schema.STATE, "failed")
    words = ["doctor", "tiny", "--runs", str(patient.runs)]
    assert main(words) == 1
    said = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in said[:2]) == ["lost", "state"]
    assert any(patient.ids[0] in line and line.endswith("the run is deleted") for line in said)
    assert "2 found; with --repair:" in said
    assert "  lost: restore the run in MLflow, or the next sweep does its unit again" in said
    assert main([*words, "--repair"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["repaired:", "repaired:", "study"]


def test_a_study_that_runs_is_not_examined(patient: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    with lock.exclusive(patient.url, "tiny"):
        for flags in ([], ["--repair"]):
            assert main(["doctor", "tiny", "--runs", str(patient.runs), *flags]) == 2
            assert "study tiny must rest to be examined, got a sweep of it at work" in capsys.readouterr().err


def test_a_moved_store_is_whole(patient: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    moved = patient.runs.with_name("moved")
    patient.runs.rename(moved)
    assert ask(moved, capsys)[0] == 0


def test_files_on_another_machine_are_not_called_missing(patient: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a store in RUNS are."""
    artifacts = patient.runs / schema.ARTIFACT_DIR
    artifacts.rename(artifacts.with_name("elsewhere"))
    assert ask(patient.runs, capsys, "--tracking", tracking_url(patient.runs))[0] == 0
    code, answer = ask(patient.runs, capsys)
    assert (code, [one["kind"] for one in answer["findings"]]) == (1, ["damaged"] * 4)


def test_a_repair_waits_for_a_deleted_experiment(patient: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    """Which a sweep would refuse as well."""
    patient.client.delete_experiment(patient.experiment)
    code, answer = ask(patient.runs, capsys)
    assert (code, len(answer["findings"])) == (1, 5)
    before = stored(patient.runs)
    assert main(["doctor", "tiny", "--runs", str(patient.runs), "--repair"]) == 2
    assert "must not be deleted, got one that is; restore it" in capsys.readouterr().err
    assert stored(patient.runs) == before
