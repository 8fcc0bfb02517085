"""A process that does one thing in steps, and stands still between them while others take their turn.

Each implementation has one to itself: what an allocator keeps, what a library sets for the whole process and the
process's peak memory are then its own. It does not outlive the process that started it, however that ends.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Self, TypeVar, cast

from hourglass_bench.bench.spawn import SPAWN

A = TypeVar("A")
T = TypeVar("T")


class IsolatedProcess(Generic[T]):
    """Runs `work(argument, report)` in a new process, which waits for a word before it starts and in every `report`.

    It is not a daemon, so that it can have loader workers of its own; leaving the context kills it.
    """

    def __init__(self, name: str, work: Callable[[A, Callable[[T], None]], None], argument: A) -> None:
        self._name = name
        self._connection, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(theirs, work, argument), daemon=False)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):  # it has not made its group yet, or ended by itself
            os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._connection.close()

    def step(self, seconds: float | None = None) -> T:
        """What the process reports next.

        Args:
            seconds: that it may take; None: as long as it does.

        Raises:
            TimeoutError: they are over; the process can only be left.
            RuntimeError: it raised an exception, died, or had nothing to report any more.
        """
        try:
            self._connection.send(None)
            # Loader workers hold the other end of the pipe too: its closing alone would tell of the death late.
            if not wait([self._connection, self._process.sentinel], seconds):
                raise TimeoutError(f"{self._name} took more than {seconds:.0f} s.")
            answer = self._connection.recv() if self._connection.poll() else None
        except (EOFError, ConnectionError):
            answer = None
        if answer is None:
            self._process.join()
            raise RuntimeError(f"{self._name} ended early with exit code {self._process.exitcode}.")
        if isinstance(answer, RuntimeError):
            raise RuntimeError(f"{self._name} failed.\n{answer}")
        return cast(T, answer)


def _serve(connection: "Connection[Any, Any]", work: Callable[[A, Callable[[T], None]], None], argument: A) -> None:
    """In a process group of its own: Ctrl-C reaches the parent alone, whose kill reaches the loader workers too."""
    os.setpgrp()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    # A spawned process would spawn its loader workers too, which takes seconds where the system's default is a fork.
    multiprocessing.set_start_method(None, force=True)

    def report(answer: T) -> None:
        connection.send(answer)
        connection.recv()

    try:
        connection.recv()
        work(argument, report)
    except (EOFError, ConnectionError):
        return  # the parent is gone
    except Exception:
        connection.send(RuntimeError(traceback.format_exc()))


def _die_with_parent() -> None:
    """Kill this process and its own children as soon as the one that started it is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.killpg(os.getpgrp(), signal.SIGKILL)
