"""Where trials run: one small interface. Implementations: studies/executors/local.py and ray_cluster.py."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from studies.worker import Outcome, Task


class Lost(NamedTuple):
    """The worker is gone, and the trial with it: killed, out of the machine's memory, its node lost."""

    reason: str


class Failed(NamedTuple):
    """The trial raised an exception; it would do so again."""

    error: BaseException


class Broken(NamedTuple):
    """The executor itself is gone: no trial would come to an end any more."""

    reason: str


Ending = Outcome | Lost | Failed | Broken


class Executor(Protocol):
    """Runs tasks, several at a time; whatever happens to one ends in exactly one call of its `done`."""

    memory: int
    """Bytes that one trial may take."""

    host: str
    """Address of this machine under which workers reach the driver."""

    @property
    def slots(self) -> int:
        """Tasks that can run at the same time; may change while the executor lives."""

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        """Start a task; `done` is called from another thread."""

    def close(self) -> None:
        """End the workers, and what they are doing."""
