"""The configuration of one run: frozen, complete and hashable. Each field's text is the help of its flag as well.

A field that is added later needs no more than a default: `bench.stored_config` says what that means to older stores.
"""

import re
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any, Literal, get_args

from hourglass_bench.architectures.bounds import SEED, Bounds, shown
from hourglass_bench.architectures.config import SIDE, SIGMA_FLOOR, ArchitectureConfig, require
from hourglass_bench.bench.fields import documented, require_fields, require_text

SYNTHETIC = "synthetic"

Schedule = Literal["one_cycle", "constant"]
Precision = Literal["auto", "fp32", "tf32", "bf16"]
SplitName = Literal["scene_folds", "scene_holdout", "random_frames", "given"]
Intensity = Literal["auto", "set", "dtype"]
FitName = Literal["auto", "squash", "letterbox", "crop"]

SHARE = Bounds(0.0, 1.0)
MAGNITUDE = Bounds(0.0, 1e30, "since float32 must hold what is computed with it")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Which frames, at which size, and how scenes are told apart."""

    path: str = documented(
        SYNTHETIC, "folder with images and their masks, or `synthetic` for the built-in dancers", flag="data"
    )
    size: tuple[int, int] = documented((128, 128), "height and width in pixels that frames are resized to")
    scene_pattern: str = documented(
        "",
        "regular expression whose first group is the scene in a file's stem (default: the folder below images/, the "
        "file of a stack, or the stem up to its last `_`)",
    )
    scene_table: str = documented(
        "", "CSV file with the columns stem and scene (default: scenes.csv in the data's folder, if there is one)"
    )
    split: SplitName = documented(
        "scene_folds",
        "how frames are split: the repeat's fold of scenes is tested, one hold-out of scenes is (low power), or frames "
        "at random, which leaks and only shows by how much; given: by the folder's own train/, val/ and test/",
    )
    folds: int = documented(
        5,
        "number of folds: one is test, one validation, the others train",
        bounds=Bounds(3, 10_000, "since each holds scenes of its own", least_why="train, validation, test"),
    )
    labelled_scenes: int = documented(
        0,
        "training scenes whose masks are used, drawn by the repeat; the images of the others only pre-train (0: all)",
        bounds=Bounds(0, 10**6, "since no set has more"),
    )
    synthetic_scenes: int = documented(
        60, "scenes of the synthetic dancers", bounds=Bounds(1, 10**5, "since their names have five digits")
    )
    synthetic_frames: int = documented(
        8, "frames per scene of the synthetic dancers", bounds=Bounds(1, 10**4, "since their names have four digits")
    )
    synthetic_seed: int = documented(0, "seed of the synthetic dancers", bounds=SEED)
    synthetic_blend: float = documented(
        0.0,
        "share of what is behind them in the colours of the synthetic dancers: 0 as they are, 1 invisible",
        bounds=Bounds(0.0, 1.0, below=True),
    )
    images: str = documented("", "folder of the images below the data's (default: found by its name)")
    masks: str = documented("", "folder of the masks below the data's (default: found by its name)")
    require_all: bool = documented(False, "refuse images without a mask, which are left out otherwise")
    foreground: tuple[str, ...] = documented(
        (), "values or colours (#RRGGBB, R,G,B or a name) of the masks that are foreground, or `all` that is not 0"
    )
    ignore: tuple[str, ...] = documented((), "values or colours of the masks that count in no loss and no metric")
    invert: bool = documented(False, "masks mark the background: what they mark and what they leave change places")
    intensity: Intensity = documented(
        "auto",
        "what is black and white in images of more than 8 bits: percentiles of the whole set, or the limits of the "
        "files' number format; auto is set",
    )
    fit: FitName = documented(
        "auto",
        "how frames of another aspect ratio come to the size: squashed, letterboxed with a border that counts nowhere, "
        "or cropped in the middle; auto squashes where all frames have one aspect ratio, else letterboxes",
    )
    max_megapixels: int = documented(
        250,
        "largest file that is read, in millions of pixels",
        bounds=Bounds(1, 10**6, "since an image of that size has 3 TB"),
    )

    def __post_init__(self) -> None:
        require_fields(self, "data.")
        sides = len(self.size) == 2 and all(map(SIDE.holds, self.size))
        require(sides, "data.size", f"be height and width in pixels, 1 to {SIDE.most:,} each", self.size)
        require(min(self.size) >= 16, "data.size", "be at least 16 pixels high and wide", self.size)
        for name, words in (("foreground", self.foreground), ("ignore", self.ignore)):
            for word in words:
                require_text(f"data.{name}", word)
        try:
            re.compile(self.scene_pattern)
        except (re.error, OverflowError, RecursionError) as error:
            pattern = shown(self.scene_pattern)
            raise ValueError(f"data.scene_pattern must be a regular expression, got {pattern} ({error}).") from error
        both = not (self.scene_pattern and self.scene_table)
        require(both, "data.scene_table", "stand without data.scene_pattern", self.scene_table)
        for name, kind in (("split", SplitName), ("intensity", Intensity), ("fit", FitName)):
            choices, value = get_args(kind), getattr(self, name)
            require(value in choices, f"data.{name}", f"be one of {', '.join(choices)}", value)

    def test_fold(self, repeat: int) -> int:
        """The fold that a run of this repeat is tested on."""
        return 0 if self.split in ("scene_holdout", "given") else repeat % self.folds

    def val_fold(self, repeat: int) -> int:
        """The fold that chooses the best epoch."""
        return 1 + repeat % (self.folds - 1) if self.split == "scene_holdout" else (repeat + 1) % self.folds


Weights = tuple[tuple[str, float], ...]
"""Names with a number each."""

AUGMENTATION = ("flip", "rotate", "scale", "shift", "color_jitter")
"""Fields of TrainingConfig that say how strongly frames are changed; 0 switches each off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """How a network is trained; equal for all architectures that are compared."""

    epochs: int = documented(30, "passes over the training frames", bounds=Bounds(1, 10**6, "since each is recorded"))
    batch_size: int = documented(
        16, "frames per optimiser step", bounds=Bounds(1, 2**20, "since a step holds all its frames")
    )
    lr: float = documented(3e-3, "peak learning rate of AdamW", bounds=MAGNITUDE._replace(above=True))
    weight_decay: float = documented(1e-2, "decoupled weight decay of AdamW", bounds=MAGNITUDE)
    schedule: Schedule = documented("one_cycle", "learning-rate schedule over the steps of the run")
    warmup_share: float = documented(
        0.2, "share of the steps in which the one-cycle schedule rises", bounds=Bounds(0.0, 1.0, above=True, below=True)
    )
    clip_norm: float = documented(1.0, "largest global gradient norm; 0 switches clipping off", bounds=MAGNITUDE)
    loss: Weights = documented(
        (("bce", 1.0), ("dice", 1.0)), "weight of each loss that segmentation adds up", weights="{}_weight"
    )
    beta: float = documented(
        1.0, "weight of the KL divergence in a VAE's loss; 1 is the evidence lower bound", bounds=MAGNITUDE
    )
    beta_warmup: float = documented(
        0.3, "share of the steps in which a VAE's beta rises from 0", bounds=Bounds(0.0, 1.0, below=True)
    )
    sigma: float = documented(0.0, "standard deviation of a VAE's normal likelihood of images in [0, 1] (0: learnt)")
    pretrain_epochs: int = documented(
        0, "of the epochs, the first in which the encoder learns to reconstruct all training images instead"
    )
    weights: str = documented(
        "",
        "file with a state dict (.pt, .pth or .safetensors) whose tensors replace the initial weights where name and "
        "shape fit; what does not fit is told",
    )
    freeze_epochs: int = documented(0, "first epochs in which the encoder stays as it is, its statistics too")
    encoder_lr_factor: float = documented(
        1.0, "learning rate of the encoder, relative to that of all else", bounds=Bounds(0.0, 1.0, above=True)
    )
    precision: Precision = documented(
        "auto",
        "arithmetic; auto is bf16 where the hardware computes in it, else fp32; fp32 is IEEE float32 on every device "
        "and, on a CPU, takes batches whole; tf32 rounds the factors of its products, as GPUs since Ampere can",
    )
    flip: float = documented(0.5, "probability of a horizontal flip", bounds=SHARE)
    rotate: float = documented(15.0, "largest rotation in degrees", bounds=Bounds(0.0, 360.0, "a whole turn"))
    scale: float = documented(0.25, "largest relative change of scale", bounds=SHARE)
    shift: float = documented(0.1, "largest translation as a share of the frame", bounds=SHARE)
    color_jitter: float = documented(0.4, "strength of brightness, contrast, saturation and hue changes", bounds=SHARE)

    def __post_init__(self) -> None:
        require_fields(self, "training.")
        for name, choices in (("schedule", get_args(Schedule)), ("precision", get_args(Precision))):
            value = getattr(self, name)
            require(value in choices, f"training.{name}", f"be one of {', '.join(choices)}", value)
        rule = f"be at least 0 and less than the epochs ({self.epochs})"
        require(0 <= self.pretrain_epochs < self.epochs, "training.pretrain_epochs", rule, self.pretrain_epochs)
        rule = "be empty with training.pretrain_epochs, whose encoder would replace the file's"
        require(not (self.weights and self.pretrain_epochs), "training.weights", rule, self.weights)
        rule = f"be at least 0 and less than the epochs after pre-training ({self.main_epochs})"
        require(0 <= self.freeze_epochs < self.main_epochs, "training.freeze_epochs", rule, self.freeze_epochs)
        rule = f"be 0 (learnt) or at least one grey level, {SIGMA_FLOOR:.5f}"
        require(self.sigma == 0 or self.sigma >= SIGMA_FLOOR, "training.sigma", rule, self.sigma)
        pairs = all(isinstance(pair, tuple) and len(pair) == 2 for pair in self.loss)
        require(pairs, "training.loss", "be names with a weight each", self.loss)
        for name, weight in self.loss:
            require_text("training.loss", name)
            rule = "have a finite weight of at least 0"
            require(MAGNITUDE.holds(weight), f"training.loss {name}", rule, weight)
        require(sum(weight for _, weight in self.loss) > 0, "training.loss", "have a weight above 0", self.loss)
        require(len(dict(self.loss)) == len(self.loss), "training.loss", "name each loss once", self.loss)
        weights = tuple(sorted((name, float(weight)) for name, weight in self.loss if weight))
        object.__setattr__(self, "loss", weights)  # in one form, so that equal losses are equal configs

    @property
    def main_epochs(self) -> int:
        """The epochs that pre-training leaves."""
        return self.epochs - self.pretrain_epochs

    @property
    def singles_out_encoder(self) -> bool:
        """Whether the encoder trains otherwise than all else."""
        return self.freeze_epochs > 0 or self.encoder_lr_factor != 1

    @property
    def augments(self) -> bool:
        """Whether frames are changed at all."""
        return any(getattr(self, name) for name in AUGMENTATION)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """One training, completely described. Equal configs give equal numbers on CPUs of one kind.

    With equal numbers of threads, that is: a study fixes them, `bench train` takes all cores or OMP_NUM_THREADS, and a
    run says them in the tag `environment.threads`.
    """

    architecture: ArchitectureConfig
    data: DataConfig
    training: TrainingConfig
    repeat: int = documented(
        0, "decides fold, initialisation, order and augmentation, the same for every architecture", bounds=SEED
    )

    def __post_init__(self) -> None:
        require_fields(self)
        size, allowed = self.architecture.frame_size, f"be the frames' size {self.data.size}"
        require(size in ((), self.data.size), "architecture.image_size", allowed, size)

    @property
    def fold(self) -> int:
        """The test fold of this run's repeat."""
        return self.data.test_fold(self.repeat)


