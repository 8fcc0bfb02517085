"""The dictionary: every metric, parameter and tag that a run logs, with its unit, direction and bounds.

This is the only place where logged names live. It imports neither torch nor mlflow, so that the report reads the store
by the same names the trainer wrote. MLflow draws charts in sections by what stands before the last `/` of a metric's
name, sections and charts in alphabetical order, names without a section last: so IoU and loss come first. Adding a
metric is one entry here with a text that defines it, which puts it into METRICS, and one function that computes it.
docs/glossary.md is made of the texts in this file (`make glossary`).
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

Direction = Literal["higher", "lower", "none"]

State = Literal["complete", "pruned", "infeasible", "diverged", "out_of_memory", "failed"]
STATES: dict[State, str] = {
    "complete": "All epochs were trained; of every stage but `search` the run was tested too.",
    "pruned": "A search stopped it, since other trials were better after as many epochs.",
    "infeasible": "Its predicted tensor peak is above the memory budget, or its bottleneck would vanish; not trained.",
    "diverged": "The loss was not finite, or ten epochs or more were never better than the base rate.",
    "out_of_memory": "It asked for more memory than there was.",
    "failed": "An error, or its worker died in each of three attempts.",
}
"""How a run ended. Every other state than `complete` carries a reason (tag `state.reason`)."""


@dataclass(frozen=True, slots=True)
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
    curve: bool = False
    """True: one value per epoch (step = epoch, from 1). False: one value per run."""
    margin: float | None = None
    """Equivalence margin: a difference that does not matter; None where differences are not judged."""
    since: int = 3
    """The VERSION that added it or defined it anew: runs of before lack it, whatever they logged under its name."""
    column: str = ""
    """Its column in the tables of test frames; empty if it has none."""

    @property
    def span(self) -> float:
        """The largest difference of two values; infinite where they are unbounded."""
        return math.inf if self.lower is None or self.upper is None else self.upper - self.lower


METRICS: dict[str, Metric] = {}
"""Every metric by its name, in the order of this file."""


def _value(
    name: str, unit: str, better: Direction, lower: float | None, upper: float | None, label: str, **more: Any
) -> Metric:
    """A metric, which is known from here on."""
    METRICS[name] = Metric(name, unit, better, lower, upper, label, **more)
    return METRICS[name]


_curve = partial(_value, curve=True)


def _test(
    column: str,
    unit: str,
    better: Direction,
    lower: float | None,
    upper: float | None,
    label: str,
    name: str = "",
    **more: Any,
) -> Metric:
    """Mean over test scenes of the frames' values, which stand in the column of a frame table."""
    return _value(name or f"test/{column}", unit, better, lower, upper, label, column=column, **more)


# Of auto-encoders of images losses are squared errors, without a unit.
TRAIN_LOSS = _curve("loss/train", "nats", "lower", None, None, "training loss")
"""What is minimised, mean over the epoch's augmented training frames."""
VAL_LOSS = _curve("loss/val", "nats", "lower", None, None, "validation loss")
"""What is minimised, mean over the validation frames; chooses the best epoch of auto-encoders and VAEs."""
VAL_BCE = _curve("val/bce", "nats", "lower", 0, None, "validation cross-entropy")
"""Binary cross-entropy per pixel, mean over the validation frames; a network that never beats the base rate's is
stuck."""
VAL_IOU = _curve("iou/val", "1", "higher", 0, 1, "validation IoU")
"""`iou/test` of the validation scenes; chooses the best epoch of networks that segment."""
VAL_DICE = _curve("val/dice", "1", "higher", 0, 1, "validation Dice")
"""`test/dice` of the validation scenes."""
VAL_MSE = _curve("val/mse", "1", "lower", 0, None, "validation squared error")
"""Squared error per number of what auto-encoder and VAE give back, mean over the validation frames."""
VAL_KL = _curve("val/kl", "nats", "lower", 0, None, "validation KL divergence")
"""KL divergence of a VAE's posterior from its prior, whole frames, mean over the validation frames."""
VAL_SIGMA = _curve("val/sigma", "1", "none", 0, None, "sigma of the likelihood")
"""Standard deviation of the normal likelihood of a VAE of images in [0, 1]."""
LR = _curve("lr", "1", "none", 0, None, "learning rate")
"""Learning rate of the optimiser at the start of the epoch."""
EPOCH_SECONDS = _curve("time/epoch_seconds", "s", "lower", 0, None, "seconds per epoch")
"""Wall time of the epoch's training steps, without validation."""

