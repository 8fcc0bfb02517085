"""Which frames look alike: thumbnails of 32x32 pixels, compared by the root mean square difference of their colours."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.split import Split

SIDE = 32
"""Pixels of a thumbnail's sides: enough to tell poses apart, too few for noise and compression to matter."""

_CHUNK = 1024  # queries at a time; their distances to 10,000 references take 40 MiB


def shrink(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means over areas: (N, H, W) or (N, H, W, 3) -> (N, 32, 32) or (N, 32, 32, 3)."""
    small = (Image.fromarray(item).resize((SIDE, SIDE), Image.Resampling.BOX) for item in pictures)
    return np.stack([np.asarray(item) for item in small])


def thumbnails(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, H, W, 3) -> (N, 32 * 32 * 3), or (N, H, W) -> (N, 32 * 32), in [0, 1]."""
    return shrink(images).reshape(len(images), -1).astype(np.float32) / np.float32(255)


def nearest(
    queries: NDArray[np.float32], references: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each query (Q, D) the index of its nearest reference (R, D), at least one, and their distance: (Q,) both."""
    indices, distances = [], []
    for start, squares in squared_distances(queries, references):
        index = squares.argmin(axis=1)
        indices.append(index)
        distances.append(distance(queries[start : start + len(index)], references[index]))
    return np.concatenate(indices), np.concatenate(distances)


def nearest_training_frames(thumbs: NDArray[np.float32], split: Split) -> NDArray[np.int64]:
    """Of each test frame the index of the training frame that looks most like it, given all frames' thumbnails."""
    indices, _ = nearest(thumbs[split.test], thumbs[split.train])
    return split.train[indices]


def distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Root mean square difference of the rows of two (N, D) arrays: (N,)."""
    root: NDArray[np.float64] = np.sqrt(np.square(first - second).mean(axis=1, dtype=np.float64))
    return root


def squared_distances(
    queries: NDArray[np.float32], references: NDArray[np.float32]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Mean square differences of some queries at a time to all references: the first one's index, and (some, R).

    They come from a matrix product, whose rounding leaves about 1e-7 between equal rows.
    """
    lengths = np.square(references).sum(axis=1)
    for start in range(0, len(queries), _CHUNK):
        some = queries[start : start + _CHUNK]
        squares = np.square(some).sum(axis=1, keepdims=True) + lengths - 2 * (some @ references.T)
        yield start, np.maximum(squares, 0) / queries.shape[1]
