"""`run(config)`: one training from configuration to result. The one seam between deciding and measuring."""

import gc
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.bottleneck import Prediction
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.split import roles
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.machine.clock import Phases, Stopwatch
from hourglass_bench.bench.machine.environment import environment
from hourglass_bench.bench.machine.memory import process_peak_bytes, reset_process_peak
from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory
from hourglass_bench.bench.network_source import source_tags
from hourglass_bench.bench.stored_config import flatten
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.datasets import role_datasets
from hourglass_bench.bench.tracking.entries import Entries
from hourglass_bench.bench.training import ARITHMETIC
from hourglass_bench.bench.training.autotune import is_worth_tuning, tune
from hourglass_bench.bench.training.execution import Execution
from hourglass_bench.bench.training.measure import measure_bottleneck, step_memory
from hourglass_bench.bench.training.pretrain import pretrain
from hourglass_bench.bench.training.setup import Setup, capabilities, execution_choices, planned_steps, prepare
from hourglass_bench.bench.training.train import EpochRecord, Progress, TrainingResult, train
from hourglass_bench.bench.training.unfinished import Unfinished

if TYPE_CHECKING:
    from hourglass_bench.bench.evaluation import Evaluation
    from hourglass_bench.bench.tracking.store import RunLog

Stop = Callable[[EpochRecord], str | None]
CODE = {schema.ENVIRONMENT + "arithmetic": str(ARITHMETIC)}
"""Tag of the code that trains."""


def never(_: EpochRecord) -> None:
    """The stop rule that never stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """How a run ended and what it measured."""

    run_id: str
    state: schema.State
    reason: str
    """Why the state is not `complete`; empty if it is."""
    epochs: int
    bottleneck: tuple[int, int, int]
    """Measured shape (C, H, W)."""
    metrics: dict[str, float]
    """The run's values by their names in `bench.schema`; `test/*` only if complete and tested."""
    checkpoint: str
    """Where the best epoch's weights lie; empty if there are none."""


def run(
    config: RunConfig,
    log: BackgroundLog,
    *,
    cache: Path,
    device: torch.device,
    stop: Stop = never,
    test: bool = True,
    dataset: Dataset | None = None,
    execution: Execution | None = None,
    unfinished: Unfinished | None = None,
) -> RunResult:
    """Train and evaluate `config`, logging into `log`, whose run the caller closes.

    Args:
        test: without it the test scenes are never looked at, and no checkpoint is kept: such a run only chooses.
        dataset: of the config, if it is loaded.
        execution: settings by which it trains; None: the fastest ones here.
        unfinished: where its state is kept, and from which it goes on.

    Raises:
        ValueError: the data or the architecture does not allow the run.
        RuntimeError: the measured bottleneck is not the predicted one.
    """
    clock, phases = Stopwatch(device), Phases(device)
    reset_process_peak()
    log.params(describe(config))
    with phases.phase("setup"):
        prediction = registry.predict(config.architecture, *config.data.size)  # refuses before anything is written
        setup = prepare(config, cache, device, dataset, execution)
        log.tags(environment(device, setup.trainer.arithmetic) | data_tags(setup) | CODE)
        log.datasets(role_datasets(config.data, setup.dataset, setup.split, test=test))
        log.tags(source_tags(config.architecture.name) | _note_tags(config, device))
        log.tags(setup.weights.tags() if setup.weights else {})
        _check_bottleneck(prediction, config.architecture.in_channels, setup, log)
        metrics = _known_before(prediction)
    if execution is None:
        setup = _tune(config, setup, log, cache, phases)
    log.tags({schema.EXECUTION + name: str(value) for name, value in asdict(setup.trainer.execution).items()})
    result = _train(config, setup, log, stop, phases, unfinished)
    metrics |= result.metrics() | {schema.RSS_PEAK.name: process_peak_bytes()}  # of training, nothing after it
    setup.trainer.free_graph()
    with phases.phase("memory"):
        metrics |= _step_memory(config, setup, log)
    tested = test and result.state == "complete"
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    if tested:
        log.tags({schema.TEST_OPENED: opened})
    with phases.phase("tracking"):
        store = log.settle()  # what is above is stored before the test frames are looked at
    tags: dict[str, str] = {}
    if tested:
        evaluation = _test(config, setup, result, opened, store, phases)
        metrics, tags = metrics | evaluation.metrics, evaluation.tags
    metrics |= {schema.PHASES[name].name: seconds for name, seconds in phases.seconds.items()}
    metrics |= {schema.SECONDS.name: clock.seconds() + (unfinished.seconds if unfinished else 0.0)}
    store.write([Entries(metrics=metrics, tags=tags)])
    return RunResult(
        run_id=store.run_id,
        state=result.state,
        reason=result.reason,
        epochs=result.epochs,
        bottleneck=prediction.shape,
        metrics=metrics,
        checkpoint=store.artifact(schema.CHECKPOINT_FILE) if tested else "",
    )