BEST_VAL_IOU = _value("iou/val_best", "1", "higher", 0, 1, "best validation IoU")
"""The highest `iou/val`, of the epoch whose weights are kept."""
BEST_VAL_LOSS = _value("loss/val_best", "nats", "lower", None, None, "validation loss at the best epoch")
"""`loss/val` of the epoch whose weights are kept."""
BEST_EPOCH = _value("val/best_epoch", "epoch", "none", 1, None, "best epoch")
"""The epoch whose weights are kept and tested, from 1."""
LAST_IOU = _value("test/last_iou", "1", "higher", 0, 1, "IoU at the last epoch", since=8)
"""`iou/test` of the weights that the last epoch left, for networks that segment: what the choice of the best epoch is
worth."""

TEST_IOU = _test("iou", "1", "higher", 0, 1, "IoU", margin=0.01, name="iou/test")
"""Intersection over union of predicted and true foreground; two empty masks score 1."""
TEST_DICE = _test("dice", "1", "higher", 0, 1, "Dice", margin=0.01)
"""Twice the intersection over the sum of both areas; two empty masks score 1."""
TEST_BOUNDARY_IOU = _test("boundary_iou", "1", "higher", 0, 1, "Boundary IoU", margin=0.01)
"""IoU of the bands within 2 % of the frame's diagonal inside both boundaries (Cheng et al. 2021)."""
TEST_BOUNDARY_F = _test("boundary_f", "1", "higher", 0, 1, "boundary F", margin=0.01, since=8)
"""Harmonic mean of the shares of either boundary map near the other one (Perazzi et al. 2016, DAVIS), in which the
frame's edge is no boundary; an empty mask and another score 0, also where DAVIS finds no boundary in either."""
TEST_NSD = _test("nsd", "1", "higher", 0, 1, "NSD at 1 px", margin=0.01)
"""Normalised surface distance: share of both boundaries' pixels within an original pixel of the other boundary. It
counts pixels as MONAI does; Nikolov et al. 2018 weigh surface elements by their size."""
TEST_HD95 = _test("hd95", "px", "lower", 0, None, "HD95", margin=0.5)
"""Larger of the two directed 95th percentiles of the distance between the boundaries, in original pixels. Where one
mask is empty it is the frame's diagonal, so that a few missed frames decide the mean."""
TEST_ASSD = _test("assd", "px", "lower", 0, None, "ASSD", margin=0.1)
"""Average symmetric surface distance: of all boundary pixels to the other boundary, in original pixels."""
TEST_BRIER = _test("brier", "1", "lower", 0, 1, "Brier score", margin=0.002)
"""Mean squared difference of probability and truth over the pixels."""
TEST_ECE = _test("ece", "1", "lower", 0, 1, "ECE", margin=0.002)
"""Expected calibration error of a frame's pixels: mean gap of probability and truth over 15 bins."""
TEST_METRICS = tuple(metric for metric in METRICS.values() if metric.margin is not None)
"""In the order of tables; the headline is IoU."""

