"""Writing beside the training: nothing is lost, little is called, and what goes wrong is heard of."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.background import MOST, BackgroundLog
from hourglass_bench.bench.tracking.entries import Entries


class Store:
    """Stands for a run: keeps the calls."""

    def __init__(self) -> None:
        self.calls: list[list[Entries]] = []

    def write(self, entries: Sequence[Entries]) -> None:
        self.calls.append(list(entries))


def make(store: Any) -> BackgroundLog:
    open_log: Callable[[], Any] = lambda: store  # noqa: E731
    return BackgroundLog(open_log)


def test_everything_arrives_in_order_in_few_calls() -> None:
    store = Store()
    log = make(store)
    log.params({"repeat": "0"})
    for epoch in range(1, 2 * MOST):
        log.metrics({schema.VAL_IOU.name: 0.5}, step=epoch)
    log.tags({"a": "b"})
    assert store.calls == []
    assert log.settle() is store
    entries = [entry for call in store.calls for entry in call]
    assert [entry.step for entry in entries] == [0, *range(1, 2 * MOST), 0]
    assert (entries[0].params, entries[-1].tags) == ({"repeat": "0"}, {"a": "b"})
    assert len(store.calls) == 3
    assert max(len(call) for call in store.calls) == MOST


def test_metrics_carry_the_time_at_which_they_were_told() -> None:
    store = Store()
    log = make(store)
    log.metrics({schema.VAL_IOU.name: 0.5}, step=1)
    told = time.time() * 1000
    time.sleep(0.05)
    log.settle()
    assert store.calls[0][0].milliseconds <= told


def test_the_store_is_opened_beside_the_training_and_not_before_its_first_step() -> None:
    threads: list[int] = []

    def open_log() -> Any:
        threads.append(threading.get_ident())
        return Store()

    log = BackgroundLog(open_log)
    log.tags({"a": "b"})
    assert threads == []
    log.poll()
    log.settle()
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_a_store_that_does_not_open_stops_the_training_at_one_of_its_next_steps() -> None:
    def refuse() -> Any:
        raise ValueError("no such store")

    log = BackgroundLog(refuse)

    def train() -> None:
        for _ in range(1000):
            log.poll()
            time.sleep(0.01)

    with pytest.raises(ValueError, match="no such store"):
        train()
    with pytest.raises(ValueError, match="no such store"):
        log.settle()
    log.finish(lambda _: pytest.fail("there is no run to close"))


def test_a_write_that_fails_is_raised_at_the_end() -> None:
    class Full(Store):
        def write(self, entries: Sequence[Entries]) -> None:
            raise OSError("disk full")

    log = make(Full())
    log.tags({"a": "b"})
    with pytest.raises(OSError, match="disk full"):
        log.settle()


def test_an_unknown_metric_is_refused_where_it_is_told() -> None:
    with pytest.raises(KeyError, match=r"declared in bench/schema.py, got \['iou'\]"):
        make(Store()).metrics({"iou": 1.0})


def test_a_failed_training_closes_the_run_it_has() -> None:
    store, closed = Store(), []
    log = make(store)
    log.tags({"a": "b"})
    log.finish(closed.append)
    assert closed == []  # it never began: nothing was written
    log = make(store)
    log.tags({"a": "b"})
    log.poll()
    log.finish(closed.append)
    assert closed == [store]
    assert store.calls
