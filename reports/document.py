"""The report as one JSON value: sections of texts, tables and figures, which the template prints in this order."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG

from hourglass_bench.reports import data, prose, style
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures import FIGURES
from hourglass_bench.reports.figures.base import NoDataError, NotVariedError
from hourglass_bench.reports.prose.facts import Facts
from hourglass_bench.reports.tables import TABLES
from hourglass_bench.reports.tables.base import Entry
from hourglass_bench.reports.terms import TERMS

Block = dict[str, Any]


SECTIONS = {
    "answer": "",
    "search": "Search",
    "generative": "Generative models",
    "practical": "The questions of the practical",
    "protocol": "Protocol and baselines",
    "differences": "Differences",
    "depth": "Bottleneck and skip connections",
    "convergence": "Convergence",
    "tuning": "Learning rates",
    "boundary": "Boundaries, calibration and scenes",
    "predictions": "Predictions",
    "costs": "Costs",
    "configurations": "All configurations",
    "outcomes": "Outcomes",
    "provenance": "Provenance",
}
"""Their headings, in the report's order; the first page has none. After them comes the legend of terms."""

FIGURE_DIR, DATA_DIR = "figures", "data"


def write(summary: Summary, folder: Path) -> Block:
    """Write report.json, the figures with their data, and the data of everything else into `folder`."""
    (folder / FIGURE_DIR).mkdir()
    data.write(summary, folder / DATA_DIR)
    facts = Facts()
    sections = [_section(name, summary, facts, folder) for name in SECTIONS]
    sections.append(_legend(sections))
    when = datetime.fromtimestamp(summary.study.newest, UTC)
    report = {
        "title": f"Study {summary.study.name}",
        "description": summary.study.description,
        "date": f"Newest run: {when:%Y-%m-%d %H:%M} UTC",
        "sections": [section for section in sections if section["blocks"]],
        "numbers": facts,
    }
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    return report


def _section(name: str, summary: Summary, facts: Facts, folder: Path) -> Block:
    texts = [_text(name, paragraph) for paragraph in prose.write(name, summary, facts)]
    if name == "answer":
        texts[0]["kind"] = "lead"
    tables = [block for entry in TABLES.values() if entry.section == name for block in _table(entry, summary)]
    figures = _figures(name, summary, folder)
    # The first page answers with a table; further back figures come first and tables are for looking things up.
    blocks = texts + (tables + figures if name == "answer" else figures + tables)
    return {"heading": SECTIONS[name], "blocks": blocks}


def _text(section: str, paragraph: str) -> Block:
    if section == "practical":
        question, _, text = paragraph.partition("? ")
        return {"kind": "answer", "question": f"{question}?", "text": text}
    return {"kind": "text", "text": paragraph}


def _table(entry: Entry, summary: Summary) -> list[Block]:
    table = entry.make(summary)
    if table is None or not table.rows:
        return []
    block = {
        "kind": "table",
        "caption": table.caption,
        "header": table.header,
        "align": [align for _, align in table.columns],
        "rows": table.rows,
        "note": table.note,
        "configurations": [list(numbers) for numbers in table.configurations],
    }
    return [block]


def _legend(sections: list[Block]) -> Block:
    """The terms that occur in what is printed, drawings and rows of tables left aside."""
    blocks = [block for section in sections for block in section["blocks"]]
    blocks += [figure for block in blocks for figure in block.get("figures", ())]
    words = [block[part] for block in blocks for part in ("question", "text", "caption", "note") if part in block]
    words += [word for block in blocks for part in ("header", "lines") for word in block.get(part, ())]
    printed = " ".join(" ".join(words).split())
    terms = [
        [term, meaning]
        for term, meaning in TERMS.items()
        if re.search(rf"(?<!\w){re.escape(term)}s?(?!\w)", printed, re.IGNORECASE)
    ]
    return {"heading": "Legend of terms", "blocks": [{"kind": "terms", "terms": terms}] if terms else []}


def _figures(section: str, summary: Summary, folder: Path) -> list[Block]:
    """The section's figures, two of half width in one block, and a note on those without data."""
    blocks: list[Block] = []
    missing: list[str] = []
    for name, plot in FIGURES.items():
        if plot.section != section or plot.stage not in summary.study.stages:
            continue
        try:
            figure = _figure(name, summary, folder)
        except NotVariedError:
            continue
        except NoDataError as reason:
            missing.append(f"Figure {name.replace('_', ' ')} is left out: {reason}")
            continue
        before = blocks[-1]["figures"] if blocks else []
        if plot.width == "half" and len(before) == 1 and before[0]["width"] == "half":
            before.append(figure)
        else:
            blocks.append({"kind": "figures", "figures": [figure]})
    notes = [{"kind": "note", "lines": missing}] if missing else []
    return blocks + notes


def _figure(name: str, summary: Summary, folder: Path) -> Block:
    plot = FIGURES[name]
    record = plot.record(summary)
    for field, value in record._asdict().items():
        if isinstance(value, pd.DataFrame):
            value.to_csv(folder / FIGURE_DIR / f"{name}-{field}.csv", index=False)
    file = f"{FIGURE_DIR}/{name}.svg"
    with style.report_style():
        # The same file as from `savefig`, which draws everything twice.
        canvas: Any = FigureCanvasSVG(plot.draw(record))
        canvas.print_svg(folder / file, metadata={"Date": None})
    return {"file": file, "width": plot.width, "caption": plot.caption(record), "alt": plot.alt(record)}
