"""Units that fail one after the other in the same way: what waits would fail too, as its cause is no unit's.

A folder that is gone or a limit of the machine hits whatever comes, an architecture that cannot be trained only its own
units. So the units must be of two architectures, if the study has as many, and none that trained may lie between.
"""

import re
from collections.abc import Collection

from hourglass_bench.bench import schema
from hourglass_bench.studies.retry import FAILURES

LEAST = 3
"""Units: two may be chance, and each more may cost hours."""


class Streak:
    """Failures of units that ended one after the other.

    Args:
        architectures: of the study.
    """

    def __init__(self, architectures: Collection[str]) -> None:
        self._least_architectures = min(2, len(set(architectures)))
        self._failed: list[str] = []
        """Their architectures."""
        self._kind: object = None

    def add(self, state: schema.State, reason: str, architecture: str) -> bool:
        """A unit has ended; whether the failures up to it say that what waits would fail too."""
        if state == "infeasible":  # it was not started, which says nothing
            return False
        if state not in FAILURES:
            self._failed = []
            return False
        kind = state, re.sub(r"0x[0-9a-f]+|\d+", "", reason)  # sizes and addresses differ
        if kind != self._kind:
            self._kind, self._failed = kind, []
        self._failed.append(architecture)
        return len(self._failed) >= LEAST and len(set(self._failed)) >= self._least_architectures
