"""Sections one after the other, each in a process of its own and within its part of the time: one that hangs or dies
takes no other with it."""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hourglass_bench.bench.check.lines import Line, NotHere, Task, Work
from hourglass_bench.bench.perf.isolated import IsolatedProcess

Outcome = Literal["passed", "failed", "measured", "not here", "cut", "crashed"]
END = "end"
"""What a section's process reports after its last line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of the check."""

    name: str
    about: str
    work: Work
    correctness: bool
    """Whether the check fails where it does not pass; else it only measures."""
    share: float
    """Of the time that is left, against the shares of those that come after it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of a section."""

    name: str
    about: str
    correctness: bool
    outcome: Outcome
    """`measured`: nothing was asked of the machine; `not here`: it has nothing to do with it; `cut`: time was over."""
    reason: str
    """Why there is no more."""
    seconds: float
    lines: list[Line]

    def to_json(self) -> dict[str, Any]:
        """All fields; a figure that is no number is None, which JSON has."""
        values = asdict(self)
        for line in values["lines"]:
            line["figures"] = {name: of if math.isfinite(of) else None for name, of in line["figures"].items()}
        return values

    @property
    def fails(self) -> bool:
        """Whether the check fails for it: what was not seen to be right has not passed."""
        return self.correctness and self.outcome not in ("passed", "not here")


def run_sections(sections: Sequence[Section], task: Task, seconds: float) -> Iterator[Report]:
    """A report as soon as a section has ended; together they take no longer than `seconds`.

    Each may take its share of what those before it have left.
    """
    end = time.monotonic() + seconds
    for index, section in enumerate(sections):
        shares = sum(later.share for later in sections[index:])
        yield run_section(section, task, (end - time.monotonic()) * section.share / shares)


def run_section(section: Section, task: Task, seconds: float) -> Report:
    """In a process that is gone, with all its children, when this returns."""
    start = time.monotonic()
    lines: list[Line] = []
    outcome: Outcome | None = None
    reason = ""
    with IsolatedProcess(section.name, _serve, (section.work, task)) as process:
        try:
            while not isinstance(found := process.step(max(0.0, start + seconds - time.monotonic())), str):
                if isinstance(found, Line):
                    lines.append(found)
                else:
                    outcome, reason = "not here", found.reason
        except TimeoutError:
            outcome, reason = "cut", f"its {seconds:.0f} s were over"
        except RuntimeError as error:
            outcome, reason = "crashed", str(error).strip()
    return Report(
        name=section.name,
        about=section.about,
        correctness=section.correctness,
        outcome=outcome or _judge(lines),
        reason=reason,
        seconds=time.monotonic() - start,
        lines=lines,
    )


def _judge(lines: Sequence[Line]) -> Outcome:
    verdicts = {line.passed for line in lines}
    if False in verdicts:
        return "failed"
    return "passed" if True in verdicts else "measured"


def _serve(work: tuple[Work, Task], report: Callable[[Line | NotHere | str], None]) -> None:
    os.dup2(2, 1)  # stdout is for the answer
    section, task = work
    for line in section(task):
        report(line)
    report(END)