TEST_MSE = _test("mse", "1", "lower", 0, 1, "squared error")
"""Mean squared error per number."""
TEST_PSNR = _test("psnr", "dB", "higher", 0, None, "PSNR")
"""Peak signal-to-noise ratio; at most 100 dB."""
TEST_SSIM = _test("ssim", "1", "higher", -1, 1, "SSIM", since=8)
"""Structural similarity (Wang et al. 2004), mean over the windows of 11 pixels that lie in the frame as a whole."""
TEST_MS_SSIM = _test("ms_ssim", "1", "higher", 0, 1, "MS-SSIM", since=8)
"""The same at three scales (Wang et al. 2003, weights 0.0711, 0.4530 and 0.4760: the first of five in proportion)."""
RECONSTRUCTION_METRICS = (TEST_MSE, TEST_PSNR, TEST_SSIM, TEST_MS_SSIM)
"""Of what auto-encoder and VAE give back, images or masks as probabilities, in [0, 1]; the scene mean, as that of the
test metrics. Frames with a side of less than 44 pixels have no MS-SSIM."""
TEST_DISTORTION = _test("distortion", "nats", "lower", None, None, "distortion per frame")
"""Negative log-likelihood of the frame given its code, mean over the posterior."""
TEST_RATE = _test("kl", "nats", "none", 0, None, "rate (KL divergence) per frame")
"""KL divergence of the posterior from the prior: what the latent says about a frame."""
TEST_ELBO = _test("elbo", "nats", "higher", None, None, "ELBO per frame")
"""Evidence lower bound of the log-likelihood: minus distortion, minus rate."""
TEST_IWAE = _test("iwae", "nats", "higher", None, None, "IWAE bound per frame, k = 64")
"""Tighter bound by importance weights of 64 samples (Burda et al. 2016)."""
TEST_BITS = _value("test/bits_per_dim", "bit", "lower", None, None, "bits per dimension")
"""Minus the ELBO per pixel and channel."""
BOUND_METRICS = (TEST_DISTORTION, TEST_RATE, TEST_ELBO, TEST_IWAE)
"""Of a VAE, with beta = 1 however it was trained; the scene mean. The likelihood is Bernoulli for masks and normal with
one sigma for images in [0, 1], whose density can be above 1, so that distortion and bits can be negative."""
TEST_SIGMA = _value("test/sigma", "1", "none", 0, None, "sigma of the likelihood")
"""`val/sigma` at the best epoch."""
ACTIVE_UNITS = _value("test/active_units", "1", "higher", 0, None, "active units")
"""Latent numbers whose posterior mean varies by more than 0.01 over the test frames (Burda et al. 2016)."""
PROBE_IOU = _value("test/probe_iou", "1", "higher", 0, 1, "IoU of a linear probe")
"""Of test masks that a ridge regression on the training frames reads off the frozen latent."""
SAMPLE_DISTANCE = _value("test/sample_distance", "1", "none", 0, None, "distance of samples to training frames")
"""Median root mean square difference of thumbnails of samples to the nearest training frame."""
UNSEEN_DISTANCE = _value("test/unseen_distance", "1", "none", 0, None, "distance of test to training frames")
"""The same of test frames, beside which a sample's distance can be judged."""
COPIED_SHARE = _value("test/copied_share", "1", "lower", 0, 1, "share of copied samples")
"""Samples nearer to a training frame than a third of their distance to the nearest one of any other scene."""

TEST_COLUMNS = {metric.column: metric for metric in METRICS.values() if metric.column}
"""What is measured on test frames, by its column."""

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
    return METRICS[f"test_baselines/{baseline}_{column}"]


def baseline_column(baseline: str) -> str:
    """Column of the frame table with the IoU of a baseline on the frame."""
    return f"{baseline}_iou"


def _add_baselines() -> None:
    for baseline, called in BASELINES.items():
        for column in BASELINE_COLUMNS:
            of = TEST_COLUMNS[column]
            label = f"{of.label} of {called}"
            _value(f"test_baselines/{baseline}_{column}", of.unit, of.better, of.lower, of.upper, label)


_add_baselines()

