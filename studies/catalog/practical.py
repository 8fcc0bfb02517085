"""The practical's own experiments: the presets, then features and depth varied."""

from bench.config import DataConfig, TrainingConfig
from studies.spaces import grid, presets, to_units
from studies.study import Factorial
from studies.unit import Unit


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    named = presets(("simple_conv_shallow", "simple_conv_deep", "hourglass", "unet"))
    features = grid(("hourglass", "unet"), depths=(3,), bases=(8, 16, 24))
    depths = grid(("hourglass", "unet"), depths=(2, 3, 4), bases=(16,))
    return to_units([*named, *features, *depths], data, training)


STUDY = Factorial(
    name="practical",
    question="The practical: SimpleConv shallow and deep, Hourglass and U-Net with features and depth varied.",
    size=128,
    training=TrainingConfig(epochs=20, batch_size=16, lr=2e-3),
    plan=_plan,
    repeats=5,
    first_repeats=3,
    data={},
    tunes=True,
)
