"""The default: every part of the comparison, small enough for two CPU cores and a few minutes."""

from bench.config import DataConfig, TrainingConfig
from studies.spaces import SMALL, grid, to_units
from studies.study import Factorial
from studies.unit import Unit


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    sizes = grid(("simple_conv", "hourglass", "unet"), depths=(1, 3), bases=(6, 12), growth=1.5, norm="batch")
    return to_units(sizes, data, training)


STUDY = Factorial(
    name="quick",
    question="A first look: SimpleConv, Hourglass and U-Net at two depths and two widths, in paired repeats.",
    size=64,
    training=TrainingConfig(epochs=5, batch_size=8, lr=1e-2, loss=(("bce", 1.0), ("dice", 3.0))),
    plan=_plan,
    repeats=3,
    data=SMALL,
    tunes=True,
)
