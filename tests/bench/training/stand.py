"""What a CUDA graph does, done on the CPU: a replay repeats kernels on the memory they had."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from hourglass_bench.bench.machine.memory import OperatorMode
from hourglass_bench.bench.training.graph import Replay

Result = TypeVar("Result")


class Recorder(OperatorMode):
    """Notes every kernel with its operands: what is no tensor, or was made outside, is fixed from then on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self._seen: set[int] = set()
        self._outside: list[tuple[Tensor, Tensor]] = []

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for leaf in self._new((args, kwargs)):
            self._outside.append((leaf, leaf.detach().clone()))
        out = func(*args, **kwargs)
        self._new(out)
        self.calls.append((func, args, kwargs, out))
        return out

    def _new(self, of: Any) -> list[Tensor]:
        """Tensors whose memory is seen for the first time."""
        tensors = [leaf for leaf in tree_leaves(of) if isinstance(leaf, Tensor)]
        new = [tensor for tensor in tensors if tensor.untyped_storage()._cdata not in self._seen]
        self._seen |= {tensor.untyped_storage()._cdata for tensor in new}
        return new

    def undo(self) -> None:
        """Give what was made outside the contents that it had."""
        with torch.no_grad():
            for tensor, before in self._outside:
                tensor.detach().copy_(before)

    def replay(self) -> None:
        for func, args, kwargs, out in self.calls:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class Stand:
    """Captures on the CPU. A capture on a GPU runs nothing, so what running changes is undone here."""

    def __init__(self) -> None:
        self.captures = 0

    def warm_up(self, function: Callable[[], Result]) -> Result:
        return function()

    def capture(self, function: Callable[[], Result]) -> tuple[Replay, Result]:
        self.captures += 1
        with Recorder() as recorder:
            result = function()
        recorder.undo()
        return torch.no_grad()(recorder.replay), result
