"""Whatever is killed, and when: in the end every planned unit is complete exactly once, and nothing is left open."""

from collections import Counter
from pathlib import Path

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.studies import storage
from hourglass_bench.studies.run import CUT_OFF
from tests.studies.conftest import find_study
from tests.studies.once import require_once
from tests.studies.storm import EPOCHS, LOCAL, RAY, STUDY, UNITS, Executor, storm

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("executor", "seed"), [(LOCAL, 1), (RAY, 2)], ids=lambda value: getattr(value, "name", value))
def test_every_unit_is_complete_exactly_once_after_a_storm(tmp_path: Path, executor: Executor, seed: int) -> None:
    if executor is RAY:
        pytest.importorskip("ray", reason="the executor ray needs Ray")
    runs = tmp_path / "runs"
    answer = storm(executor, runs, workers=6, drivers=4, seed=seed)

    assert [answer[name] for name in ("planned", "complete", "running", "waiting")] == [UNITS, UNITS, 0, 0]
    attempts = require_once(runs, STUDY, EPOCHS)
    assert len({(run.data.tags[schema.UNIT], run.data.tags[schema.ATTEMPT]) for run in attempts}) == len(attempts)

    # The storm hit what it was to hit: trials of workers and of drivers.
    reasons = Counter(run.data.tags[schema.STATE_REASON] for run in attempts if run.info.status == "KILLED")
    assert reasons.keys() == {"its worker process died", CUT_OFF}
    trials = [trial for stage in storage.stages(find_study(runs, STUDY)) for trial in stage.get_trials()]
    assert reasons["its worker process died"] == sum(storage.LOST in trial.user_attrs for trial in trials)
    assert not (tmp_path / ".ray").exists()