BOTTLENECK_ELEMENTS = _value("model/bottleneck_elements", "1", "none", 1, None, "bottleneck elements")
"""Numbers that leave the bottleneck for one image."""
BOTTLENECK_COMPRESSION = _value("model/compression", "1", "none", 0, None, "compression ratio")
"""Numbers of the input image per number of the bottleneck."""
PARAMS = _value("model/params", "1", "lower", 1, None, "parameters")
"""Weights and biases that are learnt."""
MACS = _value("model/macs", "1", "lower", 1, None, "multiply-accumulates per image")
"""Multiply-accumulates of all convolutions and matrix products for one image, as predicted from the configuration."""
TENSOR_PEAK = _value("memory/tensor_peak_bytes", "B", "lower", 1, None, "tensor peak memory")
"""Largest sum of the bytes of live tensors in a training step, tracked operator by operator; equal on all devices of
one kind in one precision."""
PREDICTED_PEAK = _value("memory/predicted_peak_bytes", "B", "lower", 1, None, "predicted tensor peak memory")
"""The tensor peak as a step on tensors without contents predicts it, before anything is trained."""
SAVED_ACTIVATIONS = _value("memory/saved_activation_bytes", "B", "lower", 1, None, "saved activations")
"""What the forward pass keeps for the backward pass."""
ALLOCATOR_PEAK = _value("memory/allocator_peak_bytes", "B", "lower", 1, None, "allocator peak memory")
"""What the backend's allocator gave out in a training step, kernels' scratch space included."""
RESERVED_PEAK = _value("memory/reserved_peak_bytes", "B", "lower", 0, None, "reserved peak memory (CUDA)")
"""What CUDA's caching allocator held of the device."""
RSS_PEAK = _value("memory/rss_peak_bytes", "B", "lower", 1, None, "process peak memory to the end of training")
"""Resident memory of the whole process, interpreter and libraries included."""
TRAIN_SPEED = _value("time/train_images_per_second", "images/s", "higher", 0, None, "training speed")
"""Training images per second of training steps, all epochs."""
STEP_SECONDS = _value("time/step_seconds", "s", "lower", 0, None, "seconds per training step")
"""Mean over all optimiser steps."""

Phase = Literal["setup", "autotune", "pretrain", "train", "validation", "tracking", "memory", "test", "artifacts"]


def _phase(phase: Phase, label: str) -> Metric:
    return _value(f"time/{phase}_seconds", "s", "lower", 0, None, label)


SETUP_SECONDS = _phase("setup", "set-up")
"""Data read and split, network built."""
AUTOTUNE_SECONDS = _phase("autotune", "autotune")
"""The choice of execution settings."""
PRETRAIN_SECONDS = _phase("pretrain", "pre-training")
"""Epochs in which the encoder learns to reconstruct."""
TRAIN_SECONDS = _phase("train", "training")
"""Training steps of all epochs."""
VALIDATION_SECONDS = _phase("validation", "validation")
"""Validation of all epochs."""
TRACKING_SECONDS = _phase("tracking", "tracking")
"""Epochs logged, and the answer whether to go on."""
MEMORY_SECONDS = _phase("memory", "memory measurement")
"""The measurement of a step's memory."""
TEST_SECONDS = _phase("test", "test")
"""Test predictions, their metrics and the baselines."""
ARTIFACT_SECONDS = _phase("artifacts", "artifacts")
"""Checkpoint, tables and pictures written."""
PHASES: dict[Phase, Metric] = {phase: METRICS[f"time/{phase}_seconds"] for phase in get_args(Phase)}
"""What a run spends its time on, in this order. Set-up: data and network; autotune: the choice of execution settings;
tracking: epochs logged and the answer whether to go on; memory: the measurement of a step's memory; test: predictions,
metrics and baselines; `time/seconds` is all of it and the rest."""
SECONDS = _value("time/seconds", "s", "lower", 0, None, "duration of the run")
"""Wall time of the whole run."""
IDLE_SECONDS = _value("time/idle_seconds", "s", "lower", 0, None, "idle")
"""Of a study's worker, from the end of its trial before to the end of this one, beside `time/seconds`."""
EPOCH_IMAGES = _value("epoch_images", "1", "none", 1, None, "images per epoch")
"""Training frames seen per epoch: whole batches only."""
LABEL_AGREEMENT = _value("test/label_agreement", "1", "none", 0, 1, "IoU of the test masks cut at 64 and at 192")
"""How little the test score depends on the threshold that makes masks of soft labels: 1 if not at all."""
ALL_FOREGROUND_IOU = _value("val/all_foreground_iou", "1", "none", 0, 1, "validation IoU of all foreground")
"""What marking every pixel scores on the validation scenes."""
FOREGROUND_SHARE = _value("val/foreground_share", "1", "none", 0, 1, "foreground share of the validation masks")
"""Of all pixels of the validation masks, those in the foreground; the base rate."""

