"""What a split by frame pretends: the practical's Hourglass and U-Net under both splits. For a folder of videos."""

from dataclasses import replace

from hourglass_bench.bench.config import DataConfig, SplitName, TrainingConfig
from hourglass_bench.studies.spaces import presets, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit

SPLITS: tuple[SplitName, ...] = ("scene_folds", "random_frames")


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    networks = presets(("hourglass", "unet"))
    by_split = [to_units(networks, replace(data, split=split), training) for split in SPLITS]
    return [
        replace(unit, factors={**unit.factors, "split": unit.config.data.split})
        for units in zip(*by_split, strict=True)
        for unit in units
    ]


STUDY = Factorial(
    name="leak",
    question="How much a random split of frames flatters: Hourglass and U-Net of the practical, both splits.",
    size=64,
    training=TrainingConfig(epochs=20, batch_size=16, lr=2e-3),
    plan=_plan,
    repeats=5,
    first_repeats=3,
    data={"split": "scene_folds"},  # beside random_frames, in the plan
)
