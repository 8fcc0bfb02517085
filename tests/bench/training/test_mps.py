"""The GPU of a Mac, without one: what it lacks is kept off it, and tables and clocks know it."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from hourglass_bench.architectures.config import Target
from hourglass_bench.bench.generative import bounds
from hourglass_bench.bench.generative.bounds import bound_table
from hourglass_bench.bench.generative.latent import encode
from hourglass_bench.bench.machine.clock import synchronize
from hourglass_bench.bench.machine.device import memory_limit
from hourglass_bench.bench.machine.memory import OperatorMode, measure_step
from hourglass_bench.bench.metrics import overlap
from hourglass_bench.bench.perf.roofline import BUFFER, SIDES
from hourglass_bench.bench.training.setup import Setup
from tests.bench.conftest import MakeSetup

MPS = torch.device("mps")


class Formats(OperatorMode):
    """Number formats of what operators return."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen_formats: set[torch.dtype] = set()

    @override
    def seen(self, func: Any, args: tuple[Any, ...], out: Any) -> Any:
        self.seen_formats |= {leaf.dtype for leaf in tree_leaves(out) if isinstance(leaf, Tensor)}
        return out


def formats(setup: Setup, *, variational: bool) -> set[torch.dtype]:
    """Of all that a run does on the device."""
    trainer, data = setup.trainer, setup.data
    train, val = torch.from_numpy(setup.split.train), torch.from_numpy(setup.split.val)
    with Formats() as found:
        trainer.train_epoch(data, train)
        trainer.evaluate(data, val)
        trainer.predict(data, val)
        if variational:
            bound_table(trainer, data, val, seed=0)
            encode(trainer, data, val)
    seen: set[torch.dtype] = found.seen_formats
    return seen


@pytest.mark.parametrize(
    ("name", "target", "latent"),
    [("unet", None, 0), ("autoencoder", "image", 0), ("vae", "mask", 3), ("vae", "image", 3)],
)
def test_no_float64_is_made_on_a_device_that_has_none(
    make_setup: MakeSetup, name: str, target: Target | None, latent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, setup = make_setup(name, target, latent)
    assert (torch.float64 in formats(setup, variational=name == "vae")) is ((name, target) != ("autoencoder", "image"))
    for module in (overlap, bounds):
        monkeypatch.setattr(module, "widest", lambda _: torch.float32)
    assert torch.float64 not in formats(setup, variational=name == "vae")


def test_tables_of_devices_know_it() -> None:
    assert SIDES.keys() == BUFFER.keys() == {"cpu", "cuda", MPS.type}


def test_clock_and_memory_are_those_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The allocator keeps what a step took, and counts no peak."""
    held = [100]
    calls: list[str] = []
    fake = SimpleNamespace(
        synchronize=lambda: calls.append("synchronize"),
        empty_cache=lambda: calls.append("empty_cache"),
        driver_allocated_memory=lambda: held[0],
        recommended_max_memory=lambda: 7,
    )
    monkeypatch.setattr(torch, "mps", fake)
    synchronize(MPS)
    assert calls == ["synchronize"]
    assert memory_limit(MPS) == 7

    resident = [torch.zeros(10)]
    memory = measure_step(lambda: held.append(held.pop() + 64), lambda: resident, MPS)
    assert memory.allocator_peak == 40 + 64
    assert memory.tensor_peak == 40
    assert memory.reserved_peak is None
    assert "empty_cache" in calls
