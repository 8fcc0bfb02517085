"""Studies with one class of problem each, or one plain answer, of which it is known what a first page must say."""

import json
from collections.abc import Callable
from dataclasses import replace

from fake_units import Unit, grid

from hourglass_bench.bench import schema

Problem = Callable[[], list[Unit]]

NAMES = ("simple_conv", "hourglass", "unet")
EASY = (0.03, -0.02, 0.01, -0.04, 0.02)
"""How much better every network is on each fold than on average."""
LUCK = {
    "simple_conv": (0.004, -0.006, 0.002, 0.005, -0.005),
    "hourglass": (-0.012, 0.015, 0.004, -0.010, 0.003),
    "unet": (0.010, -0.013, 0.012, 0.006, -0.015),
}
"""What the trainings of an architecture add to that."""
FLAT, RISING = 12.0, 1.0
"""Paces of a curve."""
PROBLEMS: dict[str, Problem] = {}
"""The units of each study, by its problem."""
NOTHING_PLANNED = dict.fromkeys((schema.STUDY_DESCRIPTION, schema.STUDY_PLANNED, schema.STUDY_PLANNED_UNITS), "")
TAGS = {
    "one_run": NOTHING_PLANNED,
    "half_done": {
        schema.STUDY_PLANNED: "30",
        schema.STUDY_PLANNED_UNITS: json.dumps({"comparison": dict.fromkeys(NAMES, 10)}),
    },
}
"""Tags of the parent runs of studies of which not all that is planned has begun."""


def problem(make: Problem) -> Problem:
    """Add to PROBLEMS."""
    PROBLEMS[make.__name__] = make
    return make


def trained(
    name: str, mean: float, luck: float = 1.0, pace: float = FLAT, repeats: int = 5, **fields: object
) -> list[Unit]:
    """A configuration with this mean test IoU, tested on each fold once."""
    return [
        Unit(architecture=name, repeat=repeat, iou=mean + easy + luck * own, pace=pace, shared_panel=True, **fields)  # type: ignore[arg-type]
        for repeat, (easy, own) in enumerate(zip(EASY, LUCK[name], strict=True))
    ][:repeats]


def three(simple_conv: float, hourglass: float, unet: float, **fields: object) -> list[Unit]:
    """A configuration of each architecture, with these mean test IoUs."""
    means = zip(NAMES, (simple_conv, hourglass, unet), strict=True)
    return [unit for name, mean in means for unit in trained(name, mean, **fields)]  # type: ignore[arg-type]


@problem
def all_stuck() -> list[Unit]:
    """No epoch is better than a constant: SimpleConv marks nothing, the others everything."""
    return [
        replace(unit, iou=constant, val_iou=constant, stuck=True)
        for unit in three(0.5, 0.5, 0.5)
        for constant in [0.0 if unit.architecture == "simple_conv" else 0.3 + 0.01 * unit.repeat]
    ]


@problem
def all_diverged() -> list[Unit]:
    """The loss of every run became NaN."""
    return three(0.5, 0.5, 0.5, state="diverged", reason="loss is nan in epoch 5")


@problem
def all_infeasible() -> list[Unit]:
    """No network fits in the memory budget."""
    reason = "a training step is predicted to hold 143 MiB, the memory budget is 95.4 MiB"
    return three(0.5, 0.5, 0.5, state="infeasible", reason=reason)


@problem
def all_failed() -> list[Unit]:
    """Every run ended in an error before it logged anything."""
    reason = "OSError: [Errno 28] No space left on device"
    return three(0.5, 0.5, 0.5, state="failed", status="FAILED", reason=reason, logged=False)


@problem
def one_repeat() -> list[Unit]:
    """Twelve configurations, a run of each."""
    return grid(repeats=1)


@problem
def two_repeats() -> list[Unit]:
    """Twelve configurations, two runs of each: a verdict needs three."""
    return grid(repeats=2)


