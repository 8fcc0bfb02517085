"""Whatever is killed, and when: in the end every planned unit is complete exactly once, and nothing is left open."""

from collections import Counter
from pathlib import Path

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from hourglass_bench.studies import storage
from hourglass_bench.studies.run import CUT_OFF
from tests.studies.conftest import find_study, trial_runs
from tests.studies.storm import EPOCHS, LOCAL, RAY, STUDY, UNITS, Executor, storm

RUN_STATES = {"FINISHED", "KILLED"}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("executor", "seed"), [(LOCAL, 1), (RAY, 2)], ids=lambda value: getattr(value, "name", value))
def test_every_unit_is_complete_exactly_once_after_a_storm(tmp_path: Path, executor: Executor, seed: int) -> None:
    if executor is RAY:
        pytest.importorskip("ray", reason="the executor ray needs Ray")
    runs = tmp_path / "runs"
    answer = storm(executor, runs, workers=6, drivers=4, seed=seed)

    assert [answer[name] for name in ("planned", "complete", "running", "waiting")] == [UNITS, UNITS, 0, 0]
    root = find_study(runs, STUDY)
    planned = storage.planned(root)
    trials = [trial for stage in storage.stages(root) for trial in stage.get_trials()]
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "FAIL"}
    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    assert Counter(trial.user_attrs[storage.UNIT] for trial in done) == dict.fromkeys(planned, 1)
    assert all(storage.has_outcome(trial) == (trial in done) for trial in trials)

    client, attempts = open_store(tracking_url(runs)), trial_runs(runs, STUDY)
    assert {run.info.status for run in attempts} <= RUN_STATES
    finished = [run for run in attempts if run.info.status == "FINISHED"]
    assert {run.info.run_id for run in finished} == {trial.user_attrs[storage.RUN_ID] for trial in done}
    assert Counter(run.data.tags[schema.UNIT] for run in finished) == dict.fromkeys(planned, 1)
    for run in finished:
        assert run.data.tags[schema.STATE] == "complete"
        assert schema.TEST_IOU.name in run.data.metrics
        curve = client.get_metric_history(run.info.run_id, schema.VAL_IOU.name)
        assert [point.step for point in curve] == list(range(1, EPOCHS + 1))
    assert len({(run.data.tags[schema.UNIT], run.data.tags[schema.ATTEMPT]) for run in attempts}) == len(attempts)

    # The storm hit what it was to hit: trials of workers and of drivers.
    reasons = Counter(run.data.tags[schema.STATE_REASON] for run in attempts if run.info.status == "KILLED")
    assert reasons.keys() == {"its worker process died", CUT_OFF}
    assert reasons["its worker process died"] == sum(storage.LOST in trial.user_attrs for trial in trials)
    assert not (tmp_path / ".ray").exists()
