"""The clock of an implementation: what a lap is, and CUDA's events."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from hourglass_bench.bench.perf.config import GPU_LAP_SECONDS
from hourglass_bench.bench.perf.records import EpochTiming
from hourglass_bench.bench.perf.timer import CudaStopwatch, EpochTimer, lap_seconds

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@dataclass
class FakeGpu:
    """A GPU's queue: what is asked of it takes its time, and its clock is not the host's."""

    done: float = 0.0
    """Milliseconds at which all that was asked of it will be done."""
    events: list["FakeEvent"] = field(default_factory=list)

    def works(self, seconds: float) -> None:
        self.done += 1000 * seconds


class FakeEvent:
    """Stands for torch.cuda.Event: a mark in the queue, which has a time once it was waited for."""

    gpu: FakeGpu

    def __init__(self, *, enable_timing: bool = False) -> None:
        self.timed = enable_timing
        self.reached = False

    def record(self, stream: str) -> None:
        assert stream == f"current stream of {CUDA}"
        self.moment = self.gpu.done
        self.gpu.events.append(self)

    def synchronize(self) -> None:
        for event in self.gpu.events[: self.gpu.events.index(self) + 1]:
            event.reached = True

    def elapsed_time(self, end: "FakeEvent") -> float:
        assert self.timed
        assert end.timed
        assert self.reached
        assert end.reached
        return end.moment - self.moment


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    gpu = FakeGpu()
    replaced: dict[str, Any] = {
        "Event": type("Event", (FakeEvent,), {"gpu": gpu}),
        "current_stream": lambda device: f"current stream of {device}",
        "synchronize": lambda _: None,
        "reset_peak_memory_stats": lambda _: None,
        "max_memory_reserved": lambda _: 7,
    }
    for name, fake in replaced.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return gpu


def test_on_a_gpu_seconds_are_those_between_two_events_of_its_queue(gpu: FakeGpu) -> None:
    gpu.works(100)
    clock = CudaStopwatch(CUDA)
    gpu.works(1.5)
    assert clock.seconds() == 1.5
    gpu.works(2)
    assert clock.seconds() == 3.5


def test_on_a_gpu_a_lap_adds_up_epochs_until_it_has_trained_for_long_enough(gpu: FakeGpu) -> None:
    laps: list[EpochTiming] = []

    def report(lap: EpochTiming) -> None:
        laps.append(lap)
        gpu.works(1000)  # others have their turn

    clock = EpochTimer(CUDA, lap_seconds(CUDA), report)
    gpu.works(3)
    clock.ready()
    for epoch in range(6):
        gpu.works(2)
        clock.trained(100)
        gpu.works(4)
        clock.validated(10, epoch / 10)
    assert GPU_LAP_SECONDS == 5
    assert [(lap.train_images, lap.train_seconds) for lap in laps] == [(300, 6)] * 2
    assert [(lap.val_images, lap.val_seconds) for lap in laps] == [(30, 12)] * 2
    assert [lap.train_rate for lap in laps] == [50, 50]
    assert [lap.val_iou for lap in laps] == [0.2, 0.5]
    assert [lap.setup_seconds for lap in laps] == [3, 3]
    assert [lap.device_peak for lap in laps] == [7, 7]


def test_on_a_cpu_and_in_whole_trainings_each_epoch_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("hourglass_bench.bench.machine.clock.time.perf_counter", lambda: now)
    laps: list[EpochTiming] = []

    def report(lap: EpochTiming) -> None:
        nonlocal now
        now += 1000  # others have their turn
        laps.append(lap)

    assert lap_seconds(CPU) == 0
    clock = EpochTimer(CPU, lap_seconds(CPU), report)
    now += 1
    clock.ready()
    for seconds in (2, 4):
        now += seconds
        clock.trained(4)
        now += 3
        clock.validated(2, 0.5)
    assert [(lap.setup_seconds, lap.train_seconds, lap.val_seconds) for lap in laps] == [(1, 2, 3), (1, 4, 3)]
    assert [lap.device_peak for lap in laps] == [None, None]
