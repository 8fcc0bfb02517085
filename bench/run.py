"""`run(config)`: one training from configuration to result. The one seam between deciding and measuring."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from architectures import registry
from architectures.bottleneck import Prediction
from bench import schema
from bench.config import RunConfig, step_shape
from bench.data.dataset import Dataset
from bench.data.split import Split, roles
from bench.digest import digest
from bench.machine.clock import Phases, Stopwatch
from bench.machine.environment import environment
from bench.machine.memory import StepMemory, measure_step, process_peak_bytes, reset_process_peak
from bench.stored_config import flatten
from bench.tracking.background import BackgroundLog
from bench.training.autotune import is_worth_tuning, tune
from bench.training.pretrain import autoencoder_of, pretrain
from bench.training.setup import Setup, make_trainer, planned_steps, prepare
from bench.training.train import EpochRecord, TrainingResult, base_rate_of, train

Stop = Callable[[EpochRecord], str | None]

_MEASURED: dict[tuple[RunConfig, torch.device], StepMemory] = {}


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
    config: RunConfig, log: BackgroundLog, *, cache: Path, device: torch.device, stop: Stop = never, test: bool = True
) -> RunResult:
    """Train and evaluate `config`, logging into `log`, whose run the caller closes.

    Without `test` the test scenes are never looked at, and no checkpoint is kept: such a run only chooses.

    Raises:
        ValueError: the data or the architecture does not allow the run.
        RuntimeError: the measured bottleneck is not the predicted one.
    """
    clock, phases = Stopwatch(device), Phases(device)
    reset_process_peak()
    log.params(describe(config))
    with phases.phase("setup"):
        setup, metrics, bottleneck = _set_up(config, log, cache, device)
    if is_worth_tuning(config, planned_steps(config, setup.split), device):
        with phases.phase("autotune"):
            setup, tried = tune(config, setup, cache, device)
        reset_process_peak()  # of training, not of what was tried
        log.tags({schema.EXECUTION_TRIED: json.dumps(tried)})
    execution = setup.trainer.execution
    log.tags({schema.EXECUTION + name: text for name, text in execution.describe().items()})

    def on_epoch(record: EpochRecord) -> str | None:
        with phases.phase("tracking"):
            log.metrics(record.metrics(), step=record.epoch)
            return stop(record)

    broken = ""
    if config.training.pretrain_epochs:
        with phases.phase("pretrain"):
            broken = pretrain(config, setup, log.poll)
    result = train(setup.trainer, setup.data, setup.split, on_epoch, log.poll)
    if broken:  # the weights it left let training diverge in its first epoch
        result = result._replace(reason=broken)
    metrics |= training_metrics(result) | {schema.RSS_PEAK.name: process_peak_bytes()}  # of training, nothing after it
    setup.trainer.free_graph()
    with phases.phase("memory"):
        metrics |= memory_metrics(_memory(config, setup, device))
    with phases.phase("tracking"):
        settled = log.settle()
    if result.state == "complete" and test:
        from bench.evaluation import evaluate_test  # imports what training can do without

        metrics |= evaluate_test(config, setup, result.best_state, settled, phases)
    metrics |= {schema.PHASES[name].name: seconds for name, seconds in phases.seconds.items()}
    metrics |= {schema.SECONDS.name: clock.seconds()}
    settled.metrics(metrics)
    return RunResult(
        run_id=settled.run_id,
        state=result.state,
        reason=result.reason,
        epochs=result.epochs,
        bottleneck=bottleneck,
        metrics=metrics,
        checkpoint=settled.artifact(schema.CHECKPOINT_FILE) if result.state == "complete" and test else "",
    )


def _set_up(
    config: RunConfig, log: BackgroundLog, cache: Path, device: torch.device
) -> tuple[Setup, dict[str, float], tuple[int, int, int]]:
    """What the run works with, what is known of it before training, and the measured bottleneck."""
    prediction = registry.predict(config.architecture, *config.data.size)
    setup = prepare(config, cache, device)
    network, dtype = setup.trainer.network, setup.trainer.dtype
    log.tags(environment(device, dtype) | data_tags(setup.dataset, setup.split))
    bottleneck = measure_bottleneck(network, (config.architecture.in_channels, *config.data.size), device)
    log.params(bottleneck_params(prediction.shape, bottleneck))
    if bottleneck != prediction.shape:
        raise RuntimeError(f"the bottleneck must be {prediction.shape} as predicted, got {bottleneck}")
    return setup, static_metrics(prediction, setup), bottleneck


@torch.inference_mode()
def measure_bottleneck(network: nn.Module, image: tuple[int, int, int], device: torch.device) -> tuple[int, int, int]:
    """Shape (C, H, W) of what leaves `network.bottleneck` for one image of shape (C, H, W)."""
    shapes: list[torch.Size] = []

    def record(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        shapes.append(output.shape[1:])

    handle = network.get_submodule("bottleneck").register_forward_hook(record)
    network.eval()(torch.zeros(1, *image, device=device))
    handle.remove()
    channels, height, width = shapes[0]
    return channels, height, width


def _memory(config: RunConfig, setup: Setup, device: torch.device) -> StepMemory:
    """Measured once per process for all runs of one shape, since it is the same for each."""
    key = (step_shape(config), device)
    if key not in _MEASURED:
        _MEASURED[key] = measure_memory(config, setup, device)
    return _MEASURED[key]


def measure_memory(config: RunConfig, setup: Setup, device: torch.device) -> StepMemory:
    """Peaks of a training step of full batch size by the reference's execution, on a network of its own.

    Of a run that pre-trains each is the larger one of both kinds of steps.
    """
    own = _measure_memory(config, setup, device)
    if not config.training.pretrain_epochs:
        return own
    return own.larger(_measure_memory(autoencoder_of(config), setup, device))


def _measure_memory(config: RunConfig, setup: Setup, device: torch.device) -> StepMemory:
    trainer = make_trainer(config, setup.split, device)
    trainer.network.train()
    images, masks = setup.batch(config.training.batch_size)
    return measure_step(
        lambda: trainer.step(images, masks, trainer.draw(len(images))),
        lambda: [images, masks, *trainer.resident()],
        device,
    )


def data_tags(dataset: Dataset, split: Split) -> dict[str, str]:
    """Hashes of the frames and of their roles."""
    return {
        schema.DATA_DIGEST: dataset.digest,
        schema.SPLIT_DIGEST: digest(json.dumps(roles(dataset.frames.stems, split))),
    }


def describe(config: RunConfig) -> dict[str, str]:
    """The parameters that are known before anything was tried, by their names."""
    return flatten(config) | {
        schema.DEPTH: str(config.architecture.depth),
        schema.BASE_WIDTH: str(config.architecture.base_width),
        schema.FOLD: str(config.fold),
        schema.PRESET: registry.preset_name(config.architecture),
        schema.TARGET: config.architecture.target,
    }


def bottleneck_params(predicted: tuple[int, int, int], measured: tuple[int, int, int]) -> dict[str, str]:
    """Both shapes as `CxHxW`."""
    shapes = {schema.BOTTLENECK_PREDICTED: predicted, schema.BOTTLENECK_MEASURED: measured}
    return {name: "x".join(str(side) for side in shape) for name, shape in shapes.items()}


def static_metrics(prediction: Prediction, setup: Setup) -> dict[str, float]:
    """What is known before training."""
    validation = torch.from_numpy(setup.split.val)
    base_rate = base_rate_of(setup.data, validation)
    return {
        schema.BOTTLENECK_ELEMENTS.name: prediction.elements,
        schema.BOTTLENECK_COMPRESSION.name: prediction.compression,
        schema.PARAMS.name: prediction.params,
        schema.MACS.name: prediction.macs,
        schema.FOREGROUND_SHARE.name: base_rate.share,
        schema.ALL_FOREGROUND_IOU.name: base_rate.all_foreground_iou,
    }


def memory_metrics(memory: StepMemory) -> dict[str, float]:
    """Peaks of a step by their names; the reserved peak only where there is one."""
    values = {
        schema.TENSOR_PEAK.name: memory.tensor_peak,
        schema.SAVED_ACTIVATIONS.name: memory.saved_activations,
        schema.ALLOCATOR_PEAK.name: memory.allocator_peak,
    }
    if memory.reserved_peak is not None:
        values[schema.RESERVED_PEAK.name] = memory.reserved_peak
    return {name: float(value) for name, value in values.items()}


def training_metrics(result: TrainingResult) -> dict[str, float]:
    """What training measured; no best epoch if not one was finished."""
    values = {
        schema.TRAIN_SPEED.name: result.epoch_images * result.epochs / result.seconds,
        schema.STEP_SECONDS.name: result.seconds / result.steps,
        schema.TRAIN_SECONDS.name: result.seconds,
        schema.VALIDATION_SECONDS.name: result.validation_seconds,
        schema.EPOCH_IMAGES.name: result.epoch_images,
    }
    if result.best is not None:
        values |= {schema.BEST_VAL_LOSS.name: result.best.val_loss, schema.BEST_EPOCH.name: result.best.epoch}
        if result.best.val_iou is not None:
            values[schema.BEST_VAL_IOU.name] = result.best.val_iou
    return values
