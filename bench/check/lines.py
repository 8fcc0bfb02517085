"""What a section of the check finds, as plain values that become JSON and a table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that was looked at."""

    name: str
    figures: dict[str, float] = field(default_factory=dict)
    """What was measured, by what it is and its unit."""
    passed: bool | None = None
    """Whether it is as it should be; None: nothing is asked of it."""
    note: str = ""


class NotHere(NamedTuple):
    """A section has nothing to do on this device."""

    reason: str


class Task(NamedTuple):
    """What a section is asked; can be sent to a process."""

    device: str
    short: bool
    """Whether a minute on two cores must do for all sections."""


Work = Callable[[Task], Iterator[Line | NotHere]]
"""A section's work: a line as soon as it is found, so that what comes later may be cut."""


def cause(text: str) -> str:
    """The line of a process's failure that names the error: behind it CUDA's errors go on for lines of advice."""
    lines = text.strip().splitlines()
    last_frame = max((number for number, line in enumerate(lines) if line.startswith(" ")), default=-1)
    return lines[min(last_frame + 1, len(lines) - 1)]


def error_line(error: BaseException) -> str:
    """The first line of what an error says, with its type."""
    text = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {text[:120]}"
