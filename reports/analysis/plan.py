"""Planned against done, by stage and architecture: were equally many units planned, and which lack an outcome?"""

from typing import Literal, NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.store.load import ARCHITECTURE, STAGES, Study

Ending = schema.State | Literal["deleted"]
"""How a unit ended: the state of its newest attempt, or that its outcome was deleted by hand."""


class Share(NamedTuple):
    """The units of one architecture in one stage."""

    stage: schema.Stage
    architecture: str
    planned: int
    ended: pd.DataFrame
    """As `endings`."""

    @property
    def missing(self) -> int:
        """Planned units that have not ended."""
        return max(0, self.planned - len(self.ended))

    @property
    def complete(self) -> int:
        """Units that completed."""
        return self.count("complete")

    def count(self, ending: Ending) -> int:
        """Units that ended in this way."""
        return int((self.ended[schema.STATE] == ending).sum())


def kinds(study: Study) -> list[Ending]:
    """The ways of ending that a study's tables have a column for: all states, and `deleted` where some are."""
    return [*schema.STATES, "deleted"] if len(study.deleted) else [*schema.STATES]


def endings(study: Study) -> pd.DataFrame:
    """`Study.ended` with the units whose outcome was deleted, which have the state `deleted`."""
    deleted = study.deleted.drop(columns=schema.UNIT).assign(**{schema.STATE: "deleted", schema.STATE_REASON: ""})
    return pd.concat([study.ended, deleted], ignore_index=True)


def shares(study: Study) -> list[Share]:
    """One share per stage and architecture that is planned or has ended units; none if the plan is not known."""
    ended, every = endings(study), []
    for stage in STAGES if study.planned_units else ():
        own, plan = ended[ended[schema.STAGE] == stage], study.planned_units.get(stage, {})
        names = style.in_order([*plan, *own.loc[own[ARCHITECTURE] != "", ARCHITECTURE]])
        every += [Share(stage, name, plan.get(name, 0), own[own[ARCHITECTURE] == name]) for name in names]
    return every


def unnamed(study: Study) -> pd.DataFrame:
    """Of `endings` the units that ended before they logged which architecture they are."""
    ended = endings(study)
    return ended[ended[ARCHITECTURE] == ""]


def equally_planned(every: list[Share]) -> bool:
    """Whether there are several architectures, and in each stage all of them with equally many planned units.

    Groups of networks whose rate is tuned have equal budgets; how many groups an architecture has, its sizes decide.
    """
    every = [share for share in every if share.stage != "tuning"]
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
