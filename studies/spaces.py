"""Building blocks of plans: architectures by grid and by name, and the spaces of searches."""

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING

from architectures.config import ArchitectureConfig, EncoderDecoderConfig, Norm, widths
from bench.config import DataConfig, RunConfig, TrainingConfig
from studies.unit import Factor, Unit

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SMALL = {"synthetic_scenes": 60, "synthetic_frames": 5}
"""Fields of the DataConfig: the drawn dancers of every study that a CPU can run, so that the studies compare."""
SMALL_TRAINING = TrainingConfig(epochs=10, batch_size=8, lr=1e-2, loss=(("bce", 1.0), ("dice", 3.0)))
"""How their networks are trained where the rate is not searched."""


def grid(
    names: Sequence[str], depths: Iterable[int], bases: Iterable[int], *, growth: float = 2.0, norm: Norm = "none"
) -> list[tuple[EncoderDecoderConfig, dict[str, Factor]]]:
    """Every architecture at every depth and base width, the architectures of one size next to each other."""
    from architectures.registry import configure

    found: list[tuple[EncoderDecoderConfig, dict[str, Factor]]] = []
    for depth, base, name in product(depths, bases, names):
        config = configure(name, widths(base, depth, growth), norm=norm)
        assert isinstance(config, EncoderDecoderConfig)
        found.append((config, {"architecture": name, "depth": depth, "base_width": base, "growth": growth}))
    return found


def presets(names: Iterable[str]) -> list[tuple[EncoderDecoderConfig, dict[str, Factor]]]:
    """The named networks of the practical; a preset's widths need not follow a growth factor."""
    from architectures.registry import get_preset

    configs = [get_preset(name) for name in names]
    return [
        (config, {"architecture": config.name, "depth": config.depth, "base_width": config.base_width})
        for config in configs
    ]


def to_units(
    architectures: Iterable[tuple[ArchitectureConfig, dict[str, Factor]]], data: DataConfig, training: TrainingConfig
) -> list[Unit]:
    """One unit per distinct architecture."""
    return [
        Unit(config=RunConfig(architecture=config, data=data, training=training), factors=factors)
        for config, factors in dict(architectures).items()
    ]


def encoder_decoder_space(depths: range, bases: range) -> "dict[str, BaseDistribution]":
    """What a search varies, the same for every architecture so that no hyperparameter is conditional on another."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    return {
        "depth": IntDistribution(depths.start, depths.stop - 1),
        "base_width": IntDistribution(bases.start, bases.stop - 1, log=True),
        "growth": FloatDistribution(1.0, 2.0, step=0.25),
        "norm": CategoricalDistribution(("none", "batch", "group")),
        "lr": FloatDistribution(3e-4, 3e-2, log=True),
        "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
    }


def skip_subsets(depth: int) -> list[tuple[int, ...]]:
    """Every set of levels 1..depth, from none to all, the smaller ones first."""
    return [levels for count in range(depth + 1) for levels in combinations(range(1, depth + 1), count)]
