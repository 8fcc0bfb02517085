"""What was found in the masks of a set and what was made of it, in words."""

from collections.abc import Sequence

from hourglass_bench.bench.data.masks.classes import Classes
from hourglass_bench.bench.data.masks.named import write_code, write_list
from hourglass_bench.bench.data.masks.planes import NOT_A_NUMBER
from hourglass_bench.bench.data.masks.rule import MaskRule
from hourglass_bench.bench.data.masks.source import Source

MOST_LISTED = 12
"""So many codes are listed."""


def describe(rule: MaskRule, source: Source, classes: Classes) -> str:
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


def refuse(source: Source, classes: Classes) -> ValueError:
    """That nobody can know what is foreground, and the flag that says it."""
    seen = source.tally.seen
    rarest = min((code for code in classes.codes if code), key=lambda code: seen[code].count)
    value = "COLOUR" if source.plane == "colours" else "VALUE"
    remedy = f"--foreground {value} ... says what is foreground (several unite), --ignore {value} what counts nowhere"
    every = "--foreground all takes every object of instance labels"
    found = f"found {list_shares(source, classes)}; {remedy}; {every}"
    if classes.objects:
        what = f"are instance labels, one of the {source.codes} for each object"
        found = f"found {_found(source, classes)}; {every}; of classes, {remedy}"
    elif len(classes.codes) == 2:
        what = f"hold two {source.codes}, of which none is {'black' if source.plane == 'colours' else 0}"
    else:
        what = f"are a label map of more than two classes{_apart(classes.codes, source)}"
    return ValueError(
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


def list_shares(source: Source, classes: Classes) -> str:
    """The classes with the share of all pixels that they have."""
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
