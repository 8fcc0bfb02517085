"""The audit of a data set as lines for people."""

from collections.abc import Sequence

from bench.data.audit.audit import FULL, Audit, FileFacts, MaskFacts
from bench.data.audit.copies import NEAR
from bench.data.audit.look_alikes import MOST, ONE_PLACE, LookAlikes, ScenePair

_LISTED = 6  # names or pairs; --json gives all


def render(audit: Audit) -> str:
    """Findings under headings, most of them one line each."""
    sections = {
        "frames": _frames(audit),
        "files": _files(audit.files),
        "masks": _masks(audit.masks),
        "copies": _copies(audit),
        "scenes that look like one place": _look_alikes(audit.look_alikes),
        "leak: test IoU of copying the mask of the nearest training frame, without any network": _leak(audit),
    }
    return "\n".join(line for title, lines in sections.items() for line in (title, *(f"  {line}" for line in lines)))


def _frames(audit: Audit) -> list[str]:
    fewest, median, most = audit.frames_per_scene
    counts = f"{audit.frames:,} frames in {audit.scenes:,} scenes of {fewest} to {most} frames (median {median:g})"
    return [f"{counts}, from {audit.data}"]


def _files(files: FileFacts) -> list[str]:
    return [
        f"image sizes, width x height: {_counts(files.image_sizes)}",
        f"image modes: {_counts(files.image_modes)}",
        f"frames whose mask has another size than the image (both are cropped): {_names(files.masks_of_other_size)}",
    ]


def _masks(masks: MaskFacts) -> list[str]:
    return [
        f"foreground: {masks.mean_foreground:.1%} of a frame on average, from {masks.least_foreground:.1%} to "
        f"{masks.most_foreground:.1%}",
        f"frames without foreground: {_names(masks.empty)}",
        f"frames that are all foreground ({FULL:.1%} or more): {_names(masks.full)}",
        f"soft pixels, neither 0 nor 255: {masks.soft_share:.1%}",
        f"IoU of the masks cut at 64 and at 192: {masks.threshold_iou:.3f} (1 if the threshold decided nothing)",
    ]


def _copies(audit: Audit) -> list[str]:
    near = audit.near_copies
    closest = near.nearest_of_two_scenes
    pairs = [f"{pair.frame} = {pair.other} ({pair.distance:.3f})" for pair in near.in_other_scenes]
    return [
        f"groups of frames with the same pixels: {_names([' = '.join(group) for group in audit.exact_copies])}",
        f"frames with a near copy (thumbnails differ by less than {NEAR}) in their own scene: "
        f"{near.share_in_own_scene:.1%}",
        f"pairs of near copies in two scenes: {_names(pairs)}",
        f"nearest frames of two scenes: {closest.frame} and {closest.other}, {closest.distance:.3f} apart",
    ]


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
    tested = {name: 1 if name == "scene_holdout" else audit.folds for name in audit.copy_iou}
    return [f"{name}, {tested[name]} of {audit.folds} folds tested: {iou:.3f}" for name, iou in audit.copy_iou.items()]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items())


def _names(names: Sequence[str]) -> str:
    if not names:
        return "none"
    more = ", ..." if len(names) > _LISTED else ""
    return f"{len(names):,}: {', '.join(names[:_LISTED])}{more}"
