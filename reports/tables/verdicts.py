"""Tables of differences: the claims with their verdicts, and every metric of the first claim."""

from bench import schema
from reports import style
from reports.analysis.claims import Claim, Judged, arms, by_pair, headline, judge_headline, judge_metrics, pair
from reports.analysis.statistics import MIN_REPEATS, Interval, iqm
from reports.analysis.summary import Summary
from reports.store.load import ARCHITECTURE, PRETRAIN_EPOCHS
from reports.tables.base import Table
from reports.text import DASH, digits, signed

RULE = (
    "Interval: 95 %, Student's t over the test folds, each fold the mean over its scenes and repeats (over scenes "
    "crossed with repeats where all repeats share one fold). Verdict: none with fewer than three repeats; equivalent "
    "if the interval lies inside ± the margin; else better if p < 0.05; else inconclusive. p: adjusted by Holm for all "
    "claims of the table."
)


def verdicts(of: Summary) -> Table | None:
    """Each pair of configurations, with its matchings and its differences in IoU and Boundary IoU."""
    pairs = by_pair(judge_headline(of))
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
    first, second = (style.look(name).label for name in headline(of) or ())
    columns = ["Δ IoU [95 % CI]", "p", "verdict", "Δ Boundary IoU [95 % CI]", "p ", "verdict ", "P", "d", "detectable"]
    return Table(
        f"{first} less {second}, by what is equal (× the second's cost over the first's), depth/base width of both. "
        f"{RULE} Margin ±{digits(schema.TEST_IOU.margin or 0, 2)}. P: share of scenes on which {first} has the higher "
        "IoU; d: mean over scenes in standard deviations (Cohen's d_z); detectable: the true difference in IoU that "
        "this study finds with a probability of 80 % among these claims.",
        {"matching": "left", **dict.fromkeys(columns, "right")},
        rows,
    )


def metrics(of: Summary) -> Table | None:
    """Every test metric of the first claim."""
    judged = judge_metrics(of)
    if not judged:
        return None
    first = judged[0].claim
    names = [style.look(row[ARCHITECTURE]).label for row in (first.a, first.b)]
    rows = [_metric(of, one) for one in judged]
    differences = ["Δ [95 % CI]", "Δ over scenes [95 % CI]", "p", "margin", "verdict", "detectable"]
    columns = [*names, *differences]
    return Table(
        f"Every test metric of {pair(first)}. Means over folds of the mean over scenes, of the repeats that both have; "
        f"below them the mean of the middle half of the scenes (IQM); HD95 and ASSD in original pixels. {RULE} IoU and "
        "Boundary IoU as in the first table, the other metrics adjusted among themselves.",
        {"metric": "left", **dict.fromkeys(columns, "right")},
        rows,
    )


def _metric(of: Summary, one: Judged) -> list[str]:
    scenes = [arm.groupby(["fold", "scene"])["value"].mean() for arm in arms(of, one.claim, one.metric)]
    means = [values.groupby("fold").mean().mean() for values in scenes]
    found = one.comparison
    arrow = {"higher": "↑", "lower": "↓"}[one.metric.better]
    return [
        f"{one.metric.label} {arrow}",
        *(f"{digits(mean)}\n{digits(iqm(values))}" for mean, values in zip(means, scenes, strict=True)),
        stacked(one),
        f"{signed(found.scene_difference)}\n{bounds(found.scene_interval)}",
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
    return f"{signed(one.comparison.difference)}\n{bounds(one.comparison.interval)}"


def difference(one: Judged) -> str:
    """`+0.012 [−0.020, +0.044]`."""
    return f"{signed(one.comparison.difference)} {bounds(one.comparison.interval)}"


def p_value(p: float) -> str:
    """Three decimals, or that it is smaller."""
    return "<0.001" if p < 0.001 else digits(p)


def bounds(interval: Interval) -> str:
    """`[−0.020, +0.044]`; a dash without bounds."""
    shown = f"[{signed(interval.low)},\u00a0{signed(interval.high)}]"
    return DASH if interval.high == float("inf") else shown


def word(one: Judged) -> str:
    """The verdict with the name of what it favours."""
    a, b = _sides(one.claim)
    words = {
        "better": f"{a} better",
        "worse": f"{b} better",
        "refused": f"none: {one.comparison.repeats} of {MIN_REPEATS} repeats",
    }
    return words.get(one.verdict, one.verdict)


def _sides(claim: Claim) -> tuple[str, str]:
    """What tells both apart: whether they are pre-trained, or the architecture."""
    if claim.a[PRETRAIN_EPOCHS] != claim.b[PRETRAIN_EPOCHS]:
        return "pre-trained", "from scratch"
    return style.look(claim.a[ARCHITECTURE]).label, style.look(claim.b[ARCHITECTURE]).label
