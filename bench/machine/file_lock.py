"""Locks on files, which the kernel frees when their holder ends, however it ends. Linux and macOS have them."""

from pathlib import Path
from typing import IO, Any

LOCK = "lock"
"""The file in a folder that whoever works in the folder holds."""


def lock(file: IO[Any], *, shared: bool = False, wait: bool = False) -> None:
    """Hold an open file until it is closed, alone or with others that share it.

    Raises:
        BlockingIOError: another process holds it, and this one is not to wait.
    """
    import fcntl  # late: on Windows, where `bench.commands.cli` points to WSL2, the rest can still be imported

    fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))


def is_held(path: Path) -> bool:
    """Whether a process holds the file, which may not be there."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            lock(file, shared=True)
        except BlockingIOError:
            return True
    return False
