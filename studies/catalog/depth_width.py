"""The main sweep, for a GPU: architecture x depth x base width x growth x repeats, all paired."""

from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies.spaces import Network, each, grid
from hourglass_bench.studies.study import Factorial


def _networks() -> list[Network]:
    return grid(
        ("hourglass", "unet"),
        growth=(1.0, 1.5, 2.0),
        depth=range(1, 7),
        base_width=(8, 16, 32, 64, 128),
        norm="batch",
    )


STUDY = Factorial(
    name="depth_width",
    question="Hourglass against U-Net at depths 1 to 6, base widths 8 to 128 and three growth factors.",
    size=128,
    training=TrainingConfig(epochs=50, batch_size=32),
    plan=each(_networks),
    repeats=5,
    first_repeats=3,
    data={},
    tunes=True,
)
