"""`bench check`: its flags, read by Python's own parser since torch and numpy must do, and its answer."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from hourglass_bench.bench.commands.cli import EXIT_INPUT, EXIT_INTERRUPTED, Answer, Command, refuse, say

SECONDS = 480.0
"""That the whole check may take."""


@dataclass(frozen=True, kw_only=True)
class Check(Command):
    """Check this machine: does it compute what it should, and how fast? Torch and numpy are enough."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:INDEX"""
    short: bool = False
    """small networks and few sizes: about a minute on two cores"""

    @property
    def line(self) -> str:
        """As it is typed."""
        return f"hourglass-bench check --device {self.device}{' --short' * self.short}"

    def run(self) -> Answer:
        """Section by section; code 1 if one of those that ask for correctness did not pass, or 130 if interrupted."""
        from hourglass_bench.bench.check.conditions import conditions
        from hourglass_bench.bench.check.lines import Task
        from hourglass_bench.bench.check.runner import Report, run_sections
        from hourglass_bench.bench.check.sections import SECTIONS
        from hourglass_bench.bench.check.text import headline, to_markdown

        start = time.monotonic()
        where = conditions(self.device)
        reports: list[Report] = []
        interrupted = False
        try:
            left = start + SECONDS - time.monotonic()
            for report in run_sections(SECTIONS, Task(where["device"], self.short), left):
                say(headline(report))
                reports.append(report)
        except KeyboardInterrupt:
            say("interrupted: what follows is of the sections before")
            interrupted = True
        passed = not interrupted and not any(report.fails for report in reports)
        about = {
            "command": self.line,
            **where,
            "seconds": round(time.monotonic() - start, 1),
            "interrupted": interrupted,
            "passed": passed,
        }
        text = to_markdown(about, reports)
        if self.json:
            say(text)
        return Answer(
            {**about, "sections": [report.to_json() for report in reports]},
            text,
            EXIT_INTERRUPTED if interrupted else int(not passed),
        )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        refuse("hourglass-bench", f"{message}. See {self.prog} --help.")
        raise SystemExit(EXIT_INPUT)


def parse(words: Sequence[str]) -> Check:
    """The command by its flags.

    Raises:
        SystemExit: help was asked for (0) or there is no such flag (2).
    """
    parser = _Parser(
        "hourglass-bench check", "%(prog)s [--help] [--device DEVICE] [--short] [--json]", description=Check.__doc__
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:INDEX (default: %(default)s)")
    parser.add_argument(
        "--short", action="store_true", help="small networks and few sizes: about a minute on two cores"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    return Check(**vars(parser.parse_args(words)))
