"""The pixels of a set in files, written frame by frame.

Written, not mapped: no page of them counts as memory of the process that writes, and a full disk is an error.
"""

import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.cache.entry import array_file
from hourglass_bench.bench.data.resizing.fit import Fitted
from hourglass_bench.bench.size import format_bytes


class PixelFiles(NamedTuple):
    """Arrays of images, masks and ignored pixels; several processes may write different frames."""

    images: "_ArrayFile"
    masks: "_ArrayFile"
    ignored: "_ArrayFile"

    @classmethod
    def make(cls, folder: Path, count: int, size: tuple[int, int]) -> Self:
        """Of `count` frames; files that are there already are kept.

        Raises:
            ValueError: the disk has no room for them.
        """
        free, needed = shutil.disk_usage(folder).free, 4 * count * size[0] * size[1]
        if not array_file(folder, "images").exists() and free < needed:
            raise ValueError(
                f"{folder.parent} must have room for {count:,} frames of {size[1]}x{size[0]} "
                f"({format_bytes(needed)}), got {format_bytes(free)}; free some, or use another folder (RUNS for "
                "trainings, TMPDIR for what is only looked at)."
            )
        shape = (count, *size)
        return cls(
            _ArrayFile.make(array_file(folder, "images"), (*shape, 3), np.uint8),
            _ArrayFile.make(array_file(folder, "masks"), shape, np.uint8),
            _ArrayFile.make(array_file(folder, "ignored"), shape, np.bool_),
        )

    def write(self, index: int, frame: Fitted) -> int:
        """Write one frame -> its checksum."""
        self.images.write(index, frame.image)
        self.masks.write(index, frame.mask)
        if frame.ignored.any():  # what is never written takes no room on the disk
            self.ignored.write(index, frame.ignored)
        return _checksum(pixels.tobytes() for pixels in (frame.image, frame.mask, frame.ignored))

    def checksum(self, index: int) -> int:
        """Of the frame that was written."""
        return _checksum(file.read(index) for file in self)


class _ArrayFile(NamedTuple):
    """An array in NumPy's format, of which whole entries are written and read."""

    path: Path
    start: int
    entry: int
    """Bytes."""

    @classmethod
    def make(cls, path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> Self:
        """Of zeros, if it is not there."""
        try:
            mapped = np.lib.format.open_memmap(path, "r")
        except (FileNotFoundError, ValueError):  # the latter where making it was cut off
            mapped = np.lib.format.open_memmap(path, "w+", dtype, shape)
        return cls(path, mapped.offset, mapped[0].nbytes)

    def write(self, index: int, entry: NDArray[np.generic]) -> None:
        with self.path.open("r+b") as file:
            file.seek(self.start + index * self.entry)
            file.write(entry.tobytes())

    def read(self, index: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.start + index * self.entry)
            return file.read(self.entry)


def _checksum(parts: Iterable[bytes]) -> int:
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value
