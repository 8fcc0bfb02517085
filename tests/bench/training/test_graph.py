"""Captured functions by a stand-in for CUDA graphs: they compute what eager calls do, or are given up."""

import gc
import re
import weakref
from collections import Counter as Counted
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from hourglass_bench.bench.training.graph import EAGER_CALLS, CudaGraphs, Graphed, Replay
from tests.bench.training.stand import Result, Stand

CPU = torch.device("cpu")
TEXTS = (
    "CUDA error: operation not permitted when stream is capturing",
    "CUDA error: operation failed due to a previous error during capture",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED",
    "Cannot prepare for replay during capturing stage",
    'it->second->use_count > 0 INTERNAL ASSERT FAILED at "CUDACachingAllocator.cpp":2630',
)
"""Of errors that captures end with, by torch's sources and issues."""


class Counter:
    """A function with a state, a running sum of what it is given, and a number that only Python knows."""

    def __init__(self) -> None:
        self.sum = torch.zeros(3)
        self.calls = torch.zeros((), dtype=torch.int64)
        self.scale = 2.0

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        self.sum += self.scale * a
        self.calls += 1
        return self.sum + b

    def state(self) -> Sequence[Sequence[Tensor]]:
        return [[self.sum], [self.calls]]


def results(graphed: Graphed, counter: Counter, calls: int = EAGER_CALLS + 4) -> list[list[float]]:
    inputs = [(torch.full((3,), 1.0 + number), torch.full((3,), number % 3)) for number in range(calls)]
    return [graphed(counter, *each, state=counter.state).tolist() for each in inputs]


PLAIN = results(Graphed(None, 0), Counter())


