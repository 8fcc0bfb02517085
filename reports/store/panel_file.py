"""Panel files, in which runs keep a few test frames with truth and prediction."""

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

# What numpy and zipfile raise for damaged archives; TypeError is for a file that is a bare array.
DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, BadZipFile, zlib.error)


def read_panel(path: Path, *names: str) -> list[NDArray[Any]]:
    """Arrays of a panel file, which have an entry per frame.

    Raises:
        ValueError: as `read_arrays`, or the arrays are not of one length.
    """
    arrays = read_arrays(path, *names)
    if len({array.shape[:1] for array in arrays}) > 1:
        raise ValueError(f"{path} must have an entry per frame in each of {', '.join(names)}, got unequal numbers.")
    return arrays


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Arrays of a file that runs keep.

    Raises:
        ValueError: the file lacks one or cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            return [data[name] for name in names]
    except DAMAGED as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error


def overlap(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """IoU of two masks of one frame. Nothing there and nothing predicted is right, as in bench.metrics.overlap."""
    either = np.count_nonzero(prediction | truth)
    return float(np.count_nonzero(prediction & truth) / either) if either else 1.0
