"""The decision what the masks of a set mean: from what all files hold and what the user says."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from bench.config import DataConfig
from bench.data.frames import is_foreground
from bench.data.masks.classes import NOISE, Classes, distances, find_classes
from bench.data.masks.named import Named, Value, find_code, read_flags, write_code, write_list
from bench.data.masks.planes import NOT_A_NUMBER
from bench.data.masks.rule import MaskRule, label_codes
from bench.data.masks.source import Source, choose_source
from bench.data.masks.survey import survey_masks
from bench.data.pictures import Page

MOST_LISTED = 12
"""So many codes are listed in a message."""
VOID = (255, 65535)
"""What label maps leave undecided, beside the small numbers of their classes."""
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
    return replace(rule, text=_describe(rule, source, classes))


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
        raise ValueError(_refusal(source, classes))
    return replace(rule, foreground=tuple(sorted(drawn)))


def _decide_noisy(source: Source, classes: Classes, named: Named) -> MaskRule:
    foreground = _find(named.foreground, "--foreground", source, classes)
    ignored = _find(named.ignored, "--ignore", source, classes)
    codes = sorted({*classes.codes, *foreground, *ignored})
    empty = next((code for code in codes if _distance(code, 0, source) <= classes.noise), None)
    drawn = set(codes) - {empty}
    if len(drawn - ignored) > 1 and not foreground and not named.everything:
        raise ValueError(_refusal(source, classes))
    if len(drawn) > 1 or ignored:
        kept = (empty,) if empty is not None else (0,)
        exact = tuple(sorted(foreground)) or (() if named.everything else tuple(sorted(drawn - ignored)))
        every = tuple(sorted({*codes, *kept}))
        return MaskRule(soft=False, foreground=exact, background=kept, ignored=tuple(sorted(ignored)), classes=every)
    full = _full(drawn, source, classes)
    if foreground and foreground == {empty}:
        return MaskRule(foreground=(0,), background=(full,))
    return MaskRule(foreground=(full,))


def _full(drawn: set[int], source: Source, classes: Classes) -> int:
    """The code that is wholly foreground in masks with soft edges, none of whose flat areas but `drawn` is."""
    seen = source.tally.seen
    if source.plane == "colours":
        far = [code for code in drawn or seen if _distance(code, 0, source) > 2 * NOISE]
        return max(far, key=lambda code: seen[code].count, default=0xFFFFFF)
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
        f"found: {_shares(source, classes)}."
    )


def _find_void(source: Source, classes: Classes) -> set[int]:
    """What stands beside small numbers, in one file with them, as public label maps have it."""
    if source.plane not in ("values", "greys"):
        return set()
    numbers = set(classes.codes) - {0, *VOID}
    small = numbers and max(numbers) <= max(SMALL_NUMBER, min(2 * len(numbers), 253))
    seen = source.tally.seen
    return {code for code in VOID if small and code in seen and seen[code].alone < seen[code].pages}


def _is_full_scale(codes: set[int], source: Source) -> bool:
    """White in files of 8 bits and in others of 16."""
    return codes == set(VOID) and all(source.tally.seen[code].alone == source.tally.seen[code].pages for code in codes)


def _check_palette(palette: dict[int, set[int]], source: Source, named: Named) -> None:
    """Index 0 is background, unless another is black."""
    if source.codes != "indices" or named.foreground or not palette.get(0, {0}) - {0}:
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
            f"{_shares(source, classes)}; --foreground VALUE says what is, and --invert that it is what they leave."
        )


def _describe(rule: MaskRule, source: Source, classes: Classes) -> str:
    """As the audit says it."""
    foreground, rest = _write(rule.foreground, source), _write((*rule.background, *rule.ignored), source)
    if rule.soft:
        low, high = (foreground, rest) if rule.inverted else (rest, foreground)
        meaning = f"what is nearer to {high} than to {low} after resizing is foreground"
    else:
        others = bool(rule.foreground) == rule.inverted
        named = foreground if rule.foreground else rest
        meaning = f"{'all but ' if others else ''}{named} {'are' if len(rule.foreground) > 1 else 'is'} foreground"
    meaning += " (--invert)" if rule.inverted else ""
    if rule.ignored:
        verb = "is" if len(rule.ignored) == 1 else "are"
        meaning += f", {_write(rule.ignored, source)} {verb} left out of loss and metrics"
    if NOT_A_NUMBER in source.tally.seen:
        meaning += ", pixels that hold no number are left out of loss and metrics"
    return f"{source.name}, {'soft edges' if rule.soft else _found(source, classes)}; {meaning}"


def _refusal(source: Source, classes: Classes) -> str:
    seen = source.tally.seen
    rarest = min((code for code in classes.codes if code), key=lambda code: seen[code].count)
    value = "COLOUR" if source.plane == "colours" else "VALUE"
    remedy = f"--foreground {value} ... says what is foreground (several unite), --ignore {value} what counts nowhere"
    every = "--foreground all takes every object of instance labels"
    found = f"found {_shares(source, classes)}; {remedy}; {every}"
    if classes.objects:
        what = f"are instance labels, one of the {source.codes} for each object"
        found = f"found {_found(source, classes)}; {every}; of classes, {remedy}"
    elif len(classes.codes) == 2:
        what = f"hold two {source.codes}, of which none is {'black' if source.plane == 'colours' else 0}"
    else:
        what = f"are a label map of more{_apart(classes.codes, source)}"
    return (
        f"masks must tell foreground from background, but these ({source.name}) {what}, "
        f"such as {seen[rarest].page}: {found}."
    )


def _apart(codes: Sequence[int], source: Source) -> str:
    """Two files that differ in what they call foreground, if no file holds both values."""
    seen = source.tally.seen
    single = [code for code in codes if code and seen[code].alone == seen[code].pages]
    if len(single) < 2:
        return ""
    first, second = single[0], single[-1]
    return (
        f", or of two kinds, as {seen[first].page} holds {write_code(first, source.plane)} "
        f"and {seen[second].page} holds {write_code(second, source.plane)}"
    )


def _shares(source: Source, classes: Classes) -> str:
    """Codes with the share of all pixels that they have."""
    seen = source.tally.seen
    codes = classes.codes or sorted(seen, key=lambda code: -seen[code].count)[:MOST_LISTED]
    shares = (f"{write_code(code, source.plane)} ({seen[code].count / source.tally.pixels:.2%})" for code in codes)
    return write_list(list(shares), MOST_LISTED)


def _found(source: Source, classes: Classes) -> str:
    count = len(classes.codes)
    if count <= MOST_LISTED:
        return f"{source.codes} {_write(classes.codes, source)}"
    if source.plane == "colours":
        return f"{count} colours"
    low, high = (write_code(code, source.plane) for code in (classes.codes[0], classes.codes[-1]))
    return f"{count} {source.codes} from {low} to {high}"


def _write(codes: Sequence[int], source: Source) -> str:
    return write_list([write_code(code, source.plane) for code in codes], MOST_LISTED)


def _distance(code: int, other: int, source: Source) -> int:
    return int(distances(np.array(code), other, source.plane == "colours"))
