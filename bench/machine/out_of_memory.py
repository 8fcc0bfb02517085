"""Whether an error means that memory ran out."""

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """CUDA has an exception of its own; the CPU's allocator only says so."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
