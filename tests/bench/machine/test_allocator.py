"""What the allocator keeps, counted in page faults, which unlike times are the same on every machine."""

import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource, sys, torch
from hourglass_bench.architectures import registry
from hourglass_bench.bench.machine.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
torch.set_num_threads(1)
network = registry.build(registry.configure("unet", (8, 16)), seed=0)
images = torch.rand(8, 3, 128, 128)
def step():
    network(images).mean().backward()
for _ in range(4):  # until the heap has found its form
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    root = Path(__file__).parents[3]
    return int(subprocess.run([sys.executable, "-c", FAULTS, mode], cwd=root, capture_output=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is glibc's")
def test_freed_activations_are_not_given_back_to_the_system() -> None:
    given_back, kept = faults("default"), faults("keep")
    assert given_back > 1000
    assert kept < 0.1 * given_back
