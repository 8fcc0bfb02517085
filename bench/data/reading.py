"""How the files of a set are read: decided once for all of them, recorded with every run, and the same in `predict`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np

from bench.config import DataConfig
from bench.data.boxes import Fit, choose_fit
from bench.data.facts import Facts, digest_of, facts_of
from bench.data.fit import TOLERATED_LOSS, Fitted, Labels, fit_frame, keeping_size
from bench.data.folder import Pair
from bench.data.masks import MaskRule, decide_masks, read_labels
from bench.data.pictures import Range, find_range, open_picture, picture_size, to_rgb


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
        """What `to_json` wrote."""
        values = json.loads(text)
        limits = values["limits"] and tuple(values["limits"])
        return cls(masks=MaskRule(**values["masks"]), limits=limits, fit=values["fit"])


def decide(pairs: Sequence[Pair], data: DataConfig) -> Reading:
    """How all pairs of a set are read.

    Raises:
        ValueError: a file is no picture, or the masks could mean two things.
    """
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
        ValueError: a file is no picture, or the sizes of image and mask differ by more than one pixel.
    """
    picture = open_picture(pair.image, data.max_megapixels)
    image = to_rgb(picture, reading.limits)
    labels = read_labels(pair.masks, reading.masks, data.max_megapixels)
    (height, width), (mask_height, mask_width) = image.shape[:2], labels.foreground.shape
    if max(abs(height - mask_height), abs(width - mask_width)) > 1:
        raise ValueError(
            f"{pair.masks[0]} must have the size of its image {pair.image} to within one pixel, "
            f"got {mask_width}x{mask_height} against {width}x{height}."
        )
    least = min(height, mask_height), min(width, mask_width)
    cropped = Labels(labels.foreground[: least[0], : least[1]], labels.ignored[: least[0], : least[1]], labels.soft)
    fitted = fit_frame(np.ascontiguousarray(image[: least[0], : least[1]]), cropped, data.size, reading.fit)
    keeping = keeping_size(cropped, data.size, reading.fit) if fitted.lost > TOLERATED_LOSS else None
    facts = facts_of(picture.mode, (height, width), labels, digest_of(image), fitted.lost, keeping)
    return ReadFrame(fitted, least, facts)
