"""Facts of how units ended: how many wait, what was planned, what each architecture lacks and why."""

from bench import schema
from reports.analysis.plan import Share, equally_planned, shares, unnamed, unsearched
from reports.analysis.summary import Summary
from reports.prose.facts import Facts, counter

UNITS: dict[schema.Stage, str] = {
    "search": "search trial",
    "comparison": "comparison run",
    "generative": "generative run",
    "pretraining": "pre-training run",
}
"""What a unit of each stage is called."""


def gather(summary: Summary, facts: Facts) -> dict[str, object]:
    """Unequal plans are part of the question that is asked: noted, not judged."""
    study = summary.study
    if study.planned is not None and study.planned > study.outcomes:
        facts.add("units.missing", study.planned - study.outcomes, counter("planned run"))
    every, unknown = shares(study), len(unnamed(study))
    if every and unknown:
        facts.add("units.unnamed", unknown, counter("run"))
    equal, lost = equally_planned(every), unsearched(every)
    planned = {f"planned.{one.stage}" if equal else f"planned.{_key(one)}": one for one in every}
    for name, one in planned.items():
        facts.add(name, one.planned, counter(UNITS[one.stage]))
    return {
        "complete": study.outcomes and study.states["complete"] == study.outcomes,
        "equal": equal,
        "ended": not any(one.missing for one in every),
        "planned": [(name, one.architecture) for name, one in planned.items()],
        "lacking": [_lack(one, lost, facts) for one in every if one.complete < one.planned],
        "one_unnamed": unknown == 1,
    }


def _key(share: Share) -> str:
    return f"{share.stage}.{share.architecture}"


def _lack(share: Share, unsearched: set[str], facts: Facts) -> dict[str, object]:
    """How often its units ended in which state, with the reason if they share one; a table has the other reasons."""
    key = _key(share)
    facts.add(f"lacking.{key}", share.planned - share.complete)
    facts.add(f"planned.{key}.all", share.planned)
    states = [state for state in schema.STATES if state != "complete" and share.count(state)]
    for state in states:
        facts.add(f"{state}.{key}", share.count(state))
        reasons = share.ended.loc[share.ended[schema.STATE] == state, schema.STATE_REASON].unique()
        if len(reasons) == 1 and reasons[0]:
            facts.add(f"{state}.{key}.reason", reasons[0])
    parts: list[str] = [*states]
    if share.stage == "comparison" and share.architecture in unsearched:
        parts.append("unsearched")
    elif share.missing:
        facts.add(f"missing.{key}", share.missing)
        parts.append("missing")
    units = UNITS[share.stage] if share.planned == 1 else f"{UNITS[share.stage]}s"
    return {"key": key, "architecture": share.architecture, "units": units, "parts": parts}
