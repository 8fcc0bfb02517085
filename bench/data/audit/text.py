"""The audit of a data set as lines for people: all of it, or in short."""

from collections.abc import Sequence
from textwrap import TextWrapper

from hourglass_bench.bench.data.audit.copies import NEAR
from hourglass_bench.bench.data.audit.findings import FULL, Audit, FileFacts, MaskFacts, tested_folds
from hourglass_bench.bench.data.audit.look_alikes import MOST, ONE_PLACE, LookAlikes, ScenePair
from hourglass_bench.bench.data.reading import Reading

_LISTED = 6  # names or pairs; --json gives all
_WIDTH = 100  # columns of the short text
_FITS = {
    "squash": "resized to {size}",
    "letterbox": "letterboxed to {size}: the aspect ratio is kept, and the border counts in no loss and no metric",
    "crop": "cropped in the middle to {size}: the aspect ratio is kept, and what lies outside is left out",
}


def render(audit: Audit) -> str:
    """Findings under headings, most of them one line each."""
    sections = {
        "warnings": audit.warnings or ["none"],
        "frames": _frames(audit),
        "files": _files(audit),
        "scenes": _scenes(audit),
        "masks": _masks(audit),
        "copies": _copies(audit),
        "scenes that look like one place": _look_alikes(audit.look_alikes),
        "leak: test IoU of copying the mask of the nearest training frame, without any network": _leak(audit),
    }
    return "\n".join(line for title, lines in sections.items() for line in (title, *(f"  {line}" for line in lines)))


def render_short(audit: Audit) -> str:
    """One screen: what networks will see, what was decided, and what is likely wrong."""
    masks, near = audit.masks, audit.near_copies
    lines = [
        f"data: {_counted(audit)}, from {audit.data}",
        f"scenes: {audit.told_apart.rule}; {_examples(audit)}",
        f"masks: {audit.reading.masks.text}",
        f"images: {_images(audit.files, audit.reading)}; {_fit(audit)}",
        f"foreground: {_shares(masks)}; {_resized(audit)}",
        f"near copies in two scenes: {_names([f'{pair.frame} = {pair.other}' for pair in near.in_other_scenes])}",
        *(f"warning: {sentence}" for sentence in audit.warnings),
        f"more: hourglass-bench data --audit {audit.data}, with the same flags",
    ]
    whole = TextWrapper(_WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)  # paths, flags
    return "\n".join(row for line in lines for row in whole.wrap(line))


def _counted(audit: Audit) -> str:
    fewest, median, most = audit.frames_per_scene
    of = f"{fewest} to {most} frames (median {median:g})" if fewest < most else f"{most} frame{'s' * (most > 1)} each"
    return f"{audit.frames:,} frames in {audit.scenes:,} scene{'s' * (audit.scenes > 1)} of {of}"


def _frames(audit: Audit) -> list[str]:
    lines = [f"{_counted(audit)}, from {audit.data}"]
    if audit.compared < audit.frames:
        lines.append(f"compared for copies, places and the leak: {audit.compared:,} of them, spread over the scenes")
    return lines


def _files(audit: Audit) -> list[str]:
    files = audit.files
    return [
        f"found as {files.layout}",
        f"images without a mask, which are left out: {_names(files.unlabelled)}",
        f"image sizes, width x height: {_counts(files.image_sizes)}",
        f"image modes: {_counts(files.image_modes)}",
        f"mask modes: {_counts(files.mask_modes)}",
        f"black and white: {_images(files, audit.reading)}",
        f"frames are {_fit(audit)}",
        f"frames whose mask has another size than the image (both are cropped): {_names(files.masks_of_other_size)}",
    ]


def _scenes(audit: Audit) -> list[str]:
    told = audit.told_apart
    lines = [f"a frame's scene is {told.rule}", _examples(audit)]
    if told.roles:
        copies = [f"{pair.frame} = {pair.other} ({pair.distance:.3f})" for pair in told.copies_in_two_roles]
        lines += [
            f"roles that the folder gives: {_counts(told.roles)}",
            f"scenes in two of them: {_names(told.in_two_roles)}",
            f"pairs of near copies in two of them: {_names(copies)}",
        ]
    return lines


