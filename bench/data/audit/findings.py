"""What an audit finds; lists and texts are whole, what people read is cut in `bench.data.audit.text`."""

from dataclasses import dataclass

from hourglass_bench.bench.data.audit.copies import FramePair, NearCopies
from hourglass_bench.bench.data.audit.look_alikes import LookAlikes
from hourglass_bench.bench.data.reading import Reading


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Frames counted by what their files are; synthetic frames count as they were drawn."""

    layout: str
    """Where images and masks lie, and how their names belong together."""
    unlabelled: list[str]
    """Stems of the images without a mask, which are left out."""
    image_sizes: dict[str, int]
    """By `WIDTHxHEIGHT` in original pixels."""
    image_modes: dict[str, int]
    """By Pillow's name of the mode, such as RGB."""
    mask_modes: dict[str, int]
    masks_of_other_size: list[str]
    """Stems of the frames whose mask has not the size of the image."""
    turned_apart: list[str]
    """Stems of the frames of which EXIF turns the image and not its mask, or otherwise."""


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """Masks at their original size; shares and IoU lie in [0, 1], means are over the frames."""

    mean_foreground: float
    """In the masks as delivered, where what is ignored counts as background."""
    least_foreground: float
    most_foreground: float
    resized_foreground: float
    """The mean in the masks as networks see them."""
    lost: float
    """Share of all foreground that lies where the resized masks say background."""
    keeping_size: tuple[int, int] | None
    """Height and width that would keep it, where some frame loses more than a tenth."""
    ignored: float
    """Share of the masks' pixels that count in no loss and no metric."""
    empty: list[str]
    """Stems of the frames without foreground."""
    vanished: list[str]
    """Stems of the frames that have foreground, of which nothing is left after resizing."""
    full: list[str]
    """Stems of the frames that are foreground to `FULL` or more."""
    covered: float
    """Share of the masks that are foreground to more than `COVERED`."""
    soft_share: float
    """Share of the pixels that are neither 0 nor 255."""
    threshold_iou: float
    """IoU of the masks cut at 64 and at 192: 1 if the threshold decides nothing."""


FULL = 0.995
"""A mask with at least this share of foreground counts as all foreground."""
COVERED = 0.85
"""A mask with more foreground may be one that marks the background."""


def tested_folds(split: str, folds: int) -> int:
    """How many folds a split tests: a hold-out and given roles test one."""
    return 1 if split in ("scene_holdout", "given") else folds


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """How frames are told apart."""

    rule: str
    examples: dict[str, str]
    """Stem -> scene of three frames."""
    roles: dict[str, int]
    """Frames of each role that the folder gives, if it gives them."""
    in_two_roles: list[str]
    """Scenes with frames in more than one of these roles."""
    copies_in_two_roles: list[FramePair]
    """Near copies that stand in two of these roles, nearest first."""


@dataclass(frozen=True, slots=True)
class Audit:
    """All that is told of a data set."""

    data: str
    """Folder, or `synthetic`."""
    warnings: list[str]
    """A sentence each: what is likely wrong, and the flag that mends it."""
    frames: int
    scenes: int
    frames_per_scene: tuple[int, float, int]
    """Smallest, median and largest number."""
    size: tuple[int, int]
    """Height and width that frames were resized to."""
    files: FileFacts
    reading: Reading
    """How the files were read."""
    masks: MaskFacts
    told_apart: SceneFacts
    exact_copies: list[list[str]]
    """Stems of frames with the same pixels, in groups."""
    compared: int
    """Frames whose pictures were compared: all, or a sample of a large set that is spread over it."""
    plain: float
    """Share of these whose image is of one colour or nearly so."""
    near_copies: NearCopies
    look_alikes: LookAlikes
    split: str
    folds: int
    copy_iou: dict[str, float]
    """By the split's name, the test IoU of copying the nearest training frame's mask (see `probe_leak`); none if there
    are fewer scenes than folds."""
