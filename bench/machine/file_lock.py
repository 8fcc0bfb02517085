"""Locks on files, which the kernel frees when their holder ends, however it ends. Linux and macOS have them."""

from typing import IO, Any


def lock(file: IO[Any], *, shared: bool = False, wait: bool = False) -> None:
    """Hold an open file until it is closed, alone or with others that share it.

    Raises:
        BlockingIOError: another process holds it, and this one is not to wait.
    """
    import fcntl  # late: on Windows, where `bench.commands.cli` points to WSL2, the rest can still be imported

    fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
