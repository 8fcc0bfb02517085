"""From Hourglass to U-Net one skip connection at a time: every subset of three levels."""

from hourglass_bench.architectures.config import ArchitectureConfig, widths
from hourglass_bench.bench.config import DataConfig, TrainingConfig
from hourglass_bench.studies.spaces import SMALL, SMALL_TRAINING, skip_subsets, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Factor, Unit

DEPTH, BASE_WIDTH = 3, 12


def network(skips: tuple[int, ...]) -> tuple[ArchitectureConfig, dict[str, Factor]]:
    """Without a skip connection it is the Hourglass, with some or all of them the U-Net."""
    from hourglass_bench.architectures.registry import configure

    name = "unet" if skips else "hourglass"
    config = configure(name, widths(BASE_WIDTH, DEPTH, 1.5), skips=skips, norm="batch")
    return config, {"architecture": name, "skips": "-".join(map(str, skips)) or "none"}


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    return to_units([network(skips) for skips in skip_subsets(DEPTH)], data, training)


STUDY = Factorial(
    name="skips",
    question="Which skip connections matter: every subset of three levels from Hourglass to U-Net.",
    size=64,
    training=SMALL_TRAINING,
    plan=_plan,
    repeats=5,
    first_repeats=3,
    data=SMALL,
    tunes=True,
)
