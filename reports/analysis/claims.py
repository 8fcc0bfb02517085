"""The claims of a report: which configurations are compared, on what basis, and what may be said about them.

The basis is a matching: what validation puts first against every other architecture at its best, over all or within a
memory budget; of two architectures the first at its best against the configuration of the second that is equal in
width, or nearest in parameters, multiply-accumulates or memory; or a pair that somebody asks for.
"""

import math
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Literal, NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.asked import asked_pairs
from hourglass_bench.reports.analysis.choices import ALIKE, Choice, alike, choices, tested, within
from hourglass_bench.reports.analysis.gate import passes
from hourglass_bench.reports.analysis.scenes import PROTOCOL
from hourglass_bench.reports.analysis.skips import with_and_without
from hourglass_bench.reports.analysis.statistics import (
    MIN_REPEATS,
    Comparison,
    Interval,
    Verdict,
    compare,
    holm,
    holm_steps,
    verdict,
)
from hourglass_bench.reports.analysis.summary import (
    CONFIGURATION,
    LABEL,
    Summary,
    has_sizes,
    highest,
    is_sized,
    ranked,
    statistic,
    title,
)
from hourglass_bench.reports.analysis.verified import SCENE
from hourglass_bench.reports.store.load import ABSENT, ARCHITECTURE, CHANNELS, DATA_FOLDS, NORM, PRETRAIN_EPOCHS, REPEAT
from hourglass_bench.reports.text import round_number

AT_BEST = "each at its best"
"""The matching of claims about what validation puts first."""
NEAR = 1.1
"""Configurations whose costs differ by a larger factor are not called equal."""
HEADLINE_METRICS = (schema.TEST_IOU, schema.TEST_BOUNDARY_IOU)
"""What every claim is judged in."""
COSTS = {"parameters": schema.PARAMS, "MACs": schema.MACS, "peak memory": schema.TENSOR_PEAK}


class Claim(NamedTuple):
    """Two configurations and the basis on which they are compared."""

    matching: str
    a: pd.Series
    """Row of `Summary.configurations`."""
    b: pd.Series
    ratio: float
    """Cost of b over that of a in what is matched; 1 where nothing is."""


class Judged(NamedTuple):
    """A claim about one metric, with its verdict."""

    claim: Claim
    metric: schema.Metric
    comparison: Comparison
    step: int
    """Claims that share the 5 % at the step at which Holm's rule decides on it."""
    p: float
    """Adjusted by Holm for the claims that are made together: below 5 % exactly where the interval leaves out zero."""
    verdict: Verdict
    """Of a."""
    claims: int
    """How many are made together."""

    @property
    def interval(self) -> Interval:
        """The one that is printed and that the verdict is read off: at the level of the claim's step."""
        return self.comparison.adjusted(self.step).within(self.metric.span)

    @property
    def detectable(self) -> float:
        """True difference that is found with a probability of 80 %, at the strictest level that Holm asks for.

        Infinite where no difference is as large.
        """
        found = self.comparison.detectable(self.claims)
        return found if found <= self.metric.span else math.inf


def headline(summary: Summary) -> tuple[str, str] | None:
    """The two architectures whose matched pairs are compared; None if the study has fewer.

    They are the one with skip connections and the one without, else the first two, if possible of depth and width.
    """
    table = tested(summary)
    present, sized = (style.in_order(rows[ARCHITECTURE]) for rows in (table, table[has_sizes(table)]))
    apart = with_and_without(summary)
    names = apart if len(apart) > 1 and set(apart) <= set(present) else sized if len(sized) > 1 else present
    return (names[0], names[1]) if len(names) > 1 else None


@lru_cache(maxsize=1)
def claims(summary: Summary) -> list[Claim]:
    """Every pair that is judged: the recommended against the best others, within budgets too, matched, and asked for.

    Budgets are those at which the choice changes.
    """
    made = choices(summary)
    if not made:
        return []
    best = made[-1].row
    found = [Claim(AT_BEST, best, other, 1.0) for other in _others_at_best(summary, best)]
    for choice in made:
        rivals = alike(within(tested(summary), choice.budget_mb), choice.row)
        rivals = rivals[rivals[ARCHITECTURE] != choice.row[ARCHITECTURE]]
        if len(rivals):
            found.append(Claim(budget_matching(choice), choice.row, highest(rivals), 1.0))
    asked = [Claim("asked for", *pair, 1.0) for pair in asked_pairs(summary)]
    return _oriented(found + _matched(summary, best) + _as_costly(summary, best) + asked)


def budget_matching(choice: Choice) -> str:
    """`at most 20 MB`."""
    return f"at most {round_number(choice.budget_mb)} MB"


def _others_at_best(summary: Summary, row: pd.Series) -> list[pd.Series]:
    """Of every other architecture what validation puts first among the comparable ones, the highest of all first."""
    rivals = alike(tested(summary), row)
    rivals = ranked(rivals[rivals[ARCHITECTURE] != row[ARCHITECTURE]])
    return [rival for _, rival in rivals.drop_duplicates(ARCHITECTURE).iterrows()]


