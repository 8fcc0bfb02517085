"""Which codes of a set of masks are meant, and which only lie between them.

Values between 0 and 255 alone prove nothing: soft edges, mattes and JPEG noise are full of them. But they change from
pixel to pixel, while a class is flat: most of its pixels lie among their like.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.masks.codes import distances, share_between
from hourglass_bench.bench.data.masks.planes import NOT_A_NUMBER, unpack
from hourglass_bench.bench.data.masks.tally import COMPACT_PIXELS, Tally

FEW = 16
"""Up to so many codes are all meant, however rare, unless they are the steps of an edge."""
MOST_CLASSES = 100
CLASSES_SHARE = 0.3
"""Label maps of more than a few classes have at most so many, and at least this share of what is not 0 lies outside the
two most frequent. Mattes that were enlarged without smoothing have flat greys too, but more, and in fewer pixels."""
CLASS_SHARE = 0.005
"""In masks of many codes, one is a class if at least this share of all pixels is flat in it. Real mattes show no flat
grey at all, and 0.0003 when they are enlarged eightfold without smoothing."""
FLAT_CODE = 0.2
"""Share of a class's own pixels that are flat, if it is no thin line."""
FLAT_EDGE = 0.1
"""Share of the pixels of a soft edge that are flat, at most."""
NOISE = 16
"""Codes of 8 bits up to so far from a class belong to it: strong JPEG compression moved whole flat areas by 8."""
RARE_SHARE = 0.005
"""Share of all pixels but the background that a rare class has, at least."""
STRONG = 0.75
"""Where a colour fades into another, what has at least so much of the furthest is the colour itself."""
STRAY = 128
STRAY_SHARE = 0.015
"""Where one colour fades into black, at most so much of what is not black lies so far from both and from all between:
JPEG compression of quality 10 leaves 0.005 of yellow ellipses there."""


class Classes(NamedTuple):
    """What the codes of a set are."""

    codes: tuple[int, ...]
    """Ascending."""
    exact: bool
    """Nothing lies between them."""
    objects: bool = False
    """Each object has a code of its own."""
    noise: float = 0
    """How far codes may lie from the class that is meant; 0 where they are exact."""


class _Counted(NamedTuple):
    """All codes of a set, ascending: (n,) each."""

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    flat: NDArray[np.int64]
    coloured: bool
    lossy: bool

    @property
    def drawn(self) -> int:
        """Pixels that are not 0."""
        return int(self.counts[self.codes != 0].sum())

    @property
    def noise(self) -> float:
        """How far codes lie from the class that is meant. Small numbers of classes lie side by side, without noise."""
        if self.coloured:
            return 2 * NOISE if self.lossy else NOISE  # colours are compressed more than brightness
        largest = int(self.codes.max(initial=0))
        return NOISE * max(largest / 255, 1) if largest >= (2 * NOISE if self.lossy else 128) else 0


def find_classes(tally: Tally, *, coloured: bool, lossy: bool) -> Classes:
    """The classes of all masks of a set, whose codes are colours or not; lossy files are noisy where they are flat."""
    found = tuple(sorted(code for code in tally.seen if code != NOT_A_NUMBER))
    counts, flat = (np.array([getattr(tally.seen[code], name) for code in found]) for name in ("count", "flat"))
    counted = _Counted(np.array(found, np.int64), counts, flat, coloured, lossy)
    if len(found) <= 2:
        return Classes(found, exact=True)
    if len(found) > FEW and tally.compact > 0.5 * tally.many:
        return Classes(found, exact=True, objects=True)
    if not _is_edge(counted) if len(found) <= FEW else _are_many_classes(counted):
        return Classes(found, exact=True)
    classes = _flat_classes(counted, tally.pixels)
    classes += _rare_classes(counted, classes)
    return Classes(tuple(sorted(classes)), exact=False, noise=counted.noise)


def strongest(colours: NDArray[np.int64], counts: NDArray[np.int64], empty: int) -> int:
    """The most frequent of the colours that are about as far from `empty` as any: most others may be soft edges."""
    far = distances(colours, empty, coloured=True)
    strong = far >= STRONG * far.max()
    return int(colours[strong][counts[strong].argmax()])


