"""Runs of trainings whose process is gone are closed by the next command that writes; those at work are left alone."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.train import train_one
from hourglass_bench.bench.commands.writing import REPRODUCE, TRAIN, open_to_write
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, tracking_url
from hourglass_bench.bench.training.unfinished import Unfinished
from tests.bench.conftest import MakeConfig


def begin(runs: Path, experiment: str, tracking: str = "") -> str:
    """A run as a process leaves it that is killed before it holds a folder."""
    client = open_store(tracking_url(runs, tracking))
    return RunLog.create(client, get_experiment(client, experiment, runs), "one", {schema.KIND: "trial"}).run_id


def statuses(runs: Path, *run_ids: str, tracking: str = "") -> list[str]:
    client = open_to_write(runs, tracking)
    return [client.get_run(run_id).info.status for run_id in run_ids]


@pytest.mark.parametrize("experiment", [TRAIN, REPRODUCE])
def test_a_training_that_was_cut_off_is_closed(
    experiment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, dead, alive = (begin(tmp_path, experiment) for _ in range(3))
    with Unfinished() as training:
        with Unfinished() as killed:
            killed.hold(tmp_path / schema.UNFINISHED_DIR / dead)
        training.hold(tmp_path / schema.UNFINISHED_DIR / alive)
        assert statuses(tmp_path, before, dead, alive) == ["KILLED", "KILLED", "RUNNING"]
    said = capsys.readouterr().err
    assert said.count(f" of {experiment} was cut off, and is closed") == 2
    assert (f"`hourglass-bench train --resume {dead} --runs {tmp_path}` goes on" in said) == (experiment == TRAIN)
    assert (tmp_path / schema.UNFINISHED_DIR / dead).exists() == (experiment == TRAIN)
    assert statuses(tmp_path, alive) == ["KILLED"]


def test_of_a_store_elsewhere_only_those_are_closed_that_were_trained_here(tmp_path: Path) -> None:
    tracking = f"sqlite:///{tmp_path / 'shared.db'}"
    elsewhere, here = (begin(tmp_path / "runs", TRAIN, tracking) for _ in range(2))
    with Unfinished() as killed:
        killed.hold(tmp_path / "runs" / schema.UNFINISHED_DIR / here)
    assert statuses(tmp_path / "runs", elsewhere, here, tracking=tracking) == ["RUNNING", "KILLED"]


def test_runs_of_studies_are_for_their_drivers_to_close(tmp_path: Path) -> None:
    assert statuses(tmp_path, begin(tmp_path, "quick")) == ["RUNNING"]


@pytest.fixture
def full_disk() -> Callable[[str], None]:
    """Function that has the disk run full where a function of the run is called, once."""

    def fill(place: str) -> None:
        patch = pytest.MonkeyPatch()

        def fail(*_: Any, **__: Any) -> None:
            patch.undo()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(place, fail)

    return fill


@pytest.mark.parametrize(
    "place",
    [
        "hourglass_bench.bench.run._evaluate",
        "hourglass_bench.bench.tracking.artifacts.store_artifacts",
        "hourglass_bench.bench.tracking.store.RunLog.artifacts",
    ],
)
def test_test_frames_whose_result_was_lost_are_opened_again(
    place: str,
    tmp_path: Path,
    tiny_config: MakeConfig,
    full_disk: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    full_disk(place)
    with pytest.raises(OSError, match="No space left"):
        train_one(tiny_config(), runs=tmp_path, device="cpu")
    answer = train_one(tiny_config(), runs=tmp_path, device="cpu")
    assert answer["state"] == "complete"
    assert answer["test_iou"] is not None
    said = capsys.readouterr().err
    assert "opened the test frames on " in said
    assert "left no result: they are opened again" in said
    with pytest.raises(ValueError, match=f"opened once per configuration, got them opened by run {answer['run_id']}"):
        train_one(tiny_config(), runs=tmp_path, device="cpu")
