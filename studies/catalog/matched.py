"""U-Net against Hourglasses that are equal in width, parameters, arithmetic or memory: what is it that helps?"""

from architectures.config import ArchitectureConfig
from bench.config import DataConfig, TrainingConfig
from studies.matching import costs, match_width
from studies.spaces import SMALL, SMALL_TRAINING, cross_with_repeats, grid
from studies.study import Factor, Factorial, Unit

DEPTH, BASE_WIDTH, GROWTH = 3, 16, 1.5


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    (unet,) = _networks("unet", [BASE_WIDTH])
    matched = [
        match_width(unet[0], lambda width: _networks("hourglass", [width])[0][0], cost)
        for cost in costs(data, training).values()
    ]
    return cross_with_repeats([unet, *_networks("hourglass", [BASE_WIDTH, *matched])], data, training, repeats=5)


def _networks(name: str, bases: list[int]) -> list[tuple[ArchitectureConfig, dict[str, Factor]]]:
    return grid((name,), (DEPTH,), bases, growth=GROWTH, norm="batch")


STUDY = Factorial(
    name="matched",
    question="U-Net against Hourglasses of equal width, parameters, arithmetic and memory, five paired repeats, 64x64.",
    size=64,
    training=SMALL_TRAINING,
    plan=_plan,
    data=SMALL,
)
