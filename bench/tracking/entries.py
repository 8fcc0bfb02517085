"""What is logged, on its way to the store."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.datasets import RoleDataset


@dataclass(frozen=True, kw_only=True, slots=True)
class Entries:
    """What is logged at one moment; KeyError for metrics that `bench.schema` does not have."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[RoleDataset] = ()
    step: int = 0
    """Epoch of the metrics; 0: they are of the whole run."""
    milliseconds: int = field(default_factory=lambda: int(time.time() * 1000))
    """Since 1970."""

    def __post_init__(self) -> None:
        unknown = self.metrics.keys() - schema.METRICS.keys()
        if unknown:
            raise KeyError(f"metrics must be declared in bench/schema.py, got {sorted(unknown)}")


class Log(ABC):
    """What one run is told."""

    @abstractmethod
    def write(self, entries: Sequence[Entries]) -> None:
        """Everything at once."""

    def params(self, params: Mapping[str, str]) -> None:
        """Log parameters, once."""
        self.write([Entries(params=params)])

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self.write([Entries(tags=tags)])

    def datasets(self, datasets: Sequence[RoleDataset]) -> None:
        """Log what the run is made of, once."""
        self.write([Entries(datasets=datasets)])

    def metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log numbers as of now; every name must be in `bench.schema`."""
        self.write([Entries(metrics=metrics, step=step)])
