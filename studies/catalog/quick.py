"""The default: every part of the comparison, small enough for two CPU cores and a few minutes."""

from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies.spaces import SMALL, each, grid
from hourglass_bench.studies.study import Factorial

NAMES = ("simple_conv", "hourglass", "unet")


STUDY = Factorial(
    name="quick",
    question="A first look: SimpleConv, Hourglass and U-Net at two depths and two widths, in paired repeats.",
    size=64,
    training=TrainingConfig(epochs=5, batch_size=8, lr=1e-2, loss=(("bce", 1.0), ("dice", 3.0))),
    plan=each(lambda: grid(NAMES, depth=(1, 3), base_width=(6, 12), growth=(1.5,), norm="batch")),
    repeats=3,
    data=SMALL,
    tunes=True,
)
