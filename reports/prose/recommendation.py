"""Values of the lead: what to take and whether it can be told apart, or what is missing before anything can be said."""

import math

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.base_rate import STUCK_EPOCHS
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.certainty import cost_of, needed_for
from hourglass_bench.reports.analysis.choices import PEAK, candidates, round_budget, tested, within
from hourglass_bench.reports.analysis.claims import Judged, by_pair, judge_headline, pair_key
from hourglass_bench.reports.analysis.gate import beside_rule, passes
from hourglass_bench.reports.analysis.nested import nested
from hourglass_bench.reports.analysis.planning import Shape
from hourglass_bench.reports.analysis.recommendation import Recommendation, Within, recommend, standing, within_budgets
from hourglass_bench.reports.analysis.shortfall import find_shortfall, find_truth
from hourglass_bench.reports.analysis.statistics import FULL_REPEATS, MIN_REPEATS
from hourglass_bench.reports.analysis.summary import CONFIGURATION, N, Summary, agreed, title
from hourglass_bench.reports.prose.claims import claim_values, difference_values
from hourglass_bench.reports.store.checks import HOLDOUTS
from hourglass_bench.reports.store.load import ARCHITECTURE, BATCH_SIZE, PRECISION, SPLIT
from hourglass_bench.reports.text import MEGABYTE

MOST_SPELLED = 3
"""Rivals that cannot be told apart whose differences the lead spells out; of more only the table has them."""


def gather(summary: Summary) -> dict[str, object]:
    """The lead, and the memory budgets below what it recommends."""
    found = recommend(summary)
    if found is None:
        nothing: dict[str, object] = {
            "lead": None,
            "certainty": None,
            "budgets": {},
            "nothing_within": [],
            "overruled": False,
        }
        return {"untested": _untested(summary), **nothing}
    taken, first = found.taken, found.first
    lead = {
        "first": _named(first),
        "rule": _rule(summary, first if taken is None else taken),
        **_rivals(summary, found),
        "taken": None if taken is None else _taken(summary, first, taken),
        "first_learnt": passes(summary, _number(first)),
        "lack": _lack(summary, first) if taken is None else None,
        "fits_mb": None if taken is None else round_budget(float(taken[PEAK]) / MEGABYTE),
        "truth": _truth(summary, first),
        "one_with_foreground": find_truth(summary, first).with_foreground == 1,
        "only": len(tested(summary)) == 1,
        "first_look": _first_look(summary, found),
        "holdout": first[SPLIT] in HOLDOUTS,
    }
    budgets = within_budgets(summary, found)
    return {
        "untested": None,
        "lead": lead,
        "certainty": _certainty(summary, found),
        "budgets": {f"{one.budgets_mb[0]:g}": _within(summary, one) for one in budgets if one.taken is not None},
        "nothing_within": [budget for one in budgets if one.taken is None for budget in one.budgets_mb],
        "overruled": bool(lead["behind"]) or any(one.is_overruled for one in budgets),
    }


def _first_look(summary: Summary, found: Recommendation) -> dict[str, object] | None:
    """Too few repeats to call anything better, and what gives enough; None with fewer than have a verdict, or more."""
    repeats = found.rivals[0].comparison.repeats if found.rivals else int(found.first[N])
    if not MIN_REPEATS <= repeats < FULL_REPEATS:
        return None
    command = f"make sweep STUDY={summary.study.name} REPEATS={FULL_REPEATS}"
    return {"repeats": repeats, "full": FULL_REPEATS, "command": command}


def _number(row: pd.Series) -> int:
    return int(row[CONFIGURATION])


def _named(row: pd.Series) -> dict[str, object]:
    """An architecture, and it with the label of the configuration."""
    return {"name": style.look(row[ARCHITECTURE]).label, "label": title(row)}


def _untested(summary: Summary) -> dict[str, object]:
    """How most runs of the comparison ended, where none was tested on whole scenes."""
    ended = summary.study.ended[summary.study.ended[schema.STAGE] == "comparison"]
    lost = ended[ended[schema.STATE] != "complete"]
    if (ended[schema.STATE] == "complete").any() or lost.empty:
        return {"tried": len(lost) < len(ended), "lost": None}
    state = lost[schema.STATE].value_counts().index[0]
    own = lost[lost[schema.STATE] == state]
    reasons = own[schema.STATE_REASON].value_counts()
    about = {"runs": len(own), "of": len(ended), "state": state.replace("_", " "), "reason": reasons.index[0]}
    return {"tried": False, "lost": about | {"one_reason": len(reasons) == 1}}


def _taken(summary: Summary, first: pd.Series, row: pd.Series, budget_mb: float = math.inf) -> dict[str, object]:
    """What is taken, chosen among all within a budget or, where the first gave way to it, among its architecture's."""
    table = candidates(summary)
    if _number(row) != _number(first):
        own = tested(summary)
        table = own[(own[ARCHITECTURE] == row[ARCHITECTURE]) & (own[N] >= row[N])]
    return _chosen(summary, row, within(table, budget_mb))


