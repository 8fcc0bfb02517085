"""How the files of a set are read: decided once for all of them, recorded with every run, and the same in `predict`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple, get_args

import numpy as np

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.facts import Facts, digest_of, facts_of
from hourglass_bench.bench.data.files.pictures import (
    Page,
    Range,
    find_range,
    open_picture,
    picture_size,
    picture_turn,
    telling,
    to_rgb,
)
from hourglass_bench.bench.data.folder.pairs import Pair
from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.data.masks.rule import MaskRule, read_labels
from hourglass_bench.bench.data.resizing.boxes import Fit, Size, choose_fit
from hourglass_bench.bench.data.resizing.fit import TOLERATED_LOSS, Fitted, fit_frame, keeping_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was decided for a set; without arguments that of drawn frames, and of sets that older versions read."""

    masks: MaskRule = field(default_factory=MaskRule)
    limits: Range | None = None
    """What is black and white in the images; None where they have 8 bits."""
    fit: Fit = "squash"

    def to_json(self) -> str:
        """As it is stored with a run."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Reading":
        """What `to_json` wrote.

        Raises:
            ValueError, LookupError, TypeError: the text says something else.
        """
        values = json.loads(text)
        if values["fit"] not in get_args(Fit):
            raise ValueError(f"fit must be one of {', '.join(get_args(Fit))}, got {values['fit']!r}")
        limits = values["limits"] and Range(*values["limits"])
        return cls(masks=MaskRule(**values["masks"]), limits=limits, fit=values["fit"])


def decide(pairs: Sequence[Pair], data: DataConfig) -> Reading:
    """How all pairs of a set are read.

    Raises:
        ValueError: a file is no picture, or the masks could mean two things.
    """
    from hourglass_bench.bench.data.masks.decide import (
        decide_masks,  # pandas and scipy, which frames from the cache do without
    )

    images = [pair.image for pair in pairs]
    return Reading(
        masks=decide_masks([pair.masks for pair in pairs], data),
        limits=find_range(images, data.intensity, data.max_megapixels),
        fit=choose_fit([picture_size(image) for image in images], data.fit),
    )


class ReadFrame(NamedTuple):
    """One frame at the size of the training, and what is known of its files."""

    fitted: Fitted
    original_size: tuple[int, int]
    facts: Facts


def read_frame(pair: Pair, reading: Reading, data: DataConfig) -> ReadFrame:
    """Decode one pair and bring it to the size of `data`.

    Raises:
        ValueError: a file is no picture, the sizes of image and mask differ by more than one pixel, or EXIF turns only
            one of the two and nothing tells whether they fit.
    """
    with telling(pair.image):
        return _read_frame(pair, reading, data)


def _read_frame(pair: Pair, reading: Reading, data: DataConfig) -> ReadFrame:
    picture = open_picture(pair.image, data.max_megapixels)
    image = to_rgb(picture, reading.limits)
    labels = read_labels(pair.masks, reading.masks, data.max_megapixels)
    (height, width), (mask_height, mask_width) = image.shape[:2], labels.foreground.shape
    check_fit(pair, (height, width), (mask_height, mask_width))
    least = min(height, mask_height), min(width, mask_width)
    top_left = slice(least[0]), slice(least[1])
    cropped = labels._replace(foreground=labels.foreground[top_left], ignored=labels.ignored[top_left])
    fitted = fit_frame(np.ascontiguousarray(image[: least[0], : least[1]]), cropped, data.size, reading.fit)
    keeping = keeping_size(cropped, data.size, reading.fit) if fitted.lost > TOLERATED_LOSS else None
    facts = facts_of(
        picture.mode, (height, width), labels, digest_of(image), fitted.lost, keeping, turned_apart=turned_apart(pair)
    )
    left = bool((is_foreground(fitted.mask) & ~fitted.ignored).any())
    return ReadFrame(fitted, least, facts._replace(vanished=not left and bool(facts.foreground)))


def check_fit(pair: Pair, size: Size, mask_size: Size) -> None:
    """Whether the masks of a frame, upright as its image is, lie on it.

    Raises:
        ValueError: the sizes differ by more than one pixel, or EXIF turns only one of the two and nothing tells whether
            they fit.
    """
    fits = _fit(size, mask_size)
    for mask in pair.masks:
        _check_turns(pair.image, mask, fits)
    if not fits:
        raise ValueError(
            f"{pair.masks[0]} must have the size of its image {pair.image} to within one pixel, got "
            f"{mask_size[1]}x{mask_size[0]} against {size[1]}x{size[0]}; scale the masks, by the nearest pixel."
        )


def _fit(size: Size, other: Size) -> bool:
    return max(abs(size[0] - other[0]), abs(size[1] - other[1])) <= 1


def turned_apart(pair: Pair) -> bool:
    """Whether EXIF turns the image and not its masks, or otherwise."""
    return any(picture_turn(mask) != picture_turn(pair.image) for mask in pair.masks)


def _check_turns(image: Page, mask: Page, fits: bool) -> None:
    """EXIF may turn an image and not its mask, which was drawn on the stored pixels or on the upright ones."""
    turns, size = (picture_turn(image), picture_turn(mask)), picture_size(image)
    if turns[0] == turns[1]:
        return
    alike = (turns[0] >= 5) == (turns[1] >= 5) or _fit(size, size[::-1])  # the size tells nothing
    if fits and not alike:
        return
    if not fits and not _fit(size, picture_size(mask)[::-1]):
        return
    found = "fits as it is and turned" if fits else "fits only the pixels as they are stored"
    raise ValueError(
        f"{mask} must lie as its image {image} does, got EXIF orientations {turns[1]} and {turns[0]}: EXIF turns one "
        f"and not the other, and the mask {found}. If it was drawn on the upright image, store both upright "
        "(mogrify -auto-orient); if on the stored pixels, remove the orientation of both (exiftool -Orientation=)."
    )
