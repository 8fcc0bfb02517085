"""Scenes that show one place. Videos of one room under two names put their test frames' background into training.

What the scenes' cameras see behind the people is compared: the median colour over the frames in which a pixel is
background. Lights change and things are moved between two videos, so it is counted how many pixels agree; a mean of
the differences, which a few large ones decide, hardly told one room from two white walls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.frames import FOREGROUND, Frames
from bench.data.neighbours import shrink

AGREE = 25
"""Colours agree that differ by at most so many of 255 grey values, on average over red, green and blue."""
ONE_PLACE = 2 / 3
"""Scenes look like one place if at least this share of the pixels agrees. Two real videos of one room: 0.73; the next
closest of 276 pairs: 0.59; the closest of 7,140 pairs of synthetic scenes: 0.51."""
_SHOWN = 0.2  # pairs that both show less of the background are not judged


@dataclass(frozen=True, slots=True)
class ScenePair:
    """Two scenes."""

    first: str
    second: str
    agreement: float
    """Share of the background pixels known of both that agree."""


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Pairs of scenes, the most alike first."""

    pairs: list[ScenePair]
    """Those that look like one place."""
    next_closest: ScenePair | None
    """The most alike of the others: how clear the verdict is."""


def find_look_alikes(frames: Frames) -> LookAlikes:
    """Compare the backgrounds of all scenes, at 32x32 pixels."""
    names, colours, known = _backgrounds(frames)
    agreement = _agreement(colours, known)
    ranks = np.column_stack(np.unravel_index(np.argsort(-agreement, axis=None), agreement.shape))
    alike = int((agreement >= ONE_PLACE).sum())
    pairs = [ScenePair(names[a], names[b], float(agreement[a, b])) for a, b in ranks[: alike + 1] if agreement[a, b]]
    return LookAlikes(pairs=pairs[:alike], next_closest=pairs[alike] if len(pairs) > alike else None)


def merge_look_alikes(frames: Frames) -> tuple[str, ...]:
    """The scene of each frame, once scenes that look like one place are one, under the first one's name."""
    while pairs := find_look_alikes(frames).pairs:  # the merged background may look like a third one
        frames = frames._replace(scenes=_merge(frames.scenes, pairs))
    return frames.scenes


def _merge(scenes: Sequence[str], pairs: Sequence[ScenePair]) -> tuple[str, ...]:
    name = {scene: scene for scene in scenes}
    for pair in pairs:
        first, second = sorted((name[pair.first], name[pair.second]))
        if first != second:
            name = {scene: first if merged == second else merged for scene, merged in name.items()}
    return tuple(name[scene] for scene in scenes)


def _backgrounds(frames: Frames) -> tuple[list[str], NDArray[np.int16], NDArray[np.bool_]]:
    """Names of the scenes, their median backgrounds (S, 3, P) in 0..255, and where these are known (S, P)."""
    count = len(frames.stems)
    colours = shrink(frames.images).reshape(count, -1, 3).swapaxes(1, 2).astype(np.int16)
    empty = (shrink(frames.masks) < FOREGROUND).reshape(count, -1)
    names, scene = np.unique(frames.scenes, return_inverse=True)
    members = [np.flatnonzero(scene == index) for index in range(len(names))]
    medians = np.stack([_median(colours[group], empty[group]) for group in members])
    return names.tolist(), medians, np.stack([empty[group].any(axis=0) for group in members])


def _median(colours: NDArray[np.int16], empty: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Lower median (3, P) over those of the frames (N, 3, P) where `empty` (N, P); 256 where none is."""
    ranked = np.sort(np.where(empty[:, None], colours, np.int16(256)), axis=0)
    middle = np.maximum(empty.sum(axis=0) - 1, 0) // 2
    median: NDArray[np.int16] = ranked[middle, np.arange(3)[:, None], np.arange(len(middle))]
    return median


def _agreement(colours: NDArray[np.int16], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of agreeing pixels (S, S) of each scene and those after it; 0 for pairs that are not judged."""
    agreement = np.zeros((len(known), len(known)))
    for index, (colour, shown) in enumerate(zip(colours, known, strict=True)):
        later = slice(index + 1, None)
        both = shown & known[later]
        agree = both & (np.abs(colour - colours[later]).sum(axis=1, dtype=np.int16) <= 3 * AGREE)
        pixels = np.count_nonzero(both, axis=1)
        judged = pixels >= _SHOWN * len(shown)
        agreement[index, later] = np.where(judged, np.count_nonzero(agree, axis=1) / np.maximum(pixels, 1), 0)
    return agreement
