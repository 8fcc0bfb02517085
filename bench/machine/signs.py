"""Signs of life: a number that grows while this process gets on with its work, for whoever watches it.

Steps of training and evaluation give one each, and so do phases of a run and items that are read. A process that is
stopped, dead-locked or waits for a file system that does not answer gives none.
"""

from ctypes import c_uint64

_count = c_uint64()


def give() -> None:
    """One more; takes 80 ns (2 cores of an AMD EPYC, 2026-11-30)."""
    _count.value += 1


def share(count: c_uint64) -> None:
    """From now on count there, in memory that another process sees."""
    global _count
    _count = count
    give()
