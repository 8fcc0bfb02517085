"""Colour, for people at a terminal who have not said otherwise. Without rich: a check of a machine has none."""

import os
import re
from typing import Final, TextIO

RED, GREEN, YELLOW, BOLD = "31", "32", "33", "1"
WORDS: Final = {
    GREEN: ("complete", "passed", "ok"),
    YELLOW: ("warning", "pruned", "infeasible", "interrupted"),
    RED: ("diverged", "out of memory", "failed", "FAILED", "crashed"),
}
"""States, verdicts and what is to be heeded, by colour: where something ends after them, not as words of a sentence."""
_COLOURED: Final = [
    (colour, re.compile(rf"(?<![\w/.-])(?:{'|'.join(words)})(?=[:,;)]| \(| \||  | in \d| after \d|$)", re.MULTILINE))
    for colour, words in WORDS.items()
]


def is_wanted(stream: TextIO) -> bool:
    """Whether what is written there may have colours: https://no-color.org, https://force-color.org, TERM=dumb."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_live(stream)


def is_live(stream: TextIO) -> bool:
    """Whether somebody sees it on a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def paint(text: str, colour: str, stream: TextIO) -> str:
    """The text in a colour, if that is wanted on the stream."""
    return f"\033[{colour}m{text}\033[0m" if text and is_wanted(stream) else text


def paint_words(text: str, stream: TextIO) -> str:
    """The text with its states, verdicts and warnings coloured."""
    if not is_wanted(stream):
        return text
    for colour, words in _COLOURED:
        text = words.sub(rf"\033[{colour}m\g<0>\033[0m", text)
    return text
