"""Tables of the runs themselves: how they ended, and where they took place."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.evidence import KINDS, evidence
from hourglass_bench.reports.analysis.plan import Ending, endings, kinds, shares, unnamed
from hourglass_bench.reports.analysis.summary import LABEL, Summary
from hourglass_bench.reports.store.load import ARCHITECTURE, EPOCHS, REPEAT
from hourglass_bench.reports.tables.base import Table, left, right
from hourglass_bench.reports.text import DASH, counted, significant

UNLOGGED = "not logged"
NO_REASON = "no reason given"
TESTED = "Only complete runs have test figures."
MOST_REASONS = 20
"""Of the comparison that have a row each."""
MOST_VALUES = 6
"""Values of a parameter that are listed one by one; more numbers than that are shown as a range."""
MOST_UNFINISHED = 20


def planned(summary: Summary) -> Table | None:
    """Planned units of each stage and architecture by how they ended; None if the plan is not known."""
    every, columns = shares(summary.study), kinds(summary.study)
    tested = "No search trial has test figures." if "search" in summary.study.stages else TESTED
    deleted = "Deleted: by hand, with their outcome. " if "deleted" in columns else ""
    rows = [
        [
            share.stage,
            style.look(share.architecture).label,
            str(share.planned),
            *(str(share.count(kind)) for kind in columns),
            str(share.missing),
        ]
        for share in every
    ]
    for stage, runs in unnamed(summary.study).groupby(schema.STAGE) if every else []:
        rows.append([str(stage), UNLOGGED, DASH, *_counts(runs, columns), DASH])
    return Table(
        "Planned units, by how their newest attempt ended.",
        [*left("stage", "architecture"), *right("planned", *_headings(columns), "missing")],
        rows,
        f"{deleted}Missing: without an outcome. {tested}",
    )


def outcomes(summary: Summary) -> Table | None:
    """Runs of each architecture by how they ended; None where the plan says so, and more."""
    if summary.study.planned_units:
        return None
    ended, columns = endings(summary.study), kinds(summary.study)
    rows = [
        [style.look(name).label, *_counts(runs, columns), str(len(runs))]
        for name in style.in_order(filter(None, ended[ARCHITECTURE]))
        if len(runs := ended[ended[ARCHITECTURE] == name])
    ]
    unknown = unnamed(summary.study)
    if len(unknown):
        rows.append([UNLOGGED, *_counts(unknown, columns), str(len(unknown))])
    return Table(
        "Units with an outcome, by how their newest attempt ended.",
        [*left("architecture"), *right(*_headings(columns), "all")],
        rows,
        TESTED,
    )


def gone(summary: Summary) -> Table | None:
    """What is gone of the evidence of each stage and architecture; None where nothing is."""
    counts = evidence(summary)
    shown = [kind for kind in KINDS if kind in set(counts.loc[counts["gone"] > 0, "kind"])]
    if not shown:
        return None
    texts = counts["gone"].astype("str") + " of " + counts["units"].astype("str")
    cells = counts.assign(text=texts).set_index([schema.STAGE, ARCHITECTURE, "kind"])["text"].to_dict()
    rows = [
        [stage, style.look(name).label if name else UNLOGGED, *(cells.get((stage, name, kind), DASH) for kind in shown)]
        for stage, name in counts[[schema.STAGE, ARCHITECTURE]].drop_duplicates().itertuples(index=False)
    ]
    return Table(
        "Evidence that is gone: tested runs without the file or the curves; runs with an outcome, deleted by hand.",
        [*left("stage", "architecture"), *right(*(KINDS[kind] for kind in shown))],
        rows,
    )


def _counts(runs: pd.DataFrame, columns: list[Ending]) -> list[str]:
    return [str((runs[schema.STATE] == kind).sum()) for kind in columns]


def _headings(columns: list[Ending]) -> list[str]:
    return [kind.replace("_", " ") for kind in columns]


def reasons(summary: Summary) -> Table:
    """Why runs ended other than complete.

    Search trials share a row where reasons differ in numbers only; if there are many reasons, all runs do.
    """
    logged = summary.logged[summary.logged[schema.STATE] != "complete"]
    ended = pd.concat([logged, summary.study.unlogged])
    many = ended.loc[~ended[schema.STAGE].isin(schema.CHOOSING), schema.STATE_REASON].nunique() > MOST_REASONS
    rows = [
        [*_ended(runs), "; ".join(f"{run[LABEL]}, repeat {run[REPEAT]}" for _, run in runs.head(2).iterrows())]
        for runs in _alike(logged, many)
    ]
    rows += [[*_ended(runs), runs["run_id"].iloc[0][:8]] for runs in _alike(summary.study.unlogged, many)]
    columns = ["architecture", "state", "count", "reason", "for example"]
    who = "Runs" if many else "Search trials"
    shared = f"{who} whose reasons differ in numbers only share a row."
    shared = shared if many or "search" in summary.study.stages else ""
    return Table("Reasons of the runs that did not complete.", left(*columns), rows, shared)


def _alike(runs: pd.DataFrame, many: bool) -> list[pd.DataFrame]:
    """Runs that share a row: numbers in the reasons of search trials, or of all if there are many, do not count."""
    reasons = runs[schema.STATE_REASON].astype("str")
    kept = ~runs[schema.STAGE].isin(schema.CHOOSING) & (not many)
    reasons = reasons.where(kept, reasons.str.replace(r"\d[\d.,]*", "#", regex=True))
    return [own for _, own in runs.groupby([schema.STAGE, ARCHITECTURE, schema.STATE, reasons])]


def _ended(runs: pd.DataFrame) -> list[str]:
    """Architecture, state, count and reason that runs share."""
    first = runs.iloc[0]
    name = style.look(first[ARCHITECTURE]).label if first[ARCHITECTURE] else UNLOGGED
    reason = first[schema.STATE_REASON] or NO_REASON
    return [name, first[schema.STATE].replace("_", " "), counted(len(runs), "run"), reason]


def unfinished(summary: Summary) -> Table:
    """The newest attempts without an outcome."""
    done = set(summary.logged[schema.UNIT])
    rows = [
        [
            run["run_id"][:8],
            style.look(run[ARCHITECTURE]).label if run[ARCHITECTURE] else "not logged yet",
            _or_dash(run.get(REPEAT)),
            run["status"].lower(),
            _or_dash(run.get(schema.STATE_REASON)),
            "yes" if run[schema.UNIT] in done else "no",
        ]
        for _, run in summary.study.unfinished.tail(MOST_UNFINISHED).iterrows()
    ]
    columns = ["run", "architecture", "repeat", "status", "reason", "has an outcome by now"]
    more = len(summary.study.unfinished) - len(rows)
    older = f"{more} older ones are not listed." if more else ""
    return Table("Attempts without an outcome: running, or cut off.", left(*columns), rows, older)


def _or_dash(value: object) -> str:
    return value if isinstance(value, str) and value else DASH


def provenance(summary: Summary) -> Table:
    """Where the numbers come from: every tag and protocol parameter with all values it takes."""
    runs = summary.logged
    names = sorted(set(runs.columns.astype("str")) - {schema.DATA_READING})  # which the text tells
    shown = [EPOCHS, *(name for name in names if name.startswith(("data.", "training.")) and name != EPOCHS)]
    shown += [schema.GIT_COMMIT, *(name for name in names if name.startswith(schema.ENVIRONMENT))]
    rows = [[name, _values(runs[name])] for name in shown if name in runs.columns]
    half = (len(rows) + 1) // 2
    beside = [*rows[half:], ["", ""]][:half]
    return Table(
        "Protocol, data, code and machine as logged by the runs.",
        left(*("name", "value") * 2),
        [first + second for first, second in zip(rows[:half], beside, strict=True)],
        "Several values mean that the runs differ in it.",
    )


def _values(column: pd.Series) -> str:
    values = sorted(str(value) for value in column.dropna().unique() if value != "")
    numbers = pd.to_numeric(pd.Series(values), errors="coerce")
    if len(values) > MOST_VALUES and numbers.notna().all():
        return f"{significant(numbers.min())} to {significant(numbers.max())} ({len(values)} values)"
    return " | ".join(values) or DASH
