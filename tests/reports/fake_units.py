"""Invented runs of a study: what each would have logged."""

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from itertools import count, islice, product

import fake_generative
import numpy as np

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.base_rate import entropy

MEMORY_BUDGET = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One attempt of one run."""

    architecture: str = "hourglass"
    depth: int = 2
    width: int = 8
    repeat: int = 0
    state: str | None = "complete"
    """None: the attempt has no outcome."""
    reason: str = ""
    status: str = "FINISHED"
    preset: str = ""
    iou: float | None = None
    """Test IoU; None invents one."""
    val_iou: float | None = None
    """Best validation IoU; None is a little above the test IoU."""
    baselines_at: dict[str, float] = field(default_factory=dict)
    """Scores of baselines; those of the others are invented."""
    foreground: tuple[float, ...] = ()
    """Share of foreground in every frame of each fold; empty invents it."""
    stuck: bool = False
    """Never better than a constant."""
    pace: float | None = None
    """The curve's way to its best, at the last epoch, in e-foldings: 1 still rises there, 12 is flat. None is noisy."""
    precision: str = ""
    """What it was computed in, as torch calls it; empty: not logged."""
    notes: str = ""
    """On its network, as `schema.NETWORK_NOTES`."""
    epochs: int = 8
    size: int = 64
    panel: bool = True
    logged: bool = True
    """False: ended before it logged anything."""
    bottleneck: str = ""
    """Measured bottleneck; empty means as predicted."""
    trial: int | None = None
    """Number of the search trial; None: a run of the comparison."""
    tunes: bool = False
    """Whether it only chooses the learning rate of its group."""
    group: str = ""
    """Of networks that share a tuned learning rate."""
    superseded: bool = False
    deleted: bool = False
    """By hand, after it ended."""
    predicted_peak: float = 1.0
    """Predicted tensor peak over the measured one; 0: not logged."""
    measured: bool = True
    """False: memory ran out where that of a step is measured."""
    split: str = "scene_folds"
    folds: int = 5
    data: str = "feedc0de"
    """Digest of its data."""
    learnt: bool = True
    """False: ended before its first epoch did."""
    leaky: bool = False
    """Test frames have near copies among the training frames."""
    tested_scenes: int = 4
    frames_per_scene: int = 2
    shared_panel: bool = False
    """One panel file for all runs of its architecture and repeat: thousands would take gigabytes."""
    target: str = "mask"
    latent: int = 0
    """Numbers of a flat latent; 0 is a bottleneck map."""
    beta: float = 1.0
    pretrain_epochs: int = 0
    labelled_scenes: int = 0
    """Above 0: a run of the stage `pretraining`."""
    sharp: float = 0.0
    """What its Boundary IoU has more than goes with its IoU."""
    collapse: str = ""
    """What a VAE has lost, as `schema.COLLAPSE`."""
    options: dict[str, str] | None = None
    """Of a network from elsewhere, which has neither depth nor width to the report; those cost what they do of ours."""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def fold(self) -> int:
        """The fold that is tested."""
        return 0 if self.split in ("scene_holdout", "given") else self.repeat % self.folds

    @property
    def val_foreground(self) -> float:
        """Share of foreground of the validation frames, which are those of the next fold."""
        return self.foreground[(self.fold + 1) % self.folds] if self.foreground else 0.3 + 0.01 * self.repeat

    @property
    def tests_empty(self) -> bool:
        """Whether its test frames hold no foreground."""
        return bool(self.foreground) and not self.foreground[self.fold]

    @property
    def best_val_iou(self) -> float:
        """Of the epoch whose weights are tested."""
        return self.test_iou + 0.01 if self.val_iou is None else self.val_iou

    @property
    def trained_epochs(self) -> int:
        """Epochs that pre-training leaves."""
        return self.epochs - self.pretrain_epochs

    @property
    def channels(self) -> list[int]:
        """Encoder widths."""
        return [self.width * 2**level for level in range(self.depth)]

    @property
    def predicted(self) -> str:
        """Bottleneck shape."""
        if self.latent:
            return f"{self.latent}x1x1"
        side = self.size if self.architecture == "simple_conv" else self.size >> self.depth
        return f"{self.channels[-1]}x{side}x{side}"

    @property
    def elements(self) -> int:
        """Numbers of the bottleneck."""
        return math.prod(map(int, self.predicted.split("x")))

    @property
    def has_skips(self) -> bool:
        """Whether its levels are connected."""
        return self.architecture.startswith("unet")

    @property
    def reconstructs(self) -> bool:
        """Whether it is an auto-encoder or a VAE."""
        return self.architecture in ("autoencoder", "vae")

    @property
    def segments(self) -> bool:
        """Whether masks are compared with masks on the test frames: reconstructed ones are, too."""
        return self.target == "mask"

    @property
    def test_iou(self) -> float:
        """Grows with depth and width, and differs among architectures and repeats. Of images it is a quality too."""
        if self.iou is not None:
            return self.iou
        bases = {"simple_conv": 0.45, "hourglass": 0.6, "unet": 0.66, "autoencoder": 0.68, "vae": 0.66}
        base = bases.get(self.architecture, 0.5) - 0.02 * (self.beta - 1)
        base += (0.03 * (math.log2(self.latent) - 6) if self.latent else 0) - (0.2 if self.labelled_scenes else 0)
        base += 0.02 * bool(self.pretrain_epochs)
        seed = [self.repeat, self.depth, self.width, *self.architecture.encode()]
        wobble = np.random.default_rng(seed).normal(0, 0.012)
        return float(base + 0.05 * self.depth + 0.02 * math.log2(self.width) + wobble)

    def all_params(self) -> dict[str, str]:
        """As `bench.run.describe` writes them."""
        measured = {schema.BOTTLENECK_MEASURED: self.bottleneck or self.predicted}
        return {
            "architecture.name": self.architecture,
            **self.own_params(),
            "data.path": "synthetic",
            "data.size": json.dumps([self.size, self.size]),
            "data.split": self.split,
            "data.folds": str(self.folds),
            "data.labelled_scenes": str(self.labelled_scenes),
            "training.beta": str(self.beta),
            "training.pretrain_epochs": str(self.pretrain_epochs),
            schema.TARGET: self.target,
            "training.epochs": str(self.epochs),
            "training.batch_size": "16",
            "training.lr": "0.003",
            "repeat": str(self.repeat),
            schema.FOLD: str(self.fold),
            schema.PRESET: self.preset,
            schema.BOTTLENECK_PREDICTED: self.predicted,
            schema.BOTTLENECK_NAME: "bottleneck",
            **(measured if self.state == "complete" else {}),
            **self.params,
        }

    def own_params(self) -> dict[str, str]:
        """The architecture's own."""
        if self.options is not None:
            return {f"architecture.{name}": text for name, text in self.options.items()}
        return {
            "architecture.channels": json.dumps(self.channels),
            "architecture.decoder_channels": json.dumps(self.channels[-2::-1]),
            "architecture.skips": json.dumps(list(range(1, self.depth + 1)) if self.has_skips else []),
            "architecture.norm": "none",
            "architecture.latent": str(self.latent),
            schema.DEPTH: str(self.depth),
            schema.BASE_WIDTH: str(self.width),
        }

    @property
    def stage(self) -> str:
        """What the unit is for."""
        if self.trial is not None:
            return "search"
        if self.tunes:
            return "tuning"
        if self.reconstructs:
            return "generative"
        return "pretraining" if self.labelled_scenes else "comparison"

    @property
    def tested(self) -> bool:
        """Whether it looks at test frames once it is complete."""
        return self.trial is None and not self.tunes

    def unit(self) -> str:
        """Name of the search trial, or hash that stands for the run's config."""
        if self.trial is not None:
            return f"{self.architecture}-{self.trial:03d}"
        params = json.dumps(self.all_params() | {schema.BOTTLENECK_MEASURED: ""})
        return hashlib.sha256(params.encode()).hexdigest()[:16]

    def values(self) -> dict[str, float]:
        """Scalar metrics."""
        side = self.size * self.size
        growth = 1.0 if self.architecture == "simple_conv" else 0.35
        macs = side * sum(a * b * 9 for a, b in zip([3, *self.channels], self.channels, strict=False)) * growth
        peak = 16 * side * 4 * sum(self.channels) * (4.0 if self.architecture == "simple_conv" else 1.0)
        peak *= 1.3 if self.architecture == "unet" else 1.0
        if self.state == "infeasible":
            return {schema.PREDICTED_PEAK.name: peak}
        values = {
            schema.BOTTLENECK_ELEMENTS: self.elements,
            schema.PARAMS: 20.0 * sum(width**2 for width in self.channels),
            schema.MACS: macs,
            schema.TENSOR_PEAK: peak,
            schema.SAVED_ACTIVATIONS: 0.6 * peak,
            schema.ALLOCATOR_PEAK: 1.1 * peak,
            schema.RSS_PEAK: 3e8 + 1.5 * peak,
            schema.TRAIN_SPEED: 4e9 / macs,
            schema.STEP_SECONDS: macs / 2.5e8,
            schema.SETUP_SECONDS: 1.0,
            schema.TRAIN_SECONDS: macs / 5e7,
            schema.VALIDATION_SECONDS: macs / 1e9,
            schema.TRACKING_SECONDS: 0.1,
            schema.MEMORY_SECONDS: 0.1,
            schema.TEST_SECONDS: 0.5,
            schema.ARTIFACT_SECONDS: 0.2,
            schema.SECONDS: 2.0 + macs / 4e7,
            schema.IDLE_SECONDS: 0.4,
            schema.EPOCH_IMAGES: 180,
            schema.FOREGROUND_SHARE: self.val_foreground,
            schema.ALL_FOREGROUND_IOU: self.val_foreground,
        }
        if not self.measured:
            for metric in (schema.TENSOR_PEAK, schema.SAVED_ACTIVATIONS, schema.ALLOCATOR_PEAK):
                del values[metric]
        if self.pretrain_epochs:
            values[schema.PRETRAIN_SECONDS] = macs / 5e7
        if self.predicted_peak:
            values[schema.PREDICTED_PEAK] = self.predicted_peak * peak
        if self.state == "complete":
            values |= {schema.BEST_VAL_LOSS: 1.2 - self.test_iou, schema.BEST_EPOCH: self.trained_epochs}
            if self.segments:
                values |= {schema.BEST_VAL_IOU: self.best_val_iou}
            if self.tested and self.segments:
                frames = self.frames()  # as many of each scene: the mean over scenes is that over frames
                values |= {metric: np.mean(frames[metric.column]) for metric in schema.TEST_METRICS}
            if self.reconstructs:
                values |= fake_generative.values(self)
            elif self.tested:
                values |= {schema.LABEL_AGREEMENT: 0.95, schema.LAST_IOU: self.last_iou(), **self.baselines()}
        return {metric.name: float(value) for metric, value in values.items()}

    def test(self, metric: schema.Metric, iou: float | None = None) -> float:
        """A test metric that goes with an IoU, the run's own by default."""
        iou = self.test_iou if iou is None else iou
        if self.tests_empty and metric.upper == 1 and metric.better == "higher":
            return iou  # a frame without foreground scores 1 or 0 in all of them
        values = {
            "iou": iou,
            "dice": 2 * iou / (1 + iou),
            "boundary_iou": max(0.0, iou - 0.2 + self.sharp),
            "boundary_f": max(0.0, iou - 0.1),
            "nsd": max(0.0, iou - 0.15),
            "hd95": 20 * (1 - iou),
            "assd": 6 * (1 - iou),
            "brier": 0.3 * (1 - iou),
            "ece": 0.1 * (1 - iou),
        }
        return values[metric.column]

    def last_iou(self) -> float:
        """Of the last epoch's weights: a little worse than the best epoch's."""
        return 0.98 * self.test_iou

    def baselines(self) -> dict[schema.Metric, float]:
        """Scores of the baselines; the repeat alone decides those that the unit does not set."""
        scores = {"all_foreground": 0.3, "base_rate": 0.0, "mean_mask": 0.4, "copy": 0.5}
        if self.leaky or self.split == "random_frames":
            scores["copy"] = 0.92
        scores = {name: score + 0.01 * self.repeat for name, score in scores.items()} | self.baselines_at
        return {
            schema.baseline_metric(name, column): scores[name]
            for name in schema.BASELINES
            for column in schema.BASELINE_COLUMNS
        }

    def frames(self) -> dict[str, list[float] | list[str]]:
        """Columns of the frame table: every scene is as hard for every architecture and baseline."""
        names, scenes = self.scenes(), self.tested_scenes
        hard = np.random.default_rng(self.fold).normal(0, 0.05, scenes)
        own = np.random.default_rng([self.repeat, *self.architecture.encode()]).normal(0, 0.01, scenes)
        apart = hard - hard.mean() + own - own.mean()
        # Scenes of a run near 0 or 1 differ by less, so that each stays between them and their mean is the run's.
        room, most = min(self.test_iou, 1 - self.test_iou), np.abs(apart).max()
        level = self.test_iou + (apart * (room / most) if most > room else apart)
        ious = level.repeat(self.frames_per_scene).tolist()
        columns = {metric.column: [self.test(metric, iou) for iou in ious] for metric in schema.TEST_METRICS}
        columns[schema.FRAME_FOREGROUND] = [
            self.foreground[self.fold] if self.foreground else 0.1 + 0.05 * (place % 5) for place in range(len(names))
        ]
        for tolerance in schema.TOLERANCES:
            columns[schema.within_column(tolerance)] = [1 - (1 - iou) / (0.5 + tolerance) for iou in ious]
        if not self.reconstructs:
            for name in schema.BASELINES:
                logged = self.baselines()[schema.baseline_metric(name, "iou")]
                of_scenes = logged + 4 * logged * (1 - logged) * (hard - hard.mean())  # in [0, 1] as `logged` is
                columns[schema.baseline_column(name)] = of_scenes.repeat(self.frames_per_scene).tolist()
        return {"stem": self.roles()["test"], "scene": names, **columns}

    def roles(self) -> dict[str, list[str]]:
        """The stems of each role: those that train stand for all that the split decides."""
        stems = [f"{name}_{place:04d}" for place, name in enumerate(self.scenes())]
        return {"train": [f"{self.split} {self.repeat}"], "val": [], "test": stems}

    def scenes(self) -> list[str]:
        """The scene of each test frame."""
        return [f"{self.fold}{scene:04d}" for scene in range(self.tested_scenes) for _ in range(self.frames_per_scene)]

    def calibration(self) -> dict[str, list[float] | list[str]]:
        """Columns of the calibration table: the surer, the more overconfident."""
        cells = list(product(dict.fromkeys(self.scenes()), range(15)))
        chances = [(place + 0.5) / 15 for _, place in cells]
        return {
            "scene": [scene for scene, _ in cells],
            "bin": [place for _, place in cells],
            "pixels": [100 + 10 * place for _, place in cells],
            "probability": chances,
            "foreground": [chance - (1 - self.test_iou) * chance * (1 - chance) for chance in chances],
        }

    def curve(self, epoch: int) -> dict[str, float]:
        """Metrics of one epoch."""
        share = 1 - math.exp(-3.5 * epoch / self.epochs)
        share *= 1 + 0.05 * math.sin(epoch * (1 + self.repeat))
        top = self.test_iou
        if self.pace is not None:
            share = math.expm1(-self.pace * epoch / self.epochs) / math.expm1(-self.pace)
            top = self.best_val_iou
        bce = entropy(self.val_foreground) if self.stuck else 0.62 - 0.5 * share * top
        losses = {schema.TRAIN_LOSS.name: bce + 0.4, schema.VAL_LOSS.name: bce + 0.5, schema.EPOCH_SECONDS.name: 2.0}
        scores = {
            schema.VAL_BCE.name: bce if self.state != "diverged" else 0.6 * epoch,
            schema.VAL_IOU.name: (1.0 if self.stuck else share) * top if self.state != "diverged" else 0.05,
        }
        reconstructed = fake_generative.curve(self) if self.reconstructs else {}
        return losses | (scores if self.segments else {}) | reconstructed


