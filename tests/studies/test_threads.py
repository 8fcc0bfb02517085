"""A study's numbers do not depend on how many workers run it."""

from dataclasses import replace
from pathlib import Path

import pytest

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, TrainingConfig
from hourglass_bench.studies import placement
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.spaces import grid, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit
from tests.studies.conftest import trial_runs

ELSEWHERE = Path(__file__).parents[1] / "bench" / "training" / "elsewhere.py"


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    ours = grid(("hourglass", "unet"), depth=(2,), base_width=(4,), norm="batch")
    return to_units([*ours, (configure(f"{ELSEWHERE}:Dropping"), {})], data, training)


def test_one_worker_and_two_give_equal_numbers_to_the_bit(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of networks with batch norm, whose statistics two threads, as one worker on two cores once had, add otherwise;
    and of one from elsewhere with dropout, whatever was drawn before it in its worker."""
    monkeypatch.setattr(placement, "cores", lambda: 2)
    study = replace(tiny_study, size=32, repeats=1, plan=_plan)
    found = []
    for workers in ("1", "2"):
        runs = tmp_path / workers
        run_study(study, Options(device="cpu", workers=workers, runs=runs))
        trials = trial_runs(runs)
        assert {run.data.tags[f"{schema.ENVIRONMENT}threads"] for run in trials} == {"1"}
        found.append(
            {
                run.data.tags[schema.UNIT]: {
                    name: value
                    for name, value in run.data.metrics.items()
                    if name.startswith(("iou/", "loss/", "test/", "val/"))
                }
                for run in trials
            }
        )
    assert len(found[0]) == 3
    assert all("iou/test" in metrics for metrics in found[0].values())
    assert found[0] == found[1]
