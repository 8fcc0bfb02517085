"""The table of what pre-training is worth."""

from bench import schema
from reports import style
from reports.analysis.claims import Judged, arms, word
from reports.analysis.pretraining import MATCHING, STAGE, judge_pretraining
from reports.analysis.statistics import POWER
from reports.analysis.summary import Summary
from reports.store.load import ARCHITECTURE
from reports.tables.base import Table, left, right
from reports.tables.verdicts import RULE, stacked
from reports.text import digits, p_value, percent, unbroken


def pretraining(summary: Summary) -> Table | None:
    """Each network with a pre-trained encoder less the same from scratch, in IoU and Boundary IoU."""
    pairs = judge_pretraining(summary)
    if not pairs:
        return None
    compared = ["Δ IoU [95 % CI]", "p", "verdict", "Δ Boundary IoU [95 % CI]", "p", "verdict"]
    return Table(
        "Pre-trained less from scratch, everything else equal, in as many optimiser steps: those of the epochs named "
        "below the network (depth/base width) reconstruct the images of all training scenes first where the encoder is "
        "pre-trained; only the labelled scenes have masks. Pre-trained, scratch: test IoU, the mean over folds of the "
        f"repeats that both have. {RULE} Margin ±{digits(schema.TEST_IOU.margin or 0, 2)}; detectable: the true "
        f"difference in IoU that this study finds with a probability of {percent(POWER)} among these claims.",
        [*left("network"), *right("pre-trained", "scratch", *compared, "detectable")],
        [_row(summary.others[STAGE], judged) for judged in pairs],
    )


def _row(stage: Summary, judged: list[Judged]) -> list[str]:
    claim = judged[0].claim
    network = f"{style.look(claim.a[ARCHITECTURE]).label} {claim.a[schema.DEPTH]}/{claim.a[schema.BASE_WIDTH]}"
    means = [arm.groupby(["fold", "scene"])["value"].mean() for arm in arms(stage, claim, schema.TEST_IOU)]
    return [
        "\n".join([network, *map(unbroken, claim.matching.removeprefix(MATCHING).split(", "))]),
        *(digits(values.groupby("fold").mean().mean()) for values in means),
        *(cell for one in judged for cell in (stacked(one), p_value(one.p), word(one).replace(" better", "\nbetter"))),
        digits(judged[0].detectable),
    ]
