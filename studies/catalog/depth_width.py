"""The main sweep, for a GPU: architecture x depth x base width x growth x repeats, all paired."""

from bench.config import DataConfig, TrainingConfig
from studies.spaces import grid, to_units
from studies.study import Factorial
from studies.unit import Unit


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    sizes = [
        entry
        for growth in (1.0, 1.5, 2.0)
        for entry in grid(
            ("hourglass", "unet"), depths=range(1, 7), bases=(8, 16, 32, 64, 128), growth=growth, norm="batch"
        )
    ]
    return to_units(sizes, data, training)


STUDY = Factorial(
    name="depth_width",
    question="Hourglass against U-Net at depths 1 to 6, base widths 8 to 128 and three growth factors.",
    size=128,
    training=TrainingConfig(epochs=50, batch_size=32),
    plan=_plan,
    repeats=5,
    first_repeats=3,
    data={},
    tunes=True,
)