def _matched(summary: Summary, best: pd.Series) -> list[Claim]:
    """The two architectures of the headline: both at their best, and the first at its best against its equals."""
    names = headline(summary)
    if names is None:
        return []
    firsts, seconds = (tested(summary)[tested(summary)[ARCHITECTURE] == name] for name in names)
    shared = firsts[ALIKE].apply(tuple, axis=1).isin(seconds[ALIKE].apply(tuple, axis=1))
    if not shared.any():
        return []
    a = highest(firsts[shared])
    seconds = alike(seconds, a)
    # Where one of them is the best of all, its comparison with the other at its best is there already.
    found = [] if best[ARCHITECTURE] in names else [Claim(AT_BEST, a, highest(seconds), 1.0)]
    return found + _equals(a, seconds)


def _as_costly(summary: Summary, best: pd.Series) -> list[Claim]:
    """The best of all against its equals of every other architecture, where one of the two has no depth and width."""
    names = headline(summary) or ()
    rivals = alike(tested(summary), best)
    own = rivals.groupby(ARCHITECTURE, sort=False)
    return [
        claim
        for name in style.in_order(rivals[ARCHITECTURE])
        if name != best[ARCHITECTURE] and not {name, best[ARCHITECTURE]} <= set(names)
        if not (is_sized(best) and has_sizes(own.get_group(name)).all())
        for claim in _equals(best, own.get_group(name))
    ]


def _equals(a: pd.Series, table: pd.DataFrame) -> list[Claim]:
    """A configuration against the ones of another architecture that are equal in width, or nearest in what they cost.

    Normalisation must be equal where both say which it is. Width and multiply-accumulates are of architectures that
    have depth and width.
    """
    equals = table if a[NORM] == ABSENT else table[table[NORM].isin([a[NORM], ABSENT])]
    costs, found = COSTS, []
    if not is_sized(a) or not has_sizes(table).all():
        costs = {name: metric for name, metric in COSTS.items() if metric != schema.MACS}
    elif len(equal := equals[equals[CHANNELS] == a[CHANNELS]]):
        found = [Claim("equal width", a, highest(equal), 1.0)]
    return found + [claim for name, metric in costs.items() for claim in _nearest(f"equal {name}", a, equals, metric)]


def _oriented(made: list[Claim]) -> list[Claim]:
    """Each pair as it is first made, so that one that is judged for two reasons is one pair."""
    keys = {frozenset(pair_key(claim)): pair_key(claim) for claim in reversed(made)}
    return [
        claim
        if (key := pair_key(claim)) == keys[frozenset(key)]
        else Claim(claim.matching, claim.b, claim.a, 1 / claim.ratio)
        for claim in made
    ]


def _nearest(matching: str, a: pd.Series, table: pd.DataFrame, metric: schema.Metric) -> list[Claim]:
    """The configuration whose cost is nearest that of a, of a's depth if there is one near enough."""
    column = statistic(metric, "mean")
    ratios = table[column] / a[column]
    ratios = ratios[ratios.between(1 / NEAR, NEAR)]
    if ratios.empty:
        return []
    deep = ratios[(table.loc[ratios.index, schema.DEPTH] == a[schema.DEPTH]).fillna(False)]
    ratios = deep if len(deep) else ratios
    place = int(ratios.where(ratios >= 1, 1 / ratios).argmin())
    return [Claim(matching, a, table.loc[ratios.index[place]], float(ratios.iloc[place]))]


@lru_cache(maxsize=1)
def judge_headline(summary: Summary) -> list[Judged]:
    """Every claim about IoU and Boundary IoU."""
    return judge(summary, claims(summary), HEADLINE_METRICS)


@lru_cache(maxsize=1)
def judge_metrics(summary: Summary) -> list[Judged]:
    """The first claim about every test metric: the headline's as it is judged there, the others among themselves."""
    made = claims(summary)[:1]
    judged = [one for one in judge_headline(summary) if one.claim is made[0]]
    judged += judge(summary, made, tuple(metric for metric in schema.TEST_METRICS if metric not in HEADLINE_METRICS))
    return sorted(judged, key=lambda one: schema.TEST_METRICS.index(one.metric))


def judge(summary: Summary, made: list[Claim], metrics: tuple[schema.Metric, ...]) -> list[Judged]:
    """Every claim about every metric: one family for Holm, in which a pair of configurations counts once."""
    compared = {}
    for claim, metric in product(made, metrics):
        a, b = arms(summary, claim, metric)
        if len(a):  # else they have no repeat in common whose frame tables are there
            compared[pair_key(claim), metric.name] = compare(a, b, folds=int(claim.a[DATA_FOLDS]))
    ps = [found.p for found in compared.values()]
    adjusted = dict(zip(compared, zip(holm(ps), holm_steps(ps), strict=True), strict=True))
    judged = []
    for claim, metric in product(made, metrics):
        if (key := (pair_key(claim), metric.name)) in compared:
            p, step = adjusted[key]
            found = compared[key]
            said = _verdict(summary, claim, metric, found.adjusted(step), found.repeats)
            judged.append(Judged(claim, metric, found, step, p, said, len(compared)))
    return judged