def describe(config: RunConfig) -> dict[str, str]:
    """The parameters that are known before anything was tried, by their names."""
    axes = {schema.DEPTH: config.architecture.depth, schema.BASE_WIDTH: config.architecture.base_width}
    return flatten(config) | {
        **{name: str(value) for name, value in axes.items() if value is not None},
        schema.FOLD: str(config.fold),
        schema.PRESET: registry.preset_name(config.architecture),
        schema.TARGET: config.architecture.target,
    }


def note(config: RunConfig) -> str:
    """What the run is, in a sentence for people."""
    network, data, training = config.architecture, config.data, config.training
    size = "x".join(str(side) for side in data.size)
    return (
        f"{' '.join(filter(None, (network.name, network.sizes)))} on {data.path} at {size} pixels: {training.epochs} "
        f"epochs in batches of {training.batch_size} at a learning rate of {training.lr:g}, repeat {config.repeat}, "
        f"in which fold {config.fold} is tested."
    )


def data_tags(setup: Setup) -> dict[str, str]:
    """Hashes of the frames and of their roles, and how many test frames lost their foreground, if any did."""
    dataset = setup.dataset
    vanished = sum(dataset.facts[index].vanished for index in setup.split.test) if dataset.facts else 0
    return {
        schema.DATA_DIGEST: dataset.digest,
        schema.DATA_READING: dataset.reading.to_json(),
        schema.SPLIT_DIGEST: digest(json.dumps(roles(dataset.frames.stems, setup.split))),
        **({schema.TEST_VANISHED: str(vanished)} if vanished else {}),
    }


def _check_bottleneck(prediction: Prediction, in_channels: int, setup: Setup, log: BackgroundLog) -> None:
    """Log the predicted shape beside the network's."""
    image = (in_channels, *setup.data.size)
    measured = measure_bottleneck(setup.trainer.network, prediction.bottleneck, image, setup.trainer.device)
    shapes = {schema.BOTTLENECK_PREDICTED: prediction.shape, schema.BOTTLENECK_MEASURED: measured}
    log.params({name: "x".join(str(side) for side in shape) for name, shape in shapes.items()})
    log.params({schema.BOTTLENECK_NAME: prediction.bottleneck})
    if measured != prediction.shape:
        raise RuntimeError(f"the bottleneck must be {prediction.shape} as predicted, got {measured}")


def _note_tags(config: RunConfig, device: torch.device) -> dict[str, str]:
    """What is done to the network that its author may not expect."""
    notes = capabilities(config, device).notes
    return {schema.NETWORK_NOTES: "; ".join(notes)} if notes else {}


def _known_before(prediction: Prediction) -> dict[str, float]:
    """Metrics that are known before training."""
    return {
        schema.BOTTLENECK_ELEMENTS.name: prediction.elements,
        schema.BOTTLENECK_COMPRESSION.name: prediction.compression,
        schema.PARAMS.name: prediction.params,
        schema.MACS.name: prediction.macs,
    }


