"""What must hold of a study whatever happened on its way."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from hourglass_bench.studies import storage
from tests.studies.conftest import trial_runs


class Counts(NamedTuple):
    """A row of docs/reliability.md."""

    planned: int
    complete: int
    lost: int
    """Planned units that no trial completed, or whose trial has no finished run."""
    duplicated: int
    """Trials and runs beyond the one of each unit."""
    running: int
    """Trials and runs of both stores that nobody ended, the study's own run among them."""
    tracebacks: int
    """In all that the drivers said."""

    def __str__(self) -> str:
        return " | ".join(map(str, self))


def count(runs: Path, study: str, *, said: str = "", stored: str = "", tracking: str = "") -> Counts:
    """What the stores hold of a study, counted unit by unit."""
    root = storage.find(storage.storage_url(runs, stored), study)
    assert root is not None
    planned = set(storage.planned(root))
    trials = [trial for stage in storage.stages(root) for trial in stage.get_trials()]
    done = Counter(trial.user_attrs[storage.UNIT] for trial in trials if trial.state.name == "COMPLETE")
    kept = [run for kind in ("trial", "study") for run in trial_runs(runs, study, kind=kind, tracking=tracking)]
    ended = Counter(
        run.data.tags[schema.UNIT]
        for run in kept
        if run.info.status == "FINISHED" and run.data.tags[schema.KIND] == "trial"
    )
    complete = planned & done.keys() & ended.keys()
    return Counts(
        planned=len(planned),
        complete=len(complete),
        lost=len(planned - complete),
        duplicated=(done - Counter(planned)).total() + (ended - Counter(planned)).total(),
        running=sum(not trial.state.is_finished() for trial in trials)
        + sum(run.info.status in ("RUNNING", "SCHEDULED") for run in kept),
        tracebacks=said.count("Traceback (most recent call last)"),
    )


def require_none_lost(fault: str, runs: Path, study: str, *, said: str, **stores: str) -> None:
    """Print the fault's row of docs/reliability.md; it may say nothing but that all are complete."""
    counts = count(runs, study, said=said, **stores)
    cli.say(f"| {fault} | {counts} |")
    assert counts == Counts(counts.planned, counts.planned, 0, 0, 0, 0)


def require_once(runs: Path, study: str, epochs: int, *, stored: str = "", tracking: str = "") -> list[Any]:
    """Every unit is complete exactly once, with every number exactly once, and nothing is open: -> the trials' runs."""
    root = storage.find(storage.storage_url(runs, stored), study)
    assert root is not None
    planned = storage.planned(root)
    trials = [trial for stage in storage.stages(root) for trial in stage.get_trials()]
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "FAIL"}
    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    assert Counter(trial.user_attrs[storage.UNIT] for trial in done) == dict.fromkeys(planned, 1)
    assert all(storage.has_outcome(trial) == (trial in done) for trial in trials)

    client, attempts = open_store(tracking_url(runs, tracking)), trial_runs(runs, study, tracking=tracking)
    assert {run.info.status for run in attempts} <= {"FINISHED", "KILLED"}
    finished = [run for run in attempts if run.info.status == "FINISHED"]
    assert {run.info.run_id for run in finished} == {trial.user_attrs[storage.RUN_ID] for trial in done}
    assert Counter(run.data.tags[schema.UNIT] for run in finished) == dict.fromkeys(planned, 1)
    for run in finished:
        assert run.data.tags[schema.STATE] == "complete"
        for name in (schema.VAL_IOU.name, schema.TRAIN_LOSS.name, schema.EPOCH_SECONDS.name):
            curve = client.get_metric_history(run.info.run_id, name)
            assert [point.step for point in curve] == list(range(1, epochs + 1))
        for name in (schema.TEST_IOU.name, schema.SECONDS.name):
            assert len(client.get_metric_history(run.info.run_id, name)) == 1
        assert len(run.inputs.dataset_inputs) == 3
    of_runs = [{artifact.path for artifact in client.list_artifacts(run.info.run_id)} for run in finished]
    assert all(artifacts == of_runs[0] for artifacts in of_runs)
    assert {schema.SPLIT_FILE, schema.SEAL_FILE, "checkpoint"} <= of_runs[0]
    return attempts
