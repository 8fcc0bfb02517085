"""Which device a run uses, and which number format is fast there."""

import os
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from architectures.config import require
from bench.config import Precision

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> torch.device:
    """`auto` takes CUDA where there is one.

    Raises:
        ValueError: unknown name, or CUDA asked for and not there.
    """
    kind, colon, index = name.partition(":")
    known = kind in DEVICES and (not colon or (kind == "cuda" and index.isdigit()))
    require(known, "device", f"be one of {', '.join(DEVICES)} or cuda:INDEX", name)
    if kind == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} must be present, got {torch.cuda.device_count()} CUDA devices; use cpu or auto."
        )
    return torch.device(name)


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Type of the arithmetic: `auto` is bfloat16 where the hardware computes in it, else float32."""
    if precision == "bf16" or (precision == "auto" and _has_fast_bf16(device)):
        return torch.bfloat16
    return torch.float32


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # AVX-512 without its bf16 instructions emulates them, slower than float32.
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


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
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return min(_free_bytes(), _container_bytes(Path("/sys/fs/cgroup")))


def _free_bytes() -> int:
    free = proc_entry("meminfo", "MemAvailable")
    return int(free.split()[0]) * 1024 if free else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def proc_entry(file: str, name: str) -> str:
    """What stands behind `name:` in a file of /proc (Linux), at its first place; empty if nothing does."""
    path = Path("/proc", file)
    entries = (line.partition(":") for line in path.read_text().splitlines()) if path.exists() else ()
    return next((value.strip() for key, _, value in entries if key.strip() == name), "")


def _container_bytes(cgroup: Path) -> int:
    """Memory limit of the container less what it uses; without a limit a number that never decides."""
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if not limit.exists() or limit.read_text().strip() == "max":
        return sys.maxsize
    return int(limit.read_text()) - int(used.read_text())
