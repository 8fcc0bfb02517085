"""The comparison compared with itself: a U-Net and its twin, of which neither can be better."""

from bench.config import DataConfig, TrainingConfig
from studies.spaces import SMALL, SMALL_TRAINING, grid, to_units
from studies.study import Factorial
from studies.unit import Unit


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    twins = grid(("unet", "unet_twin"), depths=(3,), bases=(12,), growth=1.5, norm="batch")
    return to_units(twins, data, training)


STUDY = Factorial(
    name="aa",
    question="Is the verdict honest: U-Net against U-Net with other initial weights, in paired repeats.",
    size=64,
    training=SMALL_TRAINING,
    plan=_plan,
    repeats=5,
    data=SMALL,
)