MOST_OPTIONS = 32
"""Characters of a network's options in a run's name, which stands in narrow columns; its parameters have them all."""


def run_name(config: RunConfig) -> str:
    """Short name of a run, for example `unet d3 w16 r0` or `vae mask d3 w16 latent 8 r0`."""
    network = config.architecture
    target = network.target if network.reconstructs else ""
    options = shorten(network.short_sizes, MOST_OPTIONS, placeholder="...")
    return " ".join(filter(None, (network.name.rpartition(":")[2], target, options, f"r{config.repeat}")))


def fitting_batch(config: RunConfig, frames: int) -> RunConfig:
    """The config with the batch that there is: of no more than all its training frames, which are so many."""
    if config.training.batch_size <= frames:
        return config
    return replace(config, training=replace(config.training, batch_size=frames))


def step_shape(config: RunConfig) -> RunConfig:
    """The config with everything equal that a step's memory does not depend on, of a step in which all trains."""
    pretrains = min(config.training.pretrain_epochs, 1)
    alike: dict[str, Any] = {"lr": 1.0, "weight_decay": 0.0, "beta": 1.0, "epochs": 2, "pretrain_epochs": pretrains}
    alike |= {"weights": "", "freeze_epochs": 0, "encoder_lr_factor": 1.0}
    training = replace(config.training, **alike)
    return replace(config, data=replace(config.data, labelled_scenes=0), training=training, repeat=0)
