"""The dictionary: every metric, parameter and tag that a run logs, with its unit, direction and bounds.

This is the only place where logged names live. It imports neither torch nor mlflow, so that the report reads the store
by the same names the trainer wrote. Adding a metric is one line here, which puts it into METRICS, and one function that
computes it. docs/glossary.md is made of the texts in this file.
"""

from dataclasses import dataclass
from functools import partial
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
    margin: float | None = None
    """Equivalence margin: a difference that does not matter; None where differences are not judged."""
    since: int = 3
    """The VERSION that added it: runs of before lack it."""

    @property
    def column(self) -> str:
        """Its column in the frame table, if it is a test metric."""
        return self.name.removeprefix(TEST)


METRICS: dict[str, Metric] = {}
"""Every metric by its name, in the order of this file."""


def _metric(
    name: str,
    unit: str,
    better: Direction,
    lower: float | None,
    upper: float | None,
    label: str,
    *,
    curve: bool = False,
    margin: float | None = None,
    since: int = 3,
) -> Metric:
    """A metric, which is known from here on."""
    METRICS[name] = Metric(
        name=name,
        unit=unit,
        better=better,
        lower=lower,
        upper=upper,
        label=label,
        curve=curve,
        margin=margin,
        since=since,
    )
    return METRICS[name]


_curve, _value = partial(_metric, curve=True), partial(_metric, curve=False)

TEST = "test/"


def _test(column: str, unit: str, better: Direction, upper: float | None, label: str, margin: float) -> Metric:
    """Mean over test scenes of the frames' values, which stand in the column of the same name in the frame table."""
    return _metric(TEST + column, unit, better, 0, upper, label, margin=margin)


# Of auto-encoders of images losses are squared errors, without a unit.
TRAIN_LOSS = _curve("train/loss", "nats", "lower", None, None, "training loss")
VAL_LOSS = _curve("val/loss", "nats", "lower", None, None, "validation loss")
VAL_BCE = _curve("val/bce", "nats", "lower", 0, None, "validation cross-entropy")
VAL_IOU = _curve("val/iou", "1", "higher", 0, 1, "validation IoU")
VAL_DICE = _curve("val/dice", "1", "higher", 0, 1, "validation Dice")
VAL_MSE = _curve("val/mse", "1", "lower", 0, None, "validation squared error")
VAL_KL = _curve("val/kl", "nats", "lower", 0, None, "validation KL divergence")
VAL_SIGMA = _curve("val/sigma", "1", "none", 0, None, "sigma of the likelihood")
LR = _curve("lr", "1", "none", 0, None, "learning rate")
EPOCH_SECONDS = _curve("time/epoch_seconds", "s", "lower", 0, None, "seconds per epoch")

BEST_VAL_IOU = _value("best/val_iou", "1", "higher", 0, 1, "best validation IoU")
BEST_VAL_LOSS = _value("best/val_loss", "nats", "lower", None, None, "validation loss at the best epoch")
BEST_EPOCH = _value("best/epoch", "epoch", "none", 1, None, "best epoch")

TEST_IOU = _test("iou", "1", "higher", 1, "IoU", 0.01)
TEST_DICE = _test("dice", "1", "higher", 1, "Dice", 0.01)
TEST_BOUNDARY_IOU = _test("boundary_iou", "1", "higher", 1, "Boundary IoU", 0.01)
TEST_BOUNDARY_F = _test("boundary_f", "1", "higher", 1, "boundary F", 0.01)
TEST_NSD = _test("nsd", "1", "higher", 1, "NSD at 1 px", 0.01)
TEST_HD95 = _test("hd95", "px", "lower", None, "HD95", 0.5)
TEST_ASSD = _test("assd", "px", "lower", None, "ASSD", 0.1)
TEST_BRIER = _test("brier", "1", "lower", 1, "Brier score", 0.002)
TEST_ECE = _test("ece", "1", "lower", 1, "ECE", 0.002)
TEST_METRICS = tuple(metric for metric in METRICS.values() if metric.margin is not None)
"""In the order of tables; the headline is IoU."""

