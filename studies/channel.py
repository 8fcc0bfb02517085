"""The wire between a trial and the driver: after each epoch the trial reports, and may be told to stop.

A trial that may be told so waits for the answer, so that one worker with one seed prunes the same trials every time;
others go on at once. A worker whose driver is gone learns so at the next epoch.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from threading import Thread
from typing import NamedTuple

from hourglass_bench.bench.training.train import EpochRecord

LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """Where the driver listens."""

    host: str
    port: int
    key: bytes


class Epoch(NamedTuple):
    """A trial has finished an epoch; if it can be pruned it waits for `answer` with a reason to stop, or None."""

    run_id: str
    record: EpochRecord
    answer: Callable[[str | None], None]


class Channel:
    """The driver's end: hands every report to `receive`, each trial on a thread of its own."""

    def __init__(self, receive: Callable[[Epoch], None], host: str = LOOPBACK) -> None:
        key = secrets.token_bytes(32)
        self._listener = Listener((host, 0), authkey=key)
        self._receive = receive
        self.address = Address(host, self._listener.address[1], key)
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more trials."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue  # somebody else
            except OSError:
                return  # closed
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with suppress(EOFError, OSError), connection:
            run_id = connection.recv()
            while True:
                self._receive(Epoch(run_id, connection.recv(), partial(_answer, connection)))


def _answer(connection: Connection, reason: str | None) -> None:
    with suppress(OSError):  # the trial died in the meantime, which its executor tells
        connection.send(reason)


@contextmanager
def reporter(address: Address, run_id: str, *, waits: bool) -> Iterator[Callable[[EpochRecord], str | None]]:
    """The trial's end: a stop rule that reports an epoch and returns the driver's reason to stop, or None.

    Without `waits` there is no answer, and what can be read all the same is the driver's end.
    """

    def report(record: EpochRecord) -> str | None:
        try:
            connection.send(record)
            reason: str | None = connection.recv() if waits or connection.poll() else None
        except (EOFError, OSError):
            os._exit(1)  # the driver is gone: nobody would hear of this trial's outcome
        return reason

    with Client((address.host, address.port), authkey=address.key) as connection:
        connection.send(run_id)
        yield report
