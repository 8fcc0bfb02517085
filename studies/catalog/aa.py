"""The comparison compared with itself: a U-Net and its twin, of which neither can be better."""

from hourglass_bench.studies.spaces import SMALL, SMALL_TRAINING, each, grid
from hourglass_bench.studies.study import Factorial

STUDY = Factorial(
    name="aa",
    question="Is the verdict honest: U-Net against U-Net with other initial weights, in paired repeats.",
    size=64,
    training=SMALL_TRAINING,
    plan=each(lambda: grid(("unet", "unet_twin"), depth=(3,), base_width=(12,), growth=(1.5,), norm="batch")),
    repeats=5,
    data=SMALL,
)
