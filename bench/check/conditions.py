"""Where a check took place."""

import platform
from datetime import UTC, datetime
from typing import Any

import torch

from hourglass_bench.architectures.config import require
from hourglass_bench.bench.machine.device import cores, one_device
from hourglass_bench.bench.machine.environment import git_commit, processor
from hourglass_bench.bench.machine.examine import examine_apart


def conditions(name: str) -> dict[str, Any]:
    """Device, hardware, versions and date, for a device that was found to compute.

    Raises:
        ValueError: it is unknown, not there, or does not compute.
    """
    device = one_device(name)
    require(device.type != "mps", "device", "be one of auto, cpu, cuda or cuda:INDEX for a check", name)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": git_commit(),
        "device": str(device),
        "hardware": examine_apart(device)._asdict(),
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
