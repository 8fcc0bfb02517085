"""Waiting for a store: which failures are worth it, for how long, and what a repeated call may do."""

import sqlite3
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests
from sqlalchemy.exc import IntegrityError, OperationalError

from hourglass_bench.bench.tracking import patience
from hourglass_bench.bench.tracking.database import StoreError, store_failure
from hourglass_bench.bench.tracking.patience import Patience, away, unless_away
from hourglass_bench.bench.tracking.store import HTTP_SETTINGS, connect

STORE = "postgresql://bench:sesame@host/runs"


class Clock:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(patience, "time", clock)
    return clock


def failing(times: int, error: Exception) -> Callable[[], str]:
    """A call that fails so often before it succeeds."""
    left = [error] * times

    def call() -> str:
        if left:
            raise left.pop()
        return "done"

    return call


def wrapped(error: Exception, by: type[Exception] = RuntimeError) -> Exception:
    """As libraries raise their own error for one of the database's."""
    raised = by("?")
    raised.__cause__ = error
    return raised


def of_database(error: Exception) -> OperationalError:
    return OperationalError("INSERT", {}, error)


def refused(status: int) -> requests.HTTPError:
    """As a server answers that takes artifacts."""
    answer = requests.Response()
    answer.status_code = status
    return requests.HTTPError("no artifact", response=answer)


LOCKED = of_database(sqlite3.OperationalError("database is locked"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError("refused"), "refused"),
        (wrapped(requests.ConnectionError("no route")), "no route"),
        (wrapped(LOCKED), "database is locked"),
        (refused(503), "no artifact"),
        (of_database(Exception("terminating connection\nmore")), "terminating connection"),
    ],
)
def test_what_is_away_may_come_back(error: Exception, said: str) -> None:
    assert away(error) == said


@pytest.mark.parametrize(
    "error",
    [
        ValueError("wrong"),
        of_database(sqlite3.OperationalError("database or disk is full")),
        of_database(sqlite3.OperationalError("no such table: runs")),
        wrapped(IntegrityError("INSERT", {}, Exception("not unique"))),
        wrapped(ConnectionError("refused"), StoreError),
        refused(413),
        OSError(28, "No space left on device"),
    ],
)
def test_other_failures_are_not_waited_for(clock: Clock, error: Exception) -> None:
    assert away(error) is None
    with pytest.raises(type(error), match="."):
        Patience(600).call(STORE, failing(1, error))
    assert clock.pauses == []


def test_pauses_grow_and_end_with_the_patience(clock: Clock) -> None:
    said: list[str] = []
    with pytest.raises(
        StoreError, match=r"^postgresql://bench:\*\*\*@host/runs was away for 60 s \(refused\)$"
    ) as raised:
        Patience(60, said.append).call(STORE, failing(1000, ConnectionError("refused")))
    assert clock.now == 60
    assert clock.pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(clock.pauses) == 10
    assert len(clock.pauses) < 20
    assert said == ["postgresql://bench:***@host/runs does not answer (refused); waiting, 60 s at most"]
    assert store_failure(raised.value) == str(raised.value)


def test_what_comes_back_is_said_once_and_a_blip_is_not(clock: Clock) -> None:
    said: list[str] = []
    waits = Patience(60, said.append)
    assert waits.call(STORE, failing(2, LOCKED)) == "done"
    assert said == []
    assert waits.has_waited
    assert waits.call(STORE, failing(8, LOCKED)) == "done"
    assert said[1] == f"postgresql://bench:***@host/runs answers again after {clock.now - 0.3:.0f} s"
    assert len(said) == 2


def test_without_patience_a_failure_is_what_it_is(clock: Clock) -> None:
    waits = Patience(60)
    waits.end()
    with pytest.raises(OperationalError, match="database is locked"):
        waits.call(STORE, failing(1, LOCKED))
    assert clock.pauses == []


def test_what_can_be_left_undone_is_where_a_store_stays_away(clock: Clock) -> None:
    """So that what stopped a study is said, and not that its end could not be recorded."""
    for seconds in (0, 60):
        with unless_away():
            Patience(seconds).call(STORE, failing(1000, LOCKED))
    with pytest.raises(ValueError, match="wrong"), unless_away():
        Patience(60).call(STORE, failing(1, ValueError("wrong")))


def test_a_repeated_call_that_had_arrived_is_done_and_a_first_one_is_refused(clock: Clock) -> None:
    left: list[Exception] = [KeyError("twice"), ConnectionError("no answer")]
    assert Patience(60).call(STORE, lambda: [][0] if not left else failing(1, left.pop())(), arrived=KeyError) is None
    with pytest.raises(KeyError, match="twice"):
        Patience(60).call(STORE, failing(1, KeyError("twice")), arrived=KeyError)


def test_the_lock_is_confirmed_before_every_try(clock: Clock) -> None:
    order: list[str] = []

    def write() -> None:
        order.append("write")
        if len(order) < 3:
            raise ConnectionError("refused")

    def confirm() -> None:
        order.append("confirm")

    Patience(60, confirm=confirm).call(STORE, write)
    assert order == ["confirm", "write", "confirm", "write"]


def test_a_client_waits_in_each_of_its_calls(clock: Clock) -> None:
    class Client:
        tracking_uri = STORE

        def get_run(self, run_id: str, *, deep: bool = False) -> str:
            answer = call()
            return f"{answer} {run_id} {deep}"

    call = failing(3, ConnectionError("refused"))
    client = Patience(60).client(Client())  # type: ignore[arg-type]
    assert client.tracking_uri == STORE
    assert client.get_run("r", deep=True) == "done r True"  # type: ignore[call-arg,comparison-overlap]
    assert len(clock.pauses) == 3


@pytest.fixture
def answering() -> Iterator[type[BaseHTTPRequestHandler]]:
    """Of a server whose every answer is `status`, with `body`."""

    class Handler(BaseHTTPRequestHandler):
        status, body, asked = 503, b"", 0

        def do_GET(self) -> None:
            type(self).asked += 1
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield Handler
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "waits"),
    [
        (503, b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "(sqlite3.OperationalError) locked"}', True),
        (502, b"<html>bad gateway</html>", True),
        (429, b"", True),
        (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no such run"}', False),
        (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"}', False),
        (403, b"forbidden", False),
    ],
)
def test_a_server_that_is_busy_is_waited_for_and_one_that_refuses_is_not(
    answering: Any, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, waits: bool
) -> None:
    """MLflow itself repeats nothing: its four minutes would pass before anybody decides."""
    for name in HTTP_SETTINGS:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    answering.status, answering.body = status, body
    client = Patience(0).client(connect(answering.url))
    with pytest.raises(Exception, match=str(status) if body[:1] != b"{" else "no such run|error responses") as raised:
        client.get_run("0" * 32)
    assert (away(raised.value) is not None) == waits
    assert answering.asked == 1


def test_a_server_that_is_not_there_is_away() -> None:
    client = Patience(0).client(connect("http://127.0.0.1:9"))
    with pytest.raises(Exception, match=r"127\.0\.0\.1") as raised:
        client.get_run("0" * 32)
    assert away(raised.value) is not None