STUDY_UNITS = _value("study/ended_units", "1", "none", 0, None, "units with an outcome")
"""Of a study's parent run: planned units that have an outcome."""
STUDY_IOU = _value("study/iou", "1", "higher", 0, 1, "test IoU of the best configuration")
"""Of a study's parent run since its report was built: mean test IoU of the configuration whose mean best validation IoU
is highest."""
STUDY_DIFFERENCE = _value("study/difference", "1", "none", -1, 1, "difference of the first claim")
"""Of a study's parent run since its report was built: in test IoU, as the report's first page has it."""
STUDY_DIFFERENCE_LOW = _value("study/difference_low", "1", "none", -1, 1, "lower end of its interval")
"""Where the interval of `study/difference` begins."""
STUDY_DIFFERENCE_HIGH = _value("study/difference_high", "1", "none", -1, 1, "upper end of its interval")
"""Where the interval of `study/difference` ends."""

OF_MACHINES = frozenset(
    [name for name, metric in METRICS.items() if metric.unit in ("s", "images/s")]
    + [metric.name for metric in (ALLOCATOR_PEAK, RESERVED_PEAK, RSS_PEAK)]
)
"""Metrics that are measured of a machine, and are others each time; everything else a configuration decides."""

# --- Parameters --- the flattened RunConfig (`bench.stored_config.flatten`: `training.epochs`, ...), and:
DEPTH = "depth"
"""Levels of the encoder; absent where an architecture has no such number."""
BASE_WIDTH = "base_width"
"""Channels of the outermost level; absent where an architecture has no such number."""
FOLD = "fold"
"""Number of the fold that is tested."""
PRESET = "preset"
"""Name of the architecture preset the configuration equals, empty if none."""
TARGET = "target"
"""What leaves the network: `mask` or `image`."""
BOTTLENECK_PREDICTED = "bottleneck.predicted"
"""Shape of the bottleneck from the configuration alone, written `CxHxW`."""
BOTTLENECK_MEASURED = "bottleneck.measured"
"""The same as one image showed it; a run ends in an error where they differ."""

BOTTLENECK_NAME = "bottleneck.name"
"""Submodule whose output it is: the declared one or, of a network that declares none, the last that returns a map of
the fewest pixels, see `architectures.feature_maps.bottleneck`; empty: no submodule returns one."""