TEST_MSE = _value("test/mse", "1", "lower", 0, 1, "squared error")
TEST_PSNR = _value("test/psnr", "dB", "higher", 0, None, "PSNR")
TEST_SSIM = _value("test/ssim", "1", "higher", -1, 1, "SSIM")
TEST_MS_SSIM = _value("test/ms_ssim", "1", "higher", 0, 1, "MS-SSIM")
RECONSTRUCTION_METRICS = (TEST_MSE, TEST_PSNR, TEST_SSIM, TEST_MS_SSIM)
"""Of what auto-encoder and VAE give back, images or masks as probabilities, in [0, 1]; the scene mean, as that of the
test metrics. MS-SSIM has four scales, and only frames of 48 pixels or more have it."""
TEST_DISTORTION = _value("test/distortion", "nats", "lower", None, None, "distortion per frame")
TEST_RATE = _value("test/kl", "nats", "none", 0, None, "rate (KL divergence) per frame")
TEST_ELBO = _value("test/elbo", "nats", "higher", None, None, "ELBO per frame")
TEST_IWAE = _value("test/iwae", "nats", "higher", None, None, "IWAE bound per frame, k = 64")
TEST_BITS = _value("test/bits_per_dim", "bit", "lower", None, None, "bits per dimension")
BOUND_METRICS = (TEST_DISTORTION, TEST_RATE, TEST_ELBO, TEST_IWAE)
"""Of a VAE, with beta = 1 however it was trained; the scene mean. The likelihood is Bernoulli for masks and normal with
one sigma for images in [0, 1], whose density can be above 1, so that distortion and bits can be negative."""
TEST_SIGMA = _value("test/sigma", "1", "none", 0, None, "sigma of the likelihood")
ACTIVE_UNITS = _value("latent/active_units", "1", "higher", 0, None, "active units")
"""Latent numbers whose posterior mean varies by more than 0.01 over the test frames (Burda et al. 2016)."""
PROBE_IOU = _value("probe/iou", "1", "higher", 0, 1, "IoU of a linear probe")
"""Of test masks that a ridge regression on the training frames reads off the frozen latent."""
SAMPLE_DISTANCE = _value("samples/nearest_distance", "1", "none", 0, None, "distance of samples to training frames")
"""Median root mean square difference of thumbnails of samples to the nearest training frame."""
UNSEEN_DISTANCE = _value("samples/unseen_distance", "1", "none", 0, None, "distance of test to training frames")
"""The same of test frames, beside which a sample's distance can be judged."""
COPIED_SHARE = _value("samples/copied_share", "1", "lower", 0, 1, "share of copied samples")
"""Samples nearer to a training frame than a third of their distance to the nearest one of any other scene."""

BASELINES = {
    "all_foreground": "all foreground",
    "base_rate": "base rate",
    "mean_mask": "mean mask",
    "copy": "copy of the nearest frame",
}
"""Predictions that need no network (`bench.metrics.baselines`), and how tables call them."""
BASELINE_COLUMNS = ("iou", "boundary_iou", "brier")
"""Test metrics of each baseline, on the same frames as the network's."""


def baseline_metric(baseline: str, column: str) -> Metric:
    """A test metric of a baseline."""
    return METRICS[f"baseline/{baseline}/{column}"]


def _add_baselines() -> None:
    for baseline, called in BASELINES.items():
        for column in BASELINE_COLUMNS:
            of = METRICS[TEST + column]
            label = f"{of.label} of {called}"
            _value(f"baseline/{baseline}/{column}", of.unit, of.better, of.lower, of.upper, label)


_add_baselines()

BOTTLENECK_ELEMENTS = _value("bottleneck/elements", "1", "none", 1, None, "bottleneck elements")
BOTTLENECK_COMPRESSION = _value("bottleneck/compression", "1", "none", 0, None, "compression ratio")
PARAMS = _value("model/params", "1", "lower", 1, None, "parameters")
MACS = _value("model/macs", "1", "lower", 1, None, "multiply-accumulates per image")
TENSOR_PEAK = _value("memory/tensor_peak_bytes", "B", "lower", 1, None, "tensor peak memory")
PREDICTED_PEAK = _value("memory/predicted_peak_bytes", "B", "lower", 1, None, "predicted tensor peak memory")
SAVED_ACTIVATIONS = _value("memory/saved_activation_bytes", "B", "lower", 1, None, "saved activations")
ALLOCATOR_PEAK = _value("memory/allocator_peak_bytes", "B", "lower", 1, None, "allocator peak memory")
RESERVED_PEAK = _value("memory/reserved_peak_bytes", "B", "lower", 0, None, "reserved peak memory (CUDA)")
RSS_PEAK = _value("memory/rss_peak_bytes", "B", "lower", 1, None, "process peak memory to the end of training")
TRAIN_SPEED = _value("speed/train_images_per_second", "images/s", "higher", 0, None, "training speed")
STEP_SECONDS = _value("time/step_seconds", "s", "lower", 0, None, "seconds per training step")

