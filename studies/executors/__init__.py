"""Where trials run: one small interface. Implementations: studies/executors/local.py and ray_cluster.py."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from hourglass_bench.bench.config import RunConfig
from hourglass_bench.studies.worker import Outcome, Task, Unpredicted


class Lost(NamedTuple):
    """The worker is gone, and the trial with it: killed, out of the machine's memory, its node lost."""

    reason: str


class Crowded(NamedTuple):
    """Memory ran out while the trial had only a part of its device: alone it may fit."""

    reason: str


class Failed(NamedTuple):
    """An exception that is no trial's outcome; it would come again."""

    error: BaseException


class Broken(NamedTuple):
    """The executor itself is gone: no trial would come to an end any more."""

    reason: str


Ending = Outcome | Lost | Crowded | Failed | Broken
Forecast = int | Outcome | Unpredicted | Broken
"""A predicted tensor peak in bytes, or how the trial ends without being started, or that there is no prediction."""


class Executor(Protocol):
    """Runs tasks, several at a time; whatever happens to one ends in exactly one call of its `done`."""

    memory: int
    """Predicted tensor peak in bytes of the largest trial that fits, if it has its device to itself."""

    host: str
    """Address of this machine under which workers reach the driver."""

    @property
    def slots(self) -> int:
        """Tasks that can run at the same time; may change while the executor lives."""

    def forecast(self, config: RunConfig, ignores: bool, done: Callable[[Forecast], None]) -> None:
        """Predict the tensor peak of a config's steps in a worker, as `bench.training.forecast.predict_peak_bytes`.

        The driver's own process must not use a GPU: on one that only one process may use, no trial could run.
        """

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        """Start a task, or let it wait until its device has room; `done` is called from another thread."""

    def watch(self) -> Mapping[str, float]:
        """Seconds since the last sign of life of each task that runs, by its MLflow run; none where that is unknown.

        Workers that hang are ended, and their tasks `Lost`. To be called about once a second.
        """

    def close(self) -> None:
        """End the workers, and what they are doing."""