# --- Tags ---
VERSION = 10
"""Of this dictionary. It rises when a name is added, renamed or defined anew; 1 logged no version."""
OLDEST_VERSION = 3
"""Stores from this version on are read."""
RENAMED = {
    "seed": "repeat",
    "training.colour": "training.color_jitter",
    "study.budget": "study.planned_units",
    "train/loss": "loss/train",
    "val/loss": "loss/val",
    "best/val_loss": "loss/val_best",
    "val/iou": "iou/val",
    "best/val_iou": "iou/val_best",
    "test/iou": "iou/test",
    "last/iou": "test/last_iou",
    "best/epoch": "val/best_epoch",
    "latent/active_units": "test/active_units",
    "probe/iou": "test/probe_iou",
    "samples/nearest_distance": "test/sample_distance",
    "samples/unseen_distance": "test/unseen_distance",
    "samples/copied_share": "test/copied_share",
    "bottleneck/elements": "model/bottleneck_elements",
    "bottleneck/compression": "model/compression",
    "speed/train_images_per_second": "time/train_images_per_second",
    "data/epoch_images": "epoch_images",
    "data/label_agreement": "test/label_agreement",
    "data/all_foreground_iou": "val/all_foreground_iou",
    "data/foreground_share": "val/foreground_share",
} | {
    f"baseline/{baseline}/{column}": f"test_baselines/{baseline}_{column}"
    for baseline in BASELINES
    for column in BASELINE_COLUMNS
}
"""Name that an older version stored -> the same metric's, parameter's or tag's name today; readers know both."""
OLD_NAMES = {new: old for old, new in RENAMED.items()}
"""The other way round. Hashes that identify units and studies are made of the old names, so that they stay the same."""
NOTE = "mlflow.note.content"
"""MLflow's description, in Markdown: on the parent run of a study its question, its data and how to resume it, and from
NOTE_ANSWER on what its report found."""
NOTE_ANSWER = "## Answer"
"""Heading in the NOTE that the report writes, and replaces what follows."""
SCHEMA_VERSION = "schema.version"
"""VERSION of the code that created the run."""
KIND = "kind"
"""`study` (the parent run of a study) or `trial` (one training)."""
STUDY = "study"
"""Name of the study that the run belongs to."""
STUDY_DESCRIPTION = "study.description"
"""The question that the study asks, on the parent run."""
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
STUDY_LADDER = "study.ladder"
"""Learning rates that were tried for each group of networks before the comparison, on the parent run: JSON such as
`[0.001, 0.003, 0.01, 0.03]`; absent where the study tuned none."""
Stage = Literal["search", "tuning", "comparison", "generative", "pretraining"]
STAGE = "stage"
"""`search` (chooses hyperparameters) or `tuning` (chooses the learning rate), both on validation scenes only; or one
that is evaluated on test scenes: `comparison` (of networks that segment), `generative` (auto-encoders and VAEs),
`pretraining` (with a pre-trained encoder or not)."""
CHOOSING: frozenset[Stage] = frozenset({"search", "tuning"})
"""Stages whose runs only choose: none looks at test scenes."""
OBJECTIVES: dict[Stage, Metric] = {
    "search": BEST_VAL_IOU,
    "tuning": BEST_VAL_IOU,
    "comparison": BEST_VAL_IOU,
    "generative": BEST_VAL_LOSS,
    "pretraining": BEST_VAL_IOU,
}
"""What a stage's runs are better or worse by on validation scenes."""
RATE_GROUP = "tuning.group"
"""Name of the group of similar networks that share a tuned learning rate, on the runs that chose it and on those that
were trained at it; absent where no rate was tuned."""
NETWORK_SOURCE = "network.source"
"""Of a network from elsewhere, what it is built from: JSON such as `{"files": {"resunet.py": "0f3c..."}, "package":
"monai 1.5.1"}`, hashes of its files and the package that they belong to. Absent for this project's own."""
NETWORK_NOTES = "network.notes"
"""Of a network from elsewhere, what is done that its author may not expect: which of its outputs is taken, that its
sigmoid is undone, that it trains in another memory format or precision. Absent where there is nothing."""
WEIGHTS_DIGEST = "weights.digest"
"""Hash of the file that `training.weights` names; absent where training began with random weights."""
WEIGHTS_LOADED = "weights.loaded"
"""What of that file the network has, as JSON: `loaded`, the number of tensors, and number and first names of those that
are `missing` in the file, `unexpected` by the network, or `reshaped`, which both have in different shapes."""
SUPERSEDED = "superseded"
"""Set on a run whose unit is no longer planned since the study was changed, or is done again since the run had failed
or was deleted; reports leave it out."""
UNIT = "unit"
"""Hash of the RunConfig: the identity of a planned unit of a study."""
TRIAL = "optuna.trial"
"""Number of the trial in the study's Optuna database."""
ATTEMPT = "attempt"
"""Which try at the unit this run is, from 1."""
COLLAPSE = "collapse"
"""What a VAE has lost: `posterior` (no active unit), `sigma` (at its floor of one grey level), or both with a comma."""
STATE = "state"
"""How the run ended, one of STATES."""
STATE_REASON = "state.reason"
"""Why the state is not `complete`."""
DATA_DIGEST = "data.digest"
"""Hash of names and pixels of all images and masks."""
DATA_READING = "data.reading"
"""How the files were read, as JSON: what the masks mean, what is black and white in the images, how frames of another
aspect ratio were fitted."""
SPLIT_DIGEST = "split.digest"
"""Hash of which frame has which role: equal for all architectures of a repeat."""
TEST_OPENED = "test.opened"
"""When the run looked at its test frames, set before it does; each run with this tag opened them once."""
TEST_VANISHED = "test.vanished"
"""How many test frames have foreground of which nothing is left after resizing; absent where none is such a frame:
there an empty prediction has an IoU of 1, as that of a frame that was empty from the start."""
GIT_COMMIT = "git.commit"
"""Commit of the source tree, with `-dirty` if files differed from it."""
REPRODUCES = "reproduces"
"""Id of the run that this one trained again (`reproduce`), on runs of the experiment of that name."""
REPRODUCED = "reproduced"
"""Whether every metric, table and weight of that run came out again: `identical` or `different`."""
EXECUTION = "execution."
"""Prefix of the tags with the settings of `bench.training.execution.Execution`, by which the steps were carried out."""
EXECUTION_TRIED = "execution.tried"
"""Training speed in images/s of each setting that the autotune tried, as JSON; absent where it tried none."""
GRAPH_FAILURE = "execution.graph_failure"
"""Why a graph of the training's steps or of the evaluation was given up, which were carried out one kernel after the
other from then on; `execution.graph` says False then. Absent where none was."""
PRETRAIN_GRAPH_FAILURE = "execution.pretrain_graph_failure"
"""The same of pre-training."""
MEMORY_UNKNOWN = "memory.unknown"
"""Why a complete run lacks the peaks of a training step: memory ran out where they are measured, after training."""
ENVIRONMENT = "environment."
"""Prefix of the tags that describe the machine and the versions: `environment.torch`, `environment.device`, of a GPU
`environment.driver`, `environment.cuda` and `environment.cudnn`, ...; `environment.precision` is the arithmetic:
float32 (IEEE), tf32 or bfloat16; `environment.instructions` are those that torch uses of the CPU; `environment.code` is
the digest of this code, and `environment.arithmetic` rises when it computes otherwise."""

