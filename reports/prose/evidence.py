"""Values of what is said of evidence that is gone."""

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.evidence import KINDS, evidence
from hourglass_bench.reports.analysis.summary import CONFIGURATION, N, Summary, statistic, tensor_peaks
from hourglass_bench.reports.store.load import redo

MOST_NAMED = 3
"""Refused frame tables of which the first page tells; data/refused.csv has all."""


def gather(summary: Summary) -> dict[str, object]:
    """How much of each kind is gone, None where nothing is, and what that leaves without an interval."""
    totals = evidence(summary).groupby("kind")[["units", "gone"]].sum()
    gone = totals[totals["gone"] > 0].to_dict("index")
    tested = summary.configurations.loc[summary.configurations[N] > 0, CONFIGURATION]
    return {
        "evidence": {
            **{kind: gone.get(kind) for kind in KINDS},
            "memory": _memory(summary),
            "bare": not tested.isin(summary.scenes[CONFIGURATION]).all(),
            "file": schema.FRAME_TABLE,
            "refused": {run[:8]: why for run, why in list(summary.refused.items())[:MOST_NAMED]},
            "more_refused": max(0, len(summary.refused) - MOST_NAMED),
            "redo": redo(summary.study.name),
            "plan_deleted": summary.study.plan_deleted,
        }
    }


def _memory(summary: Summary) -> dict[str, int] | None:
    """In how many complete runs memory ran out where it is measured, and what stands in for it; None if in none."""
    runs = summary.study.trials[summary.study.trials[schema.STATE] == "complete"]
    lacking = runs[runs[schema.TENSOR_PEAK.name].isna()]
    tested = summary.configurations[summary.configurations[N] > 0]
    counts = {
        "units": len(runs),
        "gone": len(lacking),
        "predicted": int(tensor_peaks(lacking).notna().sum()),
        "unknown": int(tested[statistic(schema.TENSOR_PEAK, "mean")].isna().sum()),
    }
    return counts if len(lacking) else None
