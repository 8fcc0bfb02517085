"""The practical's own experiments: the presets, then features and depth varied."""

from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies.spaces import Network, each, grid, presets
from hourglass_bench.studies.study import Factorial


def _networks() -> list[Network]:
    named = presets(("simple_conv_shallow", "simple_conv_deep", "hourglass", "unet"))
    features = grid(("hourglass", "unet"), depth=(3,), base_width=(8, 16, 24), growth=(2.0,))
    depths = grid(("hourglass", "unet"), depth=(2, 3, 4), base_width=(16,), growth=(2.0,))
    return [*named, *features, *depths]


STUDY = Factorial(
    name="practical",
    question="The practical: SimpleConv shallow and deep, Hourglass and U-Net with features and depth varied.",
    size=128,
    training=TrainingConfig(epochs=20, batch_size=16, lr=2e-3),
    plan=each(_networks),
    repeats=5,
    first_repeats=3,
    data={},
    tunes=True,
)
