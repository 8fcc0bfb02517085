"""What happens in a worker process: one task is one trial, trained and logged into the run it was given."""

import traceback
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from hourglass_bench.architectures.config import InfeasibleArchitecture
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory
from hourglass_bench.bench.run import run
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.database import StoreError, require_reachable, store_failure
from hourglass_bench.bench.tracking.patience import relayed
from hourglass_bench.bench.tracking.spool import Spool, SpooledLog
from hourglass_bench.bench.tracking.store import connect
from hourglass_bench.bench.tracking.system_metrics import log_system_metrics
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.held_data import hold
from hourglass_bench.studies.channel import Address, reporter

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRACEBACK = "traceback.txt"


class Task(NamedTuple):
    """A trial, ready to be sent anywhere."""

    config: RunConfig
    run_id: str
    tracking: str
    runs: Path
    """Folder of all results."""
    data_digest: str | None
    """Of the frames that the driver read: a worker trains on no others. None: the trial has frames of its own."""
    test: bool
    """Whether the best epoch is evaluated on test scenes."""
    predicted_peak: int | None
    """Bytes; None if there is no prediction."""
    reports: Address
    """Where the driver listens for epochs."""
    prunable: bool
    """Whether the driver may stop it after an epoch; if so it waits for the answer."""
    alone: bool = False
    """Whether it must have its device to itself, as one without a prediction has."""
    system_metrics: bool = False
    """Whether the run logs what the machine does."""

    @property
    def cache(self) -> Path:
        """Folder of decoded data."""
        return self.runs / schema.CACHE_DIR


class Place(NamedTuple):
    """What a worker may use."""

    device: str
    threads: int
    memory: int | None = None
    """Bytes of the device; None: all."""


class Outcome(NamedTuple):
    """How a trial ended, and what it measured."""

    state: schema.State
    reason: str
    metrics: dict[str, float]


class Unpredicted(NamedTuple):
    """There is no forecast, which is no fault of the trial."""

    reason: str


class DataChangedError(Exception):
    """The data are not what the driver read, which is no fault of the trial; says what they are."""


def forecast(config: RunConfig, ignores: bool, place: Place) -> int | Outcome | Unpredicted:
    """Tensor peak in bytes of a trial's steps, or how the trial ends without being started."""
    try:
        return predict_peak_bytes(config, torch.device(place.device), ignores)
    except InfeasibleArchitecture as error:
        return Outcome("infeasible", str(error), {})
    except ValueError as error:
        return Outcome("failed", brief(error), {})
    except Exception as error:
        return Unpredicted(brief(error))


def work(task: Task, place: Place) -> Outcome:
    """Train one trial. The store is open before: importing MLflow must not slow the first trial's steps.

    Whatever the training raises is an outcome, since exceptions of libraries may not survive the way to another
    process. After `failed` and `out_of_memory` this process is not to be used any more: a CUDA error comes again in
    every later call, and only the end of the process returns all of its memory.

    Raises:
        StoreError: results could not be written.
        DataChangedError: the frames are not those that the driver read, or cannot be read any more.
    """
    torch.set_num_threads(place.threads)
    device = torch.device(place.device)
    try:
        hold_to(place.memory, device)
        return _attempt(task, device)
    except DataChangedError:
        raise
    except Exception as error:
        if failure := store_failure(error):
            raise StoreError(failure) from None
        return Outcome("failed", brief(error), {})


def brief(error: BaseException) -> str:
    """Its type and the first line of its text."""
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def hold_to(memory: int | None, device: torch.device) -> None:
    """The other workers' share of a GPU is not this one's to take."""
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(1.0 if memory is None else min(1.0, memory / total), device)


def _attempt(task: Task, device: torch.device) -> Outcome:
    client = relayed(task.tracking, partial(_client, task.tracking))
    run_log = SpooledLog(client, task.run_id, Spool(task.runs, task.run_id))
    log = BackgroundLog(lambda: run_log)
    log.poll()
    predicted = {} if task.predicted_peak is None else {schema.PREDICTED_PEAK.name: float(task.predicted_peak)}
    try:
        log.metrics(predicted)
        with ExitStack() as stack:
            report = stack.enter_context(reporter(task.reports, task.run_id, waits=task.prunable))
            if task.system_metrics:
                stack.enter_context(log_system_metrics(task.run_id, task.tracking))
            if task.data_digest is not None:
                _require_same_data(task, device)
            result = run(task.config, log, cache=task.cache, device=device, stop=report, test=task.test)
    except Exception as error:
        log.finish(lambda _: None)
        if store_failure(error) or isinstance(error, DataChangedError):
            raise
        if is_out_of_memory(error):
            return Outcome("out_of_memory", brief(error), {})
        run_log.text(traceback.format_exc(), TRACEBACK)
        raise
    torch.cuda.empty_cache()  # what this trial reserved must not count as the next one's
    return Outcome(result.state, result.reason, predicted | result.metrics)


def _require_same_data(task: Task, device: torch.device) -> None:
    """A process reads the data once, and a new one whatever lies there then.

    Raises:
        DataChangedError: they are not what the driver read.
    """
    kept = f"data in {task.config.data.path} must stay as they were when this session began (digest {task.data_digest})"
    try:
        found = hold(task.config.data, task.cache, device).dataset.digest
    except (ValueError, OSError) as error:
        if store_failure(error):
            raise
        raise DataChangedError(f"{kept}, got: {str(error).rstrip('.')}") from error
    if found != task.data_digest:
        raise DataChangedError(f"{kept}, got digest {found}; put them back")


@cache
def _client(url: str) -> "MlflowClient":
    """One per process: opening a store takes longer than logging a short trial.

    Raises:
        ConnectionError: it is away, for which MLflow's client would wait for an hour.
    """
    try:
        require_reachable("tracking", url)
    except ValueError as error:
        raise ConnectionError(str(error)) from None
    return connect(url)


def volunteer_for_the_kernel() -> None:
    """If the machine runs out of memory, the kernel is to take a worker: its trial is lost, the study goes on."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")
