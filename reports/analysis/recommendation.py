"""What to take, and what is known against everything else: the first page in values."""

from typing import Literal, NamedTuple

import pandas as pd

from bench import schema
from reports.analysis.choices import PEAK, choices
from reports.analysis.claims import AT_BEST, Judged, judge_headline, pair_key
from reports.analysis.gate import passes
from reports.analysis.summary import CONFIGURATION, Summary

Standing = Literal["apart", "level", "behind"]
"""Of what validation puts first beside another architecture at its best: surely another one, not told apart, or one
that test scenes put behind it."""


class Recommendation(NamedTuple):
    """What validation puts first, and what is to be taken."""

    first: pd.Series
    """Row of `Summary.configurations` with the highest mean validation IoU."""
    learnt: bool
    """Whether it passes the gate (`analysis.gate`); if not, nothing is recommended."""
    rivals: list[Judged]
    """It against every other architecture at its best, in IoU."""
    taken: pd.Series
    """The row to take: the first, or the smallest of those that it cannot be told from."""

    def standing(self, one: Judged) -> Standing:
        """Of the first beside a rival."""
        favours = {"better": self.first, "worse": None}.get(one.verdict)
        if favours is not None:
            return "apart"
        return "behind" if one.verdict == "worse" else "level"


def recommend(summary: Summary) -> Recommendation | None:
    """None if nothing was tested on whole scenes.

    Validation decides what is first. It gives way to an architecture that the test scenes are sure to put before it,
    and to a smaller one that cannot be told from it, provided that this one passes the gate as well.
    """
    made = choices(summary)
    if not made:
        return None
    first = made[-1].row
    number = int(first[CONFIGURATION])
    rivals = [
        one
        for one in judge_headline(summary)
        if one.claim.matching == AT_BEST and one.metric == schema.TEST_IOU and pair_key(one.claim)[0] == number
    ]
    found = Recommendation(first, passes(summary, number), rivals, first)
    proven = [one for one in rivals if passes(summary, pair_key(one.claim)[1])]
    ahead = [one for one in proven if found.standing(one) == "behind"]
    level = [one.claim.b for one in proven if found.standing(one) == "level"]
    if ahead:
        return found._replace(taken=min(ahead, key=lambda one: one.comparison.difference).claim.b)
    return found._replace(taken=min([first, *level], key=lambda row: float(row[PEAK])))
