"""Where a study's time went: each second of a worker belongs to the trial that it worked for or waited for.

A trial's share begins when its worker was free and ends when the trial does; idle is what the run itself did not take
of it. So the shares of a session add up to the time of its workers, but for what belongs to no outcome: attempts that
were cut off, and the wait after a worker's last trial. Between two sessions nobody waits.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping

from hourglass_bench.bench import schema

OTHER = "other"
"""Seconds of a run that are in no phase; all of a run that ended without saying how long it took."""
IDLE = "idle"
NAMES = (*schema.PHASES, OTHER, IDLE)
"""What the time of a trial is divided into."""
LABELS = {str(phase): metric.label for phase, metric in schema.PHASES.items()}


def spent(metrics: Mapping[str, float], *, free: float, submitted: float, ended: float) -> dict[str, float]:
    """Seconds of a trial by name, without the phases that it did not enter.

    Args:
        metrics: what the run measured; it may have ended before it measured anything.
        free: since when its worker had nothing to do, on the clock of `submitted` and `ended`.
    """
    run = metrics.get(schema.SECONDS.name, ended - submitted)
    phases = {str(phase): metrics[metric.name] for phase, metric in schema.PHASES.items() if metric.name in metrics}
    other, idle = run - sum(phases.values()), ended - free - run
    return phases | {OTHER: max(0.0, other), IDLE: max(0.0, idle)}


def total(trials: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Seconds of all trials by name; outcomes that were written without them count as nothing."""
    summed = dict.fromkeys(NAMES, 0.0)
    for trial in trials:
        for name, seconds in trial.items():
            summed[name] = summed.get(name, 0.0) + seconds
    return summed


class Free:
    """Since when each free worker has been free. Which worker gets a trial does not matter to the sums."""

    def __init__(self) -> None:
        self._since: deque[float] = deque()

    def settle(self, workers: int) -> None:
        """So many are free now: new ones have only just come, and those that are gone wait no more."""
        while len(self._since) > max(0, workers):
            self._since.popleft()
        self._since.extend([time.monotonic()] * (workers - len(self._since)))

    def add(self, since: float) -> None:
        """A trial has ended."""
        self._since.append(since)

    def take(self) -> float:
        """The one that has been free longest gets a trial: since when."""
        return self._since.popleft() if self._since else time.monotonic()
