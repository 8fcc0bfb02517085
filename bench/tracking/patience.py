"""Waiting for a store that is away: a server that is stopped and comes back, a SQLite file that another process holds.

A call is repeated with growing pauses until it succeeds or the patience is at its end. So it must do no harm if it
arrives twice: the store may have done it, and only its answer was lost.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy.exc import InterfaceError, OperationalError

from hourglass_bench.bench.machine import signs
from hourglass_bench.bench.machine.out_of_memory import causes
from hourglass_bench.bench.tracking.database import StoreError, redact
from hourglass_bench.bench.tracking.store import ask_once

if TYPE_CHECKING:
    from mlflow import MlflowClient

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds between two tries; each pause is twice the one before."""
SAID_AFTER = 2.0
"""Seconds of waiting of which nobody has to know."""
BUSY = (429, 502, 503, 504)
"""What a server, or one before it, answers while it or its database cannot."""
Result = TypeVar("Result")


def away(error: BaseException) -> str | None:
    """What says that a store cannot be reached now but may be later, if that is why `error` was raised; else None."""
    chain = list(causes(error))
    if not any(map(_is_away, chain)) or any(isinstance(cause, StoreError) for cause in chain):
        return None
    first = getattr(chain[-1], "orig", chain[-1])
    return str(first).strip().partition("\n")[0] or type(first).__name__


@contextmanager
def unless_away() -> Iterator[None]:
    """Do what can be left undone if a store is away, or was for longer than the patience."""
    try:
        yield
    except StoreError:
        return
    except Exception as error:
        if away(error) is None:
            raise


def _is_away(error: BaseException) -> bool:
    if isinstance(error, OperationalError | InterfaceError):
        return not isinstance(error.orig, sqlite3.Error) or "locked" in str(error.orig)
    if type(error).__module__ == "mlflow.exceptions":  # of a server's answer; what a database says is its cause
        return error.__cause__ is None and error.get_http_status_code() in BUSY  # type: ignore[attr-defined]
    if type(error).__module__.startswith("requests."):
        answer = getattr(error, "response", None)
        return answer is None or answer.status_code in BUSY
    return isinstance(error, ConnectionError | TimeoutError)


class Patience:
    """How long a process waits for the stores that it writes.

    Args:
        seconds: for each call; with 0 a failure is raised as it is.
        say: tells people of long waits.
        confirm: called before every try; what it raises counts as if the store had.
    """

    def __init__(
        self, seconds: float, say: Callable[[str], None] = lambda _: None, confirm: Callable[[], None] = lambda: None
    ) -> None:
        self._seconds = seconds
        self._say = say
        self._confirm = confirm
        self.has_waited = False
        """Whether a call was repeated, and so may have arrived twice."""

    def end(self) -> None:
        """Wait no more."""
        self._seconds = 0.0

    def call(
        self, store: str, function: Callable[[], Result], arrived: type[Exception] | tuple[()] = ()
    ) -> Result | None:
        """What a function returns that uses the store at a URL.

        Args:
            arrived: what a repeated call raises where the one before had been done; None is returned then.

        Raises:
            StoreError: the store was away for longer than the patience.
        """
        began, pause, said = time.monotonic(), FIRST_PAUSE, False
        while True:
            try:
                self._confirm()
                result = function()
            except Exception as error:
                if pause > FIRST_PAUSE and isinstance(error, arrived):
                    return None
                waited, why = time.monotonic() - began, away(error)
                if why is None or not self._seconds:
                    raise
                if waited >= self._seconds:
                    raise StoreError(f"{redact(store)} was away for {waited:.0f} s ({why})") from error
                if waited >= SAID_AFTER and not said:
                    said = True
                    self._say(f"{redact(store)} does not answer ({why}); waiting, {self._seconds:.0f} s at most")
                self.has_waited = True
                signs.give()  # whoever waits is no worker that hangs
                time.sleep(min(pause, self._seconds - waited))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                if said:
                    self._say(f"{redact(store)} answers again after {time.monotonic() - began:.0f} s")
                return result

    def client(self, client: "MlflowClient") -> "MlflowClient":
        """A client that waits for its store.

        Of its calls only `create_run` does something else when it arrives twice: one of the runs then stays open.
        """
        url = str(client.tracking_uri)
        return relayed(url, lambda: client, lambda function: self.call(url, function))


def relayed(
    url: str,
    connect: Callable[[], "MlflowClient"],
    call: Callable[[Callable[[], Any]], Any] = lambda once: once(),
) -> "MlflowClient":
    """A client of the store at `url` whose methods run through `call`; it is connected when the first one is called."""
    ask_once()
    return cast("MlflowClient", _Relay(url, connect, call))


class _Relay:
    """Stands for a client."""

    def __init__(
        self, url: str, connect: Callable[[], "MlflowClient"], call: Callable[[Callable[[], Any]], Any]
    ) -> None:
        self.tracking_uri = url
        self._connect = connect
        self._call = call

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *arguments, **named: self._call(lambda: getattr(self._connect(), method)(*arguments, **named))