class Faulty(Stand):
    """From its `first` replay on, something goes wrong after each."""

    def __init__(self, first: int, fault: Callable[[Any], object]) -> None:
        super().__init__()
        self.first, self.fault, self.replays = first, fault, 0

    def capture(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        replay, result = super().capture(function)

        def faulty() -> None:
            replay()
            self.replays += 1
            if self.replays >= self.first:
                self.fault(result)

        return faulty, result


class Broken(Stand):
    """Captures end with an error, after all was done."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def capture(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        super().capture(function)
        raise type(self.error)(*self.error.args)  # one that is raised keeps what the capture made


def test_replays_read_their_inputs_anew_and_scalars_are_frozen() -> None:
    graphed = Graphed(stand := Stand(), 1e-6)
    scale = [2.0]
    for value in range(EAGER_CALLS + 3):
        a, b = torch.full((3,), float(value)), torch.full((3,), value % 2)
        assert torch.equal(graphed(lambda a, b: a * scale[0] + b, a, b), 2 * a + b)
        scale[0] = 2.0 if value < EAGER_CALLS else 5.0  # after the capture nobody looks at it
    assert (stand.captures, graphed.failure) == (1, "")


def test_a_rehearsal_leaves_the_state_as_it_was() -> None:
    graphed = Graphed(stand := Stand(), 1e-6)
    assert results(graphed, Counter()) == PLAIN
    assert (stand.captures, graphed.failure) == (1, "")


def test_results_stay_what_they_are_and_may_be_tensors_by_name() -> None:
    graphed = Graphed(Stand(), 1e-6)
    found = [graphed(lambda a: {"a": a, "twice": (2 * a, -a)}, torch.full((2,), float(n))) for n in range(8)]
    assert [each["a"].tolist() for each in found] == [[n, n] for n in range(8)]
    assert [each["twice"][0].tolist() for each in found] == [[2 * n, 2 * n] for n in range(8)]


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("what", ["result", "sum", "counter", "not a number"])
def test_a_replay_that_is_wrong_is_found_out_and_leaves_no_trace(first: int, what: str) -> None:
    counter = Counter()
    faults = {
        "result": lambda result: result.mul_(1.001),
        "sum": lambda _: counter.sum.mul_(0.5),
        "counter": lambda _: counter.calls.sub_(1),
        "not a number": lambda result: result.fill_(torch.nan),
    }
    graphed = Graphed(Faulty(first, faults[what]), 1e-6)
    assert results(graphed, counter) == PLAIN
    expected = f"replay {first} has not the eager call's result" if what in ("result", "not a number") else "replay"
    assert graphed.failure.startswith(expected)


def test_a_fault_after_the_rehearsal_would_matter() -> None:
    """What the tests above put in is no small thing: nobody looks at the third replay."""
    counter = Counter()
    graphed = Graphed(Faulty(3, lambda _: counter.sum.mul_(0.5)), 1e-6)
    assert results(graphed, counter) != PLAIN
    assert graphed.failure == ""


def test_what_is_not_a_number_in_both_agrees() -> None:
    graphed = Graphed(Stand(), 1e-6)
    for _ in range(EAGER_CALLS + 2):
        assert graphed(lambda a: a / a, torch.zeros(2)).isnan().all()
    assert graphed.failure == ""


@pytest.mark.parametrize("error", [*map(RuntimeError, TEXTS), torch.OutOfMemoryError("CUDA out of memory.\nTried")])
def test_a_capture_that_fails_leaves_eager_calls(error: RuntimeError) -> None:
    """Also for lack of memory: an eager call, which needs no pool of its own beside what is cached, may fit."""
    graphed = Graphed(stand := Broken(error), 1e-6)
    assert results(graphed, Counter()) == PLAIN
    assert graphed.failure == f"the capture failed: {str(error).splitlines()[0]}"
    assert stand.captures == 1


def test_why_a_capture_failed_is_what_it_failed_of_first() -> None:
    class Invalidated(Stand):
        def capture(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
            try:
                raise RuntimeError(TEXTS[0])
            finally:
                raise RuntimeError(TEXTS[1])

    graphed = Graphed(Invalidated(), 1e-6)
    assert results(graphed, Counter()) == PLAIN
    assert graphed.failure == f"the capture failed: {TEXTS[0]}"


@pytest.mark.parametrize("call", range(1, EAGER_CALLS + 2))
def test_an_error_of_the_function_itself_is_the_callers(call: int) -> None:
    """In the rehearsal too, which runs it eagerly."""
    graphed, calls = Graphed(Stand(), 1e-6), [0]

    def function(a: Tensor) -> Tensor:
        calls[0] += 1
        if calls[0] == call:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return a + 1

    for _ in range(call - 1):
        graphed(function, torch.zeros(2))
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        graphed(function, torch.zeros(2))


def test_what_a_broken_capture_made_is_freed() -> None:
    made: list[weakref.ref[Tensor]] = []

    def function(a: Tensor) -> Tensor:
        result = a + 1
        made.append(weakref.ref(result))
        return result

    graphed = Graphed(Broken(RuntimeError(TEXTS[0])), 1e-6)
    gc.disable()
    try:
        for _ in range(EAGER_CALLS + 2):
            graphed(function, torch.zeros(2))
        assert [ref() for ref in made] == [None] * len(made)
    finally:
        gc.enable()


@pytest.mark.parametrize("calls", [1, EAGER_CALLS + 1])
def test_a_graph_of_one_batch_refuses_another_size(calls: int) -> None:
    graphed = Graphed(Stand(), 1e-6)
    for _ in range(calls):
        graphed(torch.neg, torch.ones(3))
    with pytest.raises(ValueError, match=r"must keep their shapes, got torch.Size\(\[1\]\) after torch.Size\(\[3\]\)"):
        graphed(torch.neg, torch.ones(1))


def test_what_is_fixed_is_read_where_it_lies_and_another_begins_anew() -> None:
    graphed = Graphed(stand := Stand(), 1e-6)
    first, other = torch.arange(4.0), -torch.arange(4.0)
    index = torch.tensor([2])
    for _ in range(EAGER_CALLS + 1):
        assert graphed(lambda all_of_them, at: all_of_them[at], index, fixed=(first,)).item() == 2
    first[2] = 7
    assert graphed(lambda all_of_them, at: all_of_them[at], index, fixed=(first,)).item() == 7
    for _ in range(EAGER_CALLS + 1):
        assert graphed(lambda all_of_them, at: all_of_them[at], index, fixed=(other,)).item() == -2
    assert stand.captures == 2


def test_a_graph_that_is_freed_keeps_nothing_and_its_calls_are_plain_ones() -> None:
    fixed, made = torch.ones(2), []

    def function(data: Tensor, a: Tensor) -> Tensor:
        made.append(data + a)
        return made[-1]

    graphed = Graphed(stand := Stand(), 1e-6)
    for _ in range(EAGER_CALLS + 2):
        graphed(function, torch.zeros(2), fixed=(fixed,))
    gone = [weakref.ref(tensor) for tensor in (fixed, *made)]
    del fixed
    made.clear()
    graphed.free()
    assert [ref() for ref in gone] == [None] * len(gone)
    assert graphed(torch.add, torch.zeros(1), torch.ones(1)).item() == 1
    assert stand.captures == 1


class Torch:
    """What `CudaGraphs` uses of `torch.cuda`, noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pools: list[object] = []
        self.fails = False
        self.waits: list[tuple[object, object]] = []
        self.underway: list[object] = []
        """Pools of captures of which the allocator has not heard that they are over."""
        self.used: Counted[object] = Counted()
        """By how many graphs the allocator believes a pool to be used."""
        test = self
        self.current: Any = None

        class Stream:
            def __init__(self, device: object = None) -> None:
                pass

            def wait_stream(self, other: object) -> None:
                test.waits.append((self, other))

        class OnStream:
            def __init__(self, stream: Any) -> None:
                self.stream = stream

            def __enter__(self) -> None:
                self.before, test.current = test.current, self.stream

            def __exit__(self, *_: object) -> None:
                test.current = self.before

        class Graph:
            own_pool: object = None

            def pool(self) -> object:
                return self.own_pool

            def replay(self) -> None:
                pass

        class Capture(OnStream):
            """As torch's own: if the capture ends with an error, the stream stays."""

            def __init__(self, graph: Graph, pool: object, stream: Stream) -> None:
                super().__init__(stream)
                graph.own_pool = pool
                test.pools.append(pool)

            def __enter__(self) -> None:
                super().__enter__()
                test.underway.append(test.pools[-1])
                test.used[test.pools[-1]] += 1

            def __exit__(self, *_: object) -> None:
                if test.fails:
                    raise RuntimeError(TEXTS[0])
                end(0, test.pools[-1])
                super().__exit__()

        def end(device: int, pool: object) -> None:
            if pool not in test.underway:
                raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
            test.underway.remove(pool)

        self.current = self.default = Stream()

        for name, fake in {
            "Stream": Stream,
            "stream": OnStream,
            "CUDAGraph": Graph,
            "graph": Capture,
            "device": lambda _: OnStream(self.current),
            "current_stream": lambda: self.current,
            "current_device": lambda: 0,
            "graph_pool_handle": object,
        }.items():
            monkeypatch.setattr(torch.cuda, name, fake)
        monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", end, raising=False)
        monkeypatch.setattr(torch._C, "_cuda_releasePool", lambda _, pool: self.used.subtract([pool]), raising=False)


def test_graphs_that_live_share_a_pool_which_ends_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch refuses a capture into a pool of which no graph is left."""
    fake = Torch(monkeypatch)
    graphs = CudaGraphs(torch.device("cuda", 0))
    first = graphs.capture(lambda: torch.zeros(1))
    second = graphs.capture(lambda: torch.zeros(1))
    del first
    third = graphs.capture(lambda: torch.zeros(1))
    assert fake.pools[0] is fake.pools[1] is fake.pools[2]
    del second, third
    graphs.capture(lambda: torch.zeros(1))
    assert fake.pools[3] is not fake.pools[0]


def test_a_capture_that_fails_gives_the_callers_stream_back_and_lends_no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Torch(monkeypatch)
    graphs = CudaGraphs(torch.device("cuda", 0))
    fake.fails = True
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        graphs.capture(lambda: torch.zeros(1))
    assert fake.current is fake.default
    fake.fails = False
    graphs.capture(lambda: torch.zeros(1))
    assert fake.pools[1] is not fake.pools[0]
    assert fake.current is fake.default


@pytest.mark.parametrize("invalidated", [True, False])
def test_the_allocator_hears_of_the_end_of_a_capture_that_fails(
    invalidated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch tells it only if CUDA ended the capture; then the graph gives back the pool itself, and nobody else may."""
    fake = Torch(monkeypatch)
    graphs = CudaGraphs(torch.device("cuda", 0))
    fake.fails = invalidated

    def function() -> Tensor:
        raise ValueError("the function's")

    expected = (RuntimeError, re.escape(TEXTS[0])) if invalidated else (ValueError, "the function's")
    with pytest.raises(expected[0], match=expected[1]):
        graphs.capture(function)
    assert fake.underway == []
    assert fake.used[fake.pools[0]] == (0 if invalidated else 1)


def test_the_callers_stream_waits_for_what_a_failing_call_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Torch(monkeypatch)
    graphs = CudaGraphs(torch.device("cuda", 0))

    def function() -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        graphs.warm_up(function)
    assert fake.waits == [(graphs._stream, fake.default), (fake.default, graphs._stream)]
    assert fake.current is fake.default
