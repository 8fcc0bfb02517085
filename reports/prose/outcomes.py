"""Values of how units ended: how many wait, what was planned, what each architecture lacks and why."""

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.plan import Ending, Share, equally_planned, kinds, shares, unnamed, unsearched
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.prose import evidence


def gather(summary: Summary) -> dict[str, object]:
    """Unequal plans are part of the question that is asked: noted, not judged."""
    study, every = summary.study, shares(summary.study)
    equal, lost = equally_planned(every), unsearched(every)
    unknown = len(unnamed(study)) if every else 0
    ended = study.outcomes + len(study.deleted)
    return {
        **evidence.gather(summary),
        "units": {"missing": max(0, (study.planned or 0) - ended), "unnamed": unknown},
        "one_unnamed": unknown == 1,
        "complete": bool(study.outcomes and study.states["complete"] == study.outcomes),
        "equal": equal,
        "ended": not any(one.missing for one in every),
        # How many groups an architecture's sizes make is no part of what is equal.
        "planned": {
            one.stage if equal else _key(one): one.planned for one in every if not equal or one.stage != "tuning"
        },
        "lacking": {_key(one): _lack(one, lost, kinds(study)) for one in every if one.complete < one.planned},
    }


def _key(share: Share) -> str:
    return f"{share.stage}.{share.architecture}"


def _lack(share: Share, unsearched: set[str], kinds: list[Ending]) -> dict[str, object]:
    """How often its units ended in which way, with the reason if they share one; a table has the other reasons."""
    parts: dict[str, object] = {}
    for kind in kinds:
        if kind != "complete" and share.count(kind):
            reasons = share.ended.loc[share.ended[schema.STATE] == kind, schema.STATE_REASON].unique()
            parts[kind] = {"units": share.count(kind), "reason": reasons[0] if len(reasons) == 1 else ""}
    if share.stage == "comparison" and share.architecture in unsearched:
        parts["unsearched"] = None
    elif share.missing:
        parts["missing"] = {"units": share.missing, "reason": ""}
    return {"lacking": share.planned - share.complete, "planned": share.planned, "parts": parts}