def share_at_ends(tally: Tally, full: int, *, coloured: bool) -> float:
    """Share of the pixels that are within a quarter of nothing or `full`, and of colours that are mixtures of both."""
    codes = np.array([code for code in tally.seen if code != NOT_A_NUMBER], np.int64)
    counts = np.array([tally.seen[int(code)].count for code in codes])
    level = share_between(codes, 0, full, coloured)
    at_end = (level < 64) | (level >= 192)
    if coloured:
        at_end &= _off_line(codes, 0, full) <= 2 * NOISE
    return float(counts[at_end].sum() / max(counts.sum(), 1))


def _is_edge(counted: _Counted) -> bool:
    """Whether three codes or more are two, and the steps from the one to the other."""
    codes, counts, flat, coloured, lossy = counted
    noise = counted.noise if lossy else 0
    empty = int(codes[0])
    full = strongest(codes[1:], counts[1:], empty) if coloured else int(codes[-1])
    near_full = noise if coloured else counted.noise  # 254 is no class beside 255, as 1 is beside 0
    steps = (distances(codes, empty, coloured) > noise) & (distances(codes, full, coloured) > near_full)
    if not steps.any():
        return True
    if np.count_nonzero(steps) == 1 and not noise:  # may be an outline that is a class
        return False
    if coloured and (_off_line(codes[steps], empty, full) > NOISE).any():
        return False
    climbs = (share_between(codes[steps], empty, full, coloured) >= 128).any()
    return bool(climbs and flat[steps].sum() < FLAT_EDGE * counts[steps].sum())


def _are_many_classes(counted: _Counted) -> bool:
    """Whether many codes are a label map of as many classes."""
    codes, counts, flat, _, lossy = counted
    if lossy or len(codes) > MOST_CLASSES:
        return False
    common = counts >= COMPACT_PIXELS
    level = np.count_nonzero(flat[common] >= FLAT_CODE * counts[common])
    beside = np.sort(counts)[:-2].sum()
    return bool(beside >= CLASSES_SHARE * counted.drawn and level >= 0.5 * np.count_nonzero(common))


def _flat_classes(counted: _Counted, pixels: int) -> list[int]:
    """Codes that have a large share of all pixels, the most frequent first."""
    classes: list[int] = []
    for index in np.argsort(-counted.flat, kind="stable"):
        if counted.flat[index] < CLASS_SHARE * pixels:
            break
        code = int(counted.codes[index])
        if all(distances(counted.codes[index], other, counted.coloured) > counted.noise for other in classes):
            classes.append(code)
    return classes


def _rare_classes(counted: _Counted, classes: list[int]) -> list[int]:
    """Further classes of masks with soft edges: codes that are flat themselves, or colours that no edge has."""
    codes, counts, flat, coloured, lossy = counted
    apart = np.all([distances(codes, code, coloured) > max(counted.noise, 1) for code in classes], axis=0)
    further = apart & (flat >= FLAT_CODE * counts)
    if lossy or np.count_nonzero(further & (counts >= COMPACT_PIXELS)) > FEW:  # a matte enlarged without smoothing
        further[:] = False
    stray: list[int] = []
    if coloured and len(classes) == 2:
        empty, full = sorted(classes, key=lambda code: int(distances(np.array(code), 0, coloured)))
        off = _off_line(codes, empty, full)
        further |= apart & (off > 2 * NOISE) & (not lossy)
        if counts[off > STRAY].sum() >= STRAY_SHARE * counts[distances(codes, empty, coloured) > counted.noise].sum():
            stray = [int(codes[off > STRAY][counts[off > STRAY].argmax()])]
    return sorted({*codes[further & (counts >= RARE_SHARE * counted.drawn)].tolist(), *stray})


def _off_line(codes: NDArray[np.int64], empty: int, full: int) -> NDArray[np.float64]:
    """How far colours are from the mixtures of two."""
    share = share_between(codes, empty, full, coloured=True)[:, None] / 255
    low, high = unpack(np.array(empty)), unpack(np.array(full))
    gaps: NDArray[np.float64] = np.abs(unpack(codes) - (low + share * (high - low))).max(axis=1)
    return gaps
