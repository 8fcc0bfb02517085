"""Data that change while a study runs: what is trained then is trained on the frames that the study began with."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import DataConfig, RunConfig
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.studies import driver, storage, worker
from hourglass_bench.studies.executors.local import LocalExecutor
from hourglass_bench.studies.status import status
from hourglass_bench.studies.worker import DataChangedError, Place
from tests.studies.conftest import find_study, make_task, sweep, trial_runs
from tests.studies.storm import wait

CHANGES: dict[str, Callable[[Path], object]] = {
    "another mask": lambda mask: Image.fromarray(np.full_like(np.asarray(Image.open(mask)), 255)).save(mask),
    "a missing mask": Path.unlink,
    "a mask of nothing but text": lambda mask: mask.write_text("no picture"),
}


@pytest.fixture
def data(tmp_path: Path, folder_data: Path) -> Path:
    return Path(shutil.copytree(folder_data, tmp_path / "data"))


def config_of(make: Callable[..., RunConfig], data: Path) -> RunConfig:
    return make(data=DataConfig(path=str(data), size=(16, 16), folds=3))


@pytest.mark.parametrize("change", CHANGES)
def test_a_worker_trains_on_what_the_driver_read_or_not_at_all(
    tmp_path: Path, tiny_config: Callable[..., RunConfig], data: Path, change: str
) -> None:
    task = make_task(config_of(tiny_config, data), tmp_path / "runs")
    CHANGES[change](next((data / "masks").iterdir()))
    with pytest.raises(DataChangedError, match=rf"data in {data} must stay .*\(digest {task.data_digest}\), got"):
        worker.work(task, Place("cpu", 1))


def test_a_trial_with_frames_of_its_own_is_not_compared(
    tmp_path: Path, tiny_config: Callable[..., RunConfig], data: Path
) -> None:
    config = config_of(tiny_config, data)
    assert worker.work(make_task(config, tmp_path)._replace(data_digest=None), Place("cpu", 1)).state == "complete"
    site: Any = type("Site", (), {"data": config.data})
    made: Any = type("Made", (), {"_site": site})
    assert driver.Driver._is_read(made, config.data)
    assert driver.Driver._is_read(made, DataConfig(path=str(data), size=(16, 16), folds=4)), "roles are no frames"
    assert not driver.Driver._is_read(made, DataConfig(path=str(data), size=(32, 32), folds=3))


@pytest.mark.usefixtures("catalog")
def test_a_study_whose_data_change_stops_and_goes_on_when_they_are_back(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After its first unit a mask is another one, and a new worker process reads it."""
    runs, mask = tmp_path / "runs", next((data / "masks").iterdir())
    before, digest = mask.read_bytes(), load(DataConfig(path=str(data), size=(16, 16), folds=3), tmp_path / "c").digest
    end = driver.Driver._end

    def change(self: driver.Driver, *arguments: Any) -> None:
        end(self, *arguments)
        if len(self._outcomes) == 1:
            CHANGES["another mask"](mask)
            executor = self._executor
            assert isinstance(executor, LocalExecutor)
            (identity,) = executor._slots[0]._pool._processes  # type: ignore[union-attr]
            os.kill(identity, signal.SIGKILL)
            wait(lambda: not Path(f"/proc/{identity}/cmdline").read_bytes(), "the worker ends")

    def states() -> dict[str, int]:
        now = status("tiny", runs)
        assert not now.running
        return dict(+Counter(now.states) + Counter(waiting=now.waiting))

    with monkeypatch.context() as patch:
        patch.setattr(driver.Driver, "_end", change)
        assert sweep(runs, "--data", str(data)) == cli.EXIT_INPUT
    (refusal,) = [line for line in capsys.readouterr().err.splitlines() if "must stay as they were" in line]
    assert f"data in {data} must stay as they were when this session began (digest {digest}), got digest" in refusal
    assert "put them back; what was recorded before is kept, and the same command resumes study tiny." in refusal
    assert states() == {"complete": 1, "waiting": 3}
    assert "RUNNING" not in {run.info.status for run in trial_runs(runs)}
    assert {trial.state.is_finished() for trial in find_study(runs).get_trials()} == {True}

    assert sweep(runs, "--data", str(data)) == cli.EXIT_INPUT
    assert "got changes: content of the data" in capsys.readouterr().err
    mask.write_bytes(before)
    assert sweep(runs, "--data", str(data)) == 0
    assert states() == {"complete": 4}
    ended = [run for run in trial_runs(runs) if run.info.status == "FINISHED"]
    assert Counter(run.data.tags[schema.UNIT] for run in ended) == dict.fromkeys(storage.planned(find_study(runs)), 1)
    assert {run.data.tags[schema.DATA_DIGEST] for run in ended} == {digest}
