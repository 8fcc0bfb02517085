"""The files of a measurement: perf.json with every repetition, perf.md for pasting, perf.svg."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.files import replacing
from bench.perf.analysis import Analysis
from bench.perf.text import to_markdown


def write_report(out: Path, answer: dict[str, Any], analyses: Sequence[Analysis], remarks: Sequence[str]) -> None:
    """Write all files into a folder that exists; each appears when it is complete."""
    from bench.perf.figure import write_figure

    texts = {"perf.json": json.dumps(answer, indent=1) + "\n", "perf.md": to_markdown(analyses, remarks)}
    for name, text in texts.items():
        with replacing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    write_figure(analyses, out / "perf.svg")


def to_json(analyses: Sequence[Analysis]) -> dict[str, Any]:
    """Network -> measurements, rows, roofs with their derived figures, differences."""
    return {analysis.network: _network(analysis) for analysis in analyses}


def _network(analysis: Analysis) -> dict[str, Any]:
    values = asdict(analysis)
    del values["network"]
    for kind, roofs in (("train_roofs", analysis.train_roofs), ("infer_roofs", analysis.infer_roofs)):
        for name, roof in roofs.items():
            values[kind][name] |= {"images": roof.images, "binds": roof.binds}
    return values
