"""Scenes that show one place. Videos of one room under two names put their test frames' background into training.

What the scenes' cameras see behind the people is compared: the median colour over the frames in which a pixel is
background. Lights change and things are moved between two videos, so it is counted how many pixels agree; a mean of
the differences, which a few large ones decide, hardly told one room from two white walls.

Grounds that are plain, dark or white agree as well, whatever the place. So do those of one instrument, such as a
microscope or a fundus camera. Two scenes of one place also share their details - what is left of a ground when its
surroundings are taken away - and they do so far more than the set's pairs in general.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from hourglass_bench.bench.data.frames import FOREGROUND, Frames
from hourglass_bench.bench.data.neighbours import SIDE, shrink

AGREE = 25
"""Colours agree that differ by at most so many of 255 grey values, on average over red, green and blue."""
ONE_PLACE = 2 / 3
"""Scenes look like one place if at least this share of the pixels agrees. Two real videos of one room: 0.73; the next
closest of 276 pairs: 0.59; the closest of 7,140 pairs of synthetic scenes: 0.51."""
ONE_DETAIL = 0.2
"""And if their details correlate by at least this much. The two videos of one room: 0.32."""
BY_CHANCE = 0.001
"""And if that lies so far above the median of all pairs that one in so many sets had such a pair by chance, by a normal
distribution with the median and the median absolute deviation of the set. Of 276 pairs that is 4.5 standard deviations;
the two videos of one room: 5.8."""
MOST = 0.1
"""Share of all pairs above which nothing is proposed: then it is the set that looks alike, not its places."""
COMPARED = 1000
"""Of more scenes so many are compared, evenly spread: pairs grow with the square."""
_SHOWN = 0.2  # pairs that both show less of the background are not judged
_NOISE = 3.0  # grey values: details below are none, as on a plain ground


@dataclass(frozen=True, slots=True)
class ScenePair:
    """Two scenes."""

    first: str
    second: str
    agreement: float
    """Share of the background pixels known of both that agree."""
    details: float
    """Correlation of what stands out from its surroundings there."""


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Pairs of scenes, the most alike first."""

    pairs: list[ScenePair]
    """Those that look like one place: proposed to be merged."""
    next_closest: ScenePair | None
    """The most alike of the others: how clear the verdict is."""
    agreeing: int
    """Number of pairs whose backgrounds agree, details or not."""
    judged: int
    """Number of pairs that show enough of the background to be compared."""
    scenes: int
    """Number of scenes that were compared."""


def find_look_alikes(frames: Frames) -> LookAlikes:
    """Compare the backgrounds of all scenes, at 32x32 pixels.

    A pair is proposed that agrees and whose details stand out from the set's own distribution; none if merging would
    put more than a tenth of all pairs together.
    """
    frames = _spread(frames)
    names, colours, known = _backgrounds(frames)
    agreement, details = _agreement(colours, known), _correlation(_details(colours, known), known)
    judged = agreement >= 0
    agreeing = agreement >= ONE_PLACE
    proposed = agreeing & (details >= max(ONE_DETAIL, _limit(details[judged])))
    if _joined(np.argwhere(proposed), len(names)) > MOST * (len(names) * (len(names) - 1) / 2):
        proposed[:] = False

    def pair(place: NDArray[np.int64]) -> ScenePair:
        first, second = place
        return ScenePair(names[first], names[second], float(agreement[*place]), float(details[*place]))

    order = np.argsort(-agreement[proposed], kind="stable")
    others = np.where(proposed, -1, agreement)
    closest = np.argwhere(others == others.max())[0]
    return LookAlikes(
        pairs=[pair(place) for place in np.argwhere(proposed)[order]],
        next_closest=pair(closest) if others.max() >= 0 else None,
        agreeing=int(agreeing.sum()),
        judged=int(judged.sum()),
        scenes=len(names),
    )


def merge_look_alikes(scenes: Sequence[str], pairs: Sequence[ScenePair]) -> tuple[str, ...]:
    """The scene of each frame, once scenes that look like one place are one, under the first one's name."""
    name = {scene: scene for scene in scenes}
    for pair in pairs:
        first, second = sorted((name[pair.first], name[pair.second]))
        name = {scene: first if merged == second else merged for scene, merged in name.items()}
    return tuple(name[scene] for scene in scenes)


