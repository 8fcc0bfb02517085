"""When each trial that runs gave its last sign of life, for `status` in another shell.

The driver knows it, and writes it into a small file beside the cached data. Without the file nothing is missing but
these ages.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hourglass_bench.bench import schema
from hourglass_bench.bench.files import replacing

INTERVAL = 2.0
"""Seconds between two writes."""


class LastSigns:
    """The file of a study that runs."""

    def __init__(self, runs: Path, study: str) -> None:
        self._file = _file(runs, study)
        self._written = 0.0

    def write(self, silent: Mapping[str, float]) -> None:
        """MLflow run -> seconds since its last sign; most calls do nothing."""
        if time.monotonic() < self._written + INTERVAL:
            return
        self._written, now = time.monotonic(), time.time()
        with suppress(OSError), replacing(self._file) as partial:
            partial.write_text(json.dumps({run_id: now - seconds for run_id, seconds in silent.items()}))

    def remove(self) -> None:
        """Nothing runs any more."""
        with suppress(OSError):
            self._file.unlink()


def silences(runs: Path, study: str) -> dict[str, float]:
    """MLflow run -> seconds since the last sign of its trial, of those that a driver has told of."""
    try:
        last = json.loads(_file(runs, study).read_text())
        return {run_id: max(0.0, time.time() - moment) for run_id, moment in last.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _file(runs: Path, study: str) -> Path:
    return runs / schema.CACHE_DIR / f"signs-{study}.json"
