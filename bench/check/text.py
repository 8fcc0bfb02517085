"""The answer for people: where it was found, then a table per section, in Markdown that a terminal shows as well."""

from collections.abc import Mapping, Sequence
from typing import Any

from hourglass_bench.bench.check.lines import Line, cause
from hourglass_bench.bench.check.runner import Report
from hourglass_bench.bench.machine.examine import DeviceFacts

VERDICTS = {True: "ok", False: "FAILED", None: ""}


def headline(report: Report) -> str:
    """What became of a section, in a line."""
    failed = [line.name for line in report.lines if line.passed is False]
    asked = sum(line.passed is not None for line in report.lines)
    parts = [f"{report.name}: {report.outcome} in {report.seconds:.1f} s"]
    if asked:
        parts.append(f"{asked - len(failed)} of {asked} as they should be")
    if report.reason:
        parts.append(cause(report.reason))
    if failed:
        parts.append(f"failed: {', '.join(failed)}")
    return "; ".join(parts)


def to_markdown(about: Mapping[str, Any], reports: Sequence[Report]) -> str:
    """All that is known of the machine, all sections, and the verdict."""
    verdict = "was interrupted" if about["interrupted"] else "passed" if about["passed"] else "FAILED"
    parts = [
        _where(about),
        *(_section(report) for report in reports),
        f"The check {verdict} after {about['seconds']:.0f} s.",
    ]
    return "\n\n".join(parts)


def _where(about: Mapping[str, Any]) -> str:
    return (
        f"`{about['command']}` on {about['date']}, commit {about['commit'][:12]}: {about['device']}, "
        f"{DeviceFacts(**about['hardware'])}; {about['cores']} cores of {about['processor']}; torch {about['torch']}, "
        f"Python {about['python']}."
    )


def _section(report: Report) -> str:
    table = f"\n\n{_table(report.lines)}" if report.lines else ""
    return f"### {report.about}\n\n{headline(report)}{table}"


def _table(lines: Sequence[Line]) -> str:
    """Lines down, their figures across; columns that say nothing are left out, and all are padded to one width."""
    names = list(dict.fromkeys(name for line in lines for name in line.figures))
    cells = [
        [line.name, *(number(line.figures.get(name)) for name in names), VERDICTS[line.passed], line.note]
        for line in lines
    ]
    rows = [["", *names, "verdict", "note"], *cells]
    kept = [column for column in zip(*rows, strict=True) if column[0] in ("", *names) or any(column[1:])]
    widths = [max(map(len, column)) for column in kept]
    numeric = [column[0] in names for column in kept]
    rule = [("-" * (width - right)) + ":" * right for width, right in zip(widths, numeric, strict=True)]
    padded = [
        [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        for row in zip(*kept, strict=True)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (padded[0], rule, *padded[1:]))


def number(value: float | None) -> str:
    """Whole numbers in full, others to four digits."""
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
