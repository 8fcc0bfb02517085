"""How far a long work is, for people, on stderr: a bar on a terminal, now and then a line elsewhere.

What takes no longer than two seconds says nothing.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import RLock, Timer
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from hourglass_bench.bench.machine import signs
from hourglass_bench.bench.terminal import is_live, printable, tell

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")

_SHORT = 2.0  # seconds within which nothing is said
_INTERVAL = 30.0  # seconds between two lines


def progress(items: Iterable[Item], doing: str, total: int, done: int = 0) -> Iterator[Item]:
    """The items as they come; of `total`, `done` were there before."""
    start, said, bar = 0.0, 0.0, None
    doing = printable(doing)
    try:
        for count, item in enumerate(items, start=done + 1):
            yield item
            signs.give()
            if count == done + 1:  # it may have waited for processes to start, which says nothing of the rate
                start = time.monotonic()
                said = start + _SHORT - _INTERVAL
                continue
            if time.monotonic() - said < (_INTERVAL if bar is None else 0.1):
                continue
            said = time.monotonic()
            if bar is None and is_live(sys.stderr):
                bar = _Row(doing, total, done)
            if bar is not None:
                bar.update(completed=count)
            else:
                rate = (count - done - 1) / (said - start)
                left = f"{(total - count) / rate:.0f} s left"
                tell(f"{doing}: {count:,} of {total:,}, {rate:.3g}/s, {left}")
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def working(doing: str) -> Iterator[Callable[[str], None]]:
    """While something is done whose length nobody knows; the function that is given tells the next step of it.

    On a terminal a line with the seconds so far, which goes again; elsewhere one line.
    """
    line = _Line(printable(doing))
    timer = Timer(_SHORT, line.show)
    timer.daemon = True
    timer.start()
    try:
        yield line.step
    finally:
        timer.cancel()
        timer.join()  # it may be showing the line now
        line.close()


class _Line:
    """What `working` shows."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._row: _Row | None = None

    def show(self) -> None:
        if is_live(sys.stderr):
            self._row = _Row(self._doing)
        else:
            tell(f"{self._doing} ...")

    def step(self, doing: str) -> None:
        self._doing = doing
        if self._row is not None:
            self._row.update(description=doing)

    def close(self) -> None:
        if self._row is not None:
            self._row.close()


class _Row:
    """A row of the one display on the terminal, which is there while it has rows."""

    _display: "ClassVar[Progress | None]" = None
    _lock: ClassVar = RLock()
    """Threads show rows of their own."""

    def __init__(self, doing: str, total: int | None = None, done: int = 0) -> None:
        with _Row._lock:
            display = _Row._display = _Row._display or _start_display()
            self._of = display
            self._task = display.add_task(doing, total=total, completed=done)

    def update(self, **values: Any) -> None:
        """As rich's."""
        self._of.update(self._task, **values)

    def close(self) -> None:
        with _Row._lock:
            self._of.remove_task(self._task)
            if not self._of.tasks:
                self._of.stop()
                _Row._display = None


def _start_display() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Clock(ProgressColumn):
        """What is left, or, where that is unknown, how long it has taken."""

        left, elapsed = TimeRemainingColumn(), TimeElapsedColumn()

        def render(self, task: Task) -> Text:
            if task.total is None:
                return self.elapsed.render(task)
            return Text(f"{task.completed:,.0f} of {task.total:,.0f} ") + self.left.render(task)

    columns = TextColumn("{task.description}", markup=False), BarColumn(), Clock()
    display = Progress(*columns, console=Console(stderr=True), transient=True)
    display.start()
    return display
