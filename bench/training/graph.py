"""A function of tensors, captured once and replayed: its kernels are launched together instead of one by one.

What is captured reads the same memory at each replay. Inputs are therefore copied into buffers that stay, and whatever
else changes from call to call must be a tensor that is written in place. A function that can be captured never waits
for the device, asks for no number of it, and takes nothing from the host: no kernel may read a tensor that lies there.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from hourglass_bench.bench.machine.out_of_memory import causes
from hourglass_bench.bench.training.agreement import agrees
from hourglass_bench.bench.training.draws import forked

Replay = Callable[[], None]
Result = TypeVar("Result")
"""A tensor, or tensors in tuples or a dict."""
State = Callable[[], Sequence[Sequence[Tensor]]]
"""The tensors that a function changes in place, in groups of one kind and size each."""

EAGER_CALLS = 3
"""Calls before the capture: libraries choose their kernels and make their workspaces in the first ones."""
REHEARSALS = 4
"""Runs before the first replay that counts: of two calls, each eagerly and as a replay."""
CHANGE_TOLERANCE = 0.3
"""Of what replays change of a group of the state, relative to what eager calls change of it, by norms.

Adam divides by the gradient's own size: where it is next to nothing, as before a normalisation, rounding decides the
sign of a whole step. A replay that misses an input or does nothing is wrong by half of the change and more.
"""


class Backend(Protocol):
    """What captures."""

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Run a function as it is, so that it can be captured later."""

    def capture(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        """Record a function without running it: -> (what runs it, the tensors that its result is written to).

        Raises:
            RuntimeError: the function cannot be captured, or memory ran out.
        """


class Graphed:
    """A function of tensors of fixed shapes, or of named tuples of them: a few calls as it is, then replays.

    Before the first replay that counts, two of them are compared with eager runs of the same calls. If they disagree,
    and if the capture fails, all calls stay eager and `failure` says why. The function comes with each call and is not
    kept, so that its owner can own the graph.
    """

    def __init__(self, backend: Backend | None, tolerance: float) -> None:
        """Without a backend every call is a plain one. `tolerance` is of results, see `agrees`."""
        self._backend = backend
        self._tolerance = tolerance
        self.failure = ""
        """Why there is no graph where there should be one; empty if nothing failed."""
        self._start(())

    def _start(self, fixed: tuple[Tensor, ...]) -> None:
        self._fixed = fixed
        self._calls = 0
        self._shapes: list[torch.Size] = []
        self._previous: tuple[Any, ...] = ()
        self._recorded: _Recorded | None = None

    def __call__(
        self,
        function: Callable[..., Result],
        *inputs: Any,
        fixed: tuple[Tensor, ...] = (),
        state: State = tuple,
    ) -> Result:
        """Call `function(*fixed, *inputs)`. Its result stays what it is at later calls.

        Args:
            fixed: what a graph reads where it lies; with other tensors than those of the last call it begins anew.
            state: what the function changes in place.

        Raises:
            ValueError: the shapes are not those of the first call.
        """
        if self._backend is None:
            return function(*fixed, *inputs)
        if len(fixed) != len(self._fixed) or any(a is not b for a, b in zip(fixed, self._fixed, strict=True)):
            self._start(fixed)
        self._require_shapes([tensor.shape for tensor in _tensors(inputs)])
        call = partial(function, *fixed)
        if self._calls < EAGER_CALLS:
            self._calls, self._previous = self._calls + 1, inputs
            return self._backend.warm_up(partial(call, *inputs))
        if self._recorded is None:
            self._record(self._backend, call, inputs, state)
        result: Result = self._recorded(inputs) if self._recorded else call(*inputs)
        return result

    def restart(self) -> None:
        """Give back the graph's memory and begin anew: the function does something else from now on."""
        self._start(())

    def free(self) -> None:
        """Give back the graph's memory; from now on calls are plain ones."""
        self._backend = None
        self._start(())

    def _require_shapes(self, shapes: list[torch.Size]) -> None:
        self._shapes = self._shapes or shapes
        for shape, first in zip(shapes, self._shapes, strict=True):
            if shape != first:
                raise ValueError(f"a graph's inputs must keep their shapes, got {shape} after {first}.")

    def _record(self, backend: Backend, call: Callable[..., Result], inputs: tuple[Any, ...], state: State) -> None:
        """Capture the function, and rehearse: this call and the previous one, eagerly and as the first two replays.

        The state is what it was before, however that ends. The eager runs come first: their memory is free again when
        the graph takes its own. Copies of the state are on the host, where they take nothing of the device.
        """
        calls = (self._previous, inputs)
        before = _copies(state())
        devices = {tensor.device for group in state() for tensor in group}
        with forked(devices):
            expected = [backend.warm_up(partial(call, *each)) for each in calls]
        after = _copies(state())
        _restore(state(), before)
        try:
            recorded = _Recorded(backend, call, inputs)
            with forked(devices):
                found = [recorded(each) for each in calls]
            self.failure = self._disagreement(found, expected, _copies(state()), after, before)
        except RuntimeError as error:
            self.failure = f"the capture failed: {_reason(error)}"
        finally:
            _restore(state(), before)
        if self.failure:
            self.free()
        else:
            self._recorded, self._previous = recorded, ()

    def _disagreement(
        self, found: list[Result], expected: list[Result], replayed: "_Copies", eager: "_Copies", before: "_Copies"
    ) -> str:
        """What replays have otherwise than eager runs of the same calls; empty if nothing."""
        for number, results in enumerate(zip(found, expected, strict=True), 1):
            leaves = zip(*map(_tensors, results), strict=True)
            if not all(agrees([ours], [theirs], self._tolerance) for ours, theirs in leaves):
                return f"replay {number} has not the eager call's result"
        for ours, theirs, start in zip(replayed, eager, before, strict=True):
            if not agrees(_changes(ours, start), _changes(theirs, start), CHANGE_TOLERANCE):
                return "replays leave another state than eager calls"
        return ""


class _Recorded:
    """A captured call with the memory that it reads and writes."""

    def __init__(self, backend: Backend, call: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        self._buffers = tree_map_only(Tensor, torch.clone, inputs)
        self._replay, self._result = backend.capture(lambda: call(*self._buffers))

    def __call__(self, inputs: tuple[Any, ...]) -> Any:
        for buffer, tensor in zip(_tensors(self._buffers), _tensors(inputs), strict=True):
            buffer.copy_(tensor, non_blocking=True)
        self._replay()
        return tree_map_only(Tensor, torch.clone, self._result)  # see `CudaGraphs`: nobody keeps what lies in the pool


_Copies = list[list[Tensor]]


def _copies(state: Sequence[Sequence[Tensor]]) -> _Copies:
    """On the host."""
    return [[tensor.detach().to("cpu", copy=True) for tensor in group] for group in state]


@torch.no_grad()
def _restore(state: Sequence[Sequence[Tensor]], copies: _Copies) -> None:
    for group, saved in zip(state, copies, strict=True):
        for tensor, copy in zip(group, saved, strict=True):
            tensor.copy_(copy)


def _changes(now: Sequence[Tensor], before: Sequence[Tensor]) -> list[Tensor]:
    # In float64: of truth values there is no difference.
    return [tensor.double() - start.double() for tensor, start in zip(now, before, strict=True)]


def _reason(error: BaseException) -> str:
    """Of the error that came first: a capture ends with one that only speaks of "a previous error"."""
    *_, first = causes(error)
    return str(first).partition("\n")[0]


def _tensors(of: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(of) if isinstance(leaf, Tensor)]


class CudaGraphs:
    """Captures on a GPU, on a stream of its own: work of the default stream cannot be captured.

    Graphs that live at one time share one pool of memory, so that a graph takes what another one needs between its
    replays. Torch promises no more than that this is safe for replays in the order of the captures. Here any order is,
    because nothing in the pool is read after its replay: inputs and state were made outside, results are copied out at
    once on the stream of the replay, all replays follow each other on one stream, and what else lies in the pool a
    replay writes before it reads it. The pool ends with the last graph. Kept any longer its memory would be lost to
    eager calls, and torch refuses a capture into a pool of which no graph is left.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._living: WeakSet[torch.cuda.CUDAGraph] = WeakSet()

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """On the stream of the capture: cuBLAS has a workspace for each stream, which must not be made in a capture."""
        with torch.cuda.device(self._device):
            current = torch.cuda.current_stream()
            self._stream.wait_stream(current)
            try:
                with torch.cuda.stream(self._stream):
                    return function()
            finally:  # after an error too: what was asked of the device before it still reads its inputs
                current.wait_stream(self._stream)

    def capture(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        """As a CUDA graph, whose memory is freed with the last replay that lives.

        cuDNN's choice of kernels (`cudnn.benchmark`) was made for these shapes in the calls before, and is looked up.
        """
        graph = torch.cuda.CUDAGraph()
        pool = next((other.pool() for other in self._living), None) or torch.cuda.graph_pool_handle()
        # The outer context puts the caller's stream back: the inner one does not, if the capture ends with an error.
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            try:
                with torch.cuda.graph(graph, pool=pool, stream=self._stream):
                    result = function()
            except BaseException:
                _end_allocation(pool)
                raise
        self._living.add(graph)

        def replay() -> None:
            with torch.cuda.device(self._device):
                graph.replay()

        return replay, result


def _end_allocation(pool: tuple[int, int]) -> None:
    """Tell the current device's allocator that a capture into the pool is over.

    Torch does so after CUDA has ended the capture, and not if CUDA has invalidated it: then the allocator would refuse
    `empty_cache` for the rest of the process (read in torch's CUDAGraph.cpp and CUDACachingAllocator.cpp).
    """
    device = torch.cuda.current_device()
    try:
        torch._C._cuda_endAllocateToPool(device, pool)
    except RuntimeError:  # it knows: only the function failed, and the graph gives the pool back when it dies
        return
    torch._C._cuda_releasePool(device, pool)


@cache
def cuda_graphs(device: torch.device) -> CudaGraphs:
    """One per process and device: streams are few, and each that a process has used keeps a workspace."""
    return CudaGraphs(device)
