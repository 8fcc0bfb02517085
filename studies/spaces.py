"""Building blocks of plans: architectures by grid and by name, and the spaces of searches."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.studies.unit import Factor, Unit

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Network = tuple[ArchitectureConfig, dict[str, Factor]]
"""A configuration, and what a study varies of it."""
Plan = Callable[[DataConfig, TrainingConfig], list[Unit]]
"""Data and training of a study -> what is repeated, in the order in which units of a stage and a repeat run."""
SMALL = {"synthetic_scenes": 60, "synthetic_frames": 5}
"""Fields of the DataConfig: the drawn dancers of every study that a CPU can run, so that the studies compare."""
SMALL_TRAINING = TrainingConfig(epochs=10, batch_size=8, lr=1e-2, loss=(("bce", 1.0), ("dice", 3.0)))
"""How their networks are trained where the rate is not searched."""


def grid(names: str | Iterable[str], **options: Any) -> list[Network]:
    """Every architecture with every combination of options, the architectures of one combination next to each other.

    Args:
        names: Ours, or references to networks from elsewhere, as `--arch` takes them.
        options: Of the architectures, see `architectures.registry.configure`. What is iterable, and no text, holds
            values to be varied, the last option's fastest, and is a factor; everything else is fixed. A value that is
            a sequence itself stands in a list: `features=[(16, 32)]`.

    Raises:
        ValueError: an architecture that cannot be found, or does not have the options.
    """
    from hourglass_bench.architectures.registry import configure

    names = (names,) if isinstance(names, str) else tuple(names)
    varied = {key: tuple(values) for key, values in options.items() if _is_varied(values)}
    found: list[Network] = []
    for *values, name in product(*varied.values(), names):
        chosen = dict(zip(varied, values, strict=True))
        factors = {key: _to_factor(value) for key, value in chosen.items()}
        found.append((configure(name, **options | chosen), {"architecture": name, **factors}))
    return found


def _is_varied(values: object) -> bool:
    return isinstance(values, Iterable) and not isinstance(values, str | Mapping)


def _to_factor(value: object) -> Factor:
    return value if isinstance(value, str | int | float) else json.dumps(value)


def presets(names: Iterable[str]) -> list[Network]:
    """Named networks, as `--preset` takes them; a preset's widths need not follow a growth factor."""
    from hourglass_bench.architectures.registry import get_preset

    return [(config, _factors(config, name)) for name, config in ((name, get_preset(name)) for name in names)]


def _factors(config: ArchitectureConfig, preset: str) -> dict[str, Factor]:
    if config.depth is None or config.base_width is None:
        return {"architecture": config.name, "preset": preset}
    return {"architecture": config.name, "depth": config.depth, "base_width": config.base_width}


def to_units(networks: Iterable[Network], data: DataConfig, training: TrainingConfig) -> list[Unit]:
    """One unit per distinct architecture."""
    return [
        Unit(config=RunConfig(architecture=config, data=data, training=training), factors=factors)
        for config, factors in dict(networks).items()
    ]


def each(networks: Callable[[], Iterable[Network]]) -> Plan:
    """The plan of a study that trains each of the networks, and all of them alike."""
    return lambda data, training: to_units(networks(), data, training)


def encoder_decoder_space(depths: range = range(1, 6), bases: range = range(4, 33)) -> "dict[str, BaseDistribution]":
    """What a search varies of networks that are built here, the same for all of them."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    return {
        "depth": IntDistribution(depths.start, depths.stop - 1),
        "base_width": IntDistribution(bases.start, bases.stop - 1, log=True),
        "growth": FloatDistribution(1.0, 2.0, step=0.25),
        "norm": CategoricalDistribution(("none", "batch", "group")),
    }


def training_space() -> "dict[str, BaseDistribution]":
    """What a search varies of the training, of every architecture."""
    from optuna.distributions import FloatDistribution

    return {
        "lr": FloatDistribution(3e-4, 3e-2, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
    }


def skip_subsets(depth: int) -> list[tuple[int, ...]]:
    """Every set of levels 1..depth, from none to all, the smaller ones first."""
    return [levels for count in range(depth + 1) for levels in combinations(range(1, depth + 1), count)]
