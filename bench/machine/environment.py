"""Where a run took place: versions, hardware and the commit of this code."""

import platform
import subprocess
from ctypes import CDLL, create_string_buffer
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.digest import digest_sources
from hourglass_bench.bench.machine.device import cores, proc_entry
from hourglass_bench.bench.machine.precision import NAMES, Arithmetic

PACKAGES = ("torch", "torchmetrics", "numpy", "scipy", "mlflow", "optuna")


def environment(device: torch.device, arithmetic: Arithmetic) -> dict[str, str]:
    """Tags that describe the machine, by the names of `bench.schema`."""
    facts = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": str(cores()),
        "threads": str(torch.get_num_threads()),
        "instructions": instructions(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "precision": NAMES[arithmetic],
        **device_versions(device),
        **{package: found for package in PACKAGES if (found := _version(package))},
        "code": code_digest(),
    }
    tags = {schema.ENVIRONMENT + name: value for name, value in facts.items()}
    return tags | {schema.GIT_COMMIT: git_commit()}


@cache
def _version(package: str) -> str:
    """Empty if it is not installed: to train takes torch and numpy alone."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def device_versions(device: torch.device) -> dict[str, str]:
    """Of what drives a GPU of NVIDIA's: `driver`, `cuda` and `cudnn`; nothing of another device."""
    if device.type != "cuda":
        return {}
    cudnn = torch.backends.cudnn.version() or 0  # such as 91300
    return {
        "driver": driver_version(),
        "cuda": torch.version.cuda or "",
        "cudnn": f"{cudnn // 10_000}.{cudnn // 100 % 100}" if cudnn else "",
    }


@cache
def driver_version() -> str:
    """Of NVIDIA's driver, asked of the library that comes with it; empty if there is none. Makes no CUDA context."""
    text = create_string_buffer(96)
    try:
        library = CDLL("libnvidia-ml.so.1")
        if library.nvmlInit_v2() == 0 and library.nvmlSystemGetDriverVersion(text, len(text)) == 0:
            return text.value.decode()
    except (OSError, AttributeError):  # no such library, or one that is too old
        pass
    return ""


@cache
def processor() -> str:
    """Model name of the CPU, as the system tells it."""
    return proc_entry("cpuinfo", "model name") or platform.processor() or platform.machine()


@cache
def instructions() -> str:
    """What torch's kernels use of the CPU, such as `AVX512 bf16 amx`: CPUs that have the same give the same numbers."""
    bf16, amx = torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_amx_tile_supported()
    words = (torch.backends.cpu.get_cpu_capability(), "bf16" if bf16 else "", "amx" if amx else "")
    return " ".join(filter(None, words))


@cache
def git_commit() -> str:
    """Commit of this source tree, with `-dirty` when files differ from it; `unknown` outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # Fails if the repository is another one, in whose folder this is installed.
        subprocess.run([*git, "ls-files", "--error-unmatch", Path(__file__).name], capture_output=True, check=True)
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.strip() + ("-dirty" if changes.strip() else "")


@cache
def code_digest() -> str:
    """Hash of the code that decides the numbers: networks and measurement."""
    bench = Path(__file__).parents[1]
    return digest_sources([bench.parent / "architectures", bench], skip=bench / "perf")