def _tune(config: RunConfig, setup: Setup, log: BackgroundLog, cache: Path, phases: Phases) -> Setup:
    """With a trainer of the fastest execution settings, if the training is long enough to look for them."""
    device = setup.trainer.device
    if is_worth_tuning(execution_choices(config, device), planned_steps(config.training, setup.split)):
        with phases.phase("autotune"):
            setup, tried = tune(config, setup, cache, device)
        reset_process_peak()  # of training, not of what was tried
        log.tags({schema.EXECUTION_TRIED: json.dumps(tried)})
    return setup


def _train(
    config: RunConfig, setup: Setup, log: BackgroundLog, stop: Stop, phases: Phases, unfinished: Unfinished | None
) -> TrainingResult:
    """Pre-train, if that is wanted, and train; or go on where training was cut off."""
    progress = unfinished.restore(setup.trainer) if unfinished else Progress()
    for record in progress.records:
        log.metrics(record.metrics(), step=record.epoch)

    def on_epoch(record: EpochRecord) -> str | None:
        with phases.phase("tracking"):
            log.metrics(record.metrics(), step=record.epoch)
            if unfinished:
                unfinished.save(setup.trainer, progress)
            return stop(record)

    broken = ""
    if config.training.pretrain_epochs and not progress.records:
        with phases.phase("pretrain"):
            broken, failure = pretrain(config, setup, log.poll)
        if failure:
            log.tags({schema.PRETRAIN_GRAPH_FAILURE: failure})
    result = train(setup.trainer, setup.data, setup.split, on_epoch, log.poll, progress)
    if failure := setup.trainer.graph_failure:
        log.tags({schema.EXECUTION + "graph": str(False), schema.GRAPH_FAILURE: failure})
    # The weights that a broken pre-training left let training diverge in its first epoch.
    return result._replace(reason=broken) if broken else result


def _step_memory(config: RunConfig, setup: Setup, log: BackgroundLog) -> dict[str, float]:
    """Peaks of a training step; none, and a tag says why, if there is no memory for a second network.

    The training is done by then, perhaps in micro-batches that took less: it is not lost.
    """
    try:
        return step_memory(config, setup, setup.trainer.device).metrics()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        text = str(error).partition("\n")[0]
        log.tags({schema.MEMORY_UNKNOWN: f"{type(error).__name__}: {text}"})
    gc.collect()  # what the step that was cut off has left; the error, which held it, is gone by now
    torch.cuda.empty_cache()
    return {}


def _test(
    config: RunConfig, setup: Setup, result: TrainingResult, opened: str, log: "RunLog", phases: Phases
) -> "Evaluation":
    """Evaluate the best epoch's weights on the test frames, and store the files that the run leaves behind.

    In the same look the weights of the last epoch, which the network has, are tested by their IoU.

    Args:
        opened: When the test frames are looked at.
    """
    # What training can do without is imported after it.
    from hourglass_bench.bench.tracking.artifacts import store_artifacts

    with phases.phase("test"):
        evaluation = _evaluate(config, setup, result)
    with phases.phase("artifacts"):
        store_artifacts(config, result.best_state, setup.dataset, setup.split, opened, evaluation.write, log)
    return evaluation


def _evaluate(config: RunConfig, setup: Setup, result: TrainingResult) -> "Evaluation":
    network, best = setup.trainer.network, result.best_state
    if config.architecture.reconstructs:
        from hourglass_bench.bench.generative.evaluation import evaluate_generative

        network.load_state_dict(best)
        return evaluate_generative(config.architecture, setup, config.repeat)
    from hourglass_bench.bench.evaluation import evaluate_segmentation, frame_ious

    last_ious = None if result.is_best_last else frame_ious(setup)
    network.load_state_dict(best)
    return evaluate_segmentation(setup, last_ious)
