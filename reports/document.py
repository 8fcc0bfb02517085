"""The report as one JSON value: sections of texts, tables and figures, which the template prints in this order."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reports import budget, prose, protocol, search, style
from reports.baselines import baseline_scores
from reports.claims import Judged, judge_headline, judge_metrics
from reports.convergence import convergence
from reports.figures import FIGURES
from reports.figures.base import NoDataError
from reports.summary import CONFIGURATION, Summary
from reports.tables import TABLES
from reports.tables.base import Entry

Block = dict[str, Any]


class Section(NamedTuple):
    """A heading (none for the first page) and the sentences below it."""

    heading: str
    prose: Callable[[Summary], list[str]]


def _silent(_: Summary) -> list[str]:
    return []


SECTIONS = {
    "answer": Section("", prose.answer),
    "search": Section("Search", search.prose),
    "presets": Section("The networks of the practical", prose.presets),
    "differences": Section("Differences", _silent),
    "convergence": Section("Convergence", _silent),
    "depth": Section("Depth and bottleneck", prose.depth),
    "predictions": Section("Predictions", _silent),
    "configurations": Section("All configurations", _silent),
    "outcomes": Section("Outcomes", prose.outcomes),
    "provenance": Section("Provenance", protocol.provenance),
}

FIGURE_DIR = "figures"


def write(of: Summary, folder: Path) -> None:
    """Write report.json and the figures with their data into `folder`."""
    (folder / FIGURE_DIR).mkdir()
    sections = [_section(name, of, folder) for name in SECTIONS]
    when = datetime.fromtimestamp(of.study.newest, UTC)
    equal, measured = prose.bottleneck_agreement(of)
    points = search.search_points(of)
    report = {
        "title": f"Study {of.study.name}",
        "description": of.study.description,
        "date": f"Newest run: {when:%Y-%m-%d %H:%M} UTC",
        "sections": [section for section in sections if section["blocks"]],
        "numbers": {
            "planned": of.study.planned,
            "outcomes": of.study.outcomes,
            "unfinished": len(of.study.unfinished),
            "budget": [share.counts() for share in budget.shares(of.study)],
            "bottleneck": {"equal": equal, "measured": measured},
            "predicted_peak": prose.peak_agreement(of)._asdict(),
            "configurations": _records(of.configurations),
            "best": _records(of.best),
            "front": _records(points[points["front"]]),
            "claims": [_claim(one) for one in judge_headline(of)],
            "metrics": [_claim(one) for one in judge_metrics(of)],
            "baselines": _records(baseline_scores(of)),
            "convergence": _records(convergence(of).by_configuration().replace([math.inf], math.nan)),
        },
    }
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")


def _claim(one: Judged) -> dict[str, Any]:
    """A judged claim, with null for what is not finite."""
    flat = {**one.comparison._asdict(), "p_adjusted": one.p, "detectable": one.detectable, "ratio": one.claim.ratio}
    pairs = {place: int(row[CONFIGURATION]) for place, row in (("a", one.claim.a), ("b", one.claim.b))}
    about = {"matching": one.claim.matching, "metric": one.metric.name, "verdict": one.verdict, **pairs}
    numbers: dict[str, Any] = json.loads(json.dumps(flat), parse_constant=lambda _: None)
    return about | numbers


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with null for what is missing."""
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return records


def _section(name: str, of: Summary, folder: Path) -> Block:
    blocks: list[Block] = [{"kind": "text", "text": text} for text in SECTIONS[name].prose(of)]
    tables = [block for entry in TABLES.values() if entry.section == name for block in _table(entry, of)]
    figures = [
        _figure(figure, of, folder)
        for figure, plot in FIGURES.items()
        if plot.section == name and plot.stage in of.study.stages
    ]
    # The first page answers with a table; further back figures come first and tables are for looking things up.
    blocks += tables + figures if name == "answer" else figures + tables
    return {"heading": SECTIONS[name].heading, "blocks": blocks}


def _table(entry: Entry, of: Summary) -> list[Block]:
    table = entry.make(of)
    if table is None or not table.rows:
        return []
    header, align = list(table.columns), list(table.columns.values())
    return [{"kind": "table", "caption": table.caption, "header": header, "align": align, "rows": table.rows}]


def _figure(name: str, of: Summary, folder: Path) -> Block:
    plot = FIGURES[name]
    try:
        record = plot.record(of)
    except NoDataError as missing:
        return {"kind": "note", "text": f"Figure {name} is left out: {missing}"}
    for field, value in record._asdict().items():
        if isinstance(value, pd.DataFrame):
            value.to_csv(folder / FIGURE_DIR / f"{name}-{field}.csv", index=False)
    file = f"{FIGURE_DIR}/{name}.svg"
    with style.report_style():
        plot.draw(record).savefig(folder / file, metadata={"Date": None})
    return {"kind": "figure", "file": file, "caption": plot.caption(record), "alt": plot.alt(record)}
