"""U-Net against Hourglasses that are equal in width, parameters, arithmetic or memory: what is it that helps?"""

from bisect import bisect_left
from collections.abc import Callable
from functools import cache

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.studies.spaces import SMALL, SMALL_TRAINING, Network, grid, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit

DEPTH, BASE_WIDTH, GROWTH = 3, 16, 1.5

Cost = Callable[[ArchitectureConfig], int]


def match_width(network: ArchitectureConfig, of_width: Callable[[int], ArchitectureConfig], cost: Cost) -> int:
    """The base width, up to four times the network's, at which `of_width` costs most nearly what `network` does.

    Costs must grow with the width.
    """
    assert network.base_width is not None
    target, widths = cost(network), range(1, 4 * network.base_width + 1)
    place = bisect_left(widths, target, key=lambda width: cost(of_width(width)))
    nearest = widths[max(place - 1, 0) : place + 1]
    return min(nearest, key=lambda width: abs(cost(of_width(width)) - target))


def costs(data: DataConfig, training: TrainingConfig) -> dict[str, Cost]:
    """What can be held equal, by name: parameters, multiply-accumulates per image, tensor peak of a step in float32."""
    from hourglass_bench.architectures.registry import predict

    return {
        "params": lambda network: predict(network, *data.size).params,
        "macs": lambda network: predict(network, *data.size).macs,
        "memory": lambda network: _peak(network, data.size, training.batch_size),
    }


@cache
def _peak(network: ArchitectureConfig, size: tuple[int, int], batch_size: int) -> int:
    import torch

    from hourglass_bench.bench.training.forecast import predict_peak_bytes

    # On the CPU and in float32 wherever it runs, so that a plan does not depend on the machine.
    training = TrainingConfig(batch_size=batch_size, precision="fp32")
    return predict_peak_bytes(
        RunConfig(architecture=network, data=DataConfig(size=size), training=training), torch.device("cpu")
    )


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    (unet,) = _networks("unet", [BASE_WIDTH])
    matched = [
        match_width(unet[0], lambda width: _networks("hourglass", [width])[0][0], cost)
        for cost in costs(data, training).values()
    ]
    return to_units([unet, *_networks("hourglass", [BASE_WIDTH, *matched])], data, training)


def _networks(name: str, bases: list[int]) -> list[Network]:
    return grid(name, depth=(DEPTH,), base_width=bases, growth=(GROWTH,), norm="batch")


STUDY = Factorial(
    name="matched",
    question="U-Net against Hourglasses of equal width, parameters, arithmetic and memory, in paired repeats.",
    size=64,
    training=SMALL_TRAINING,
    plan=_plan,
    repeats=5,
    data=SMALL,
    tunes=True,
)
