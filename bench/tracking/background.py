"""A run log whose writes happen beside the training, several epochs in one call."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

from hourglass_bench.bench.tracking.entries import Entries, Log

if TYPE_CHECKING:
    from hourglass_bench.bench.tracking.store import RunLog

INTERVAL = 1.0
"""Seconds between two writes; epochs that end within it are written together."""
MOST = 100
"""Entries in one call: MLflow takes a thousand numbers."""


class BackgroundLog(Log):
    """What a training tells, written by a thread that also opens the store: importing MLflow takes seconds.

    Nothing is opened or written before `poll` is called, after the first training step, or `settle`, at the end.
    """

    def __init__(self, open_log: "Callable[[], RunLog]") -> None:
        self._open = open_log
        self._entries: SimpleQueue[Entries] = SimpleQueue()
        self._thread = Thread(target=self._work, daemon=True)
        self._settling = Event()
        self._error: BaseException | None = None
        self._opened: RunLog | None = None

    def write(self, entries: Sequence[Entries]) -> None:
        """Leave it to the thread."""
        for entry in entries:
            self._entries.put(entry)

    def poll(self) -> None:
        """Start writing if that has not begun; raises what went wrong in it."""
        if not self._thread.ident:
            self._thread.start()
        if self._error is not None:
            raise self._error

    def settle(self) -> "RunLog":
        """Write everything, and hand the run over: from now on nothing is written in the background."""
        self._settling.set()
        self.poll()
        self._thread.join()
        self.poll()
        assert self._opened is not None
        return self._opened

    def finish(self, close: "Callable[[RunLog], None]") -> None:
        """After a failure: write what can be written, then `close` the run, if there is one."""
        self._settling.set()
        if self._thread.ident:
            self._thread.join()
        if self._opened is not None:
            close(self._opened)

    def _work(self) -> None:
        try:
            self._opened = self._open()
            while True:
                settling = self._settling.is_set()  # asked before taking: what comes later is not lost
                # Nobody else takes, so that there are at least as many as counted.
                while entries := [self._entries.get() for _ in range(min(MOST, self._entries.qsize()))]:
                    self._opened.write(entries)
                if settling:
                    return
                self._settling.wait(INTERVAL)
        except BaseException as error:
            self._error = error
