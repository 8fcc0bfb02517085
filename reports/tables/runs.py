"""Tables of the runs themselves: how they ended, and where they took place."""

import pandas as pd

from bench import schema
from reports import style
from reports.load import ARCHITECTURE, EPOCHS, SEED
from reports.summary import LABEL, Summary
from reports.tables.base import Table
from reports.text import DASH, counted

UNLOGGED = "not logged"
NO_REASON = "no reason given"


def outcomes(of: Summary) -> Table:
    """Runs of each architecture by how they ended."""
    counts = pd.crosstab(of.runs[ARCHITECTURE], of.runs[schema.STATE]).reindex(
        columns=list(schema.STATES), fill_value=0
    )
    rows = [
        [style.look(name).label, *(str(count) for count in counts.loc[name]), str(counts.loc[name].sum())]
        for name in style.in_order(of.runs[ARCHITECTURE])
    ]
    if len(of.study.unlogged):
        unlogged = of.study.states - counts.sum()
        rows.append([UNLOGGED, *(str(count) for count in unlogged), str(unlogged.sum())])
    columns = [state.replace("_", " ") for state in schema.STATES]
    return Table(
        "Units with an outcome, by how their newest attempt ended. Only complete runs have test figures.",
        {"architecture": "left", **dict.fromkeys([*columns, "all"], "right")},
        rows,
    )


def reasons(of: Summary) -> Table:
    """Why runs ended other than complete."""
    by = [schema.STATE, schema.STATE_REASON]
    other = of.runs[of.runs[schema.STATE] != "complete"]
    rows = []
    for _, runs in other.groupby([ARCHITECTURE, *by]):
        examples = "; ".join(f"{run[LABEL]}, seed {run[SEED]}" for _, run in runs.head(2).iterrows())
        rows.append([style.look(runs[ARCHITECTURE].iloc[0]).label, *_ended(runs), examples])
    for _, runs in of.study.unlogged.fillna({schema.STATE_REASON: ""}).groupby(by):
        rows.append([UNLOGGED, *_ended(runs), runs["run_id"].iloc[0][:8]])
    columns = ["architecture", "state", "count", "reason", "for example"]
    return Table("Reasons of the runs that did not complete.", dict.fromkeys(columns, "left"), rows)


def _ended(runs: pd.DataFrame) -> list[str]:
    """State, count and reason of runs that share state and reason."""
    first = runs.iloc[0]
    return [first[schema.STATE].replace("_", " "), counted(len(runs), "run"), first[schema.STATE_REASON] or NO_REASON]


def unfinished(of: Summary) -> Table:
    """Attempts without an outcome."""
    done = set(of.runs[schema.UNIT])
    rows = [
        [
            run["run_id"][:8],
            style.look(run[ARCHITECTURE]).label if isinstance(run.get(ARCHITECTURE), str) else "not logged yet",
            _or_dash(run.get(SEED)),
            run["status"].lower(),
            _or_dash(run.get(schema.STATE_REASON)),
            "yes" if run[schema.UNIT] in done else "no",
        ]
        for _, run in of.study.unfinished.iterrows()
    ]
    columns = ["run", "architecture", "seed", "status", "reason", "has an outcome by now"]
    return Table("Attempts without an outcome: running, or cut off.", dict.fromkeys(columns, "left"), rows)


def _or_dash(value: object) -> str:
    return value if isinstance(value, str) and value else DASH


def provenance(of: Summary) -> Table:
    """Where the numbers come from: every tag and protocol parameter with all values it takes."""
    runs = of.runs
    names = sorted(runs.columns.astype("str"))
    shown = [EPOCHS, *(name for name in names if name.startswith(("data.", "training.")) and name != EPOCHS)]
    shown += [schema.GIT_COMMIT, *(name for name in names if name.startswith(schema.ENVIRONMENT))]
    rows = [[name, _values(runs[name])] for name in shown if name in runs.columns]
    return Table(
        "Protocol, data, code and machine as logged by the runs. Several values mean that the runs differ in it.",
        {"name": "left", "value": "left"},
        rows,
    )


def _values(column: pd.Series) -> str:
    return " | ".join(sorted(str(value) for value in column.dropna().unique() if value != "")) or DASH
