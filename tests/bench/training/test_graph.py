"""Captured steps, with what a CUDA graph does done on the CPU: a replay repeats kernels on the memory they had."""

import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from architectures.registry import ARCHITECTURES, configure
from bench.config import DataConfig, Precision, RunConfig, TrainingConfig
from bench.training.device_frames import DeviceFrames
from bench.training.execution import REFERENCE
from bench.training.graph import EAGER_CALLS, Graphed, Replay
from bench.training.setup import make_trainer
from bench.training.trainer import StepSample
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")
NOTHING = StepSample(None, None)


class Recorder(TorchDispatchMode):
    """Notes every kernel with its operands: what is no tensor, or was made outside, is fixed from then on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out

    def replay(self) -> None:
        for func, args, kwargs, out in self.calls:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class Stand:
    """Captures on the CPU. A capture on a GPU runs nothing, so what running changes of the state is undone here."""

    def __init__(self, state: Callable[[], Iterable[Tensor]] = tuple) -> None:
        self._state = state

    def warm_up(self, function: Callable[[], Tensor]) -> Tensor:
        return function()

    def capture(self, function: Callable[[], Tensor]) -> tuple[Replay, Tensor]:
        before = [tensor.clone() for tensor in self._state()]
        with Recorder() as recorder:
            result = function()
        with torch.no_grad():
            for tensor, old in zip(self._state(), before, strict=True):
                tensor.copy_(old)
        return torch.no_grad()(recorder.replay), result


def test_replays_read_their_inputs_anew_and_scalars_are_frozen() -> None:
    scale = [2.0]
    graphed = Graphed(Stand())
    for value in range(EAGER_CALLS + 3):
        a, b = torch.full((3,), float(value)), torch.full((3,), value % 2)
        assert torch.equal(graphed(lambda a, b: a * scale[0] + b, a, b), 2 * a + b)
        scale[0] = 2.0 if value < EAGER_CALLS else 5.0  # after the capture nobody looks at it


@pytest.mark.parametrize("name", [name for name, spec in ARCHITECTURES.items() if not spec.stream])
def test_a_graphed_training_is_the_eager_one(
    name: str, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Learning rate, order and augmentation change from step to step, so each must reach the replay."""
    config = tiny_config(architecture=configure(name, (4, 8), norm="group"))
    data = DeviceFrames(
        torch.randint(0, 256, (24, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
        torch.rand(24, 1, 16, 16, generator=torch.Generator().manual_seed(1)) > 0.5,
        ("0",) * 24,
    )
    monkeypatch.setattr("bench.training.trainer.CudaGraphs", lambda device: Stand(lambda: trainer.resident()))
    trainer = make_trainer(config, 20, CPU, replace(REFERENCE, graph=True))
    eager = make_trainer(config, 20, CPU)
    losses = [[float(each.train_epoch(data, torch.arange(24))[0]) for _ in range(2)] for each in (trainer, eager)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    weights = [torch.cat([value.flatten() for value in each.network.parameters()]) for each in (trainer, eager)]
    assert (weights[0] - weights[1]).norm() < 1e-3 * weights[1].norm()


def test_a_graph_of_one_batch_refuses_another_size() -> None:
    graphed = Graphed(Stand())
    for _ in range(EAGER_CALLS + 1):
        graphed(torch.neg, torch.ones(3))
    with pytest.raises(ValueError, match=r"must keep their shapes, got torch.Size\(\[1\]\) after torch.Size\(\[3\]\)"):
        graphed(torch.neg, torch.ones(1))


def test_a_dropped_trainer_is_freed_at_once(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory must not wait for the garbage collector: on a GPU the next trainer needs it."""
    monkeypatch.setattr("bench.training.trainer.CudaGraphs", lambda device: Stand())
    for execution in (REFERENCE, replace(REFERENCE, graph=True)):
        trainer = make_trainer(tiny_config(), 20, CPU, execution)
        trainer.step(torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.zeros(4, 1, 16, 16, dtype=torch.bool), NOTHING)
        parameter = weakref.ref(next(trainer.network.parameters()))
        del trainer
        assert parameter() is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="captures need a GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_cuda_graph_trains_as_the_eager_step_does(precision: Precision) -> None:
    device = torch.device("cuda", torch.cuda.device_count() - 1)
    config = RunConfig(
        architecture=configure("unet", (8, 16), norm="batch"),
        data=DataConfig(size=(32, 32)),
        training=TrainingConfig(epochs=2, batch_size=4, precision=precision),
    )
    images = torch.randint(0, 256, (24, 3, 32, 32), dtype=torch.uint8, device=device)
    data = DeviceFrames(images, images[:, :1] > 128, ("0",) * 24)
    losses = []
    for execution in (REFERENCE, replace(REFERENCE, graph=True)):
        trainer = make_trainer(config, 12, device, execution)
        losses.append([float(trainer.train_epoch(data, torch.arange(24))[0]) for _ in range(2)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3 if precision == "fp32" else 3e-2)
