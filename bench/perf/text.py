"""The answer for people: per network a table, measures down and implementations across, and sentences below it."""

from collections.abc import Sequence

from rich.console import Console
from rich.markdown import Markdown

from hourglass_bench.bench.perf.analysis import Analysis
from hourglass_bench.bench.perf.config import IMPLEMENTATIONS
from hourglass_bench.bench.perf.roofline import Roof
from hourglass_bench.bench.perf.rows import Difference, Kind, Row


def to_terminal(analyses: Sequence[Analysis], remarks: Sequence[str]) -> str:
    """The same without the marks, aligned by spaces."""
    console = Console(width=140)
    with console.capture() as capture:
        console.print(Markdown(to_markdown(analyses, remarks)))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def to_markdown(analyses: Sequence[Analysis], remarks: Sequence[str]) -> str:
    """A heading, a table and a list per network, then the remarks."""
    parts = []
    for analysis in analyses:
        names = list(analysis.measured.timings)
        rows = [
            [analysis.network, *(IMPLEMENTATIONS[name] for name in names)],
            ["---", *("---:" for _ in names)],
            *([row.label, *(_cell(row, name) for name in names)] for row in analysis.rows),
        ]
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        points = "\n".join(f"- {sentence}" for sentence in sentences(analysis))
        parts.append(f"### {analysis.network}\n\n{table}\n\n{points}")
    return "\n\n".join([*parts, "\n".join(f"- {remark}" for remark in remarks)]) + "\n"


def _cell(row: Row, implementation: str) -> str:
    value, ratio = row.values[implementation], row.ratios.get(implementation)
    if value is None:
        return "not reached"
    return number(value, row.kind) + ("" if ratio is None else f" ({ratio:.2f}x)")


def number(value: float, kind: Kind) -> str:
    """With its unit, unless the row's label or the axis names it."""
    match kind:
        case "rate":
            return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
        case "seconds":
            return f"{value:,.1f}"
        case "iou":
            return f"{value:.3f}"
        case "bytes":
            return f"{value / 1e6:,.0f} MB"
        case "share":
            return f"{value:.0%}"


def sentences(analysis: Analysis) -> list[str]:
    """What the ratios are, the roofs, and how far the trainings end apart."""
    repetitions = len(analysis.measured.rates)
    roofs = {roof.precision: roof for roof in analysis.train_roofs.values()}
    return [
        f"Medians of {repetitions} repetitions in turns; in brackets the median ratio to "
        f"{IMPLEMENTATIONS[analysis.baseline]}, repetition by repetition (training by training for seconds).",
        *(_roof(roof) for roof in roofs.values()),
        *(_difference(name, analysis.baseline, gap) for name, gap in analysis.differences.items()),
    ]


def _roof(roof: Roof) -> str:
    return (
        f"Roof in {roof.precision}: the machine multiplies matrices of side {roof.side} at {roof.matmul / 1e9:,.0f} "
        f"GFLOP/s and copies {roof.copy / 1e9:,.1f} GB/s; an image trained needs at least {roof.flops / 1e9:.2f} "
        f"GFLOP and {roof.bytes / 1e6:.1f} MB moved. The arithmetic allows {roof.matmul_images:,.0f} images/s, the "
        f"memory {roof.copy_images:,.0f}: {roof.binds} binds."
    )


def _difference(name: str, baseline: str, gap: Difference) -> str:
    pair = f"{IMPLEMENTATIONS[name]} less {IMPLEMENTATIONS[baseline]}"
    if gap.half_width is None:
        return f"Validation IoU at the end, {pair}: {gap.mean:+.3f}; one training has no interval."
    interval = f"95 % interval +-{gap.half_width:.3f} by Student's t"
    return f"Validation IoU at the end, {pair}, paired over {gap.trainings} trainings: {gap.mean:+.3f}, {interval}."
