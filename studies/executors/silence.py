"""How long a worker may give no sign of life (`bench.machine.signs`) until it is taken for one that hangs."""

import math

from hourglass_bench.architectures.config import require

AUTO = "auto"
LEAST = 1800.0
"""Seconds that `auto` allows at least: a trial that waits is cheaper than one that is ended by mistake."""
FACTOR = 20
"""Times the call's own longest silence so far that `auto` allows: a step of a large network may take minutes."""
SHORTEST = 60.0
"""Seconds that can be asked for: set-up and tests import what they need, and give no sign meanwhile. On a machine with
five processes to a core 15 s ended healthy workers."""
STARTING = 120.0
"""Seconds that a new process has at least until its first sign: it imports torch first."""
LOOK = 1.0
"""Seconds between two looks."""


def parse_timeout(text: str) -> float | None:
    """Seconds, or infinity for `0`, or None for `auto`.

    Raises:
        ValueError: it is none of these.
    """
    if text == AUTO:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    known = seconds == 0 or SHORTEST <= seconds < math.inf
    require(known, "trial_timeout", f"be auto, 0 (never) or seconds of at least {SHORTEST:g}", text)
    return seconds or math.inf


class Silence:
    """Of a worker during one call.

    Args:
        signs: that its process has given so far; 0 of one that is still starting.
    """

    def __init__(self, signs: int) -> None:
        self._signs = signs
        self._longest = 0.0
        self.seconds = 0.0
        """Since the last sign, or the begin of the call."""

    def look(self, signs: int, elapsed: float) -> None:
        """So many signs have been given, in all; since the last look so many seconds have passed."""
        if signs != self._signs:
            self._longest = max(self._longest, self.seconds)
            self._signs, self.seconds = signs, 0.0
        else:
            self.seconds += elapsed

    def is_too_long(self, timeout: float | None) -> bool:
        """Whether the worker hangs, by a timeout as `parse_timeout` gives it."""
        limit = max(LEAST, FACTOR * self._longest) if timeout is None else timeout
        return self.seconds > (limit if self._signs else max(limit, STARTING))
