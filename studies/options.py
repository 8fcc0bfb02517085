"""What whoever runs a study chooses, as the command line takes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.config import SplitName

Executor = Literal["local", "ray"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How and where a study runs; the first four decide its numbers."""

    data: str = "synthetic"
    epochs: int | None = None
    """None: the study's own number."""
    split: SplitName | None = None
    """None: the study's own."""
    memory_budget: str = ""
    """Largest predicted tensor peak, such as `2GiB`; empty: the study's own, which may be what the device has."""
    runs: Path = Path("runs")
    storage: str = ""
    """URL of the Optuna storage; empty: SQLite under RUNS."""
    tracking: str = ""
    """URL of the MLflow store; empty: SQLite under RUNS."""
    device: str = "auto"
    workers: str = "auto"
    """How many trials at a time; `auto` measures what is fastest."""
    executor: Executor = "local"
    accept_changes: bool = False
    """Resume although the study, the data or the code changed since it was started."""
