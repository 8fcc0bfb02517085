"""The tables that everything in a report is computed from, as CSV files beside it."""

from pathlib import Path

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import HEADLINE_METRICS, Judged, judge_headline, judge_metrics
from hourglass_bench.reports.analysis.convergence import convergence
from hourglass_bench.reports.analysis.evidence import evidence
from hourglass_bench.reports.analysis.pretraining import judge_pretraining
from hourglass_bench.reports.analysis.statistics import Comparison, Interval
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.analysis.tuning import tuning
from hourglass_bench.reports.store.load import ARTIFACTS, RUN

HERE_ONLY = [ARTIFACTS, "artifact_uri"]
"""Columns that name places on this machine."""


def tables(summary: Summary) -> dict[str, pd.DataFrame]:
    """Name -> table: study, runs, units, planned, configurations, scenes, convergence, rates, rate_groups,
    claims, openings, evidence, refused.
    """
    planned = [
        {"stage": stage, "architecture": name, "planned": count}
        for stage, counts in summary.study.planned_units.items()
        for name, count in counts.items()
    ]
    others = [one for one in judge_metrics(summary) if one.metric not in HEADLINE_METRICS]
    judged = [*judge_headline(summary), *others, *(one for pair in judge_pretraining(summary) for one in pair)]
    stages: dict[schema.Stage, Summary] = {"comparison": summary, **summary.others}
    about = {
        "study": summary.study.name,
        "planned": summary.study.planned,
        "memory_budget_bytes": summary.study.memory_budget,
    }
    return {
        "study": pd.DataFrame([about]),
        "runs": summary.logged.drop(columns=HERE_ONLY),
        "units": summary.study.ended,
        "planned": pd.DataFrame(planned, columns=["stage", "architecture", "planned"]),
        "configurations": _stacked({stage: one.configurations for stage, one in stages.items()}),
        "scenes": _stacked({stage: one.scenes for stage, one in stages.items()}),
        "convergence": convergence(summary).runs,
        "rates": tuning(summary).rates,
        "rate_groups": tuning(summary).groups,
        "claims": pd.DataFrame(map(_claim, judged), columns=CLAIM),
        "openings": summary.study.openings.to_frame(),
        "evidence": evidence(summary),
        "refused": pd.DataFrame(list(summary.refused.items()), columns=[RUN, "frame_table"]),
    }


def _stacked(tables: dict[schema.Stage, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all stages, each with its stage; the columns of the first where none has any."""
    some = [table for table in tables.values() if len(table)] or list(tables.values())[:1]
    of_rows = [stage for stage, table in tables.items() for _ in range(len(table))]
    return pd.concat([pd.Series(of_rows, name=schema.STAGE, dtype="str"), pd.concat(some, ignore_index=True)], axis=1)


def write(summary: Summary, folder: Path) -> None:
    """Every table into `folder`."""
    folder.mkdir()
    for name, table in tables(summary).items():
        table.to_csv(folder / f"{name}.csv", index=False)


INTERVALS = ("interval", "own_interval", "scene_interval", "corrected")
"""The first is adjusted for the claims made together, the one that is printed; the others are of the claim alone."""
CLAIM = [
    *("matching", "metric", "verdict", "a", "b", "ratio"),
    *(name for name in Comparison._fields if name not in INTERVALS),
    *(f"{name}_{end}" for name in INTERVALS for end in Interval._fields),
    *("step", "p_adjusted", "claims", "margin", "detectable"),
]
"""Columns of the claims: what is compared, in what, and everything that is known of the difference."""


def _claim(one: Judged) -> dict[str, object]:
    found = one.comparison._asdict()
    found |= {"own_interval": found["interval"], "interval": one.interval}
    bounds = {f"{name}_{end}": bound for name in INTERVALS for end, bound in found.pop(name)._asdict().items()}
    pair = {place: int(row[CONFIGURATION]) for place, row in (("a", one.claim.a), ("b", one.claim.b))}
    about = {"matching": one.claim.matching, "metric": one.metric.name, "verdict": one.verdict, **pair}
    family = {"step": one.step, "p_adjusted": one.p, "claims": one.claims}
    judged = {**family, "margin": one.metric.margin, "detectable": one.detectable}
    return {**about, "ratio": one.claim.ratio, **found, **bounds, **judged}
