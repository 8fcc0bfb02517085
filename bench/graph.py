"""A function of tensors, captured once and replayed: its kernels are launched together instead of one by one.

What is captured reads the same memory at each replay. Inputs are therefore copied into buffers that stay, and whatever
else changes from call to call must be a tensor that is written in place.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[..., Tensor]
Replay = Callable[[], None]
Capture = Callable[[Callable[[], Tensor]], tuple[Replay, Tensor]]
"""Runs a function of no arguments while recording it: -> (what runs it again, the tensor it writes its result to)."""

EAGER_CALLS = 3
"""Calls before the capture: libraries choose their kernels and make their workspaces in the first ones."""


class GraphedFunction:
    """`function` of tensors of fixed shapes: a few calls as it is, then as a replay of its capture.

    The eager calls are real ones, so nothing has to be undone. The result is overwritten by the next call.
    """

    def __init__(self, function: Function, capture: Capture, warm_up: Callable[[Callable[[], Tensor]], Tensor]) -> None:
        self._function = function
        self._capture = capture
        self._warm_up = warm_up
        self._calls = 0
        self._buffers: list[Tensor] = []
        self._replay: Replay | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Call it, on the first calls eagerly."""
        self._calls += 1
        if self._calls <= EAGER_CALLS:
            return self._warm_up(lambda: self._function(*inputs))
        if self._replay is None:
            self._buffers = [torch.empty_like(tensor) for tensor in inputs]
            self._fill(inputs)
            self._replay, self._result = self._capture(lambda: self._function(*self._buffers))
        self._fill(inputs)
        self._replay()
        return self._result

    def _fill(self, inputs: tuple[Tensor, ...]) -> None:
        for buffer, tensor in zip(self._buffers, inputs, strict=True):
            buffer.copy_(tensor, non_blocking=True)


def cuda_graphed(function: Function) -> GraphedFunction:
    """`function` as a CUDA graph."""
    return GraphedFunction(function, _capture_cuda, _warm_up_cuda)


def _capture_cuda(function: Callable[[], Tensor]) -> tuple[Replay, Tensor]:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = function()
    return graph.replay, result


def _warm_up_cuda(function: Callable[[], Tensor]) -> Tensor:
    """On a stream of its own, as captures demand: what is made on the default stream would tie the graph to it."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        result = function()
    torch.cuda.current_stream().wait_stream(stream)
    return result
