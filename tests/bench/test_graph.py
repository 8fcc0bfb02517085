"""Captured steps, with what a CUDA graph does done on the CPU: a replay repeats kernels on the memory they had."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from architectures.registry import ARCHITECTURES, build, configure
from bench.config import DataConfig, RunConfig, TrainingConfig
from bench.execution import REFERENCE, Execution
from bench.graph import EAGER_CALLS, GraphedFunction, Replay
from bench.trainer import DeviceFrames, Trainer

CPU = torch.device("cpu")


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


def graphed(function: Callable[..., Tensor], state: Callable[[], Iterable[Tensor]] = tuple) -> GraphedFunction:
    """A capture on a GPU runs nothing, so what running changes of the state is undone here."""

    def capture(call: Callable[[], Tensor]) -> tuple[Replay, Tensor]:
        before = [tensor.clone() for tensor in state()]
        with Recorder() as recorder:
            result = call()
        with torch.no_grad():
            for tensor, old in zip(state(), before, strict=True):
                tensor.copy_(old)
        return torch.no_grad()(recorder.replay), result

    return GraphedFunction(function, capture, lambda call: call())


def test_replays_read_their_inputs_anew_and_scalars_are_frozen() -> None:
    scale = [2.0]
    scaled = graphed(lambda a, b: a * scale[0] + b)
    for value in range(EAGER_CALLS + 3):
        a, b = torch.full((3,), float(value)), torch.full((3,), value % 2)
        assert torch.equal(scaled(a, b), 2 * a + b)
        scale[0] = 2.0 if value < EAGER_CALLS else 5.0  # after the capture nobody looks at it


def make_trainer(config: RunConfig, execution: Execution) -> Trainer:
    return Trainer(build(config.architecture, seed=0), config, 20, CPU, execution)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_graphed_training_is_the_eager_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning rate, order and augmentation change from step to step, so each must reach the replay."""
    config = RunConfig(
        architecture=configure(name, (4, 8), norm="group"),
        data=DataConfig(size=(16, 16)),
        training=TrainingConfig(epochs=2, batch_size=4),
    )
    data = DeviceFrames(
        torch.randint(0, 256, (24, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
        torch.rand(24, 1, 16, 16, generator=torch.Generator().manual_seed(1)) > 0.5,
        ("0",) * 24,
    )
    monkeypatch.setattr("bench.trainer.cuda_graphed", lambda function: graphed(function, lambda: trainer.resident()))
    trainer = make_trainer(config, replace(REFERENCE, graph=True))
    eager = make_trainer(config, REFERENCE)
    losses = [[float(each.train_epoch(data, torch.arange(24))[0]) for _ in range(2)] for each in (trainer, eager)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    weights = [torch.cat([value.flatten() for value in each.network.parameters()]) for each in (trainer, eager)]
    assert (weights[0] - weights[1]).norm() < 1e-3 * weights[1].norm()
