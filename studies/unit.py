"""What a study plans: units, each one training, and what whoever runs the study chooses for all of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.schema import Stage
from hourglass_bench.bench.stored_config import config_hash

if TYPE_CHECKING:
    from hourglass_bench.architectures.bottleneck import Prediction

Factor = str | int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One planned training."""

    config: RunConfig
    factors: Mapping[str, Factor]
    """What the study varies, by short name; recorded as the Optuna trial's parameters."""
    name: str = ""
    stage: Stage = "comparison"
    group: str = ""
    """Name of the group of networks that shares a tuned learning rate; empty if none was tuned."""

    @property
    def key(self) -> str:
        """Identity of the unit within and across sessions: its name, or else its configuration."""
        return self.name or config_hash(self.config)


class Planned(NamedTuple):
    """What is known of a unit before it has a configuration."""

    stage: Stage
    architecture: str


class Setting(NamedTuple):
    """What whoever runs a study chooses: the same study on other data is another one."""

    data: DataConfig
    training: TrainingConfig
    repeats: int
    """Of every unit, or of the refits of a search."""
    known_as: str = ""
    """Path by which the units' keys know the data, if that is not where they lie now: the same data elsewhere are no
    other study."""
    ladder: tuple[float, ...] = ()
    """Learning rates that are tried before a comparison; empty: none is tuned."""


def macs(config: RunConfig) -> int:
    """Multiply-accumulates per image; 0 if the architecture cannot be."""
    predicted = _predict(config)
    return predicted.macs if predicted else 0


def params(config: RunConfig) -> int:
    """Weights and biases; 0 if the architecture cannot be."""
    predicted = _predict(config)
    return predicted.params if predicted else 0


def _predict(config: RunConfig) -> "Prediction | None":
    from hourglass_bench.architectures.registry import predict

    try:
        return predict(config.architecture, *config.data.size)
    except ValueError:
        return None


def count_planned(planned: Mapping[str, Planned]) -> dict[Stage, dict[str, int]]:
    """Planned units by stage and architecture."""
    stages: dict[Stage, dict[str, int]] = {}
    for (stage, architecture), count in Counter(planned.values()).items():
        stages.setdefault(stage, {})[architecture] = count
    return stages
