"""A process that takes turns: what it reports comes in order, and its end is told by name."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from hourglass_bench.bench.perf.isolated import IsolatedProcess


def count(start: int, report: Callable[[int], None]) -> None:
    report(start)
    report(start + 1)


def fail(message: str, _: Callable[[int], None]) -> None:
    raise ValueError(message)


def die(number: int, _: Callable[[int], None]) -> None:
    os.kill(os.getpid(), number)


def start_method(_: int, report: Callable[[str], None]) -> None:
    report(multiprocessing.get_start_method())


def leave_a_child(_: int, report: Callable[[int], None]) -> None:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    report(child.pid)


@pytest.mark.parametrize(
    ("work", "argument", "steps", "message"),
    [
        (count, 5, [5, 6], "worker ended early with exit code 0"),
        (fail, "no such loader", [], r"worker failed.[^$]*no such loader"),
        (die, int(signal.SIGKILL), [], "worker ended early with exit code -9"),
    ],
)
def test_steps_come_in_order_and_an_early_end_is_an_error(
    work: Callable[..., None], argument: Any, steps: list[int], message: str
) -> None:
    with IsolatedProcess("worker", work, argument) as process:
        assert [process.step() for _ in steps] == steps
        with pytest.raises(RuntimeError, match=message):
            process.step()


def test_loader_workers_start_as_in_a_script_of_the_users() -> None:
    with IsolatedProcess("process", start_method, 0) as process:
        assert process.step() == multiprocessing.get_start_method()


def test_leaving_ends_the_processs_own_children() -> None:
    with IsolatedProcess("process", leave_a_child, 0) as process:
        child = process.step()
        assert lives(child)
    for _ in range(100):
        if not lives(child):
            break
        time.sleep(0.05)
    assert not lives(child)


def hang(_: int, report: Callable[[int], None]) -> None:
    time.sleep(60)


def test_one_that_takes_too_long_can_be_left() -> None:
    start = time.monotonic()
    with IsolatedProcess("worker", hang, 0) as process, pytest.raises(TimeoutError, match="worker took more than 1 s"):
        process.step(1.0)
    assert time.monotonic() - start < 30


def start_another(_: int, report: Callable[[list[int]], None]) -> None:
    """Of a process that lets loose of its own group, as one does that is itself isolated."""
    with IsolatedProcess("inner", leave_a_child, 0) as inner:
        child = inner.step()
        report([inner.pid, child])
        time.sleep(60)


def test_none_outlives_the_process_that_started_it() -> None:
    """However that ends: here it is killed before it can do anything."""
    with IsolatedProcess("outer", start_another, 0) as outer:
        family = outer.step()
        assert all(map(lives, family))
    for _ in range(100):
        if not any(map(lives, family)):
            break
        time.sleep(0.05)
    assert not any(map(lives, family))


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