@problem
def one_architecture() -> list[Unit]:
    """The Hourglass in three sizes."""
    sizes = ((2, 8, 0.70), (2, 16, 0.74), (3, 8, 0.76))
    return [unit for depth, width, mean in sizes for unit in trained("hourglass", mean, depth=depth, width=width)]


@problem
def one_configuration() -> list[Unit]:
    """One U-Net."""
    return trained("unet", 0.80)


@problem
def two_scenes() -> list[Unit]:
    """The folder has a split of its own, with two test scenes."""
    return three(0.60, 0.75, 0.80, tested_scenes=2, split="given")


@problem
def three_scenes() -> list[Unit]:
    """Each scene is a fold. The networks are far ahead of the best rule on two and hardly on the third."""
    ahead = (0.30, 0.02, 0.20)
    units = three(0.5, 0.5, 0.5, repeats=3, folds=3, tested_scenes=1)
    return [
        replace(unit, iou=0.5 + 0.01 * unit.repeat + ahead[unit.repeat] + LUCK[unit.architecture][unit.repeat])
        for unit in units
    ]


@problem
def one_run() -> list[Unit]:
    """A training outside of any plan."""
    return trained("unet", 0.80, repeats=1)


@problem
def third_wins() -> list[Unit]:
    """SimpleConv is far ahead of Hourglass and U-Net."""
    return three(0.85, 0.70, 0.72)


@problem
def half_done() -> list[Unit]:
    """Of ten planned runs of each architecture all, six and three are done, and one runs."""
    units = [unit for depth in (2, 3) for unit in three(0.6, 0.7, 0.75, depth=depth)]
    done = {"simple_conv": (3, 3), "hourglass": (5, 5), "unet": (2, 1)}
    ended = [unit for unit in units if unit.repeat < done[unit.architecture][unit.depth - 2]]
    return [*ended, Unit(architecture="unet", repeat=2, state=None, status="RUNNING")]


@problem
def nothing_learnt() -> list[Unit]:
    """In every scene all networks are below a copy of the nearest frame, and no curve rises any more."""
    return three(0.341, 0.343, 0.342, luck=0.1, epochs=40)


@problem
def ahead_but_unsure() -> list[Unit]:
    """All networks are ahead of the best rule on average, but not on every fold."""
    ahead = (0.17, -0.07, 0.11, -0.06, 0.05)
    units = three(0.5, 0.5, 0.5)
    return [
        replace(unit, iou=0.5 + 0.01 * unit.repeat + ahead[unit.repeat] + LUCK[unit.architecture][unit.repeat])
        for unit in units
    ]


@problem
def rising() -> list[Unit]:
    """All networks are below the best rule, and their curves still rise."""
    return three(0.33, 0.35, 0.36, pace=RISING)


@problem
def empty_folds() -> list[Unit]:
    """Three of five folds hold no foreground: there whatever marks nothing scores 1."""
    foreground = (0.1, 0.2, 0.0, 0.0, 0.0)
    scores = {
        "simple_conv": (0.5, 0.45, 0.9, 0.95, 0.9),
        "hourglass": (0.6, 0.5, 1, 0.95, 1),
        "unet": (0.65, 0.55, 1, 1, 1),
    }
    units = []
    for unit in three(0.5, 0.5, 0.5, foreground=foreground):
        ious, share = scores[unit.architecture], foreground[unit.repeat]
        rules = {"all_foreground": share, "base_rate": 0.0, "mean_mask": 0.0, "copy": 0.3}
        empty = {"all_foreground": 0.0, "base_rate": 1.0, "mean_mask": 1.0, "copy": 1.0}
        at = rules if share else empty
        units.append(replace(unit, iou=ious[unit.repeat], val_iou=ious[(unit.repeat + 1) % 5], baselines_at=at))
    return units


