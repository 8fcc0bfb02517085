"""The dictionary: every metric, parameter and tag that a run logs, with its unit, direction and bounds.

This is the only place where logged names live. It imports neither torch nor mlflow, so that the report reads the store
by the same names the trainer wrote. Adding a metric is one line here and one function that computes it.
"""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "none"]

State = Literal["complete", "pruned", "infeasible", "diverged", "out_of_memory", "failed"]
"""How a run ended. Only `complete` runs of the stage `comparison` have test metrics; every other state than `complete`
carries a reason (tag `state.reason`)."""

STATES: tuple[State, ...] = ("complete", "pruned", "infeasible", "diverged", "out_of_memory", "failed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One logged number."""

    name: str
    unit: str
    better: Direction
    """Which direction is better; `none` for plain descriptions."""
    lower: float | None
    """Smallest possible value, None if unbounded."""
    upper: float | None
    label: str
    """How tables and axes call it, without the unit."""
    curve: bool
    """True: one value per epoch (step = epoch, from 1). False: one value per run."""


def _curve(name: str, unit: str, better: Direction, lower: float | None, upper: float | None, label: str) -> Metric:
    return Metric(name=name, unit=unit, better=better, lower=lower, upper=upper, label=label, curve=True)


def _value(name: str, unit: str, better: Direction, lower: float | None, upper: float | None, label: str) -> Metric:
    return Metric(name=name, unit=unit, better=better, lower=lower, upper=upper, label=label, curve=False)


TRAIN_LOSS = _curve("train/loss", "nats", "lower", 0, None, "training loss")
VAL_LOSS = _curve("val/loss", "nats", "lower", 0, None, "validation loss")
VAL_BCE = _curve("val/bce", "nats", "lower", 0, None, "validation cross-entropy")
VAL_IOU = _curve("val/iou", "1", "higher", 0, 1, "validation IoU")
VAL_DICE = _curve("val/dice", "1", "higher", 0, 1, "validation Dice")
LR = _curve("lr", "1", "none", 0, None, "learning rate")
EPOCH_SECONDS = _curve("time/epoch_seconds", "s", "lower", 0, None, "seconds per epoch")

BEST_VAL_IOU = _value("best/val_iou", "1", "higher", 0, 1, "best validation IoU")
BEST_EPOCH = _value("best/epoch", "epoch", "none", 1, None, "best epoch")
TEST_IOU = _value("test/iou", "1", "higher", 0, 1, "test IoU")
TEST_DICE = _value("test/dice", "1", "higher", 0, 1, "test Dice")
BOTTLENECK_ELEMENTS = _value("bottleneck/elements", "1", "none", 1, None, "bottleneck elements")
BOTTLENECK_COMPRESSION = _value("bottleneck/compression", "1", "none", 0, None, "compression ratio")
PARAMS = _value("model/params", "1", "lower", 1, None, "parameters")
MACS = _value("model/macs", "1", "lower", 1, None, "multiply-accumulates per image")
TENSOR_PEAK = _value("memory/tensor_peak_bytes", "B", "lower", 1, None, "tensor peak memory")
PREDICTED_PEAK = _value("memory/predicted_peak_bytes", "B", "lower", 1, None, "predicted tensor peak memory")
ALLOCATOR_PEAK = _value("memory/allocator_peak_bytes", "B", "lower", 1, None, "allocator peak memory")
RESERVED_PEAK = _value("memory/reserved_peak_bytes", "B", "lower", 0, None, "reserved peak memory (CUDA)")
RSS_PEAK = _value("memory/rss_peak_bytes", "B", "lower", 1, None, "process peak memory")
TRAIN_SPEED = _value("speed/train_images_per_second", "images/s", "higher", 0, None, "training speed")
SECONDS = _value("time/seconds", "s", "lower", 0, None, "duration of the run")
FOREGROUND_SHARE = _value("data/foreground_share", "1", "none", 0, 1, "foreground share of the validation masks")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        TRAIN_LOSS,
        VAL_LOSS,
        VAL_BCE,
        VAL_IOU,
        VAL_DICE,
        LR,
        EPOCH_SECONDS,
        BEST_VAL_IOU,
        BEST_EPOCH,
        TEST_IOU,
        TEST_DICE,
        BOTTLENECK_ELEMENTS,
        BOTTLENECK_COMPRESSION,
        PARAMS,
        MACS,
        TENSOR_PEAK,
        PREDICTED_PEAK,
        ALLOCATOR_PEAK,
        RESERVED_PEAK,
        RSS_PEAK,
        TRAIN_SPEED,
        SECONDS,
        FOREGROUND_SHARE,
    )
}

# Parameters: the flattened RunConfig (`bench.config.flatten`: `architecture.name`, `training.epochs`, ...), plus:
DEPTH = "depth"
BASE_WIDTH = "base_width"
PRESET = "preset"
"""Name of the architecture preset the configuration equals, empty if none."""
BOTTLENECK_PREDICTED = "bottleneck.predicted"
BOTTLENECK_MEASURED = "bottleneck.measured"
"""Bottleneck shapes are written `CxHxW`."""

# Tags.
KIND = "kind"
"""`study` (the parent run of a study) or `trial` (one training)."""
STUDY = "study"
STUDY_DESCRIPTION = "study.description"
STUDY_PLANNED = "study.planned"
"""Number of planned units, on the parent run."""
STUDY_BUDGET = "study.budget"
"""Planned units by stage and architecture, on the parent run: JSON such as `{"comparison": {"unet": 12}}`."""
STUDY_MEMORY_BUDGET = "study.memory_budget_bytes"
"""Largest tensor peak that a trial may be predicted to have, on the parent run."""
Stage = Literal["search", "comparison"]
STAGE = "stage"
"""`search` (chooses hyperparameters, on validation scenes only) or `comparison` (evaluated on test scenes)."""
SUPERSEDED = "superseded"
"""Set on a run whose unit is no longer planned since the study was changed; reports leave it out."""
UNIT = "unit"
"""Hash of the RunConfig: the identity of a planned unit of a study."""
TRIAL = "optuna.trial"
ATTEMPT = "attempt"
"""Which try at the unit this run is, from 1."""
STATE = "state"
STATE_REASON = "state.reason"
DATA_DIGEST = "data.digest"
GIT_COMMIT = "git.commit"
ENVIRONMENT = "environment."
"""Prefix of the tags that describe the machine and the versions: `environment.torch`, `environment.device`, ..."""

# Artifacts of a trial run.
PANEL_IMAGE = "panel.png"
PANEL_DATA = "panel.npz"
"""Arrays `stems` (F), `images` (F, H, W, 3) uint8, `truth` (F, H, W) bool, `probability` (F, H, W) float16."""
FRAME_TABLE = "test_frames.csv"
"""Columns stem, scene, iou, dice: one row per test frame at the best epoch."""
CONFIG_FILE = "checkpoint/config.json"
CHECKPOINT_FILE = "checkpoint/state_dict.pt"

# Files under RUNS.
TRACKING_DB = "mlflow.db"
STUDY_DB = "optuna.db"
ARTIFACT_DIR = "artifacts"
REPORT_DIR = "reports"
