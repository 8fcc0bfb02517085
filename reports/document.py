"""The report as one JSON value: sections of texts, tables and figures, which the template prints in this order."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG

from reports import data, style
from reports.analysis import search
from reports.analysis.summary import Summary
from reports.figures import FIGURES
from reports.figures.base import NoDataError
from reports.prose import answer as prose
from reports.prose import generative_prose, practical, protocol
from reports.prose.said import Say
from reports.tables import TABLES
from reports.tables.base import Entry

Block = dict[str, Any]


class Section(NamedTuple):
    """A heading (none for the first page) and the sentences below it."""

    heading: str
    prose: Callable[[Summary, Say], list[str]]


def _silent(_of: Summary, _say: Say) -> list[str]:
    return []


SECTIONS = {
    "answer": Section("", prose.answer),
    "search": Section("Search", search.prose),
    "generative": Section("Generative models", generative_prose.generative),
    "practical": Section("The questions of the practical", _silent),
    "protocol": Section("Protocol and baselines", protocol.protocol),
    "differences": Section("Differences", _silent),
    "depth": Section("Bottleneck and skip connections", prose.depth),
    "convergence": Section("Convergence", _silent),
    "boundary": Section("Boundaries, calibration and scenes", _silent),
    "predictions": Section("Predictions", _silent),
    "costs": Section("Costs", _silent),
    "configurations": Section("All configurations", _silent),
    "outcomes": Section("Outcomes", prose.outcomes),
    "provenance": Section("Provenance", protocol.provenance),
}

FIGURE_DIR, DATA_DIR = "figures", "data"


def write(of: Summary, folder: Path) -> Block:
    """Write report.json, the figures with their data, and the data of everything else into `folder`."""
    (folder / FIGURE_DIR).mkdir()
    data.write(of, folder / DATA_DIR)
    say = Say()
    sections = [_section(name, of, say, folder) for name in SECTIONS]
    when = datetime.fromtimestamp(of.study.newest, UTC)
    report = {
        "title": f"Study {of.study.name}",
        "description": of.study.description,
        "date": f"Newest run: {when:%Y-%m-%d %H:%M} UTC",
        "sections": [section for section in sections if section["blocks"]],
        "numbers": say.as_json(),
    }
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    return report


def _section(name: str, of: Summary, say: Say, folder: Path) -> Block:
    texts: list[Block] = [{"kind": "text", "text": text} for text in SECTIONS[name].prose(of, say)]
    if name == "answer":
        texts[0]["kind"] = "lead"
    if name == "practical":
        texts += [{"kind": "answer", **answer._asdict()} for answer in practical.answers(of, say)]
    tables = [block for entry in TABLES.values() if entry.section == name for block in _table(entry, of)]
    figures = _figures(name, of, folder)
    # The first page answers with a table; further back figures come first and tables are for looking things up.
    blocks = texts + (tables + figures if name == "answer" else figures + tables)
    return {"heading": SECTIONS[name].heading, "blocks": blocks}


def _table(entry: Entry, of: Summary) -> list[Block]:
    table = entry.make(of)
    if table is None or not table.rows:
        return []
    header, align = list(table.columns), list(table.columns.values())
    return [{"kind": "table", "caption": table.caption, "header": header, "align": align, "rows": table.rows}]


def _figures(section: str, of: Summary, folder: Path) -> list[Block]:
    """The section's figures, two of half width in one block, and a note on those without data."""
    blocks: list[Block] = []
    missing: list[str] = []
    for name, plot in FIGURES.items():
        if plot.section != section or plot.stage not in of.study.stages:
            continue
        try:
            figure = _figure(name, of, folder)
        except NoDataError as reason:
            missing.append(f"Figure {name} is left out: {reason}")
            continue
        before = blocks[-1]["figures"] if blocks else []
        if plot.width == "half" and len(before) == 1 and before[0]["width"] == "half":
            before.append(figure)
        else:
            blocks.append({"kind": "figures", "figures": [figure]})
    notes = [{"kind": "note", "lines": missing}] if missing else []
    return blocks + notes


def _figure(name: str, of: Summary, folder: Path) -> Block:
    plot = FIGURES[name]
    record = plot.record(of)
    for field, value in record._asdict().items():
        if isinstance(value, pd.DataFrame):
            value.to_csv(folder / FIGURE_DIR / f"{name}-{field}.csv", index=False)
    file = f"{FIGURE_DIR}/{name}.svg"
    with style.report_style():
        # The same file as from `savefig`, which draws everything twice.
        canvas: Any = FigureCanvasSVG(plot.draw(record))
        canvas.print_svg(folder / file, metadata={"Date": None})
    return {"file": file, "width": plot.width, "caption": plot.caption(record), "alt": plot.alt(record)}
