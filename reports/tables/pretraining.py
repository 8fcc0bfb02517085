"""The table of what pre-training is worth."""

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.claims import Judged, arms
from hourglass_bench.reports.analysis.pretraining import MATCHING, STAGE, judge_pretraining
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.store.load import ARCHITECTURE
from hourglass_bench.reports.tables.base import Table, left, right, size
from hourglass_bench.reports.tables.verdicts import DETECTABLE, DIFFERENCES, difference, rule
from hourglass_bench.reports.text import digits, unbroken


def pretraining(summary: Summary) -> Table | None:
    """Each network with a pre-trained encoder less the same from scratch, in IoU and Boundary IoU."""
    pairs = judge_pretraining(summary)
    if not pairs:
        return None
    return Table(
        "Networks with pre-trained encoders less the same from scratch, in as many optimiser steps.",
        [*left("network"), *right("pre-trained", "from scratch", *DIFFERENCES, DETECTABLE)],
        [_row(summary.others[STAGE], judged) for judged in pairs],
        "Pre-trained: on images of all training scenes; only labelled ones have masks. Scores: test IoU of the "
        f"repeats both have. {rule(pairs[0][0].claims)}",
    )


def _row(stage: Summary, judged: list[Judged]) -> list[str]:
    claim = judged[0].claim
    how = map(unbroken, claim.matching.removeprefix(MATCHING).split(", "))
    means = [arm.groupby(["fold", "scene"])["value"].mean() for arm in arms(stage, claim, schema.TEST_IOU)]
    return [
        "\n".join([style.look(claim.a[ARCHITECTURE]).label, size(claim.a), *how]),
        *(digits(values.groupby("fold").mean().mean()) for values in means),
        *map(difference, judged),
        digits(judged[0].detectable),
    ]
