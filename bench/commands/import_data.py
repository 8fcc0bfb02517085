"""`bench data import`: what annotation tools and others deliver, written once as a data set of this harness."""

from dataclasses import asdict
from pathlib import Path

from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.convert.convert import import_data, listing


def import_source(source: Path, out: Path, data: DataConfig) -> Answer:
    """What was taken, changed and refused."""
    found = import_data(source, out, data)
    lines = [f"{out}: {found.frames:,} frames; foreground: {found.masks}"]
    if found.labels:
        lines.append("labels: " + ", ".join(f"{label} ({count:,})" for label, count in found.labels.items()))
    for title, sentences in (("changed", found.changed), ("not taken", found.refused)):
        if sentences:
            lines += [f"{title}:", listing(sentences)]
    lines.append(f"look at it: hourglass-bench data --audit {out}")
    return Answer(asdict(found) | {"out": str(out)}, "\n".join(lines))
