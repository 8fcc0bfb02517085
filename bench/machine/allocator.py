"""The C library's allocator, which CPU tensors come from. On systems without glibc nothing happens."""

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST_KEPT = 32 << 20  # glibc refuses more
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Let freed memory stay with the process, for the next tensors.

    By default glibc gives the activations of a step back to the system and gets them anew, page by page, in the next:
    that takes up to half of a training's time. Blocks above 32 MiB it still gives back: keeping those as well would
    break up the heap, and the process would grow by half.
    """
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        library.mallopt(_TRIM_THRESHOLD, _NEVER)


def give_back_freed_memory() -> None:
    """Return to the system what is free now."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