def judge_pair(summary: Summary, pair: str) -> list[Judged]:
    """A pair `A:B`, as `Summary.asked` has them, in IoU and Boundary IoU: the first less the second.

    It is judged among the report's own claims, as if the report had been asked for it. Empty if the two have no repeat
    in common whose frame tables are there.

    Raises:
        ValueError: as `asked_pairs`.
    """
    (rows,) = asked_pairs(replace(summary, asked=(pair,)))
    claim = Claim("asked for", *rows, 1.0)
    *made, oriented = _oriented([*claims(summary), claim])
    judged = [one for one in judge(summary, [*made, oriented], HEADLINE_METRICS) if one.claim is oriented]
    return judged if oriented is claim else [_turned(summary, one, claim) for one in judged]


def _turned(summary: Summary, one: Judged, claim: Claim) -> Judged:
    """The same of the same pair the other way round."""
    a, b = arms(summary, claim, one.metric)
    found = compare(a, b, folds=int(claim.a[DATA_FOLDS]))
    said = _verdict(summary, claim, one.metric, found.adjusted(one.step), found.repeats)
    return one._replace(claim=claim, comparison=found, verdict=said)


def _verdict(summary: Summary, claim: Claim, metric: schema.Metric, interval: Interval, repeats: int) -> Verdict:
    """The rule's; two configurations of which neither beats the rules without a network are not called equivalent."""
    assert metric.margin is not None
    direction: Literal["higher", "lower"] = "higher" if metric.better == "higher" else "lower"
    said = verdict(interval, repeats=repeats, margin=metric.margin, direction=direction)
    learnt = any(passes(summary, number) for number in pair_key(claim))
    return said if learnt or said != "equivalent" else "unlearnt"


def pair(claim: Claim) -> str:
    """`U-Net (depth 3, width 12) less Hourglass (depth 3, width 13)`."""
    return " less ".join(title(row) for row in (claim.a, claim.b))


def word(one: Judged) -> str:
    """The verdict with the name of what it favours."""
    a, b = one.claim.a, one.claim.b
    sides = [style.look(row[ARCHITECTURE]).label for row in (a, b)]
    if sides[0] == sides[1]:
        sides = [str(row[LABEL]) for row in (a, b)]
    if a[PRETRAIN_EPOCHS] != b[PRETRAIN_EPOCHS]:
        sides = ["pre-trained", "from scratch"]
    words = {
        "better": f"{sides[0]} better",
        "worse": f"{sides[1]} better",
        "ahead": f"{sides[0]} ahead",
        "behind": f"{sides[1]} ahead",
        "refused": f"none: {one.comparison.repeats} of {MIN_REPEATS} repeats",
        "unlearnt": "none: learning not shown",
    }
    return words.get(one.verdict, one.verdict)


def by_pair(judged: list[Judged]) -> dict[tuple[int, int], list[Judged]]:
    """All that is judged of each pair of configurations, in the order given."""
    pairs: dict[tuple[int, int], list[Judged]] = {}
    for one in judged:
        pairs.setdefault(pair_key(one.claim), []).append(one)
    return pairs


def pair_key(claim: Claim) -> tuple[int, int]:
    """The numbers of both configurations: claims that share them are one comparison."""
    return int(claim.a[CONFIGURATION]), int(claim.b[CONFIGURATION])


def arms(summary: Summary, claim: Claim, metric: schema.Metric) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values of both configurations (see `analysis.statistics`) of the repeats that both have on the same frames."""
    a, b = (_cells(summary)[number].dropna(subset=metric.column) for number in pair_key(claim))
    return _values(a, b, metric), _values(b, a, metric)


@lru_cache(maxsize=1)
def _cells(summary: Summary) -> dict[int, pd.DataFrame]:
    """The rows of `Summary.scenes` of every configuration, with the number of their protocol."""
    scenes = summary.scenes.assign(protocol=summary.scenes.groupby(PROTOCOL, dropna=False).ngroup())
    tested = {int(str(number)): cells for number, cells in scenes.groupby(CONFIGURATION)}
    return dict.fromkeys(summary.configurations[CONFIGURATION], scenes.iloc[:0]) | tested


def _values(cells: pd.DataFrame, others: pd.DataFrame, metric: schema.Metric) -> pd.DataFrame:
    """Those of the protocols that the others have too."""
    shared = cells.loc[cells["protocol"].isin(others["protocol"]), [REPEAT, schema.FOLD, SCENE, metric.column]]
    return shared.rename(columns={metric.column: "value"}).reset_index(drop=True)
