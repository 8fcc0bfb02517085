"""How far a long work is, for people, on stderr: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")

_SHORT = 3.0  # seconds within which nothing is said
_INTERVAL = 30.0  # seconds between two lines


def progress(items: Iterable[Item], doing: str, total: int, done: int = 0) -> Iterator[Item]:
    """The items as they come; of `total`, `done` were there before. What takes no longer than 3 s says nothing."""
    start, said, bar = 0.0, 0.0, None
    try:
        for count, item in enumerate(items, start=done + 1):
            yield item
            if count == done + 1:  # it may have waited for processes to start, which says nothing of the rate
                start = time.monotonic()
                said = start + _SHORT - _INTERVAL
                continue
            if time.monotonic() - said < (_INTERVAL if bar is None else 0.1):
                continue
            said = time.monotonic()
            if bar is None and sys.stderr.isatty():
                bar = _open_bar(doing, total, done)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=count)
            else:
                rate = (count - done - 1) / (said - start)
                left = f"{(total - count) / rate:.0f} s left"
                print(f"{doing}: {count:,} of {total:,}, {rate:.3g}/s, {left}", file=sys.stderr, flush=True)
    finally:
        if bar is not None:
            bar.stop()


def _open_bar(doing: str, total: int, done: int) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(doing, total=total, completed=done)
    bar.start()
    return bar
