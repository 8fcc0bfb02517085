"""A function of tensors, captured once and replayed: its kernels are launched together instead of one by one.

What is captured reads the same memory at each replay. Inputs are therefore copied into buffers that stay, and whatever
else changes from call to call must be a tensor that is written in place.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

Replay = Callable[[], None]

EAGER_CALLS = 3
"""Calls before the capture: libraries choose their kernels and make their workspaces in the first ones."""


class Backend(Protocol):
    """What captures."""

    def warm_up(self, function: Callable[[], Tensor]) -> Tensor:
        """Run a function as it is, so that it can be captured later."""

    def capture(self, function: Callable[[], Tensor]) -> tuple[Replay, Tensor]:
        """Record a function without running it: -> (what runs it, the tensor that its result is written to)."""


class Graphed:
    """A function of tensors of fixed shapes, or of named tuples of them: a few calls as it is, then replays.

    The eager calls are real ones, so nothing has to be undone. The result is overwritten by the next call. The function
    comes with each call and is not kept, so that its owner can own the graph.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._calls = 0
        self._buffers: tuple[Any, ...] = ()
        self._replay: Replay | None = None

    def __call__(self, function: Callable[..., Tensor], *inputs: Any) -> Tensor:
        """Call `function`, on the first calls eagerly.

        Raises:
            ValueError: the shapes are not those that were captured.
        """
        self._calls += 1
        if self._calls <= EAGER_CALLS:
            return self._backend.warm_up(lambda: function(*inputs))
        if self._replay is None:
            self._buffers = tree_map_only(Tensor, torch.empty_like, inputs)
            self._replay, self._result = self._backend.capture(lambda: function(*self._buffers))
        for buffer, tensor in zip(_tensors(self._buffers), _tensors(inputs), strict=True):
            if buffer.shape != tensor.shape:
                raise ValueError(f"a graph's inputs must keep their shapes, got {tensor.shape} after {buffer.shape}.")
            buffer.copy_(tensor, non_blocking=True)
        self._replay()
        return self._result


def _tensors(inputs: tuple[Any, ...]) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(inputs) if isinstance(leaf, Tensor)]


class CudaGraphs:
    """Captures on a GPU, on a stream of its own: work of the default stream cannot be captured."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def warm_up(self, function: Callable[[], Tensor]) -> Tensor:
        """On the stream of the capture, so that both use the same pool and workspaces."""
        with torch.cuda.device(self._device):
            current = torch.cuda.current_stream()
            self._stream.wait_stream(current)
            with torch.cuda.stream(self._stream):
                result = function()
            current.wait_stream(self._stream)
        return result

    def capture(self, function: Callable[[], Tensor]) -> tuple[Replay, Tensor]:
        """As a CUDA graph with its own memory, which is freed with the replay."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), torch.cuda.graph(graph, stream=self._stream):
            result = function()

        def replay() -> None:
            with torch.cuda.device(self._device):
                graph.replay()

        return replay, result
