"""Tables of differences: the claims with their verdicts, and every metric of the first claim."""

from bench import schema
from reports import style
from reports.analysis.claims import Claim, Judged, arms, by_pair, judge_headline, judge_metrics, pair, word
from reports.analysis.statistics import iqm
from reports.analysis.summary import Summary
from reports.store.load import ARCHITECTURE
from reports.tables.base import Table, left, right
from reports.text import bounds, digits, p_value, signed

RULE = (
    "Interval: 95 %, Student's t over the test folds, each fold the mean over its scenes and repeats (over scenes "
    "crossed with repeats where all repeats share one fold). Verdict: none with fewer than three repeats; equivalent "
    "if the interval lies inside ± the margin; else better if p < 0.05; else inconclusive. p: adjusted by Holm for all "
    "claims of the table."
)


def verdicts(summary: Summary) -> Table | None:
    """Each pair of configurations, with its matchings and its differences in IoU and Boundary IoU."""
    pairs = by_pair(judge_headline(summary))
    if not pairs:
        return None
    rows = []
    for judged in pairs.values():
        found = judged[0].comparison
        rows.append(
            [
                _matchings([one.claim for one in judged if one.metric == schema.TEST_IOU]),
                *(cell for one in judged[:2] for cell in (stacked(one), p_value(one.p), word(one))),
                f"{found.probability:.0%}",
                digits(found.effect, 2),
                digits(judged[0].detectable),
            ]
        )
    columns = ["Δ IoU [95 % CI]", "p", "verdict", "Δ Boundary IoU [95 % CI]", "p", "verdict", "P", "d", "detectable"]
    return Table(
        f"Pairs of configurations, by what is equal (× the second's cost over the first's), depth/base width of both. "
        f"{RULE} Margin ±{digits(schema.TEST_IOU.margin or 0, 2)}. P: share of scenes on which the first has the "
        "higher IoU; d: mean over scenes in standard deviations (Cohen's d_z); detectable: the true difference in IoU "
        "that this study finds with a probability of 80 % among these claims.",
        [*left("matching"), *right(*columns)],
        rows,
    )


def metrics(summary: Summary) -> Table | None:
    """Every test metric of the first claim."""
    judged = judge_metrics(summary)
    if not judged:
        return None
    first = judged[0].claim
    names = [style.look(row[ARCHITECTURE]).label for row in (first.a, first.b)]
    rows = [_metric(summary, one) for one in judged]
    differences = ["Δ [95 % CI]", "Δ over scenes [95 % CI]", "p", "margin", "verdict", "detectable"]
    return Table(
        f"Every test metric of {pair(first)}. Means over folds of the mean over scenes, of the repeats that both have; "
        f"below them the mean of the middle half of the scenes (IQM); HD95 and ASSD in original pixels. {RULE} IoU and "
        "Boundary IoU as in the first table, the other metrics adjusted among themselves.",
        [*left("metric"), *right(*names, *differences)],
        rows,
    )


def _metric(summary: Summary, one: Judged) -> list[str]:
    scenes = [arm.groupby(["fold", "scene"])["value"].mean() for arm in arms(summary, one.claim, one.metric)]
    means = [values.groupby("fold").mean().mean() for values in scenes]
    found = one.comparison
    arrow = {"higher": "↑", "lower": "↓"}[one.metric.better]
    return [
        f"{one.metric.label} {arrow}",
        *(f"{digits(mean)}\n{digits(iqm(values))}" for mean, values in zip(means, scenes, strict=True)),
        stacked(one),
        f"{signed(found.scene_difference)}\n{bounds(*found.scene_interval)}",
        p_value(one.p),
        f"±{one.metric.margin:g}",
        word(one),
        digits(one.detectable),
    ]


def _matchings(made: list[Claim]) -> str:
    """`equal parameters ×1.02, equal MACs ×0.99` above `3/16 less 3/18`."""
    names = [claim.matching + (f" ×{claim.ratio:.2f}" if claim.ratio != 1 else "") for claim in made]
    sizes = " less ".join(f"{row[schema.DEPTH]}/{row[schema.BASE_WIDTH]}" for row in (made[0].a, made[0].b))
    return "\n".join([*names, sizes])


def stacked(one: Judged) -> str:
    """The difference above its interval."""
    return f"{signed(one.comparison.difference)}\n{bounds(*one.interval)}"