Phase = Literal["setup", "autotune", "pretrain", "train", "validation", "tracking", "memory", "test", "artifacts"]


def _phase(phase: Phase, label: str) -> Metric:
    return _value(f"time/{phase}_seconds", "s", "lower", 0, None, label)


SETUP_SECONDS = _phase("setup", "set-up")
AUTOTUNE_SECONDS = _phase("autotune", "autotune")
PRETRAIN_SECONDS = _phase("pretrain", "pre-training")
TRAIN_SECONDS = _phase("train", "training")
VALIDATION_SECONDS = _phase("validation", "validation")
TRACKING_SECONDS = _phase("tracking", "tracking")
MEMORY_SECONDS = _phase("memory", "memory measurement")
TEST_SECONDS = _phase("test", "test")
ARTIFACT_SECONDS = _phase("artifacts", "artifacts")
PHASES: dict[Phase, Metric] = {
    "setup": SETUP_SECONDS,
    "autotune": AUTOTUNE_SECONDS,
    "pretrain": PRETRAIN_SECONDS,
    "train": TRAIN_SECONDS,
    "validation": VALIDATION_SECONDS,
    "tracking": TRACKING_SECONDS,
    "memory": MEMORY_SECONDS,
    "test": TEST_SECONDS,
    "artifacts": ARTIFACT_SECONDS,
}
"""What a run spends its time on, in this order. Set-up: data and network; autotune: the choice of execution settings;
tracking: epochs logged and the answer whether to go on; memory: the measurement of a step's memory; test: predictions,
metrics and baselines; `time/seconds` is all of it and the rest."""
SECONDS = _value("time/seconds", "s", "lower", 0, None, "duration of the run")
IDLE_SECONDS = _value("time/idle_seconds", "s", "lower", 0, None, "idle")
"""Of a study's worker, from the end of its trial before to the end of this one, beside `time/seconds`."""
EPOCH_IMAGES = _value("data/epoch_images", "1", "none", 1, None, "images per epoch")
LABEL_AGREEMENT = _value("data/label_agreement", "1", "none", 0, 1, "IoU of the test masks cut at 64 and at 192")
ALL_FOREGROUND_IOU = _value("data/all_foreground_iou", "1", "none", 0, 1, "validation IoU of all foreground")
FOREGROUND_SHARE = _value("data/foreground_share", "1", "none", 0, 1, "foreground share of the validation masks")

# Parameters: the flattened RunConfig (`bench.config.flatten`: `architecture.name`, `training.epochs`, ...), plus:
DEPTH = "depth"
BASE_WIDTH = "base_width"
FOLD = "fold"
"""Number of the fold that is tested."""
PRESET = "preset"
"""Name of the architecture preset the configuration equals, empty if none."""
TARGET = "target"
"""What leaves the network: `mask` or `image`."""
BOTTLENECK_PREDICTED = "bottleneck.predicted"
BOTTLENECK_MEASURED = "bottleneck.measured"
"""Bottleneck shapes are written `CxHxW`."""

