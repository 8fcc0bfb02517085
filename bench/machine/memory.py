"""Peak memory of one training step, seen three ways.

- tensor peak: bytes of live tensor storages, tracked operator by operator. Exact, and the same on all devices of one
  kind in one precision.
- allocator peak: what the backend's allocator handed out, kernels' scratch space included.
- process peak: resident memory of the whole process, interpreter and libraries included.
"""

import sys
import weakref
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.profiler import profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from hourglass_bench.bench import schema
from hourglass_bench.bench.machine.allocator import give_back_freed_memory
from hourglass_bench.bench.machine.device import proc_entry


class StepMemory(NamedTuple):
    """Peaks in bytes of one training step."""

    tensor_peak: int
    saved_activations: int
    """What the forward pass keeps for the backward pass, parameters left out, though not their copies in bf16."""
    allocator_peak: int
    reserved_peak: int | None
    """What CUDA's caching allocator held of the device; None elsewhere."""

    def metrics(self) -> dict[str, float]:
        """By the names of `bench.schema`; the reserved peak only where there is one."""
        metrics = (schema.TENSOR_PEAK, schema.SAVED_ACTIVATIONS, schema.ALLOCATOR_PEAK, schema.RESERVED_PEAK)
        values = zip(metrics, self, strict=True)
        return {metric.name: float(value) for metric, value in values if value is not None}

    def larger(self, other: "StepMemory") -> "StepMemory":
        """The larger one of each figure of two steps on one device."""
        pairs = zip(self, other, strict=True)
        return StepMemory._make(None if ours is None else max(ours, theirs or 0) for ours, theirs in pairs)


class OperatorMode(TorchDispatchMode):
    """Within the context, `seen` is told of every operator's call, and returns what becomes of its result."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and arranging for it would import torch._dynamo: two seconds per process."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return self.seen(func, args, func(*args, **(kwargs or {})))

    def seen(self, func: Any, args: tuple[Any, ...], out: Any) -> Any:
        """The result that the caller gets."""
        raise NotImplementedError


class TensorTracker(OperatorMode):
    """Within the context, follows which storages are alive; `peak` is the largest sum of their bytes.

    Args:
        resident: tensors that are alive already and belong to the step: parameters, buffers, optimiser state, batch.
    """

    def __init__(self, resident: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self._bytes = 0
        self.peak = 0
        for tensor in resident:
            self._see(tensor)

    @override
    def seen(self, func: Any, args: tuple[Any, ...], out: Any) -> Any:
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._see(leaf)
        return out

    def _see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key in self._alive:
            return

        def forget(_: object) -> None:
            del self._alive[key]
            self._bytes -= size

        self._alive[key] = weakref.ref(storage, forget)
        self._bytes += size
        self.peak = max(self.peak, self._bytes)


def measure_step(
    step: Callable[[], object], resident: Callable[[], Iterable[Tensor]], device: torch.device
) -> StepMemory:
    """Peaks of `step`, which is run twice: under the trackers, and under the allocator's own count.

    `resident` names the tensors that live between steps; they must exist already.
    """
    saved = SavedActivations(resident())
    with TensorTracker(resident()) as tracker, saved:
        step()
    baseline = _storage_bytes(resident())
    if device.type == "cuda":
        return StepMemory(tracker.peak, saved.bytes, *_cuda_peaks(step, baseline, device))
    if device.type == "mps":
        return StepMemory(tracker.peak, saved.bytes, _mps_peak(step, baseline), None)
    return StepMemory(tracker.peak, saved.bytes, _cpu_allocator_peak(step, baseline), None)


class SavedActivations(torch.autograd.graph.saved_tensors_hooks):
    """Within the context, counts what autograd saves: each storage once, those of `resident` not at all."""

    def __init__(self, resident: Iterable[Tensor]) -> None:
        super().__init__(self._pack, lambda tensor: tensor)
        self._known = {tensor.untyped_storage()._cdata for tensor in resident}
        self._saved: dict[int, int] = {}

    def _pack(self, tensor: Tensor) -> Tensor:
        # Nothing saved is freed before the backward pass, and nothing is saved after it: an address means one storage.
        storage = tensor.untyped_storage()
        if storage._cdata not in self._known:
            self._saved[storage._cdata] = storage.nbytes()
        return tensor

    @property
    def bytes(self) -> int:
        """Sum of the storages."""
        return sum(self._saved.values())


def _cuda_peaks(step: Callable[[], object], baseline: int, device: torch.device) -> tuple[int, int]:
    """The step's own allocations on top of what is resident: data and networks that lie beside it are not its."""
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    allocated, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    step()
    torch.cuda.synchronize(device)
    return (
        baseline + torch.cuda.max_memory_allocated(device) - allocated,
        baseline + torch.cuda.max_memory_reserved(device) - reserved,
    )


def _mps_peak(step: Callable[[], object], baseline: int) -> int:
    """What the allocator took of the system for the step and keeps: MPS counts no peak. Has not run on a Mac."""
    torch.mps.synchronize()
    torch.mps.empty_cache()
    held = torch.mps.driver_allocated_memory()
    step()
    torch.mps.synchronize()
    return baseline + torch.mps.driver_allocated_memory() - held


def _storage_bytes(tensors: Iterable[Tensor]) -> int:
    return sum({id(s): s.nbytes() for s in (tensor.untyped_storage() for tensor in tensors)}.values())


def _cpu_allocator_peak(step: Callable[[], object], baseline: int) -> int:
    """Largest running sum of the profiler's allocations and frees, on top of what was resident before."""
    with profile(profile_memory=True) as profiler:  # torch.profiler's own would import torch._dynamo
        step()
    events: Any = profiler.kineto_results
    changes = sorted((e for e in events.events() if e.name() == "[memory]"), key=lambda event: event.start_ns())
    peak: int = max(accumulate((change.nbytes() for change in changes), initial=baseline))
    return peak


def reset_process_peak() -> None:
    """Start a new process peak where the system can (Linux); elsewhere the peak is of the process' whole life.

    What earlier runs of a worker freed is given back first: it is not this run's.
    """
    give_back_freed_memory()
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


def process_peak_bytes() -> int:
    """Peak resident memory in bytes since `reset_process_peak`."""
    if peak := proc_entry("self/status", "VmHWM"):
        return int(peak.split()[0]) * 1024
    import resource  # late: Windows, where this is not for, has none

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
