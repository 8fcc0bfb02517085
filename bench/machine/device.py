"""Which device a run uses, and how a network gets there."""

import os
import re
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from hourglass_bench.architectures.config import require

DEVICES = ("auto", "cpu", "cuda", "mps")
REINSTALL = (
    "remove .venv and install again with `make setup TORCH_INDEX=` and the index that PyTorch's install page names for "
    "your system, driver and card"
)


def parse_device(name: str) -> torch.device:
    """The device of that name, if there is one; it is not used yet. `auto` takes CUDA where there is a GPU.

    Raises:
        ValueError: unknown name, or asked for and not there.
    """
    kind, colon, index = name.partition(":")
    indexed = kind == "cuda" and re.fullmatch("[0-9]{1,4}", index)
    require(
        kind in DEVICES and bool(indexed or not colon), "device", "be one of auto, cpu, cuda, cuda:INDEX or mps", name
    )
    if kind == "auto":  # a GPU that cannot be used is not passed over: whoever uses it says why
        return torch.device("cuda" if torch.cuda.device_count() else "cpu")
    if kind == "cuda" and not torch.backends.cuda.is_built():
        raise ValueError(
            f"device {name!r} must be present, got torch {torch.__version__}, built without CUDA; {REINSTALL}."
        )
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} must be present, got {torch.cuda.device_count()} CUDA devices; use cpu or auto."
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device 'mps' must be the GPU of a Mac, got a machine without one; use cpu or auto.")
    return torch.device(name)


def one_device(name: str) -> torch.device:
    """As `parse_device`, for work that one device does: of several GPUs the first. Torch's limits ask for a number."""
    device = parse_device(name)
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def capability(device: torch.device) -> str:
    """Compute capability of an NVIDIA GPU, such as 9.0; empty of another device, and of one that cannot be used."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return ""
    return "{}.{}".format(*torch.cuda.get_device_capability(device))


def place(
    network: nn.Module, device: torch.device, memory_format: torch.memory_format = torch.channels_last
) -> nn.Module:
    """Move the network to the device, its kernels to the memory format.

    Parameters are replaced by new ones: unlike `Module.to` this works in FakeTensorMode, by which memory is predicted.
    """
    moved: dict[Tensor, Tensor] = {}  # a tensor that several modules share stays shared

    def move(tensor: Tensor) -> Tensor:
        kept = memory_format if tensor.dim() == 4 else torch.preserve_format
        there = tensor.detach().to(device, memory_format=kept)
        return nn.Parameter(there, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else there

    for module in network.modules():
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            if tensor not in moved:
                moved[tensor] = move(tensor)
            setattr(module, name, moved[tensor])
    return network


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on the device, in memory that the host need not keep: it does not wait for the copy."""
    if device.type != "cuda" or tensor.device.type == "cuda":
        return tensor.to(device)
    # PyTorch keeps pinned memory until it has been read. `pin_memory()` is nothing that fake tensors know.
    return torch.empty_like(tensor, pin_memory=True).copy_(tensor).to(device, non_blocking=True)


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_limit(device: torch.device) -> int:
    """Bytes that trainings may take together: the GPU's memory, or what the machine or its container has free."""
    if device.type != "cpu":
        return total_memory(device)
    return min(_free_bytes(), _container_bytes(Path("/sys/fs/cgroup")))


def total_memory(device: torch.device) -> int:
    """Bytes of the device, or of the machine, whoever uses them now."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _free_bytes() -> int:
    free = proc_entry("meminfo", "MemAvailable")
    return int(free.split()[0]) * 1024 if free else total_memory(torch.device("cpu"))


def proc_entry(file: str, name: str) -> str:
    """What stands behind `name:` in a file of /proc (Linux), at its first place; empty if nothing does."""
    path = Path("/proc", file)
    entries = (line.partition(":") for line in path.read_text().splitlines()) if path.exists() else ()
    return next((value.strip() for key, _, value in entries if key.strip() == name), "")


def _container_bytes(cgroup: Path) -> int:
    """Memory limit of the container less what it uses; without a limit a number that never decides.

    Of pages of files, which the kernel takes back when memory gets short, a container that reads data is always full.
    """
    limit, used, statistics = (cgroup / f"memory.{name}" for name in ("max", "current", "stat"))
    if not limit.exists() or limit.read_text().strip() == "max":
        return sys.maxsize
    entries = (line.split() for line in statistics.read_text().splitlines()) if statistics.exists() else ()
    pages = sum(int(size) for name, size in entries if name in ("active_file", "inactive_file"))
    return int(limit.read_text()) - int(used.read_text()) + pages
