"""What a user's own expression may take: a regular expression can need longer than anybody lives."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def time_limit(seconds: float, why: str) -> Iterator[None]:
    """Raise ValueError, which says `why`, if what is in here takes longer.

    By the alarm, which only a main thread can set: in others there is no limit. An alarm that is set rings as it would.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_: object, __: object) -> None:
        raise ValueError(why)

    before, start = signal.signal(signal.SIGALRM, ring), time.monotonic()
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - start), 1e-6), again)
