"""What to take, and what is known against everything else: the first page in values."""

from typing import Literal, NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.choices import PEAK, choices
from hourglass_bench.reports.analysis.claims import AT_BEST, Judged, budget_matching, judge_headline, pair_key
from hourglass_bench.reports.analysis.gate import passes
from hourglass_bench.reports.analysis.mixture import mixture
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.text import MEGABYTE

Standing = Literal["apart", "level", "behind"]
"""Of what validation puts first beside another architecture at its best: surely another one, not told apart, or one
that test scenes put behind it."""


class Recommendation(NamedTuple):
    """What validation puts first, and what is to be taken."""

    first: pd.Series
    """Row of `Summary.configurations` with the highest mean validation IoU."""
    rivals: list[Judged]
    """It against every other architecture at its best, in IoU."""
    taken: pd.Series | None
    """The row to take: the first, or another one that it cannot be told from; None if none has learnt."""


def standing(one: Judged) -> Standing:
    """Of what validation puts first beside a rival."""
    words: dict[str, Standing] = {"better": "apart", "ahead": "apart", "worse": "behind", "behind": "behind"}
    return words.get(one.verdict, "level")


def recommend(summary: Summary) -> Recommendation | None:
    """None if nothing was tested on whole scenes, or some runs had other data than the rest."""
    made = choices(summary)
    if not made or len(mixture(summary).others):
        return None
    first = made[-1].row
    rivals = [one for one in _judged(summary, AT_BEST) if pair_key(one.claim)[0] == first[CONFIGURATION]]
    return Recommendation(first, rivals, _take(summary, first, rivals))


def _judged(summary: Summary, matching: str) -> list[Judged]:
    """The claims about IoU on one basis."""
    return [one for one in judge_headline(summary) if one.claim.matching == matching and one.metric == schema.TEST_IOU]


def _take(summary: Summary, first: pd.Series, rivals: list[Judged]) -> pd.Series | None:
    """What of the first by validation and its rivals is to be taken.

    The first gives way to an architecture that the test scenes are sure to put before it, and to a smaller one that
    cannot be told from it. Whatever is taken passes the gate (`analysis.gate`).
    """
    proven = [one for one in rivals if passes(summary, pair_key(one.claim)[1])]
    ahead = [one for one in proven if standing(one) == "behind"]
    if ahead:
        return min(ahead, key=lambda one: one.comparison.difference).claim.b
    level = [first] if passes(summary, int(first[CONFIGURATION])) else []
    level += [one.claim.b for one in proven if standing(one) == "level"]
    return min(level, key=lambda row: float(row[PEAK]), default=None)


class Within(NamedTuple):
    """What is to be taken within memory budgets."""

    budgets_mb: list[float]
    """The larger ones first; others are of the first of them."""
    first: pd.Series
    """What validation puts first."""
    rival: Judged | None
    """It against the best other architecture."""
    taken: pd.Series | None
    """None if nothing can be recommended."""

    @property
    def is_overruled(self) -> bool:
        """Whether test scenes put what is taken before what validation puts first."""
        taken = _number(self.taken)
        return self.rival is not None and standing(self.rival) == "behind" and taken == _number(self.rival.claim.b)


def within_budgets(summary: Summary, found: Recommendation) -> list[Within]:
    """For the budgets that what is taken exceeds, or else what is first: where the same is taken they are merged."""
    row = found.first if found.taken is None else found.taken
    made: list[Within] = []
    for choice in choices(summary)[::-1]:
        if choice.budget_mb * MEGABYTE >= row[PEAK]:
            continue
        rivals = _judged(summary, budget_matching(choice))
        taken = _take(summary, choice.row, rivals)
        if made and _number(made[-1].taken) == _number(taken):
            made[-1].budgets_mb.append(choice.budget_mb)
        else:
            made.append(Within([choice.budget_mb], choice.row, next(iter(rivals), None), taken))
    return made


def _number(row: pd.Series | None) -> int | None:
    return None if row is None else int(row[CONFIGURATION])
