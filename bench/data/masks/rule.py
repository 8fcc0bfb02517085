"""The rule by which the mask files of a set become labels."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.files.pictures import Page
from hourglass_bench.bench.data.masks.codes import nearest, share_between
from hourglass_bench.bench.data.masks.planes import NOT_A_NUMBER, Codes, Plane, bands, crop_rows, open_mask, read_plane
from hourglass_bench.bench.data.resizing.fit import Labels


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskRule:
    """How the numbers in a set's mask files become labels; without arguments as older versions read them."""

    text: str = "soft masks, 0 to 255; foreground is what is at least 128"
    """As the audit says it."""
    plane: Plane = "luminance"
    foreground: tuple[int, ...] = (255,)
    """Codes of the plane; empty where it is all that is neither background nor ignored."""
    background: tuple[int, ...] = (0,)
    ignored: tuple[int, ...] = ()
    soft: bool = True
    """Codes between that of the background and that of the foreground are shares of a pixel."""
    classes: tuple[int, ...] = ()
    """Where files are noisy: the codes that are meant, of which a pixel has the nearest."""
    inverted: bool = False
    """Foreground and background change places."""

    def __post_init__(self) -> None:
        for field in fields(self):  # JSON knows no tuples
            if isinstance(value := getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(value))


def read_labels(masks: tuple[Page, ...], rule: MaskRule, max_megapixels: int) -> Labels:
    """What the mask of one frame says by the rule of its set; pages of one frame are united.

    Raises:
        ValueError: a page cannot be read, or the pages of a frame differ in size.
    """
    labels = _read_page(masks[0], rule, max_megapixels)
    for page in masks[1:]:
        other = _read_page(page, rule, max_megapixels)
        if other.foreground.shape != labels.foreground.shape:
            (height, width), (first_height, first_width) = other.foreground.shape, labels.foreground.shape
            raise ValueError(
                f"masks of one frame must have one size, got {width}x{height} in {page} against "
                f"{first_width}x{first_height} in {masks[0]}."
            )
        np.maximum(labels.foreground, other.foreground, out=labels.foreground)
        np.logical_or(labels.ignored, other.ignored, out=labels.ignored)
    labels.foreground[labels.ignored] = 0
    return labels._replace(soft=rule.soft and bool(((labels.foreground > 0) & (labels.foreground < 255)).any()))


def _read_page(page: Page, rule: MaskRule, max_megapixels: int) -> Labels:
    picture = open_mask(page, max_megapixels)
    size = picture.values.shape[:2]
    labels = Labels(np.empty(size, np.uint8), np.empty(size, np.bool_), rule.soft, picture.mode)
    for top, end in bands(picture):
        labels.foreground[top:end], labels.ignored[top:end] = label_codes(
            rule, read_plane(crop_rows(picture, top, end), rule.plane)
        )
    return labels


def label_codes(rule: MaskRule, codes: Codes) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """How much of a pixel is foreground, 0 to 255, and which pixels are ignored, of codes of the rule's plane."""
    coloured = rule.plane == "colours"
    if rule.classes:
        codes = nearest(codes, rule.classes, coloured)
    ignored = np.isin(codes, rule.ignored) | (codes == NOT_A_NUMBER)
    if rule.soft:
        level = share_between(codes, rule.background[0], rule.foreground[0], coloured)
    elif rule.foreground:
        level = np.isin(codes, rule.foreground) * np.uint8(255)
    else:
        level = ~np.isin(codes, rule.background) * np.uint8(255)
    return 255 - level if rule.inverted else level, ignored
