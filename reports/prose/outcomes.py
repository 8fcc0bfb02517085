"""Values of how units ended: how many wait, what was planned, what each architecture lacks and why."""

from bench import schema
from reports.analysis.plan import Share, equally_planned, shares, unnamed, unsearched
from reports.analysis.summary import Summary


def gather(summary: Summary) -> dict[str, object]:
    """Unequal plans are part of the question that is asked: noted, not judged."""
    study, every = summary.study, shares(summary.study)
    equal, lost = equally_planned(every), unsearched(every)
    unknown = len(unnamed(study)) if every else 0
    return {
        "units": {"missing": max(0, (study.planned or 0) - study.outcomes), "unnamed": unknown},
        "one_unnamed": unknown == 1,
        "complete": bool(study.outcomes and study.states["complete"] == study.outcomes),
        "equal": equal,
        "ended": not any(one.missing for one in every),
        "planned": {one.stage if equal else _key(one): one.planned for one in every},
        "lacking": {_key(one): _lack(one, lost) for one in every if one.complete < one.planned},
    }


def _key(share: Share) -> str:
    return f"{share.stage}.{share.architecture}"


def _lack(share: Share, unsearched: set[str]) -> dict[str, object]:
    """How often its units ended in which state, with the reason if they share one; a table has the other reasons."""
    parts: dict[str, object] = {}
    for state in schema.STATES:
        if state != "complete" and share.count(state):
            reasons = share.ended.loc[share.ended[schema.STATE] == state, schema.STATE_REASON].unique()
            parts[state] = {"units": share.count(state), "reason": reasons[0] if len(reasons) == 1 else ""}
    if share.stage == "comparison" and share.architecture in unsearched:
        parts["unsearched"] = None
    elif share.missing:
        parts["missing"] = {"units": share.missing, "reason": ""}
    return {"lacking": share.planned - share.complete, "planned": share.planned, "parts": parts}
