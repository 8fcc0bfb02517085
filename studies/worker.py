"""What happens in a worker process: one task is one trial, trained and logged into the run it was given."""

import gc
import traceback
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from bench import schema
from bench.config import RunConfig
from bench.machine.clock import Stopwatch
from bench.machine.out_of_memory import is_out_of_memory
from bench.run import run
from bench.tracking.background import BackgroundLog
from bench.tracking.database import StoreError, store_failure
from bench.tracking.store import RunLog, connect
from bench.training.setup import prepare
from studies.channel import Address, reporter

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRACEBACK = "traceback.txt"
BENCHMARK_SECONDS = 1


class Task(NamedTuple):
    """A trial, ready to be sent anywhere."""

    config: RunConfig
    run_id: str
    tracking: str
    cache: Path
    test: bool
    """Whether the best epoch is evaluated on test scenes."""
    predicted_peak: int
    """Bytes."""
    reports: Address
    """Where the driver listens for epochs."""


class Place(NamedTuple):
    """What a worker may use."""

    device: str
    threads: int


class Outcome(NamedTuple):
    """How a trial ended, and what it measured."""

    state: schema.State
    reason: str
    metrics: dict[str, float]


def work(task: Task, place: Place) -> Outcome:
    """Train one trial. The store is open before: importing MLflow must not slow the first trial's steps.

    Running out of memory is an outcome: the device is emptied, and the worker goes on.

    Raises:
        StoreError: results could not be written.
        Exception: whatever the training raised; its traceback is an artifact of the run.
    """
    torch.set_num_threads(place.threads)
    try:
        outcome = _attempt(task, torch.device(place.device))
    except Exception as error:
        if failure := store_failure(error):
            raise StoreError(failure) from None
        raise
    if outcome.state == "out_of_memory":
        gc.collect()
    torch.cuda.empty_cache()  # what this trial reserved must not count as the next one's
    return outcome


def _attempt(task: Task, device: torch.device) -> Outcome:
    run_log = RunLog(_client(task.tracking), task.run_id)
    log = BackgroundLog(lambda: run_log)
    log.poll()
    try:
        log.metrics({schema.PREDICTED_PEAK.name: task.predicted_peak})
        with reporter(task.reports, task.run_id) as report:
            result = run(task.config, log, cache=task.cache, device=device, stop=report, test=task.test)
    except Exception as error:
        log.finish(lambda _: None)
        if is_out_of_memory(error):
            return Outcome("out_of_memory", str(error).partition("\n")[0], {})
        if not store_failure(error):
            run_log.text(traceback.format_exc(), TRACEBACK)
        raise
    return Outcome(result.state, result.reason, result.metrics)


@cache
def _client(url: str) -> "MlflowClient":
    """One per process: opening a store takes longer than logging a short trial."""
    return connect(url)


def volunteer_for_the_kernel() -> None:
    """If the machine runs out of memory, the kernel is to take a worker: its trial is lost, the study goes on."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")


def benchmark(configs: Sequence[RunConfig], cache: Path, place: Place) -> list[float]:
    """Images trained per second of each config, over a second and at least one step, after a warm-up step."""
    torch.set_num_threads(place.threads)
    rates = []
    for config in configs:
        device = torch.device(place.device)
        setup = prepare(config, cache, device)
        images, masks = setup.batch(config.training.batch_size)
        trainer = setup.trainer
        trainer.network.train()
        trainer.step(images, masks, trainer.sample(len(images)))
        clock, steps = Stopwatch(device), 0
        while steps == 0 or clock.seconds() < BENCHMARK_SECONDS:
            trainer.step(images, masks, trainer.sample(len(images)))
            steps += 1
        rates.append(steps * len(images) / clock.seconds())
    return rates
