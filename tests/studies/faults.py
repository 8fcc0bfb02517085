"""Trainings with faults planted in a worker process: these functions stand for `studies.worker`'s there.

What goes wrong is told by the batch size: a configuration is all that reaches a worker, and a forecast depends on it.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.run import RunResult
from hourglass_bench.studies import worker
from hourglass_bench.studies.worker import Outcome, Place, Task, Unpredicted

LOG = "HOURGLASS_TEST_FAULTS"
"""Environment variable with the file to which trainings are written."""
SECONDS = 0.3
"""Of a training."""
GIB = 2**30
INVALIDATED = "CUDA error: operation failed due to a previous error during capture"


class AwkwardError(Exception):
    """An exception that is pickled and does not come back."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"error {code}: {text}")


class NoLog:
    """A run's log without a store, whose client takes seconds to import."""

    def __init__(self, _: object, run_id: str, spool: object) -> None:
        self.run_id = run_id

    def write(self, entries: object) -> None:
        pass

    def text(self, text: str, name: str) -> None:
        pass


class State:
    """Of this process."""

    poisoned = False


def _poison() -> NoReturn:
    """As a device-side assert: the error comes again in every later call."""
    State.poisoned = True
    raise RuntimeError("CUDA error: device-side assert triggered")


def _raise(error: Callable[[], Exception]) -> Callable[[], NoReturn]:
    def fault() -> NoReturn:
        raise error()

    return fault


def _stop_once() -> None:
    """As `kill -STOP`, and nobody continues it."""
    marker = Path(os.environ[LOG]).with_suffix(".stopped")
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGSTOP)


def _lock_up() -> NoReturn:
    """As two locks that wait for each other."""
    lock = Lock()
    while True:
        lock.acquire()


COMPLETE = 10
OUT_OF_MEMORY = range(11, 17)
POISON, AWKWARD = 20, 21
LARGE, HUGE, UNPREDICTED, KILLED = 30, 31, 32, 33
STOPPED, LOCKED = 40, 41
FAULTS: dict[int, Callable[[], None]] = {
    11: _raise(lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")),
    12: _raise(lambda: RuntimeError("GET was unable to find an engine to execute this computation")),
    13: _raise(lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")),
    14: _raise(lambda: RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED")),
    15: _raise(lambda: RuntimeError("CUDA error: out of memory")),
    16: _raise(lambda: RuntimeError(INVALIDATED)),
    POISON: _poison,
    AWKWARD: _raise(lambda: AwkwardError(700, "illegal address")),
    STOPPED: _stop_once,
    LOCKED: _lock_up,
}
PEAKS = {LARGE: 5 * GIB, HUGE: 50 * GIB}


def work(task: Task, place: Place) -> Outcome:
    """`worker.work` of trainings that take a moment, and of what is planted."""

    def train(config: RunConfig, log: Any, **_: Any) -> Any:
        began = time.monotonic()
        if State.poisoned:
            _poison()
        if fault := FAULTS.get(config.training.batch_size):
            fault()
        time.sleep(SECONDS)
        entry = {"batch": config.training.batch_size, "pid": os.getpid(), "memory": place.memory}
        with Path(os.environ[LOG]).open("a") as file:
            file.write(json.dumps(entry | {"began": began, "ended": time.monotonic()}) + "\n")
        return RunResult(
            run_id=log.settle().run_id,
            state="complete",
            reason="",
            epochs=1,
            bottleneck=(1, 1, 1),
            metrics={schema.BEST_VAL_IOU.name: 0.5},
            checkpoint="",
        )

    worker.run, worker._client, worker.SpooledLog = train, lambda _: None, NoLog  # type: ignore[assignment,misc]
    return worker.work(task, place)


def forecast(config: RunConfig, ignores: bool, place: Place) -> int | Outcome | Unpredicted:
    """`worker.forecast` of peaks that are planted."""

    def predict(*_: Any) -> int:
        match config.training.batch_size:
            case number if number == UNPREDICTED:
                raise RuntimeError("Event device type CUDA does not match blocking stream\nand so on")
            case number if number == KILLED:
                os.kill(os.getpid(), signal.SIGKILL)
        return PEAKS.get(config.training.batch_size, 2**20)

    worker.predict_peak_bytes = predict
    return worker.forecast(config, ignores, place)
