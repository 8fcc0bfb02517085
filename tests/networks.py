"""What a process knows of networks from elsewhere is for its whole life; tests have many lives in one process."""

from hourglass_bench.architectures.foreign import find_spec
from hourglass_bench.architectures.reference import find, installed
from hourglass_bench.architectures.sources import packages, sources


def forget_networks() -> None:
    """What a name stands for, as a new process does."""
    for one in (installed, find, find_spec, sources, packages):
        one.cache_clear()
