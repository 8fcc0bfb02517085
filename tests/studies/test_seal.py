"""A trial whose result was lost behind the opened test frames is done again, once."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking import artifacts
from tests.studies.conftest import sweep, trial_runs


@pytest.mark.usefixtures("catalog", "inline")
def test_a_trial_whose_result_a_full_disk_took_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored: list[int] = []

    def store(*arguments: Any) -> None:
        stored.append(1)
        if len(stored) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        artifacts_stored(*arguments)

    artifacts_stored = artifacts.store_artifacts
    monkeypatch.setattr(artifacts, "store_artifacts", store)
    assert sweep(tmp_path) == 2
    assert "No space left on device" in capsys.readouterr().err
    (lost,) = (run for run in trial_runs(tmp_path) if schema.TEST_IOU.name not in run.data.metrics)
    assert schema.TEST_OPENED in lost.data.tags
    assert sweep(tmp_path) == 0
    runs = trial_runs(tmp_path)
    complete = [run.data.tags[schema.UNIT] for run in runs if run.info.status == "FINISHED"]
    assert len(complete) == len(set(complete)) == 4
    assert [run.info.status for run in runs if run.info.run_id == lost.info.run_id] == ["KILLED"]
