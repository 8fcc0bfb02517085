"""What a study is: a name, a question and a list of units, each a complete RunConfig with the factors it varies.

Importing this module, and listing the catalogue, imports neither torch nor optuna nor mlflow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.config import DataConfig, RunConfig, TrainingConfig, config_hash

Factor = str | int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One planned training."""

    config: RunConfig
    factors: Mapping[str, Factor]
    """What the study varies, by short name; recorded as the Optuna trial's parameters."""

    @property
    def key(self) -> str:
        """Identity of the unit within and across sessions."""
        return config_hash(self.config)


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """A named question and how it is asked."""

    name: str
    question: str
    """One line for `studies list` and the report."""
    size: int
    """Side of the square frames in pixels."""
    training: TrainingConfig
    plan: Callable[[DataConfig, TrainingConfig], list[Unit]]
    """Every unit, in the order in which they run."""
    data: Mapping[str, Any]
    """Fields of the DataConfig that the study sets, beside path and size."""

    def units(self, *, data: str, epochs: int | None) -> list[Unit]:
        """The plan on the data set `data`, with the study's epochs or fewer or more of them."""
        training = self.training if epochs is None else replace(self.training, epochs=epochs)
        return self.plan(DataConfig(path=data, size=(self.size, self.size), **self.data), training)
