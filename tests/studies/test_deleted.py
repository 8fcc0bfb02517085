"""Runs that were deleted by hand: `studies` says so, and does their units again only if it is asked to."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy import Engine, event

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.tracking.store import connect, tracking_url
from hourglass_bench.bench.tracking.stored_runs import StoredRun, ask_client, stored_runs
from hourglass_bench.studies import storage
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.status import status
from tests.conftest import TINY_DATA
from tests.studies.conftest import find_study, sweep, trial_runs

pytestmark = pytest.mark.usefixtures("catalog", "inline")

DELETED = "runs of ended units that were deleted: {}; restore them (in MLflow's UI, or mlflow runs restore --run-id {})"
GONE = "runs of ended units that the tracking store does not have: {}; do their units again with --redo-deleted"


class Swept:
    """The tiny study, done by trainings that did not happen."""

    def __init__(self, runs: Path) -> None:
        assert sweep(runs) == 0
        self.runs = runs
        self.client: MlflowClient = connect(tracking_url(runs))
        self.ids = [run.info.run_id for run in trial_runs(runs)]
        (self.parent,) = (run.info.run_id for run in trial_runs(runs, kind="study"))

    def delete(self, ids: Sequence[str], *, purge: bool = False) -> None:
        """As MLflow's UI does, and `mlflow gc` after it."""
        for run_id in ids:
            self.client.delete_run(run_id)
            if purge:
                self.client._tracking_client.store._hard_delete_run(run_id)

    def units(self, ids: Sequence[str]) -> list[str]:
        """Of runs."""
        return sorted(self.client.get_run(run_id).data.tags[schema.UNIT] for run_id in ids)


@pytest.fixture
def swept(tmp_path: Path, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]) -> Swept:
    done = Swept(tmp_path / "runs")
    trained.clear()
    capsys.readouterr()
    return done