def _chosen(summary: Summary, row: pd.Series, table: pd.DataFrame) -> dict[str, object]:
    """A configuration chosen in a table: what it needs, and what it scores on scenes that did not choose it."""
    score, runs = nested(summary, row, table), summary.runs[summary.runs[CONFIGURATION] == _number(row)]
    about = {name: agreed(runs, column) for name, column in (("precision", PRECISION), ("batch_size", BATCH_SIZE))}
    return {**_named(row), "peak_bytes": row[PEAK], **about, "score": score._asdict() if score else None}


def _rule(summary: Summary, row: pd.Series) -> dict[str, object] | None:
    """A configuration beside the best rule without a network; None without its frame tables."""
    beside = beside_rule(summary, row)
    if beside is None:
        return None
    found, arms = beside.comparison, (beside.of_network, beside.of_rule)
    network, rule = (arm.groupby(["fold", "scene"])["value"].mean().groupby("fold").mean().mean() for arm in arms)
    scores = {
        "name": schema.BASELINES[beside.rule],
        "network": network,
        "score": rule,
        "below": found.interval.high < 0,
    }
    return scores | difference_values(found, found.interval.within(schema.TEST_IOU.span))


def _rivals(summary: Summary, found: Recommendation) -> dict[str, object]:
    """The other architectures at their best, by how the first stands beside them.

    Those from which it cannot be told apart can be taken if they have learnt, and else are `unproven`.
    """
    groups: dict[str, list[dict[str, object]]] = {"apart": [], "level": [], "behind": [], "unproven": []}
    peaks = [found.first[PEAK]]
    for one in found.rivals:
        group: str = standing(one)
        if group != "apart" and not passes(summary, pair_key(one.claim)[1]):
            group = "unproven"
        groups[group].append({**_beside(summary, one), "ahead": standing(one) == "behind"})
        peaks += [one.claim.b[PEAK]] if group == "level" else []
    return {
        **groups,
        "equivalent": all(one.verdict == "equivalent" for one in found.rivals if standing(one) == "level"),
        "one_level": len(groups["level"]) == 1,
        "few": len(groups["level"]) <= MOST_SPELLED,
        "one_smallest": peaks.count(min(peaks)) == 1,
    }


def _beside(summary: Summary, one: Judged) -> dict[str, object]:
    """Another architecture beside which a claim puts the first, with Boundary IoU where that alone tells them apart."""
    boundary = next(
        other
        for other in by_pair(judge_headline(summary))[pair_key(one.claim)]
        if other.metric == schema.TEST_BOUNDARY_IOU
    )
    apart = standing(one) == "level" and standing(boundary) != "level"
    return {
        **_named(one.claim.b),
        **claim_values(one),
        "boundary": claim_values(boundary) if apart else None,
    }


def _lack(summary: Summary, row: pd.Series) -> dict[str, object] | None:
    """Why the first is not shown to beat the rules without a network."""
    found = find_shortfall(summary, row)
    if found is None:
        return None
    repeats = found.comparison.repeats
    return {
        "ahead": found.comparison.difference > 0,
        "all_stuck": found.learning.stuck == found.learning.runs,
        "learning": {**found.learning._asdict(), "short": found.learning.short},
        "more_epochs": max(STUCK_EPOCHS, 2 * found.learning.epochs),
        "few_repeats": {"repeats": repeats, "least": MIN_REPEATS} if repeats < MIN_REPEATS else None,
        "size": None if found.needed is None else _size(summary, found.shape, found.needed),
    }


def _truth(summary: Summary, row: pd.Series) -> dict[str, object] | None:
    """Where the test masks hold any foreground; None if all folds do."""
    found = find_truth(summary, row)
    return None if found.with_foreground == found.folds else found._asdict()


def _certainty(summary: Summary, found: Recommendation) -> dict[str, object] | None:
    """What it takes to see a difference that matters between the first and the best that it cannot be told from."""
    level = [one for one in found.rivals if one.verdict == "inconclusive"]
    sized = needed_for(summary, level[0]) if level and found.taken is not None else None
    if sized is None:
        return None
    now, larger = sized
    size = None if larger is None else _size(summary, now, larger)
    # The first rival's claim is the one that the page tells of.
    return {"margin": level[0].metric.margin, "size": size, "of_claim": level[0] is found.rivals[0]}


def _size(summary: Summary, now: Shape, larger: Shape) -> dict[str, object]:
    """What the macro `extent` prints."""
    return {
        **cost_of(summary, now, larger)._asdict(),
        "repeats": larger.repeats,
        "new": larger[1:] != now[1:],
        "folds": None if larger.folds == now.folds else larger.folds,
        "beyond": {"scenes": larger.tested, "now": now.tested} if larger.scenes > now.scenes else None,
    }


def _within(summary: Summary, one: Within) -> dict[str, object]:
    """What to take within budgets, beside the other architecture that is the best within the largest of them."""
    assert one.taken is not None
    why = {"overruled": one.is_overruled, "learnt": passes(summary, _number(one.first))}
    return {
        "budgets_mb": one.budgets_mb,
        **_taken(summary, one.first, one.taken, one.budgets_mb[0]),
        "first": _named(one.first),
        "gave_way": why if _number(one.taken) != _number(one.first) else None,
        "beside": None if one.rival is None else _beside(summary, one.rival),
    }
