"""Planned against done, by stage and architecture: did the architectures have equal budgets, and if not, why?"""

from typing import NamedTuple

import pandas as pd

from bench import schema
from reports import style
from reports.prose.said import Say
from reports.store.load import ARCHITECTURE, STAGES, Study
from reports.text import counted, listed

UNITS: dict[schema.Stage, str] = {
    "search": "search trial",
    "comparison": "comparison run",
    "generative": "generative run",
    "pretraining": "pre-training run",
}
"""What a unit of each stage is called."""


class Share(NamedTuple):
    """The units of one architecture in one stage."""

    stage: schema.Stage
    architecture: str
    planned: int
    ended: pd.DataFrame
    """state and reason of those with an outcome."""

    @property
    def missing(self) -> int:
        """Planned units without an outcome."""
        return max(0, self.planned - len(self.ended))

    @property
    def complete(self) -> int:
        """Units that completed."""
        return self.count("complete")

    def count(self, state: schema.State) -> int:
        """Units that ended in `state`."""
        return int((self.ended[schema.STATE] == state).sum())

    def counts(self) -> dict[str, str | int]:
        """All of it as plain values."""
        about: dict[str, str | int] = {"stage": self.stage, "architecture": self.architecture, "planned": self.planned}
        return about | {state: self.count(state) for state in schema.STATES} | {"missing": self.missing}


def shares(study: Study) -> list[Share]:
    """One share per stage and architecture that is planned or has an outcome; none if the plan is not known."""
    ended = study.ended
    return [
        Share(
            stage,
            name,
            study.planned_units.get(stage, {}).get(name, 0),
            ended[(ended[schema.STAGE] == stage) & (ended[ARCHITECTURE] == name)],
        )
        for stage in STAGES
        for name in _architectures(study, stage)
    ]


def _architectures(study: Study, stage: schema.Stage) -> list[str]:
    if not study.planned_units:
        return []
    ended = study.ended
    tried = ended.loc[(ended[schema.STAGE] == stage) & (ended[ARCHITECTURE] != ""), ARCHITECTURE]
    return style.in_order([*study.planned_units.get(stage, {}), *tried])


def unnamed(study: Study) -> pd.DataFrame:
    """Units that ended before they logged which architecture they are."""
    return study.unlogged[study.unlogged[ARCHITECTURE] == ""]


def sentences(study: Study, say: Say) -> list[str]:
    """Equal budgets, or who lacks what and why; none if the plan is not known."""
    every = shares(study)
    if not every:
        return []
    unsearched = {share.architecture for share in every if share.stage == "search" and not share.complete}
    lacking = [_lack(say, share, unsearched) for share in every if share.complete < share.planned]
    unknown = len(unnamed(study))
    if unknown:
        whose, verb = ("its", "is") if unknown == 1 else ("their", "are")
        count = say("units.unnamed", unknown, lambda runs: counted(runs, "run"))
        lacking.append(f"{count} ended before logging {whose} architecture, and {verb} among those not run yet above.")
    return [_planned(say, every), *lacking]


def _planned(say: Say, every: list[Share]) -> str:
    """Unequal plans are part of the question that is asked: noted, not judged."""
    stages = [[share for share in every if share.stage == stage] for stage in STAGES]
    parts = [part for part in stages if part]
    if len({share.architecture for share in every}) > 1 and all(_is_equal(part, every) for part in parts):
        budget = "has the same budget planned" if any(share.missing for share in every) else "had the same budget"
        each = listed([_units(say, f"planned.{part[0].stage}", part[0]) for part in parts])
        return f"Every architecture {budget}: {each} each."
    each = listed([f"{_units(say, _key('planned', share), share)} of {_label(share)}" for share in every])
    return f"The study plans {each}."


def _is_equal(part: list[Share], every: list[Share]) -> bool:
    """Whether all architectures are in this stage, with equal plans."""
    return len(part) == len({share.architecture for share in every}) and len({share.planned for share in part}) == 1


def _units(say: Say, name: str, share: Share) -> str:
    """`12 search trials`."""
    return say(name, share.planned, lambda planned: counted(planned, UNITS[share.stage]))


def _key(what: str, share: Share) -> str:
    return f"{what}.{share.stage}.{share.architecture}"


def _lack(say: Say, share: Share, unsearched: set[str]) -> str:
    parts = [_ended(say, share, state) for state in schema.STATES if state != "complete" and share.count(state)]
    if share.stage == "comparison" and share.architecture in unsearched:
        parts.append("its search has no complete trial, so its refits cannot be made")
    elif share.missing:
        parts.append(f"{say(_key('missing', share), share.missing)} not run yet")
    lack = say(_key("lacking", share), share.planned - share.complete)
    planned = say(_key("planned", share) + ".all", share.planned)
    of = f"{lack} of {planned} complete {UNITS[share.stage]}{'' if share.planned == 1 else 's'}"
    return f"{_label(share)} lacks {of}: {', '.join(parts)}."


def _ended(say: Say, share: Share, state: schema.State) -> str:
    """`2 diverged`, with the reason if they share one; the table of reasons has the others."""
    reasons = set(share.ended.loc[share.ended[schema.STATE] == state, schema.STATE_REASON])
    reason = reasons.pop() if len(reasons) == 1 else ""
    ended = f"{say(_key(state, share), share.count(state))} {state.replace('_', ' ')}"
    return f"{ended} ({say(_key(state, share) + '.reason', reason)})" if reason else ended


def _label(share: Share) -> str:
    return style.look(share.architecture).label
