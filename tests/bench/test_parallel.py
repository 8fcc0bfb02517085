"""One function over many items, on all cores."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest

from hourglass_bench.bench.parallel import count_cores, in_processes, in_threads

RUNS: list[Callable[..., Iterator[Any]]] = [in_threads, in_processes]


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})


def test_cores_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted, found in (("2", 2), ("9", 3), ("", 3), ("0", 3), ("many", 3)):
        monkeypatch.setenv("OMP_NUM_THREADS", wanted)
        assert count_cores() == found


@pytest.mark.parametrize("run", RUNS)
def test_results_come_in_the_order_of_the_items(run: Callable[..., Iterator[Any]]) -> None:
    assert list(run(abs, range(0, -30, -1))) == list(range(30))
    assert list(run(abs, [])) == []


@pytest.mark.parametrize("run", RUNS)
def test_an_error_comes_at_its_place(run: Callable[..., Iterator[Any]]) -> None:
    results = run(int, ["1", "2", "three", "4"])
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_few_items_wait_at_a_time_and_threads_are_several() -> None:
    taken: list[int] = []
    both, names = Event(), set()

    def work(item: int) -> int:
        names.add(current_thread().name)
        if len(names) == 2:
            both.set()
        assert both.wait(10)
        return item

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = in_threads(work, items())
    next(results)
    assert len(taken) < 20
    assert list(results) == list(range(1, 100))


SCRIPT = """
from hourglass_bench.bench.parallel import in_processes
from work import work
for pid in in_processes(work, range(10**9)):  # without a guard: processes do not run the script
    print(pid, flush=True)
"""
WORK = """
import os
def work(_):
    return os.getpid()
"""


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_processes_go_when_their_parent_does(tmp_path: Path, stop: signal.Signals) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "work.py").write_text(WORK)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    parent = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert parent.stdout is not None
    children = {int(parent.stdout.readline()) for _ in range(50)}
    parent.send_signal(stop)
    parent.stdout.close()
    parent.wait()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.05)