# Tags.
VERSION = 4
"""Of this dictionary. It rises when a name is added or renamed; 1 logged no version."""
OLDEST_VERSION = 3
"""Stores from this version on are read."""
RENAMED = {
    "seed": "repeat",
    "training.colour": "training.color_jitter",
    "study.budget": "study.planned_units",
}
"""Name that an older version stored -> the same parameter's or tag's name today; readers know both."""
SCHEMA_VERSION = "schema.version"
"""VERSION of the code that created the run."""
KIND = "kind"
"""`study` (the parent run of a study) or `trial` (one training)."""
STUDY = "study"
STUDY_DESCRIPTION = "study.description"
STUDY_PLANNED = "study.planned"
"""Number of planned units, on the parent run."""
STUDY_PLANNED_UNITS = "study.planned_units"
"""Planned units by stage and architecture, on the parent run: JSON such as `{"comparison": {"unet": 12}}`."""
STUDY_MEMORY_BUDGET = "study.memory_budget_bytes"
"""Largest tensor peak that a trial may be predicted to have, on the parent run."""
STUDY_IMPORTANCE = "study.importance"
"""Importance of the hyperparameters of a search for the best validation IoU, on the parent run once all is done: JSON
such as `{"unet": {"trials": 30, "shares": {"PED-ANOVA": {"depth": 0.8, "lr": 0.2}, "fANOVA": {...}}}}`, with the number
of trials behind the shares."""
Stage = Literal["search", "comparison", "generative", "pretraining"]
STAGE = "stage"
"""`search` (chooses hyperparameters, on validation scenes only), or one that is evaluated on test scenes: `comparison`
(of networks that segment), `generative` (auto-encoders and VAEs), `pretraining` (with a pre-trained encoder or not)."""
OBJECTIVES: dict[Stage, Metric] = {
    "search": BEST_VAL_IOU,
    "comparison": BEST_VAL_IOU,
    "generative": BEST_VAL_LOSS,
    "pretraining": BEST_VAL_IOU,
}
"""What a stage's runs are better or worse by on validation scenes."""
SUPERSEDED = "superseded"
"""Set on a run whose unit is no longer planned since the study was changed; reports leave it out."""
UNIT = "unit"
"""Hash of the RunConfig: the identity of a planned unit of a study."""
TRIAL = "optuna.trial"
ATTEMPT = "attempt"
"""Which try at the unit this run is, from 1."""
COLLAPSE = "collapse"
"""What a VAE has lost: `posterior` (no active unit), `sigma` (at its floor of one grey level), or both with a comma."""
STATE = "state"
STATE_REASON = "state.reason"
DATA_DIGEST = "data.digest"
"""Hash of names and pixels of all images and masks."""
SPLIT_DIGEST = "split.digest"
"""Hash of which frame has which role: equal for all architectures of a repeat."""
TEST_OPENED = "test.opened"
"""When the run looked at its test frames, set before it does; each run with this tag opened them once."""
GIT_COMMIT = "git.commit"
EXECUTION = "execution."
"""Prefix of the tags with the settings of `bench.training.execution.Execution`, by which the steps were carried out."""
EXECUTION_TRIED = "execution.tried"
"""Training speed in images/s of each setting that the autotune tried, as JSON; absent where it tried none."""
ENVIRONMENT = "environment."
"""Prefix of the tags that describe the machine and the versions: `environment.torch`, `environment.device`, ..."""

# Artifacts of a trial run.
PANEL_IMAGE = "panel.png"
PANEL_DATA = "panel.npz"
"""The middle frame of test scenes: arrays `stems` and `scenes` (F), `images` (F, H, W, 3) uint8, `truth` (F, H, W)
bool, `probability` (F, H, W) float16."""
FRAME_TABLE = "test_frames.parquet"
"""One row per test frame at the best epoch: columns stem, scene, every test metric, FRAME_FOREGROUND, and
`within_column` of every tolerance."""
FRAME_FOREGROUND = "foreground"
"""Share of the frame that is foreground in the mask."""
TOLERANCES = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Native pixels."""


def within_column(tolerance: float) -> str:
    """Column of the share of both boundaries within a tolerance of each other: NSD at that tolerance."""
    return f"within_{tolerance:g}px"


RECONSTRUCTION_TABLE = "test_reconstructions.parquet"
"""Of auto-encoder and VAE, one row per test frame: columns stem, scene, those of RECONSTRUCTION_METRICS and, of a VAE,
of BOUND_METRICS. Those of masks have a FRAME_TABLE too."""
LATENT_TABLE = "latent.parquet"
"""One row per latent number: columns dimension, mean and variance (of its values over the test frames, of a VAE those
of the posterior mean), kl (the mean; NaN without a posterior) and active."""
GENERATED_DATA = "generated.npz"
"""Pictures as arrays (..., H, W) of masks' probabilities or (..., H, W, 3) of images, uint8: `originals` and
`reconstructions` (F), `interpolations` (pairs, steps), `traversals` (dimensions, steps) with the numbers of
`dimensions` and, of a VAE, `samples` (64) with `neighbours`, the training frames nearest to them. Pictures NAME.png
show the same."""
GRID_DIR = "grids"
"""Folder of what `bench sample` drew."""
CALIBRATION_TABLE = "test_calibration.parquet"
"""One row per test scene and bin of predicted probability: columns scene, bin, pixels, probability (their mean) and
foreground (their share that is foreground)."""
SPLIT_FILE = "split.json"
"""The stems of each role."""
SEAL_FILE = "test_seal.json"
"""When, by which code and configuration the test frames were opened."""
CONFIG_FILE = "checkpoint/config.json"
CHECKPOINT_FILE = "checkpoint/state_dict.pt"

# Files under RUNS.
TRACKING_DB = "mlflow.db"
STUDY_DB = "optuna.db"
ARTIFACT_DIR = "artifacts"
REPORT_DIR = "reports"
