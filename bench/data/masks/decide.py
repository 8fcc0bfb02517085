"""The decision what the masks of a set mean: from what all files hold and what the user says."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.files.pictures import Page
from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.data.masks.classes import NOISE, Classes, find_classes, share_at_ends, strongest
from hourglass_bench.bench.data.masks.codes import distances
from hourglass_bench.bench.data.masks.named import Named, Value, find_code, read_flags
from hourglass_bench.bench.data.masks.rule import MaskRule, label_codes
from hourglass_bench.bench.data.masks.source import Source, choose_source
from hourglass_bench.bench.data.masks.survey import survey_masks
from hourglass_bench.bench.data.masks.wording import describe, list_shares, refuse

VOID = (255, 65535)
"""What label maps leave undecided, beside the small numbers of their classes."""
VOID_SHARE = 10
"""The undecided ring around a thin object has several times its pixels; where 255 has more, small numbers are stray."""
AT_ENDS = 0.75
"""Share of all pixels near the two ends of masks with soft edges, at least: hair mattes and lines that JPEG blurred
have 0.88 and more, photographs up to 0.2."""
SMALL_NUMBER = 40
"""Classes of public label maps are numbered up to 33; higher numbers are small where every second one occurs."""


def decide_masks(masks: Sequence[tuple[Page, ...]], data: DataConfig) -> MaskRule:
    """The rule for all masks of a set, each of one page or of several whose foreground is united.

    Raises:
        ValueError: the values could mean two things, a flag names what does not occur, or no mask has foreground. The
            message names the flag that decides.
    """
    named = read_flags(data)
    survey = survey_masks((page for pages in masks for page in pages), data.max_megapixels)
    source = choose_source(survey, named)
    _check_palette(survey.palette, source, named)
    classes = find_classes(source.tally, coloured=source.plane == "colours", lossy=source.lossy)
    rule = _decide_exact(source, classes, named) if classes.exact else _decide_noisy(source, classes, named)
    rule = replace(rule, plane=source.plane, inverted=data.invert)
    _check_foreground(rule, source, classes)
    return replace(rule, text=describe(rule, source, classes))


def _decide_exact(source: Source, classes: Classes, named: Named) -> MaskRule:
    foreground = _find(named.foreground, "--foreground", source, classes)
    ignored = _find(named.ignored, "--ignore", source, classes) | _find_void(source, classes) - foreground
    rest = set(classes.codes) - ignored
    rule = MaskRule(soft=False, ignored=tuple(sorted(ignored)), foreground=tuple(sorted(foreground)))
    if foreground:
        return rule
    if named.everything:
        return replace(rule, foreground=())
    drawn = rest - {0}
    if len(drawn) > 1 and not _is_full_scale(drawn, source):
        raise refuse(source, classes)
    return replace(rule, foreground=tuple(sorted(drawn)))


def _decide_noisy(source: Source, classes: Classes, named: Named) -> MaskRule:
    foreground = _find(named.foreground, "--foreground", source, classes)
    ignored = _find(named.ignored, "--ignore", source, classes)
    codes = sorted({*classes.codes, *foreground, *ignored})
    empty = next((code for code in codes if _distance(code, 0, source) <= classes.noise), None)
    drawn = set(codes) - {empty}
    if len(drawn - ignored) > 1 and not foreground and not named.everything:
        raise refuse(source, classes)
    if len(drawn) > 1 or ignored:
        kept = (empty,) if empty is not None else (0,)
        exact = tuple(sorted(foreground)) or (() if named.everything else tuple(sorted(drawn - ignored)))
        every = tuple(sorted({*codes, *kept}))
        return MaskRule(soft=False, foreground=exact, background=kept, ignored=tuple(sorted(ignored)), classes=every)
    if named.everything and not drawn and not source.lossy:  # photographs on black
        return MaskRule(soft=False, foreground=())
    full = _full(drawn, source, classes)
    if not foreground:
        _check_ends(full, source)
    if foreground and foreground == {empty}:
        return MaskRule(foreground=(0,), background=(full,))
    return MaskRule(foreground=(full,))


def _full(drawn: set[int], source: Source, classes: Classes) -> int:
    """The code that is wholly foreground in masks with soft edges, none of whose flat areas but `drawn` is."""
    seen = source.tally.seen
    if source.plane == "colours":
        far = np.array([code for code in drawn or seen if _distance(code, 0, source) > 2 * NOISE], np.int64)
        counts = np.array([seen[int(code)].count for code in far])
        return strongest(far, counts, 0) if far.size else 0xFFFFFF
    largest = max(seen)
    scale = 255 if largest <= 255 else 65535
    if drawn and scale - max(drawn) > classes.noise:
        return max(drawn)
    return scale


def _find(values: Iterable[Value], flag: str, source: Source, classes: Classes) -> set[int]:
    """Codes of what a flag names."""
    return {_find_one(value, flag, source, classes) for value in values}


def _find_one(value: Value, flag: str, source: Source, classes: Classes) -> int:
    code = find_code(value, source.plane)
    if code is not None:
        near = min(classes.codes, key=lambda other: _distance(code, other, source), default=None)
        if near is not None and _distance(code, near, source) <= classes.noise:
            return near
        if code in source.tally.seen:
            return code
    raise ValueError(
        f"{flag} must name {source.codes} of the masks, which are {source.name}, got {value.text}; "
        f"found: {list_shares(source, classes)}."
    )


def _find_void(source: Source, classes: Classes) -> set[int]:
    """What stands beside small numbers, in one file with them, as public label maps have it."""
    if source.plane not in ("values", "greys"):
        return set()
    numbers = set(classes.codes) - {0, *VOID}
    small = numbers and 0 in classes.codes and max(numbers) <= max(SMALL_NUMBER, min(2 * len(numbers), 253))
    seen = source.tally.seen
    most = VOID_SHARE * sum(seen[code].count for code in numbers)
    beside = {code for code in VOID if code in seen and seen[code].alone < seen[code].pages}
    return {code for code in beside if small and seen[code].count <= most}


def _is_full_scale(codes: set[int], source: Source) -> bool:
    """White in files of 8 bits and in others of 16."""
    return codes == set(VOID) and all(source.tally.seen[code].alone == source.tally.seen[code].pages for code in codes)


def _check_palette(palette: dict[int, set[int]], source: Source, named: Named) -> None:
    """Index 0 is background, unless another is black."""
    if source.codes != "indices" or named.foreground or named.everything or not palette.get(0, {0}) - {0}:
        return
    black = [index for index, colours in palette.items() if colours == {0}]
    if len(palette) == 2 and black:
        raise ValueError(
            f"masks must tell foreground from background, but in {source.tally.seen[black[0]].page} and others the "
            f"palette's index 0 is not black and index {black[0]} is: --foreground {black[0]} takes it by its index, "
            f"--foreground 0 by its colour."
        )


def _check_foreground(rule: MaskRule, source: Source, classes: Classes) -> None:
    levels, ignored = label_codes(rule, np.array(list(source.tally.seen), np.int64))
    if not is_foreground(levels[~ignored]).any():
        raise ValueError(
            f"masks must have foreground, but none of these ({source.name}) has any: found "
            f"{list_shares(source, classes)}; --foreground VALUE says what is, and --invert that it is what they leave."
        )


def _check_ends(full: int, source: Source) -> None:
    """Masks are nothing or full nearly everywhere, however soft their edges are; photographs are not."""
    share = share_at_ends(source.tally, full, coloured=source.plane == "colours")
    if share < AT_ENDS:
        page = max(source.tally.seen.values(), key=lambda seen: seen.most).page
        raise ValueError(
            f"masks must be drawn in a few {source.codes} or fade between two, but only {share:.0%} of the pixels of "
            f"these ({source.name}) are near the ends, such as in {page}, as in photographs: name the folder of the "
            f"masks (--masks DIR), or what is foreground (--foreground VALUE, or all for what is not 0)."
        )


def _distance(code: int, other: int, source: Source) -> int:
    return int(distances(np.array(code), other, source.plane == "colours"))
