"""Values of what is said where runs are of different data or arithmetic."""

from hourglass_bench.reports.analysis.mixture import mixture
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.store.load import RUN, redo

MOST_NAMED = 6
"""Runs of other data that the first page names; data/runs.csv has the digests of all."""


def gather(summary: Summary) -> dict[str, object]:
    """None where all is of one kind."""
    found = mixture(summary)
    data = {
        "runs": found.runs,
        "other": len(found.others),
        "usual": " or ".join(sorted(set(found.others["usual"]))),
        "digests": " and ".join(sorted(set(found.others["digest"]))),
        "named": ", ".join(run[:8] for run in found.others[RUN][:MOST_NAMED]),
        "more": max(0, len(found.others) - MOST_NAMED),
        "redo": redo(summary.study.name),
    }
    several = len(found.arithmetics) > 1
    return {
        "mixed_data": data if len(found.others) else None,
        "arithmetics": {f"version {name}": runs for name, runs in found.arithmetics.items()} if several else None,
    }