def _spread(frames: Frames) -> Frames:
    """The frames of at most `COMPARED` scenes."""
    names = sorted(set(frames.scenes))
    if len(names) <= COMPARED:
        return frames
    chosen = {names[place * len(names) // COMPARED] for place in range(COMPARED)}
    kept = np.flatnonzero([scene in chosen for scene in frames.scenes])
    return frames._replace(
        stems=tuple(frames.stems[index] for index in kept),
        scenes=tuple(frames.scenes[index] for index in kept),
        images=frames.images[kept],
        masks=frames.masks[kept],
        ignored=None if frames.ignored is None else frames.ignored[kept],
    )


def _joined(pairs: NDArray[np.int64], count: int) -> int:
    """Number of pairs of `count` scenes that are together once `pairs` are merged."""
    group = np.arange(count)
    for first, second in pairs:
        group[group == group[second]] = group[first]
    return sum(size * (size - 1) // 2 for size in Counter(group.tolist()).values())


def _limit(values: NDArray[np.float64]) -> float:
    """Above it, a value stands out from the others."""
    if not len(values):
        return np.inf
    median = np.median(values)
    deviation = 1.4826 * np.median(np.abs(values - median))  # of a normal distribution, the standard deviation
    return float(median + NormalDist().inv_cdf(1 - BY_CHANCE / len(values)) * deviation)


def _backgrounds(frames: Frames) -> tuple[list[str], NDArray[np.int16], NDArray[np.bool_]]:
    """Names of the scenes, their median backgrounds (S, 3, P) in 0..255, and where these are known (S, P)."""
    count = len(frames.stems)
    colours = shrink(frames.images).reshape(count, -1, 3).swapaxes(1, 2).astype(np.int16)
    empty = (shrink(frames.masks) < FOREGROUND).reshape(count, -1)
    if frames.ignored is not None:  # a letterbox's border is no ground, and neither is what a pixel shares with it
        empty &= (shrink(frames.ignored.astype(np.uint8) * np.uint8(255)) == 0).reshape(count, -1)
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
    """Share of agreeing pixels (S, S) of each scene and those after it; -1 for pairs that are not judged."""
    agreement = np.full((len(known), len(known)), -1.0)
    for index, (colour, shown) in enumerate(zip(colours, known, strict=True)):
        later = slice(index + 1, None)
        both = shown & known[later]
        agree = both & (np.abs(colour - colours[later]).sum(axis=1, dtype=np.int16) <= 3 * AGREE)
        pixels = np.count_nonzero(both, axis=1)
        judged = pixels >= _SHOWN * len(shown)
        agreement[index, later] = np.where(judged, np.count_nonzero(agree, axis=1) / np.maximum(pixels, 1), -1)
    return agreement


def _details(colours: NDArray[np.int16], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What the backgrounds (S, 3, P) show beyond the mean of the 5x5 known pixels around: (S, 3, P), 0 if unknown."""
    shown = known.reshape(-1, 1, SIDE, SIDE).astype(np.float32)
    pixels = colours.reshape(len(known), -1, SIDE, SIDE).astype(np.float32) * shown
    around = _mean_around(pixels) / _mean_around(shown).clip(min=1e-3)
    details: NDArray[np.float32] = shown * (pixels - around)
    return details.reshape(colours.shape)


def _mean_around(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the 5x5 pixels around each: (S, C, 32, 32) -> the same."""
    means: NDArray[np.float32] = uniform_filter(maps, (1, 1, 5, 5), output=np.float32)
    return means


def _correlation(details: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Correlation (S, S) of the details of two scenes where both are known; what is weaker than noise gives none."""
    flat, shown = details.reshape(len(details), -1), known.astype(np.float32)
    energy = np.square(details).sum(axis=1) @ shown.T + 3 * _NOISE**2 * (shown @ shown.T)
    correlation: NDArray[np.float64] = (flat @ flat.T) / np.sqrt(np.maximum(energy * energy.T, 1e-6), dtype=np.float64)
    return correlation