@problem
def all_empty() -> list[Unit]:
    """There is no foreground anywhere, and nobody marks any."""
    rules = {"all_foreground": 0.0, "base_rate": 1.0, "mean_mask": 1.0, "copy": 1.0}
    units = three(0.5, 0.5, 0.5, foreground=(0.0,) * 5, baselines_at=rules)
    return [replace(unit, iou=1.0, val_iou=1.0) for unit in units]


@problem
def indistinguishable() -> list[Unit]:
    """U-Net and Hourglass are equal up to the luck of their trainings."""
    return three(0.60, 0.794, 0.800)


@problem
def sharper() -> list[Unit]:
    """U-Net and Hourglass are equal up to luck in IoU, and the U-Net is better at boundaries."""
    return [replace(unit, sharp=0.1 * (unit.architecture == "unet")) for unit in indistinguishable()]


@problem
def equivalent() -> list[Unit]:
    """All three are equal within the margin on every fold."""
    return three(0.799, 0.800, 0.801, luck=0.1)


@problem
def winner_clear() -> list[Unit]:
    """The U-Net is better than both others by 0.05 on every fold."""
    return three(0.75, 0.75, 0.80, luck=0.1)


@problem
def holdout() -> list[Unit]:
    """All repeats are tested on the same scenes, of which the U-Net is better on each."""
    return three(0.65, 0.70, 0.80, split="scene_holdout")


@problem
def first_look() -> list[Unit]:
    """Three repeats of what is clear: the U-Net is better than both others by 0.05 on every fold."""
    return three(0.75, 0.75, 0.80, luck=0.1, repeats=3)


@problem
def choice_changes() -> list[Unit]:
    """Which U-Net validation puts first depends on the repeats: either is good on two folds and bad on two."""
    ious = {8: (0.70, 0.90, 0.90, 0.50, 0.50), 16: (0.75, 0.62, 0.60, 0.80, 0.80)}
    units = [unit for width in ious for unit in trained("unet", 0.5, width=width)]
    chosen = [
        replace(unit, iou=ious[unit.width][unit.repeat], val_iou=ious[unit.width][(unit.repeat + 1) % 5])
        for unit in units
    ]
    return [*chosen, *trained("hourglass", 0.40)]


@problem
def unequal_training() -> list[Unit]:
    """The larger a network, the better it is, of smaller batches and in higher precision."""
    sizes = (
        ("hourglass", 0.70, 8, "bf16", "bfloat16", 64),
        ("hourglass", 0.76, 16, "auto", "bfloat16", 32),
        ("unet", 0.82, 32, "fp32", "float32", 8),
        ("simple_conv", 0.60, 8, "bf16", "bfloat16", 64),
    )
    units = []
    for name, mean, width, asked, precision, batch in sizes:
        params = {"training.precision": asked, "training.batch_size": str(batch)}
        units += trained(name, mean, width=width, precision=precision, params=params)
    return units


@problem
def memory_ran_out() -> list[Unit]:
    """Where memory is measured, after training: in all runs of the best U-Net, and in one of five of a Hourglass."""
    units = [unit for width in (8, 16, 32) for unit in three(0.60, 0.66, 0.70 + 0.002 * width, width=width, luck=0.2)]
    return [
        replace(unit, measured=not (unit.architecture == "unet" and unit.width == 32 or _is_one_hourglass(unit)))
        for unit in units
    ]


@problem
def memory_unknown() -> list[Unit]:
    """The same, and nothing was predicted: the best U-Net has no place within a budget."""
    return [replace(unit, predicted_peak=0.0) for unit in memory_ran_out()]


@problem
def changed_data() -> list[Unit]:
    """The U-Net is clearly better, and the masks were changed after three of five repeats."""
    return [replace(unit, data="0badf00d" if unit.repeat > 2 else unit.data) for unit in winner_clear()]


def _is_one_hourglass(unit: Unit) -> bool:
    return unit.architecture == "hourglass" and (unit.width, unit.repeat) == (16, 2)
