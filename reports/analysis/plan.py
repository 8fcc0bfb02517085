"""Planned against done, by stage and architecture: were equally many units planned, and which lack an outcome?"""

from typing import NamedTuple

import pandas as pd

from bench import schema
from reports import style
from reports.store.load import ARCHITECTURE, STAGES, Study


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
    ended, every = study.ended, []
    for stage in STAGES if study.planned_units else ():
        own, plan = ended[ended[schema.STAGE] == stage], study.planned_units.get(stage, {})
        names = style.in_order([*plan, *own.loc[own[ARCHITECTURE] != "", ARCHITECTURE]])
        every += [Share(stage, name, plan.get(name, 0), own[own[ARCHITECTURE] == name]) for name in names]
    return every


def unnamed(study: Study) -> pd.DataFrame:
    """Units that ended before they logged which architecture they are."""
    return study.unlogged[study.unlogged[ARCHITECTURE] == ""]


def equally_planned(every: list[Share]) -> bool:
    """Whether there are several architectures, and in each stage all of them with equally many planned units."""
    architectures = {share.architecture for share in every}
    plans = {(share.stage, share.planned) for share in every}
    return (
        len(architectures) > 1
        and len(plans) == len({share.stage for share in every})
        and len(every) == len(plans) * len(architectures)
    )


def unsearched(every: list[Share]) -> set[str]:
    """Architectures whose search has no complete trial, so that there is nothing to refit."""
    return {share.architecture for share in every if share.stage == "search" and not share.complete}
