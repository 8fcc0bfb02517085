"""Whether a machine has the memory for something: asked before any of it is taken."""

import torch

from hourglass_bench.bench.machine.device import memory_limit
from hourglass_bench.bench.size import format_bytes

CPU = torch.device("cpu")


def require_room(needed: int, what: str, remedy: str, device: torch.device = CPU) -> None:
    """Raise ValueError unless the device has so many bytes free.

    Args:
        what: that takes them.
        remedy: how to need less.
    """
    if needed > (free := memory_limit(device)):
        raise ValueError(
            f"memory must suffice for {what}, at least {format_bytes(needed)}, got {format_bytes(free)} free on "
            f"{device.type}; {remedy}."
        )
