"""How often each code occurs in mask files, where, and how flat."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from hourglass_bench.bench.data.files.pictures import Page, Picture
from hourglass_bench.bench.data.masks.planes import NOT_A_NUMBER, Codes, Plane, bands, crop_rows, read_plane

MOST_CODES = 4096
"""Rarer codes of a page are not kept: mattes painted in colour hold any number of them."""
COMPACT_PIXELS = 9
COMPACT_SHARE = 0.3
"""A code that has so many pixels, and so much of the box around them, lies in one place, as an object does; a grey
value of a soft edge lies all around it."""


@dataclass(slots=True)
class Seen:
    """One code in some pages."""

    page: Page
    """Where it is most frequent."""
    most: int = 0
    """Pixels there."""
    count: int = 0
    flat: int = 0
    """Pixels whose 3x3 neighbourhood lies in the page and holds this code alone."""
    pages: int = 0
    alone: int = 0
    """Pages that hold no other code but 0."""

    def join(self, other: "Seen") -> None:
        """The same code in other pages."""
        if other.most > self.most:
            self.page, self.most = other.page, other.most
        self.count += other.count
        self.flat += other.flat
        self.pages += other.pages
        self.alone += other.alone


@dataclass(slots=True)
class Tally:
    """All codes in some pages."""

    seen: dict[int, Seen] = field(default_factory=dict)
    pages: int = 0
    pixels: int = 0
    mixed: int = 0
    """Pages of more than one code."""
    many: int = 0
    """Pages of three codes or more beside 0."""
    compact: int = 0
    """Those of them in which most pixels are of codes that lie in one place each."""

    def join(self, other: "Tally", recode: Callable[[int], int] = int) -> None:
        """Other pages, whose codes may have to be written anew."""
        for code, seen in other.seen.items():
            self.seen.setdefault(recode(code), Seen(seen.page)).join(seen)
        if len(self.seen) > 32 * MOST_CODES:
            kept = sorted(self.seen.items(), key=lambda item: -item[1].count)
            self.seen = dict(kept[: 16 * MOST_CODES])
        self.pages += other.pages
        self.pixels += other.pixels
        self.mixed += other.mixed
        self.many += other.many
        self.compact += other.compact


def tally_page(page: Page, picture: Picture, plane: Plane) -> Tally:
    """Count the codes of a picture in one of its planes."""
    height, width = picture.values.shape[:2]
    counts: dict[int, tuple[int, int]] = {}
    layout: bool | None = None
    for top, end in bands(picture):
        before, after = max(top - 1, 0), min(end + 1, height)  # with the neighbours of the rows between
        labels, codes = _number(read_plane(crop_rows(picture, before, after), plane))
        own = np.bincount(labels[top - before : end - before].ravel(), minlength=len(codes))
        flat = np.bincount(labels[1:-1, 1:-1][find_flat(labels)], minlength=len(codes))
        if top == 0:
            layout = _is_compact(labels, codes)
        there = np.flatnonzero(own)
        for code, number, flat_number in zip(*(of[there].tolist() for of in (codes, own, flat)), strict=True):
            above = counts.get(code, (0, 0))
            counts[code] = above[0] + number, above[1] + flat_number
    kept = sorted(counts, key=lambda code: -counts[code][0])[:MOST_CODES]
    alone = len(counts.keys() - {0}) == 1
    seen = {
        code: Seen(page, number, number, flat_number, 1, int(alone and code != 0))
        for code in kept
        for number, flat_number in [counts[code]]
    }
    return Tally(seen, 1, height * width, int(len(counts) > 1), int(layout is not None), int(bool(layout)))


def find_flat(codes: Codes) -> NDArray[np.bool_]:
    """Which inner pixels have no other code around them: (H, W) -> (H - 2, W - 2)."""
    level = codes[:, 1:] == codes[:, :-1]
    upright = codes[1:] == codes[:-1]
    rows = level[:, 1:] & level[:, :-1]  # three in a row are equal
    flat: NDArray[np.bool_] = rows[2:] & rows[1:-1] & rows[:-2] & upright[1:, 1:-1] & upright[:-1, 1:-1]
    return flat


def _number(codes: Codes) -> tuple[Codes, Codes]:
    """Codes as positions in a list of them."""
    if codes.dtype in (np.uint8, np.uint16):
        return codes, np.arange(int(codes.max()) + 1)
    labels, found = pd.factorize(codes.ravel())
    return labels.reshape(codes.shape), np.asarray(found)


def _is_compact(labels: Codes, codes: Codes) -> bool | None:
    """See `Tally.compact`; the most frequent code but 0 is left out, which of a soft mask is its foreground."""
    counts = np.bincount(labels.ravel(), minlength=len(codes))
    counts[(codes == 0) | (codes == NOT_A_NUMBER)] = 0
    if not 3 <= np.count_nonzero(counts) <= MOST_CODES:
        return None
    counts[counts.argmax()] = 0
    boxes = ndimage.find_objects(labels.astype(np.int32) + 1, max_label=len(codes))
    areas = np.array([1 if box is None else math.prod(side.stop - side.start for side in box) for box in boxes])
    compact = (counts >= COMPACT_PIXELS) & (counts >= COMPACT_SHARE * areas)
    return bool(np.count_nonzero(compact) >= 2 and counts[compact].sum() >= 0.5 * counts.sum())
