"""Files of arrays that runs keep: panels of a few test frames with truth and prediction, and what VAEs drew."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.reports.text import printable

# What numpy and zipfile raise for damaged archives; TypeError is for a file that is a bare array.
DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    MemoryError,
    BadZipFile,
    zlib.error,
)
MOST_BYTES = 2**31
"""Of the arrays of a file together: a compressed file of a few bytes can have any number of zeros."""


Pictures = NDArray[np.uint8]
"""(..., H, W) of masks' probabilities, (..., H, W, 3) of images."""


class Generated(NamedTuple):
    """What a VAE drew."""

    originals: Pictures
    """(F, ...) test frames."""
    reconstructions: Pictures
    interpolations: Pictures
    """(P, S, ...): in S steps from each of the first frames to the next."""
    samples: Pictures
    """(N, ...)."""
    neighbours: Pictures
    """The training frame nearest to each sample."""


def read_panel(path: Path, *names: str) -> list[NDArray[Any]]:
    """Arrays of a panel file, which have an entry per frame.

    Raises:
        ValueError: as `read_arrays`, or the arrays are not of one length.
    """
    arrays = read_arrays(path, *names)
    if len({array.shape[:1] for array in arrays}) > 1:
        raise ValueError(f"{path} must have an entry per frame in each of {', '.join(names)}, got unequal numbers.")
    return arrays


def read_ignored(path: Path, truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a panel file that count in no metric, in the shape of its truth; none in the file of an older run.

    Raises:
        ValueError: as `read_panel`.
    """
    with _open(path) as data:
        ignored: NDArray[np.bool_] = data["ignored"] if "ignored" in data else np.zeros_like(truth)
    if ignored.shape != truth.shape:
        raise ValueError(f"{path} must have ignored of the shape of truth, {truth.shape}, got {ignored.shape}.")
    return ignored


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Arrays of a file that runs keep.

    Raises:
        ValueError: the file lacks one or cannot be read.
    """
    with _open(path) as data:
        return [_printable(data[name]) for name in names]


def _printable(array: NDArray[Any]) -> NDArray[Any]:
    """With names of scenes and frames that can be shown."""
    return np.array(printable(array.tolist())) if array.dtype.kind == "U" else array


@contextmanager
def _open(path: Path) -> "Iterator[np.lib.npyio.NpzFile]":
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            size = sum(entry.file_size for entry in data.zip.infolist())
            if size > MOST_BYTES:
                raise ValueError(f"its arrays have {size:,} bytes, more than {MOST_BYTES:,}")
            yield data
    except DAMAGED as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error


def read_generated(folder: Path) -> Generated:
    """What the run whose artifacts are in `folder` kept.

    Raises:
        ValueError: the file is not there or damaged, lacks an array, as that of an auto-encoder does, or has one of
            another type or shape.
    """
    path = folder / schema.GENERATED_DATA
    found = Generated(*read_arrays(path, *Generated._fields))
    picture = found.originals.shape[1:]
    shapes = {
        "reconstructions": found.originals.shape,
        "interpolations": (*found.interpolations.shape[:2], *picture),
        "samples": (*found.samples.shape[:1], *picture),
        "neighbours": found.samples.shape,
    }
    for name, array in found._asdict().items():
        if array.dtype != np.uint8 or array.shape != shapes.get(name, array.shape) or 0 in array.shape:
            raise ValueError(
                f"{path} must have pictures of one size in {name}, uint8 and as many as belong together, got "
                f"{array.dtype} of shape {array.shape}."
            )
    return found


def overlap(prediction: NDArray[np.bool_], truth: NDArray[np.bool_], ignored: NDArray[np.bool_]) -> float:
    """IoU of two masks of one frame. Nothing there and nothing predicted is right, as in bench.metrics.overlap."""
    either = np.count_nonzero((prediction | truth) & ~ignored)
    return float(np.count_nonzero(prediction & truth & ~ignored) / either) if either else 1.0
