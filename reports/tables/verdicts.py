"""Tables of differences: the claims with their verdicts, and every metric of the first claim."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.claims import (
    Claim,
    Judged,
    arms,
    by_pair,
    judge_headline,
    judge_metrics,
    pair,
    pair_key,
    word,
)
from hourglass_bench.reports.analysis.statistics import FULL_REPEATS, MIN_REPEATS, iqm
from hourglass_bench.reports.analysis.summary import LABEL, Summary, is_sized, precisions
from hourglass_bench.reports.store.load import ARCHITECTURE
from hourglass_bench.reports.tables.base import Table, left, memory_note, noted, right
from hourglass_bench.reports.text import bounds, counted, digits, parted, percent, signed

DIFFERENCES = ("difference in IoU [interval], verdict", "difference in Boundary IoU [interval], verdict")
DETECTABLE = "detectable difference"


def rule(claims: int) -> str:
    """How so many claims are judged together."""
    return (
        f"Interval: of 95 %, adjusted for the {counted(claims, 'claim')} made together. Verdict: better "
        f"where it leaves out zero; equivalent where it lies within ±{digits(schema.TEST_IOU.margin or 0, 2)}; else "
        f"inconclusive. Fewer than {FULL_REPEATS} repeats: a first look, ahead, never better or equivalent; fewer than "
        f"{MIN_REPEATS}: none."
    )


def verdicts(summary: Summary) -> Table | None:
    """Each pair of configurations, with its matchings and its differences in IoU and Boundary IoU."""
    pairs = list(by_pair(judge_headline(summary)).values())
    if not pairs:
        return None
    return Table(
        "Configurations compared on the same test scenes, the first less the second.",
        [*left("compared", "basis"), *right(*DIFFERENCES, "share of scenes", "effect size", DETECTABLE)],
        [_pair(judged) for judged in pairs],
        noted(
            f"{rule(pairs[0][0].claims)} A pair is two claims. Share of scenes: where the first has the higher IoU.",
            memory_note(summary) if len(precisions(summary)) > 1 else "",
        ),
        [pair_key(judged[0].claim) for judged in pairs],
    )


def _pair(judged: list[Judged]) -> list[str]:
    first, found = judged[0], judged[0].comparison
    return [
        "\nless ".join(map(_name, first.claim[1:3])),
        "\n".join(_basis(one.claim) for one in judged if one.metric == first.metric),
        *(difference(one) for one in judged[: len(DIFFERENCES)]),
        percent(round(found.probability, 2)),
        signed(found.effect, 2),
        digits(first.detectable),
    ]


def _name(row: pd.Series) -> str:
    """In one line, or what has no depth and width in two: its options may be long."""
    between = " " if is_sized(row) else "\n"
    return parted(f"{style.look(row[ARCHITECTURE]).label}{between}{row[LABEL]}".rstrip())


def _basis(claim: Claim) -> str:
    """`equal parameters (×1.02)`: the second's cost over the first's."""
    return claim.matching + (f" (×{claim.ratio:.2f})" if claim.ratio != 1 else "")


def difference(one: Judged) -> str:
    """The difference, its interval and the verdict, one below the other."""
    return "\n".join([*_stacked(one), word(one)])


def metrics(summary: Summary) -> Table | None:
    """Every test metric of the first claim."""
    judged = judge_metrics(summary)
    if not judged:
        return None
    claim = judged[0].claim
    names = [style.look(row[ARCHITECTURE]).label for row in (claim.a, claim.b)]
    differences = ["difference [interval]", "over scenes, descriptive [interval]", "margin", "verdict", DETECTABLE]
    return Table(
        f"Every test metric of {pair(claim)}.",
        [*left("metric"), *right(*names, *differences)],
        [_metric(summary, one) for one in judged],
        "Scores: of the repeats that both have; below, the mean of the middle half of the scenes. HD95 and ASSD in "
        "original pixels: where one of two masks is empty they are the frame's diagonal, a heavy tail, so that their "
        "intervals cover less than 95 %. Verdicts: as in the first table; all but IoU and Boundary IoU adjusted among "
        "themselves.",
    )


def _metric(summary: Summary, one: Judged) -> list[str]:
    scenes = [arm.groupby(["fold", "scene"])["value"].mean() for arm in arms(summary, one.claim, one.metric)]
    means = [values.groupby("fold").mean().mean() for values in scenes]
    found = one.comparison
    arrow = {"higher": "↑", "lower": "↓"}[one.metric.better]
    return [
        f"{one.metric.label} {arrow}",
        *(f"{digits(mean)}\n{digits(iqm(values))}" for mean, values in zip(means, scenes, strict=True)),
        "\n".join(_stacked(one)),
        f"{signed(found.scene_difference)}\n{bounds(*found.scene_interval)}",
        f"±{one.metric.margin:g}",
        word(one),
        digits(one.detectable),
    ]


def _stacked(one: Judged) -> tuple[str, str]:
    return signed(one.comparison.difference), bounds(*one.interval)
