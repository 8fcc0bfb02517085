"""What the findings of an audit say is likely wrong, in sentences that name the flag which mends it."""

from collections.abc import Iterator

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.audit.copies import FramePair
from hourglass_bench.bench.data.audit.findings import COVERED, FULL, Audit
from hourglass_bench.bench.data.resizing.fit import TOLERATED_LOSS

COPIED = 0.8
"""Share of the way from a trivial IoU to 1 that copied masks may go: beyond, they leave little to be learnt."""
_NAMED = 3


def find_warnings(audit: Audit, data: DataConfig) -> list[str]:
    """Sentences on a set that was read from `data`; none where nothing looks wrong."""
    return [*_of_masks(audit, data), *_of_images(audit, data), *_of_roles(audit, data), *_of_copies(audit)]


def _of_masks(audit: Audit, data: DataConfig) -> Iterator[str]:
    masks, (height, width) = audit.masks, data.size
    if masks.mean_foreground == 0:
        yield "No mask has any foreground: name its value or colour with --foreground."
    elif masks.mean_foreground + masks.ignored >= FULL:
        yield "All masks are foreground wherever they count: name its value or colour by --foreground, or use --invert."
    elif masks.covered > 0.5:
        yield (
            f"More than half of the masks are foreground to more than {COVERED:.0%}: if they mark the background, use "
            "--invert, or name the foreground's value or colour with --foreground."
        )
    ignored = list(map(str, audit.reading.masks.ignored))
    if len(ignored) > len(data.ignore):
        yield (
            f"{' and '.join(ignored)} among small numbers is taken for undecided, and left out of loss and metrics "
            f"({masks.ignored:.1%} of the pixels): --ignore {' '.join(ignored)} says so, --foreground VALUE ... "
            "what it is otherwise."
        )
    if masks.lost > TOLERATED_LOSS:
        kept = " ".join(map(str, dict.fromkeys(masks.keeping_size))) if masks.keeping_size else "of more pixels"
        yield f"Resizing to {width}x{height} loses {masks.lost:.0%} of the foreground: --size {kept} would keep it."
    if masks.vanished:
        one = len(masks.vanished) == 1
        yield (
            f"Of {'1 frame' if one else f'{len(masks.vanished):,} frames'} nothing of the foreground is left at "
            f"{width}x{height} ({_names(masks.vanished)}): there a network that finds nothing scores an IoU of 1. A "
            "larger --size or another --fit may keep it."
        )


def _of_images(audit: Audit, data: DataConfig) -> Iterator[str]:
    if stems := audit.files.unlabelled:
        yield (
            f"{_images(len(stems))} without a mask and left out ({_names(stems)}); --require-all refuses such a set."
        )
    if stems := audit.files.turned_apart:
        yield (
            f"EXIF turns {len(stems):,} images or their masks and not both ({_names(stems)}): they fit as they are "
            "seen, and are taken so; store both upright (mogrify -auto-orient) to be sure."
        )
    if audit.plain > 0.5:
        other = "set" if data.intensity == "dtype" else "dtype"
        remedy = f"--intensity {other} chooses black and white another way" if audit.reading.limits else "see --sheet"
        yield f"{audit.plain:.0%} of the images are of one colour or nearly so, as if contrast were lost: {remedy}."


def _of_roles(audit: Audit, data: DataConfig) -> Iterator[str]:
    told = audit.told_apart
    if told.roles and data.split != "given":
        roles = ", ".join(f"{role} {count:,}" for role, count in told.roles.items())
        yield f"The folder gives roles ({roles}), which are not used: --split given keeps them."
    if told.in_two_roles:
        number = len(told.in_two_roles)
        yield (
            f"{number} {'scene stands' if number == 1 else 'scenes stand'} in two of the given roles "
            f"({_names(told.in_two_roles)}): the given split leaks; --split scene_folds keeps scenes whole."
        )
    if told.copies_in_two_roles:
        yield f"Near copies stand in two given roles ({_pairs(told.copies_in_two_roles)}): the given split leaks."


def _of_copies(audit: Audit) -> Iterator[str]:
    if pairs := audit.near_copies.in_other_scenes:
        yield (
            f"Frames of two scenes are near copies ({_pairs(pairs)}): what trains may be tested; put them into one "
            "scene with --scene-pattern or a scenes.csv."
        )
    if alike := audit.look_alikes.pairs:
        names = [f"{pair.first} and {pair.second}" for pair in alike]
        yield (
            f"Scenes look like one place ({_names(names)}): if they are, bench data --audit --merge-scenes "
            "writes a table for --scene-table that makes them one scene."
        )
    copied, masks = audit.copy_iou.get(audit.split, 0.0), audit.masks
    trivial = max(masks.resized_foreground, len(masks.empty) / audit.frames)  # IoU of all foreground, and of none
    if audit.split != "random_frames" and copied - trivial > COPIED * (1 - trivial):
        yield (
            f"Copying the mask of the most similar training frame scores an IoU of {copied:.2f}: scenes are not told "
            "apart (--scene-pattern), or all masks are nearly the same."
        )


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count:,} images are"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _pairs(pairs: list[FramePair]) -> str:
    return _names([f"{pair.frame} = {pair.other}" for pair in pairs])
