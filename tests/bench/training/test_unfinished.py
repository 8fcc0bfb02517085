"""The state of a training after an epoch: from it another process trains on, to the bit."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.bench.training import unfinished as unfinished_module
from hourglass_bench.bench.training.setup import prepare
from hourglass_bench.bench.training.train import EpochRecord, Progress, TrainingResult, train
from hourglass_bench.bench.training.unfinished import SHARE, STATE, Unfinished
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")
EPOCHS = 4


class StoppedError(Exception):
    """What ends a training in these tests."""


def train_on(config: Any, folder: Path, *, stop_in: int = 0) -> TrainingResult:
    """Train, from the state in the folder if there is one, and stop after an epoch."""
    setup = prepare(config, folder / "cache", CPU)
    with Unfinished() as unfinished:
        unfinished.hold(folder / "state")
        progress = unfinished.restore(setup.trainer)

        def on_epoch(record: EpochRecord) -> None:
            unfinished.save(setup.trainer, progress)
            if record.epoch == stop_in:
                raise StoppedError

        return train(setup.trainer, setup.data, setup.split, on_epoch, progress=progress)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unet", {}),
        ("vae", {"target": "image", "latent": 3}),
        ("autoencoder", {"target": "mask"}),
        ("unet", {"training": TrainingConfig(epochs=EPOCHS, batch_size=4, freeze_epochs=2, encoder_lr_factor=0.5)}),
    ],
)
@pytest.mark.parametrize("stop_in", [1, 3])
def test_what_goes_on_is_what_never_stopped(
    name: str, options: dict[str, Any], stop_in: int, tmp_path: Path, make_config: MakeConfig, monkeypatch: Any
) -> None:
    monkeypatch.setattr(unfinished_module, "SHARE", 1e9)  # every epoch is written
    config = make_config(name, **{"training": TrainingConfig(epochs=EPOCHS, batch_size=4), **options})
    whole = train_on(config, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train_on(config, tmp_path, stop_in=stop_in)
    again = train_on(config, tmp_path)
    assert (again.epochs, again.steps, again.state) == (EPOCHS, whole.steps, whole.state)
    assert again.best is not None
    assert whole.best is not None
    assert again.best.scores == whole.best.scores
    assert again.best.train_loss == whole.best.train_loss
    assert again.best_state.keys() == whole.best_state.keys()
    assert all(torch.equal(tensor, whole.best_state[name]) for name, tensor in again.best_state.items())


def test_the_best_epoch_may_lie_before_the_stop(tmp_path: Path, make_config: MakeConfig) -> None:
    config = make_config("unet")
    setup = prepare(config, tmp_path, CPU)
    best, last = (EpochRecord(epoch, 1.0, {schema.VAL_LOSS.name: 1.0}, 0.1, 1.0) for epoch in (1, 2))
    weights = {"a": torch.ones(2)}
    with Unfinished() as unfinished:
        unfinished.hold(tmp_path / "state")
        unfinished.save(setup.trainer, Progress(records=[best, last], best=best, best_state=weights, steps=7))
    with Unfinished() as unfinished:
        unfinished.hold(tmp_path / "state")
        progress = unfinished.restore(prepare(config, tmp_path, CPU).trainer)
        assert unfinished.execution is None  # what was stored is restored once
    assert (progress.records, progress.best, progress.steps) == ([best, last], best, 7)
    assert torch.equal(progress.best_state["a"], weights["a"])


def test_states_take_a_small_share_of_the_time(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("hourglass_bench.bench.training.unfinished.time.monotonic", lambda: now[0])
    written: list[float] = []

    def write(state: Any, path: Path) -> None:
        written.append(now[0])
        now[0] += 1.0  # a large network, a slow disk
        path.touch()

    monkeypatch.setattr(torch, "save", write)
    record = EpochRecord(1, 1.0, {}, 0.1, 1.0)
    trainer = prepare(make_config("unet"), tmp_path, CPU).trainer
    with Unfinished() as unfinished:
        unfinished.hold(tmp_path / "state")
        while now[0] < 500:
            unfinished.save(trainer, Progress(records=[record], best=record))
            now[0] += 1.0
    assert written[0] == 0
    assert 0.5 * SHARE * now[0] < len(written) <= SHARE * now[0] + 1


def test_nothing_is_written_before_there_is_a_run(tmp_path: Path, make_config: MakeConfig) -> None:
    record = EpochRecord(1, 1.0, {}, 0.1, 1.0)
    trainer = prepare(make_config("unet"), tmp_path / "cache", CPU).trainer
    with Unfinished() as unfinished:
        unfinished.save(trainer, Progress(records=[record], best=record))
    assert not list(tmp_path.rglob(STATE))