def _masks(audit: Audit) -> list[str]:
    masks = audit.masks
    return [
        audit.reading.masks.text,
        f"foreground: {_shares(masks)}",
        _resized(audit),
        f"frames without foreground: {_names(masks.empty)}",
        f"frames whose foreground is gone after resizing: {_names(masks.vanished)}",
        f"frames that are all foreground ({FULL:.1%} or more): {_names(masks.full)}",
        f"soft pixels, neither 0 nor 255: {masks.soft_share:.1%}",
        f"IoU of the masks cut at 64 and at 192: {masks.threshold_iou:.3f} (1 if the threshold decided nothing)",
    ]


def _shares(masks: MaskFacts) -> str:
    return (
        f"{masks.mean_foreground:.1%} of a frame on average, from {masks.least_foreground:.1%} to "
        f"{masks.most_foreground:.1%}"
    )


def _resized(audit: Audit) -> str:
    masks = audit.masks
    ignored = f"; {masks.ignored:.1%} of the pixels ignored" if masks.ignored else ""
    return f"{masks.resized_foreground:.1%} at {_size(audit)}, {masks.lost:.1%} of it lost by resizing{ignored}"


def _copies(audit: Audit) -> list[str]:
    near = audit.near_copies
    closest = near.nearest_of_two_scenes
    pairs = [f"{pair.frame} = {pair.other} ({pair.distance:.3f})" for pair in near.in_other_scenes]
    lines = [
        f"groups of frames with the same pixels: {_names([' = '.join(group) for group in audit.exact_copies])}",
        f"frames with a near copy (thumbnails differ by less than {NEAR}) in their own scene: "
        f"{near.share_in_own_scene:.1%}",
        f"pairs of near copies in two scenes: {_names(pairs)}",
    ]
    if closest is not None:
        lines.append(f"nearest frames of two scenes: {closest.frame} and {closest.other}, {closest.distance:.3f} apart")
    return lines


def _look_alikes(found: LookAlikes) -> list[str]:
    lines = [_pair(pair) for pair in found.pairs[:_LISTED]] or ["none"]
    if len(found.pairs) > _LISTED:
        lines.append(f"and {len(found.pairs) - _LISTED:,} more pairs")
    if found.agreeing > len(found.pairs):
        lines.append(
            f"of {found.judged:,} pairs {found.agreeing:,} agree in {ONE_PLACE:.0%} of the ground, which tells nothing "
            f"alone: plain, dark and white grounds do; proposed are those whose details stand out, at most {MOST:.0%} "
            "of all pairs"
        )
    if found.next_closest is not None:
        lines.append(f"next closest, not proposed: {_pair(found.next_closest)}")
    if found.pairs:
        lines.append("remedy: --merge-scenes writes a table for --scene-table, in which each place is one scene")
    return lines


def _pair(pair: ScenePair) -> str:
    return (
        f"{pair.first} and {pair.second}: {pair.agreement:.0%} of the background agrees, its details correlate by "
        f"{pair.details:.2f}"
    )


def _leak(audit: Audit) -> list[str]:
    if not audit.copy_iou:
        return [f"not judged: scenes are fewer than the {audit.folds} folds"]
    return [f"{name}, {_tested(name, audit.folds)} tested: {iou:.3f}" for name, iou in audit.copy_iou.items()]


def _tested(split: str, folds: int) -> str:
    return "the role" if split == "given" else f"{tested_folds(split, folds)} of {folds} folds"


def _images(files: FileFacts, reading: Reading) -> str:
    modes = ", ".join(files.image_modes)
    if reading.limits is None:
        return f"{modes} of 8 bits, as they are"
    return f"{modes}; {reading.limits.low:g} is black and {reading.limits.high:g} is white"


def _fit(audit: Audit) -> str:
    return _FITS[audit.reading.fit].format(size=_size(audit))


def _size(audit: Audit) -> str:
    height, width = audit.size
    return f"{width}x{height}"


def _examples(audit: Audit) -> str:
    examples = [f"{stem} -> {scene}" for stem, scene in audit.told_apart.examples.items()]
    return f"for example {', '.join(examples)}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items())


def _names(names: Sequence[str]) -> str:
    if not names:
        return "none"
    more = ", ..." if len(names) > _LISTED else ""
    return f"{len(names):,}: {', '.join(names[:_LISTED])}{more}"
