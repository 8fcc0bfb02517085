"""Whether samples are new: how near they come to a training frame, beside how near frames of unseen scenes come."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.neighbours import nearest, thumbnails

COPIED = 1 / 3
"""A sample is a copy if it is nearer to a training frame than this share of its distance to the nearest one of any
other scene (Yoon et al. 2023). Frames of a scene are near copies of each other; a blurred sample is as near to all."""


class Memorisation(NamedTuple):
    """Of some samples."""

    neighbours: NDArray[np.int64]
    """Position of the nearest training frame of each sample."""
    metrics: dict[str, float]
    """By the names of `bench.schema`."""


def memorisation(
    samples: NDArray[np.uint8], train: NDArray[np.uint8], scenes: Sequence[str], test: NDArray[np.uint8]
) -> Memorisation:
    """Compare pictures (N, H, W) or (N, H, W, 3) by the root mean square difference of their thumbnails.

    Args:
        scenes: Of the training frames; if there is only one, nothing is said of copies.
    """
    generated, known, unseen = (thumbnails(pictures) for pictures in (samples, train, test))
    neighbours, distances = nearest(generated, known)
    values = {
        schema.SAMPLE_DISTANCE: np.median(distances),
        schema.UNSEEN_DISTANCE: np.median(nearest(unseen, known)[1]),
    }
    if len(set(scenes)) > 1:
        elsewhere = _to_others(generated, known, np.array(scenes), neighbours)
        values[schema.COPIED_SHARE] = np.float64(np.mean(distances < COPIED * elsewhere))
    return Memorisation(neighbours, {metric.name: float(value) for metric, value in values.items()})


def _to_others(
    generated: NDArray[np.float32], known: NDArray[np.float32], scenes: NDArray[np.str_], neighbours: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distance of each sample to the nearest frame of a scene other than its nearest frame's."""
    distances = np.empty(len(generated))
    for scene in np.unique(scenes[neighbours]):
        of_scene = scenes[neighbours] == scene
        distances[of_scene] = nearest(generated[of_scene], known[scenes != scene])[1]
    return distances
