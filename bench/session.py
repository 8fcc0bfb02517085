"""One tracked training from the command line: open the store, run, close."""

from pathlib import Path
from typing import Any

from architectures import registry
from bench import cli, schema
from bench.config import RunConfig, config_hash
from bench.data.dataset import load
from bench.device import choose_device
from bench.run import RunResult, run
from bench.tracking import NAME, RunLog, get_experiment, open_store, tracking_url
from bench.train import EpochRecord

EXPERIMENT = "train"
CACHE = "cache"


def train_one(config: RunConfig, *, runs: Path, device: str, tracking: str = "") -> dict[str, Any]:
    """Train `config`, tracked in the experiment `train`; the answer of `bench train --json`.

    `tracking` is the URL of the store, if it is not the database in the folder `runs`.

    Raises:
        ValueError: wrong input; then nothing has been written.
    """
    target = choose_device(device)
    check(config, runs)
    client = open_store(tracking_url(runs, tracking))
    tags = {schema.KIND: "trial", schema.UNIT: config_hash(config), NAME: run_name(config)}
    log = RunLog.create(client, get_experiment(client, EXPERIMENT, runs), run_name(config), tags)
    try:
        result = run(config, log, cache=runs / CACHE, device=target, stop=_report_epoch)
    except KeyboardInterrupt:
        log.kill("interrupted")
        raise
    except Exception as error:
        log.close("failed", f"{type(error).__name__}: {error}")
        raise
    log.close(result.state, result.reason)
    return answer(result)


def check(config: RunConfig, runs: Path) -> None:
    """Raise what is wrong with the architecture or the data before a store or a run exists."""
    registry.predict(config.architecture, *config.data.size)
    registry.build(config.architecture, seed=config.seed)
    load(config.data, runs / CACHE)


def run_name(config: RunConfig) -> str:
    """Readable name of a run, for example `unet 16-32-64 seed 0`."""
    channels = "-".join(str(width) for width in config.architecture.channels)
    return f"{config.architecture.name} {channels} seed {config.seed}"


def answer(result: RunResult) -> dict[str, Any]:
    """The result under short names."""
    metrics = result.metrics
    return {
        "run_id": result.run_id,
        "state": result.state,
        "reason": result.reason,
        "checkpoint": result.checkpoint,
        "epochs": result.epochs,
        "val_iou": metrics.get(schema.BEST_VAL_IOU.name),
        "test_iou": metrics.get(schema.TEST_IOU.name),
        "test_dice": metrics.get(schema.TEST_DICE.name),
        "train_images_per_second": metrics[schema.TRAIN_SPEED.name],
        "bottleneck": list(result.bottleneck),
        "params": metrics[schema.PARAMS.name],
        "macs": metrics[schema.MACS.name],
        "tensor_peak_bytes": int(metrics[schema.TENSOR_PEAK.name]),
        "seconds": metrics[schema.SECONDS.name],
    }


def _report_epoch(record: EpochRecord) -> None:
    cli.say(
        f"epoch {record.epoch}: train loss {record.train_loss:.3f}, val loss {record.val_loss:.3f}, "
        f"val IoU {record.val_iou:.3f}, {record.epoch_seconds:.1f} s"
    )