def test_deleted_runs_are_named_and_left_alone(
    swept: Swept, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    deleted = swept.ids[:2]
    swept.delete(deleted)
    assert sweep(swept.runs) == 0
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert any(line.startswith(DELETED.format(2, run_id)) for run_id in deleted)
    assert line.endswith("or do their units again with --redo-deleted (make sweep REDO_DELETED=1)")
    told = json.loads(said.out)
    assert (sorted(told["deleted"]), told["gone"], told["complete"]) == (sorted(deleted), [], 4)
    assert trained == []

    assert main(["status", "tiny", "--runs", str(swept.runs)]) == 0
    assert DELETED.format(2, "")[:-1] in " ".join(capsys.readouterr().out.split())

    for run_id in deleted:
        swept.client.restore_run(run_id)
    assert sweep(swept.runs, "--redo-deleted") == 0
    assert capsys.readouterr().err == ""
    assert trained == []


def test_units_of_deleted_runs_are_done_again_if_asked_to(
    swept: Swept, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    """Once; the trials of before stay, and a run that is restored later counts no more."""
    deleted = swept.ids[:2]
    units = swept.units(deleted)
    swept.delete(deleted)
    for number, done_again in enumerate((2, 0)):
        assert sweep(swept.runs, "--redo-deleted") == 0
        said = capsys.readouterr()
        assert ("units that are done again, since their runs were deleted: 2" in said.err) == (number == 0)
        assert json.loads(said.out)["deleted"] == []
        assert len(trained) == done_again
        trained.clear()
    added = [run for run in trial_runs(swept.runs) if run.info.run_id not in swept.ids]
    assert sorted(run.data.tags[schema.UNIT] for run in added) == units
    assert {run.data.tags[schema.ATTEMPT] for run in added} == {"2"}
    trials = find_study(swept.runs).get_trials()
    assert Counter(trial.user_attrs[storage.UNIT] in units for trial in trials) == {True: 4, False: 2}
    assert all(storage.has_outcome(trial) for trial in trials)

    swept.client.restore_run(deleted[0])
    assert sweep(swept.runs) == 0
    superseded = [run.info.run_id for run in trial_runs(swept.runs) if schema.SUPERSEDED in run.data.tags]
    assert superseded == [deleted[0]]

    swept.delete([added[0].info.run_id])  # and again
    assert sweep(swept.runs, "--redo-deleted") == 0
    assert len(trained) == 1
    assert status("tiny", swept.runs).missing == ((), ())


def test_what_was_cut_off_while_it_was_done_again_goes_on_without_the_flag(
    swept: Swept, trained: list[RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    swept.delete(swept.ids[:1])
    with monkeypatch.context() as patch:
        patch.setattr("hourglass_bench.studies.driver.Driver.work", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert sweep(swept.runs, "--redo-deleted") == 130
    assert status("tiny", swept.runs).waiting == 1
    assert sweep(swept.runs) == 0
    assert len(trained) == 1


def test_runs_that_are_gone_are_told_apart(
    swept: Swept, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    swept.delete(swept.ids[:1])
    swept.delete(swept.ids[1:3], purge=True)
    assert sweep(swept.runs) == 0
    said = capsys.readouterr()
    first, second = said.err.splitlines()
    assert first.startswith(DELETED.format(1, swept.ids[0]))
    assert second.startswith(GONE.format(2))
    assert sorted(json.loads(said.out)["gone"]) == sorted(swept.ids[1:3])
    assert sweep(swept.runs, "--redo-deleted") == 0
    assert len(trained) == 3
    assert status("tiny", swept.runs).missing == ((), ())


def test_another_tracking_store_lacks_every_run(
    swept: Swept, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    """As after the store was removed: it is made anew, with a parent run, if all units are to be done again."""
    other = f"sqlite:///{swept.runs / 'other.db'}"
    assert len(status("tiny", swept.runs, tracking=other).missing.gone) == 4
    assert not (swept.runs / "other.db").exists()
    assert sweep(swept.runs, "--tracking", other) == 2
    assert "other.db must hold the runs of the 4 ended units of study tiny in" in capsys.readouterr().err
    assert trained == []
    assert not (swept.runs / "other.db").exists()
    assert sweep(swept.runs, "--tracking", other, "--redo-deleted") == 0
    assert len(trained) == len(trial_runs(swept.runs, tracking=other)) == 4
    assert len(trial_runs(swept.runs, tracking=other, kind="study")) == 1


def test_a_deleted_parent_run_is_restored_and_a_lost_one_made_anew(
    swept: Swept, capsys: pytest.CaptureFixture[str]
) -> None:
    swept.delete([swept.parent])
    assert sweep(swept.runs) == 0
    assert capsys.readouterr().err == f"the parent run of study tiny was deleted, and is restored: {swept.parent}\n"
    (parent,) = trial_runs(swept.runs, kind="study")
    assert (parent.info.run_id, parent.info.status) == (swept.parent, "FINISHED")
    swept.delete([swept.parent], purge=True)
    assert sweep(swept.runs) == 0
    (parent,) = trial_runs(swept.runs, kind="study")
    assert parent.data.tags[schema.STUDY_PLANNED] == "4"
    assert find_study(swept.runs).user_attrs[storage.PARENT_RUN] == parent.info.run_id != swept.parent


def test_a_deleted_experiment_is_refused_until_it_is_restored(
    swept: Swept, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = swept.client.get_experiment_by_name("tiny").experiment_id
    swept.client.delete_experiment(experiment)
    assert len(status("tiny", swept.runs).missing.deleted) == 4
    assert sweep(swept.runs, "--redo-deleted") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        f"experiment tiny in {swept.runs / schema.TRACKING_DB} must not be deleted, got one that is; restore it" in line
    )
    restore = (
        f"(MLFLOW_TRACKING_URI={tracking_url(swept.runs)} mlflow experiments restore --experiment-id {experiment})"
    )
    assert restore in line
    swept.client.restore_experiment(experiment)
    assert sweep(swept.runs) == 0
    assert trained == []
    assert status("tiny", swept.runs).missing == ((), ())


def test_tables_and_client_tell_the_same(swept: Swept) -> None:
    client, (deleted, superseded, *_) = swept.client, swept.ids
    swept.delete([deleted])
    client.set_tag(superseded, schema.SUPERSEDED, "true")
    client.create_run(client.create_experiment("other"))
    runs = stored_runs(tracking_url(swept.runs), "tiny")
    assert ask_client(client, "tiny") == runs
    assert runs.keys() == {*swept.ids, swept.parent}
    place = runs[swept.parent].artifacts
    assert place.endswith(f"/{schema.ARTIFACT_DIR}/tiny/{swept.parent}/artifacts")
    parent = StoredRun(deleted=False, unit=None, superseded=False, status="FINISHED", state=None, artifacts=place)
    assert runs[swept.parent] == parent
    assert {run.state for run in runs.values() if run.unit} == {"complete"}
    assert [run for run, of in runs.items() if of.deleted] == [deleted]
    assert [run for run, of in runs.items() if of.superseded] == [superseded]
    for ask in (lambda: stored_runs(tracking_url(swept.runs), "none"), lambda: ask_client(client, "none")):
        assert ask() == {}


def test_statements_do_not_grow_with_the_runs(swept: Swept) -> None:
    """Of a sweep that has nothing to do, in which all of 4 and all of 12 runs are deleted."""
    counts = []
    for _ in range(2):
        swept.delete([run.info.run_id for run in trial_runs(swept.runs)])
        statements: list[str] = []
        record = lambda *arguments, to=statements: to.append(arguments[2])  # noqa: E731
        event.listen(Engine, "before_cursor_execute", record)
        try:
            assert sweep(swept.runs) == 0
        finally:
            event.remove(Engine, "before_cursor_execute", record)
        counts.append(len(statements))
        assert sweep(swept.runs, "--repeats", "6") == 0
    assert counts[1] <= counts[0]


def test_a_trial_of_a_search_that_is_done_again_has_its_hyperparameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[RunConfig]
) -> None:
    """And of both only the second counts."""
    search = replace(CATALOG["search"], name="seek", trials=2, repeats=1, size=16, data=TINY_DATA)
    monkeypatch.setitem(CATALOG, "seek", search)
    monkeypatch.setattr("hourglass_bench.studies.worker.predict_peak_bytes", lambda *_: 1)
    assert sweep(tmp_path, study="seek") == 0
    before = trained.copy()
    (deleted,) = [run for run in trial_runs(tmp_path, "seek") if run.data.tags[schema.UNIT] == "unet-001"]
    connect(tracking_url(tmp_path)).delete_run(deleted.info.run_id)
    assert sweep(tmp_path, "--redo-deleted", study="seek") == 0
    (again,) = trained[len(before) :]
    assert again in before
    stage = storage.stages(find_study(tmp_path, "seek"))[1]
    first, second = (trial for trial in stage.get_trials() if trial.user_attrs[storage.UNIT] == "unet-001")
    assert first.params == second.params
    assert [trial.number for trial in storage.ended(stage)] == [0, second.number]
