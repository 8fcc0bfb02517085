"""`bench train`: one tracked training. Open the store, run, close."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import first_audit
from hourglass_bench.bench.commands.cli import say
from hourglass_bench.bench.commands.early import say_early
from hourglass_bench.bench.commands.folds import load_fitting
from hourglass_bench.bench.commands.next_step import next_step
from hourglass_bench.bench.config import SYNTHETIC, RunConfig, fitting_batch, run_name
from hourglass_bench.bench.data.split import training_counts
from hourglass_bench.bench.files import require_printable
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.machine.precision import resolve
from hourglass_bench.bench.run import RunResult, note, run
from hourglass_bench.bench.stored_config import config_hash, located, unflatten
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.system_metrics import log_system_metrics, require_monitor
from hourglass_bench.bench.training.losses import require_known
from hourglass_bench.bench.training.room import require_room_to_train
from hourglass_bench.bench.training.setup import capabilities, make_network
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.bench.training.unfinished import Unfinished
from hourglass_bench.bench.training.weights import weights_digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from hourglass_bench.bench.tracking.store import RunLog


def train_one(
    config: RunConfig,
    *,
    runs: Path,
    device: str,
    tracking: str = "",
    unseal: bool = False,
    system_metrics: bool = False,
) -> dict[str, Any]:
    """Train `config`, tracked in the experiment `train`; the answer of `bench train --json`.

    `tracking` is the URL of the store, if it is not the database in the folder `runs`. With `unseal` the test frames
    may be opened although the same configuration opened them before. With `system_metrics` the run logs what the
    machine does.

    Raises:
        ValueError: wrong input, a store that a newer version has written, or test frames that were opened before; then
            there is no run.
    """
    require_printable("RUNS", runs)
    require_known(config.training.loss)
    if system_metrics:
        require_monitor()
    if tracking or os.path.lexists(runs / schema.TRACKING_DB):  # else nothing but torch is loaded before the first step
        from hourglass_bench.bench.tracking.store import require_store, tracking_url

        require_store(tracking_url(runs, tracking))
    target, cache = choose_device(device), runs / schema.CACHE_DIR
    resolve(config.training.precision, target)
    # What cannot be trained is refused before the data are read, which can take long.
    require_room_to_train(fitting_batch(config, 1), target)
    capabilities(config, target)
    _, weights = make_network(config)
    if weights:
        say(str(weights))
    data, dataset = load_fitting(config.data, cache)
    config = replace(config, data=data)
    if data.path != SYNTHETIC:
        first_audit.say_once(data, dataset, cache, "train")
    say_early([config], dataset.frames)
    there = training_counts(dataset.frames.scenes, dataset.frames.given)(config.data, config.repeat)
    require_room_to_train(fitting_batch(config, there), target)
    with Unfinished() as unfinished, ExitStack() as stack:

        def open_run() -> "RunLog":
            opened = _open_run(config, dataset.digest, runs, tracking, unseal, unfinished)
            if system_metrics:
                stack.enter_context(log_system_metrics(opened.run_id, opened.tracking))
            return opened

        log = BackgroundLog(open_run)
        options: dict[str, Any] = {"stop": report_epoch, "dataset": dataset, "unfinished": unfinished}
        train = partial(run, config, log, cache=cache, device=target, **options)
        result = tracked(log, train, resumed_by(runs, tracking))
        unfinished.remove()
    return answer(result)


def tracked(
    log: BackgroundLog, train: Callable[[], RunResult], resume: Callable[[str], str] = lambda run_id: "interrupted"
) -> RunResult:
    """What `train` returns, which logs into `log`; its run is closed however that ends.

    Args:
        resume: what an interrupted user is told, of the run's id.

    Raises:
        KeyboardInterrupt: with that text, if there is a run.
    """
    try:
        result = train()
    except KeyboardInterrupt:
        interrupted: list[str] = []

        def kill(run: "RunLog") -> None:
            run.kill("interrupted")
            interrupted.append(resume(run.run_id))

        log.finish(kill)
        raise KeyboardInterrupt(*interrupted) from None
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        log.finish(lambda run: run.close("failed", reason))
        raise
    log.settle().close(result.state, result.reason)
    return result


def resumed_by(runs: Path, tracking: str) -> Callable[[str], str]:
    """Function that tells how the training of a run is resumed."""
    return lambda run_id: (
        f"stopped; `{next_step('train', '--resume', run_id, runs=runs, tracking=tracking)}` goes on with it"
    )


def _open_run(
    config: RunConfig, data_digest: str, runs: Path, tracking: str, unseal: bool, unfinished: Unfinished
) -> "RunLog":
    """A new run in the store, whose folder is held, unless the configuration has seen its test frames."""
    from hourglass_bench.bench.commands import writing
    from hourglass_bench.bench.tracking.store import RunLog, get_experiment

    client = writing.patient(writing.open_to_write(runs, tracking))
    experiment = get_experiment(client, writing.TRAIN, runs)
    if not unseal:
        require_sealed(client, experiment, config, data_digest)
    tags = {schema.KIND: "trial", schema.UNIT: config_hash(config), schema.NOTE: note(config)}
    with writing.beginning(runs):
        log = RunLog.create(client, experiment, run_name(config), tags)
        unfinished.hold(runs / schema.UNFINISHED_DIR / log.run_id)
    return log


def require_sealed(client: "MlflowClient", experiment: str, config: RunConfig, data_digest: str, own: str = "") -> None:
    """Raise ValueError if a run of this configuration has looked at the test frames: a second look is a choice.

    The same data under another path are the same, and so are the same weights. One that opened them and left no result,
    such as of a full disk, has shown nothing to anybody: that it was there is said.

    Args:
        own: id of the run that is to look, if it has one: what it saw itself before it was cut off is no other look.
    """
    from hourglass_bench.bench.tracking.store import search_runs

    weights = weights_digest(config.training.weights)
    for earlier in search_runs(client, experiment, f"tags.`{schema.DATA_DIGEST}` = '{data_digest}'"):
        opened, run_id = earlier.data.tags.get(schema.TEST_OPENED), earlier.info.run_id
        began_alike = earlier.data.tags.get(schema.WEIGHTS_DIGEST, "") == weights
        if not opened or run_id == own or not began_alike or not _is_alike(earlier.data.params, config):
            continue
        if not _has_result(earlier.data.metrics):
            say(f"run {run_id} opened the test frames on {opened} and left no result: they are opened again")
            continue
        raise ValueError(
            f"test frames must be opened once per configuration, got them opened by run {run_id} on {opened}; use its "
            "result, or train and open them again with --unseal."
        )


def _has_result(metrics: Mapping[str, float]) -> bool:
    """Whether a run measured something on the test frames, by the names of today or of an older version."""
    tested = {metric.name for metric in schema.METRICS.values() if metric.column}
    return any(schema.RENAMED.get(name, name) in tested for name in metrics)


def _is_alike(params: Mapping[str, str], config: RunConfig) -> bool:
    """Whether a stored config is this one but for where the data and the same weights lie."""
    try:
        stored = located(unflatten(params), config.data.path)
    except ValueError:  # it cannot be said today
        return False
    stored = replace(stored, training=replace(stored.training, weights=config.training.weights))
    return config_hash(stored) == config_hash(config)


def answer(result: RunResult) -> dict[str, Any]:
    """The result under short names."""
    metrics = result.metrics
    peak = metrics.get(schema.TENSOR_PEAK.name)  # not measured if memory ran out
    of_generative = (*schema.RECONSTRUCTION_METRICS, *schema.BOUND_METRICS)
    return {
        "run_id": result.run_id,
        "state": result.state,
        "reason": result.reason,
        "checkpoint": result.checkpoint,
        "epochs": result.epochs,
        "val_iou": metrics.get(schema.BEST_VAL_IOU.name),
        **{f"test_{metric.column}": metrics.get(metric.name) for metric in schema.TEST_METRICS},
        **{f"test_{metric.column}": metrics[metric.name] for metric in of_generative if metric.name in metrics},
        "train_images_per_second": metrics[schema.TRAIN_SPEED.name],
        "bottleneck": list(result.bottleneck),
        "params": metrics[schema.PARAMS.name],
        "macs": metrics[schema.MACS.name],
        "tensor_peak_bytes": None if peak is None else int(peak),
        "seconds": metrics[schema.SECONDS.name],
    }


def report_epoch(record: EpochRecord) -> None:
    """Say how an epoch went; no reason to stop."""
    iou = "" if record.val_iou is None else f"val IoU {record.val_iou:.3f}, "
    say(
        f"epoch {record.epoch}: train loss {record.train_loss:.3f}, val loss {record.val_loss:.3f}, "
        f"{iou}{record.epoch_seconds:.1f} s"
    )
