"""Frames that are copies of others. A copy in another scene leaks, however carefully scenes are split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.neighbours import distance, squared_distances

NEAR = 0.08
"""Thumbnails nearer than this are near copies. Frames of different scenes, real or drawn, were never nearer than 0.17;
half of the real frames have one a tenth of a second away that is."""


@dataclass(frozen=True, slots=True)
class FramePair:
    """Two frames of different scenes."""

    frame: str
    other: str
    distance: float
    """Root mean square difference of their thumbnails, 0 to 1."""


@dataclass(frozen=True, slots=True)
class NearCopies:
    """Where frames have near copies."""

    share_in_own_scene: float
    """Share of the frames with a near copy in their own scene."""
    in_other_scenes: list[FramePair]
    """Frames with a near copy in another scene, and the nearest one there; nearest first."""
    nearest_of_two_scenes: FramePair


def find_exact_copies(stems: Sequence[str], digests: Sequence[str]) -> list[list[str]]:
    """Stems of equal digests, in groups of at least two."""
    groups: dict[str, list[str]] = {}
    for stem, digest in zip(stems, digests, strict=True):
        groups.setdefault(digest, []).append(stem)
    return [group for group in groups.values() if len(group) > 1]


def find_near_copies(stems: Sequence[str], scenes: Sequence[str], thumbs: NDArray[np.float32]) -> NearCopies:
    """Compare the thumbnails (N, D) of the frames of at least two scenes."""
    own, others = _nearest_of_own_and_others(np.unique(scenes, return_inverse=True)[1], thumbs)
    apart = distance(thumbs, thumbs[others])
    pairs: dict[frozenset[int], FramePair] = {}
    for frame in np.argsort(apart, kind="stable"):
        other = others[frame]
        pairs.setdefault(frozenset((frame, other)), FramePair(stems[frame], stems[other], float(apart[frame])))
    found = list(pairs.values())
    return NearCopies(
        share_in_own_scene=float((own < NEAR).mean()),
        in_other_scenes=[pair for pair in found if pair.distance < NEAR],
        nearest_of_two_scenes=found[0],
    )


def _nearest_of_own_and_others(
    scene: NDArray[np.int64], thumbs: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of each frame: distance of the nearest one in its scene, infinite if there is none; index of that elsewhere."""
    own, others = [], []
    for start, squares in squared_distances(thumbs, thumbs):
        rows = np.arange(len(squares))
        same = scene[start + rows, None] == scene
        others.append(np.where(same, np.inf, squares).argmin(axis=1))
        squares[rows, start + rows] = np.inf  # no frame is its own copy
        own.append(np.sqrt(np.where(same, squares, np.inf).min(axis=1)))
    return np.concatenate(own), np.concatenate(others)
