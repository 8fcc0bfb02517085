"""What a process knows of networks from elsewhere is for its whole life; tests have many lives in one process."""

from architectures.foreign import find_spec
from architectures.reference import find, installed
from architectures.sources import packages, sources


def forget_networks() -> None:
    """What a name stands for, as a new process does."""
    for known in (installed, find, find_spec, sources, packages):
        known.cache_clear()
