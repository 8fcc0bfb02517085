"""What is logged, on its way to the store."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bench import schema


class Entries(NamedTuple):
    """What is logged at one moment."""

    metrics: Mapping[str, float] = MappingProxyType({})
    params: Mapping[str, str] = MappingProxyType({})
    tags: Mapping[str, str] = MappingProxyType({})
    step: int = 0
    """Epoch of the metrics; 0: they are of the whole run."""
    milliseconds: int = 0
    """Time of the metrics, since 1970."""


def require_known(metrics: Iterable[str]) -> None:
    """Raise KeyError for names that `bench.schema` does not have."""
    unknown = set(metrics) - schema.METRICS.keys()
    if unknown:
        raise KeyError(f"metrics must be declared in bench/schema.py, got {sorted(unknown)}")
