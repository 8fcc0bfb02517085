"""What to take, and what is known against everything else: the first page in values."""

from typing import Literal, NamedTuple

import pandas as pd

from bench import schema
from reports.analysis.choices import PEAK, Choice, choices
from reports.analysis.claims import AT_BEST, Judged, judge_headline, pair_key
from reports.analysis.gate import passes
from reports.analysis.summary import CONFIGURATION, Summary
from reports.text import MEGABYTE

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
    words: dict[str, Standing] = {"better": "apart", "worse": "behind"}
    return words.get(one.verdict, "level")


def recommend(summary: Summary) -> Recommendation | None:
    """None if nothing was tested on whole scenes.

    Validation decides what is first. It gives way to an architecture that the test scenes are sure to put before it,
    and to a smaller one that cannot be told from it. Whatever is taken passes the gate (`analysis.gate`).
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
    proven = [one for one in rivals if passes(summary, pair_key(one.claim)[1])]
    ahead = [one for one in proven if standing(one) == "behind"]
    if ahead:
        return Recommendation(first, rivals, min(ahead, key=lambda one: one.comparison.difference).claim.b)
    level = [one.claim.b for one in proven if standing(one) == "level"]
    level += [first] if passes(summary, number) else []
    return Recommendation(first, rivals, min(level, key=lambda row: float(row[PEAK]), default=None))


def smaller(summary: Summary, found: Recommendation) -> list[Choice]:
    """The choices within memory budgets that what is taken exceeds, or else what is first; the largest budget first."""
    row = found.first if found.taken is None else found.taken
    return [choice for choice in choices(summary)[::-1] if choice.budget_mb * MEGABYTE < row[PEAK]]
