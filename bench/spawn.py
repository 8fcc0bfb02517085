"""Processes of this project's own: they start without the user's script.

A process that Python spawns runs the parent's main script first, so that it knows what is defined there. Nothing that
our processes are sent is: without it a script that calls `hourglass_bench.sweep` needs no guard
(`if __name__ == "__main__"`), and is not run once more in every worker.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from threading import Lock
from types import ModuleType
from typing import Any

_hiding = Lock()


@contextmanager
def _without_main() -> Iterator[None]:
    """Within the context Python finds no main script to tell the new process of."""
    with _hiding:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 - multiprocessing's own name
        with _without_main():
            return SpawnProcess._Popen(process_obj)


class _Context(SpawnContext):
    Process = _Process


SPAWN = _Context()
"""What `multiprocessing.get_context("spawn")` is, but for the script."""
