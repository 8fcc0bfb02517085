"""What people see: lines on stderr, coloured unless they have said otherwise, free of what a terminal would obey.

Without rich: a check of a machine has none.
"""

import os
import re
import sys
import unicodedata
from contextlib import suppress
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

_OBEYED: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what moves the cursor, colours, turns the direction of writing, hides or ends lines, and of
the bytes of names that are no text."""
_JOINERS: Final = "\u200c\u200d"
"""Between letters of Persian and Hindi, and in emoji: of that kind, and harmless."""


def printable(text: str, keep: str = "") -> str:
    r"""The text with what a terminal would obey instead of showing it as escapes, such as `\x1b`.

    The name of a file may hold anything; so may what a message quotes of its contents.

    Args:
        keep: characters that stay, such as the line ends of a text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter in keep or not _is_obeyed(letter) else _escaped(letter) for letter in text)


def _is_obeyed(letter: str) -> bool:
    return unicodedata.category(letter) in _OBEYED and letter not in _JOINERS


def _escaped(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a name that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def open_streams() -> None:
    """Open the standard streams that whoever started this process has closed, as files that hold nothing.

    Else the next file that is opened, a database perhaps, would get their number, and with it what libraries print.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the process ends


def say(text: str) -> None:
    """One line for people, on stderr: shown as `paint_words` shows it."""
    tell(paint_words(text, sys.stderr))


def tell(text: str) -> None:
    """A line on stderr, as it is. That nobody can read it any more, or its disk is full, ends no work."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Have what is written to a stream that refuses it go nowhere, what Python still has to flush as well."""
    with suppress(OSError):  # it may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
    """The text, made `printable`, with its states, verdicts and warnings coloured."""
    text = printable(text, keep="\n\t")
    if not is_wanted(stream):
        return text
    for colour, words in _COLOURED:
        text = words.sub(rf"\033[{colour}m\g<0>\033[0m", text)
    return text
