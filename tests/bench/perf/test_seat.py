"""A process that takes turns: what it reports comes in order, and its end is told by name."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.perf.seat import Seat


def count(start: int, report: Callable[[int], None]) -> None:
    report(start)
    report(start + 1)


def fail(message: str, _: Callable[[int], None]) -> None:
    raise ValueError(message)


def die(number: int, _: Callable[[int], None]) -> None:
    os.kill(os.getpid(), number)


def start_method(_: int, report: Callable[[str], None]) -> None:
    report(multiprocessing.get_start_method())


def leave_a_child(pids: Path, report: Callable[[int], None]) -> None:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    assert child.pid is not None
    report(child.pid)


def test_steps_come_in_order_and_an_early_end_is_an_error() -> None:
    with Seat("counter", count, 5) as seat:
        assert [seat.step(), seat.step()] == [5, 6]
        with pytest.raises(RuntimeError, match=r"counter ended early with exit code 0"):
            seat.step()


def test_an_exception_comes_with_the_name_and_its_traceback() -> None:
    with (
        Seat("contender plain", fail, "no such loader") as seat,
        pytest.raises(RuntimeError, match=r"contender plain failed.[^$]*no such loader"),
    ):
        seat.step()


def test_a_killed_process_is_named() -> None:
    with (
        Seat("contender plain", die, int(signal.SIGKILL)) as seat,
        pytest.raises(RuntimeError, match=r"contender plain ended early with exit code -9"),
    ):
        seat.step()


def test_loader_workers_start_as_in_a_script_of_the_users() -> None:
    with Seat("process", start_method, 0) as seat:
        assert seat.step() == multiprocessing.get_start_method()


def test_leaving_ends_the_processs_own_children() -> None:
    with Seat("process", leave_a_child, Path()) as seat:
        child = seat.step()
        assert lives(child)
    for _ in range(100):
        if not lives(child):
            break
        time.sleep(0.05)
    assert not lives(child)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