# --- Artifacts of a trial run ---
PREDICTION_IMAGES = "predictions/test_scenes"
"""Image, mask, probability and errors of the middle frame of each test scene, up to 24, as images by step in MLflow's
layout, for its slider: step is the scene's place in alphabetical order."""
PANEL_DATA = "panel.npz"
"""The middle frame of test scenes: arrays `stems` and `scenes` (F), `images` (F, H, W, 3) uint8, `truth` (F, H, W)
bool, `ignored` (F, H, W) bool, the pixels that count in no metric (older files have no such array), and `probability`
(F, H, W) float16."""
FRAME_TABLE = "test_frames.parquet"
"""One row per test frame at the best epoch: columns stem, scene, every test metric, FRAME_FOREGROUND, `within_column`
of every tolerance and, of networks that segment, FRAME_LAST_IOU (since version 8) and `baseline_column` of every
baseline (since version 6). Of before version 8, `boundary_f` is of another definition."""
FRAME_LAST_IOU = "last_iou"
"""IoU of the frame by the weights that the last epoch left."""
FRAME_FOREGROUND = "foreground"
"""Share of the frame's pixels that are foreground in the mask; in this table no ignored pixel counts."""
TOLERANCES = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Original pixels, at which the frame table has the NSD."""


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
SOURCE_DIR = "checkpoint/source"
"""Folder of copies of the files that a network from elsewhere is built from, for people to read: none is run."""
SOURCE_FILE = "checkpoint/source.json"
"""NETWORK_SOURCE, by which `bench predict` says what is missing or has changed."""
SPLIT_FILE = "split.json"
"""The stems of each role."""
SEAL_FILE = "test_seal.json"
"""When, by which code and configuration the test frames were opened."""
CONFIG_FILE = "checkpoint/config.json"
"""The RunConfig as flat JSON."""
READING_FILE = "checkpoint/reading.json"
"""DATA_READING, by which `bench predict` reads new images; runs of before it squashed images of 8 bits."""
CHECKPOINT_FILE = "checkpoint/state_dict.pt"
"""Weights of the best epoch."""

# --- Files under RUNS ---
TRACKING_DB = "mlflow.db"
"""MLflow's SQLite database: all runs."""
STUDY_DB = "optuna.db"
"""Optuna's SQLite database: the plan and the state of every study."""
ARTIFACT_DIR = "artifacts"
"""Artifacts of the runs in the SQLite database."""
CACHE_DIR = "cache"
"""Frames as they were read, so that the next run reads them at once."""
UNFINISHED_DIR = "unfinished"
"""A folder for each training that has not come to its end, by its run's id, with what it needs to go on."""
SPOOL_DIR = "spool"
"""A folder for each run whose store was away, by its id, with what is still to be written into it."""
REPORT_DIR = "reports"
"""One folder per study that was reported."""