@dataclass(frozen=True, kw_only=True)
class LongUnit(Unit):
    """A run as long as real ones: 50 epochs of every curve, 12 test scenes of 5 frames."""

    epochs: int = 50
    tested_scenes: int = 12
    frames_per_scene: int = 5
    shared_panel: bool = True

    def curve(self, epoch: int) -> dict[str, float]:
        """Every metric of one epoch."""
        values = super().curve(epoch)
        iou = values[schema.VAL_IOU.name]
        return values | {schema.VAL_DICE.name: 2 * iou / (1 + iou), schema.LR.name: 0.003 * (1 - epoch / 51)}


def grid(repeats: int = 3, epochs: int = 8) -> list[Unit]:
    """The realistic study: 3 architectures x 2 depths x 2 widths x repeats."""
    choices = product(("simple_conv", "hourglass", "unet"), (2, 3), (8, 16), range(repeats))
    return [Unit(architecture=a, depth=d, width=w, repeat=s, epochs=epochs) for a, d, w, s in choices]


LADDER = [0.001, 0.003, 0.01, 0.03]


def tuned(repeats: int = 5, epochs: int = 8) -> list[Unit]:
    """The grid, whose learning rates were chosen for all sizes of a depth: the Hourglass likes the largest best."""
    best = {"simple_conv": 0.003, "hourglass": 0.03, "unet": 0.01}
    units = []
    for name, depth in product(best, (2, 3)):
        unit = Unit(architecture=name, depth=depth, width=16, repeat=3, tunes=True, group=f"{name} depth {depth}")
        near = sorted(LADDER, key=lambda rate: abs(math.log(rate / best[name])))
        for rate, length in [*((rate, epochs // 4) for rate in LADDER), *((rate, epochs // 2) for rate in near[:2])]:
            iou = 0.5 + 0.01 * length - 0.05 * near.index(rate)
            stuck = {"state": "diverged", "reason": "nan"} if rate == 0.03 and name == "simple_conv" else {}
            units.append(replace(unit, epochs=length, iou=iou, params={"training.lr": str(rate)}, **stuck))
    return units + [
        replace(
            unit, group=f"{unit.architecture} depth {unit.depth}", params={"training.lr": str(best[unit.architecture])}
        )
        for unit in grid(repeats, epochs)
    ]


def long_grid(number: int, repeats: int = 5) -> list[Unit]:
    """So many runs of a grid of widths, depths 2 to 6, three architectures and repeats; scores level off with width."""
    lack = {"simple_conv": 0.1, "hourglass": 0.02, "unet": 0.0}
    cells = ((width, *rest) for width in count(4, 2) for rest in product(range(2, 7), lack, range(repeats)))
    units: list[Unit] = []
    for width, depth, name, repeat in islice(cells, number):
        iou = 0.9 - lack[name] - 0.35 / (1 + 0.2 * depth + 0.03 * width) + 0.01 * math.sin(len(units))
        units.append(LongUnit(architecture=name, depth=depth, width=width, repeat=repeat, iou=iou))
    return units


RESUNET, SEGRESNET = "resunet.py:ResUNet", "monai.networks.nets:SegResNet"


def foreign(repeats: int = 5, epochs: int = 8) -> list[Unit]:
    """Hourglass and U-Net beside two networks from elsewhere: one of two widths, and one without any options."""
    ours = [Unit(architecture=name, depth=depth) for name in ("hourglass", "unet") for depth in (2, 3)]
    theirs = [
        Unit(architecture=RESUNET, width=int(width), options={"width": width, "levels": "3", "norm": "instance"})
        for width in ("8", "24")
    ]
    networks = [*ours, *theirs, Unit(architecture=SEGRESNET, depth=3, options={})]
    return [replace(network, repeat=repeat, epochs=epochs) for network in networks for repeat in range(repeats)]


def searched(trials: int = 30, epochs: int = 4) -> list[Unit]:
    """The search of two architectures: networks of all sizes, a few of them too large for the memory budget."""
    units = []
    for number, architecture in product(range(trials), ("hourglass", "unet")):
        rng = np.random.default_rng(number)
        depth, width = int(rng.integers(1, 6)), int(rng.choice([4, 8, 12, 16, 24, 32]))
        params = {
            "architecture.norm": str(rng.choice(["none", "batch"])),
            "training.lr": str(10 ** rng.uniform(-4, -1.5)),
        }
        unit = Unit(architecture=architecture, trial=number, depth=depth, width=width, epochs=epochs, params=params)
        unit = replace(unit, iou=unit.test_iou - 0.4 * abs(math.log10(float(params["training.lr"])) + 2.5) ** 2 / 4)
        peak = unit.values()[schema.TENSOR_PEAK.name]
        if peak > MEMORY_BUDGET:
            reason = f"a training step is predicted to hold {peak / 2**20:.3g} MiB, the memory budget is 95.4 MiB"
            unit = replace(unit, state="infeasible", reason=reason)
        elif number % 10 == 7:
            unit = replace(unit, state="pruned", reason=f"pruned by Hyperband after epoch {number % 3 + 1}")
        units.append(unit)
    return units


def refits(repeats: int = 5, epochs: int = 8) -> list[Unit]:
    """The comparison after a search: one configuration of each architecture."""
    lr = {"training.lr": "0.0031"}
    choices = product(range(1, repeats + 1), (("hourglass", 4, 24), ("unet", 3, 16)))
    return [Unit(architecture=a, depth=d, width=w, repeat=s, epochs=epochs, params=lr) for s, (a, d, w) in choices]


def generative(repeats: int = 3, epochs: int = 2) -> list[Unit]:
    """The study `generative`, smaller: what reconstructs, what segments through equal latents, and pre-training."""
    units = []
    for repeat, latent in product(range(repeats), (4, 16)):
        flat = Unit(depth=3, repeat=repeat, latent=latent, epochs=epochs, size=32)
        vae = replace(flat, architecture="vae")
        for depth in (2, 3):
            units.append(replace(flat, architecture="autoencoder", depth=depth))
            units += [replace(vae, depth=depth, beta=beta) for beta in (1.0, 4.0)]
        units += [replace(flat, architecture=name, target="image") for name in ("autoencoder", "vae")]
        units += [replace(flat, architecture=name) for name in ("hourglass", "unet")]
    few = Unit(depth=3, labelled_scenes=6, epochs=2 * epochs, size=32)
    choices = product(range(repeats), ("hourglass", "unet"), (0, epochs))
    return units + [replace(few, repeat=s, architecture=a, pretrain_epochs=p) for s, a, p in choices]


def blobs(unit: Unit) -> dict[str, np.ndarray]:
    """Arrays of a panel file, a frame of each test scene: ellipses, found the better the higher the IoU."""
    rng = np.random.default_rng(unit.repeat)
    stems, scenes = (unit.frames()[name][:: unit.frames_per_scene] for name in ("stem", "scene"))
    y, x = np.mgrid[: unit.size, : unit.size] / unit.size
    truth, images, probability = [], [], []
    for _ in stems:
        centre, noise = rng.uniform(0.35, 0.65, 2), rng.uniform(0, 60, (unit.size, unit.size, 3))
        body = ((x - centre[0]) / 0.14) ** 2 + ((y - centre[1]) / 0.3) ** 2
        head = ((x - centre[0]) ** 2 + (y - centre[1] + 0.33) ** 2) / 0.006
        inside = np.minimum(body, head)
        truth.append(inside < 1)
        images.append((noise + 120 * (inside < 1)[..., None] + 60 * x[..., None]).astype(np.uint8))
        bumps = np.sin(9 * x * (2 + unit.repeat)) * np.cos(11 * y) * 3 * (1 - unit.test_iou)
        probability.append(1 / (1 + np.exp(4 * (inside - 1 + bumps))))
    return {
        "stems": np.array(stems),
        "scenes": np.array(scenes),
        "images": np.stack(images),
        "truth": np.stack(truth),
        "probability": np.stack(probability).astype(np.float16),
    }


def troubled() -> list[Unit]:
    """Units of every state, a repeated attempt, one cut off and one still running."""
    unit = Unit(architecture="unet")
    return [
        replace(unit, state=None, status="KILLED", repeat=0),
        replace(unit, repeat=0),
        replace(unit, state="pruned", reason="below the median at epoch 3", repeat=1),
        replace(unit, state="diverged", reason="loss is nan at epoch 4", architecture="simple_conv"),
        replace(unit, state="out_of_memory", reason="14.2 GB asked", width=64),
        replace(unit, state="infeasible", reason="bottleneck would vanish", depth=7, logged=False),
        replace(unit, state="failed", reason="OSError: *disk* #full $", status="FAILED", repeat=3),
        replace(unit, state=None, status="RUNNING", repeat=2),
    ]
