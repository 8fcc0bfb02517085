"""Where a run took place: versions, hardware and the commit of this code."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from bench import schema
from bench.digest import digest_sources
from bench.machine.device import cores, proc_entry

PACKAGES = ("torch", "numpy", "scipy", "mlflow", "optuna")


def environment(device: torch.device, dtype: torch.dtype) -> dict[str, str]:
    """Tags that describe the machine, by the names of `bench.schema`."""
    facts = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": str(cores()),
        "threads": str(torch.get_num_threads()),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "precision": str(dtype).removeprefix("torch."),
        **{package: version(package) for package in PACKAGES},
    }
    tags = {schema.ENVIRONMENT + name: value for name, value in facts.items()}
    return tags | {schema.GIT_COMMIT: git_commit()}


@cache
def processor() -> str:
    """Model name of the CPU, as the system tells it."""
    return proc_entry("cpuinfo", "model name") or platform.processor() or platform.machine()


@cache
def git_commit() -> str:
    """Commit of this source tree, with `-dirty` when files differ from it; `unknown` outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
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
