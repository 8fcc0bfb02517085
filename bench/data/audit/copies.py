"""Frames that are copies of others. A copy in another scene leaks, however carefully scenes are split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.neighbours import distance, squared_distances

NEAR = 0.08
"""Thumbnails nearer than this are near copies. Frames of different scenes, real or drawn, were never nearer than 0.17;
half of the real frames have one a tenth of a second away that is."""
_OF_VARIANCE = 0.05
"""Near copies differ by less of the two images' own variance, too: on a plain or dark ground all frames are near."""
_GREY_LEVEL = 1 / 255  # a difference that is never too large, since even a copy of a plain image may have it


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
    nearest_of_two_scenes: FramePair | None
    """None if there is one scene."""


def contrast(thumbs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Standard deviation of the colours of each thumbnail (N, 32 * 32 * 3): (N,); 0 if it is of one colour."""
    spread: NDArray[np.float64] = np.sqrt(thumbs.reshape(len(thumbs), -1, 3).var(axis=1, dtype=np.float64).mean(axis=1))
    return spread


def find_exact_copies(stems: Sequence[str], digests: Sequence[str]) -> list[list[str]]:
    """Stems of equal digests, in groups of at least two."""
    groups: dict[str, list[str]] = {}
    for stem, digest in zip(stems, digests, strict=True):
        groups.setdefault(digest, []).append(stem)
    return [group for group in groups.values() if len(group) > 1]


def find_near_copies(stems: Sequence[str], scenes: Sequence[str], thumbs: NDArray[np.float32]) -> NearCopies:
    """Compare the thumbnails (N, D) of all frames."""
    own, others = _nearest_of_own_and_others(scenes, thumbs)
    nearest = _pairs(stems, thumbs, others, np.arange(len(stems)))
    return NearCopies(
        share_in_own_scene=float(((own >= 0) & (distance(thumbs, thumbs[own]) < NEAR)).mean()),
        in_other_scenes=_pairs(stems, thumbs, others, _copies(thumbs, others)),
        nearest_of_two_scenes=nearest[0] if nearest else None,
    )


def copies_between(stems: Sequence[str], groups: Sequence[str], thumbs: NDArray[np.float32]) -> list[FramePair]:
    """Frames with a near copy in another group, and the nearest one there; nearest first."""
    _, others = _nearest_of_own_and_others(groups, thumbs)
    return _pairs(stems, thumbs, others, _copies(thumbs, others))


def _pairs(
    stems: Sequence[str], thumbs: NDArray[np.float32], others: NDArray[np.int64], frames: NDArray[np.int64]
) -> list[FramePair]:
    """Some frames that have another one, and that: each pair once, nearest first."""
    frames = frames[others[frames] >= 0]
    apart = distance(thumbs[frames], thumbs[others[frames]])
    pairs: dict[frozenset[int], FramePair] = {}
    for place in np.argsort(apart, kind="stable"):
        frame, other = int(frames[place]), int(others[frames[place]])
        pairs.setdefault(frozenset((frame, other)), FramePair(stems[frame], stems[other], float(apart[place])))
    return list(pairs.values())


def _copies(thumbs: NDArray[np.float32], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of the frames that are near copies of their other one."""
    contrasts = contrast(thumbs)
    limits = np.sqrt(_OF_VARIANCE * (contrasts**2 + contrasts[others] ** 2))
    return np.flatnonzero(distance(thumbs, thumbs[others]) < np.clip(limits, _GREY_LEVEL, NEAR))


def _nearest_of_own_and_others(
    groups: Sequence[str], thumbs: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each frame the index of the nearest other one in its group, and of that in another group; -1 for none."""
    group = np.unique(groups, return_inverse=True)[1]
    own, others = [], []
    for start, squares in squared_distances(thumbs, thumbs):
        rows = np.arange(len(squares))
        same = group[start + rows, None] == group
        others.append(_nearest(np.where(same, np.inf, squares)))
        squares[rows, start + rows] = np.inf  # no frame is its own copy
        own.append(_nearest(np.where(same, squares, np.inf)))
    return np.concatenate(own), np.concatenate(others)


def _nearest(squares: NDArray[np.float32]) -> NDArray[np.int64]:
    nearest = squares.argmin(axis=1)
    return np.where(np.isinf(squares[np.arange(len(squares)), nearest]), -1, nearest)
