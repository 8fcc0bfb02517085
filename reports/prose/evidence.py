"""Values of what is said of evidence that is gone."""

from bench import schema
from reports.analysis.evidence import KINDS, evidence
from reports.analysis.summary import CONFIGURATION, N, Summary
from reports.store.load import redo


def gather(summary: Summary) -> dict[str, object]:
    """How much of each kind is gone, None where nothing is, and what that leaves without an interval."""
    totals = evidence(summary).groupby("kind")[["units", "gone"]].sum()
    gone = totals[totals["gone"] > 0].to_dict("index")
    tested = summary.configurations.loc[summary.configurations[N] > 0, CONFIGURATION]
    return {
        "evidence": {
            **{kind: gone.get(kind) for kind in KINDS},
            "bare": not tested.isin(summary.scenes[CONFIGURATION]).all(),
            "file": schema.FRAME_TABLE,
            "redo": redo(summary.study.name),
            "plan_deleted": summary.study.plan_deleted,
        }
    }
