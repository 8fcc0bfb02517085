"""Whether a device computes, and what it is: one small kernel tells more than any version number."""

import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from hourglass_bench.bench.machine.device import REINSTALL, capability, memory_limit, one_device, total_memory
from hourglass_bench.bench.machine.environment import device_versions, driver_version, processor
from hourglass_bench.bench.spawn import SPAWN

SECONDS = 120.0
"""After which a device that does not answer is given up; loading CUDA's libraries from a slow disk takes half of it."""


class DeviceFacts(NamedTuple):
    """What a device is; can be sent to a process. Texts are empty where there is nothing to tell."""

    name: str
    memory: int
    """Bytes that are free now."""
    total: int
    """Bytes."""
    capability: str = ""
    """Compute capability of an NVIDIA GPU, such as 9.0."""
    driver: str = ""
    cuda: str = ""
    cudnn: str = ""

    def __str__(self) -> str:
        """In a line."""
        versions = (("driver", self.driver), ("CUDA", self.cuda), ("cuDNN", self.cudnn))
        gib = f"{self.memory / 2**30:.0f} GiB free of {self.total / 2**30:.0f}"
        return ", ".join((self.name, gib, *(f"{what} {version}" for what, version in versions if version)))


def choose_device(name: str) -> torch.device:
    """The device of that name, found to compute in this process. `auto` takes a GPU of NVIDIA's where there is one.

    Raises:
        ValueError: unknown name, not there, or it does not compute; says what to do.
    """
    device = one_device(name)
    examine(device)
    return device


def examine(device: torch.device) -> DeviceFacts:
    """Run small kernels of the kinds that training uses in this process, and tell what the device is.

    Raises:
        ValueError: they do not run, or their results are wrong; says what to do.
    """
    try:
        with warnings.catch_warnings():  # torch warns of what is told here as an error
            warnings.simplefilter("ignore")
            computed, expected = _kernels(device), _kernels(torch.device("cpu"))
            facts = _facts(device)
    except _ERRORS as error:
        raise ValueError(explain(str(error), device)) from error
    if not torch.allclose(computed, expected, rtol=1e-2):
        raise ValueError(f"device {device} must multiply and convolve as the CPU does, got other numbers; {_TRY}.")
    return facts


def examine_apart(device: torch.device) -> DeviceFacts:
    """As `examine`, of a GPU in a process of its own: this one makes no CUDA context, and survives a crash.

    Raises:
        ValueError: as `examine`, or the process died or did not end.
    """
    return examine(device) if device.type == "cpu" else _apart(examine, device, SECONDS)


def _kernels(device: torch.device) -> Tensor:
    """A matrix product and a convolution in float32, of small whole numbers, on the CPU."""
    numbers = torch.arange(64 * 64, device=device).remainder(7).float()
    product = numbers.view(64, 64) @ numbers.view(64, 64).T
    convolved = F.conv2d(numbers.view(2, 8, 16, 16), numbers[: 8 * 8 * 9].view(8, 8, 3, 3), padding=1)
    return torch.cat((product.flatten(), convolved.flatten())).cpu()


def _facts(device: torch.device) -> DeviceFacts:
    if device.type == "cpu":
        return DeviceFacts(processor(), memory_limit(device), total_memory(device))
    if device.type == "mps":
        free = total_memory(device) - torch.mps.driver_allocated_memory()
        return DeviceFacts(f"GPU of {processor()}", free, total_memory(device))
    free, total = torch.cuda.mem_get_info(device)
    name = torch.cuda.get_device_name(device)
    return DeviceFacts(name, free, total, capability(device), **device_versions(device))


_ERRORS = (RuntimeError, AssertionError, torch.cuda.DeferredCudaCallError)
"""An AssertionError tells of a build without CUDA."""
_TRY = "try another one, or --device cpu"


def explain(error: str, device: torch.device) -> str:
    """One sentence on why a first kernel failed, and what to do about it."""
    for texts, sentence in _CAUSES:
        if any(text in error for text in texts):
            return sentence(device)
    reason = next(iter(error.strip().splitlines()), "no reason").partition(". ")[0]
    return f"device {device} must compute, got the error {reason!r} in a first small kernel; {_TRY}."


def _too_old(_: torch.device) -> str:
    return (
        f"the NVIDIA driver must be new enough for CUDA {torch.version.cuda}, which this torch is built with, got "
        f"driver {driver_version() or 'of an unknown version'}; update the driver, or {REINSTALL}."
    )


def _no_kernels(device: torch.device) -> str:
    return (
        f"device {device} must be a GPU that this torch has kernels for ({' '.join(torch.cuda.get_arch_list())}), got "
        f"one of compute capability {capability(device) or 'unknown'}; {REINSTALL}."
    )


def _busy(device: torch.device) -> str:
    return (
        f"device {device} must be free, got one that is busy or prohibited: in the compute mode EXCLUSIVE_PROCESS only "
        f"one process may use it (nvidia-smi names it); end that, {_TRY}."
    )


def _full(device: torch.device) -> str:
    return f"device {device} must have memory for a first small kernel, got none left (nvidia-smi tells who); {_TRY}."


def _absent(device: torch.device) -> str:
    return f"device {device} must be present, got no GPU that the driver knows (nvidia-smi lists them); {_TRY}."


def _no_cuda(device: torch.device) -> str:
    return f"device {device} must be present, got torch {torch.__version__}, built without CUDA; {REINSTALL}."


_CAUSES: tuple[tuple[tuple[str, ...], Callable[[torch.device], str]], ...] = (
    (("driver on your system is too old", "driver version is insufficient", "unsupported toolchain"), _too_old),
    (("no kernel image is available", "device kernel image is invalid"), _no_kernels),
    (("busy or unavailable", "prohibited"), _busy),
    (("out of memory", "ALLOC_FAILED"), _full),
    (("Found no NVIDIA driver", "no CUDA-capable device", "No CUDA GPUs", "invalid device ordinal"), _absent),
    (("not compiled with CUDA",), _no_cuda),
)
"""Texts of torch and CUDA, and what they mean."""


def _apart(work: Callable[[torch.device], DeviceFacts], device: torch.device, seconds: float) -> DeviceFacts:
    """`work` of the device in a process of its own."""
    ours, theirs = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=_answer, args=(theirs, work, device), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            raise ValueError(f"device {device} must answer within {seconds:.0f} s, got a kernel that hangs; {_TRY}.")
        answer: DeviceFacts | ValueError = ours.recv()
    except EOFError:
        process.join()
        code = process.exitcode
        raise ValueError(f"device {device} must compute, got a process that died of it (exit code {code}).") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if isinstance(answer, ValueError):
        raise answer
    return answer


def _answer(
    connection: "Connection[object, object]", work: Callable[[torch.device], object], device: torch.device
) -> None:
    try:
        connection.send(work(device))
    except ValueError as error:
        connection.send(ValueError(str(error)))
