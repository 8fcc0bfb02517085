"""Values of the questions of the practical, answered with the numbers of the study `practical`."""

from itertools import pairwise

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import Judged, by_pair, judge_headline, pair
from hourglass_bench.reports.analysis.practical import PRACTICAL, WITH_SKIPS, WITHOUT_SKIPS, Networks, networks
from hourglass_bench.reports.analysis.summary import N, Summary, precision, statistic
from hourglass_bench.reports.prose.claims import claim_values
from hourglass_bench.reports.prose.depth import bottleneck
from hourglass_bench.reports.store.load import ARCHITECTURE
from hourglass_bench.reports.style import PRESETS
from hourglass_bench.reports.text import listed

COSTS = {"step": schema.STEP_SECONDS, "peak": schema.TENSOR_PEAK, "macs": schema.MACS}
COMPARED = {second: first for first, second in pairwise(PRESETS)}
"""Presets whose costs are compared with those of a cheaper one."""


def gather(summary: Summary) -> dict[str, object]:
    """The questions in the practical's order; none for other studies."""
    if summary.study.name != PRACTICAL:
        return {"practical": None}
    found = networks(summary)
    judged = {name: [one for one in made if one.metric == schema.TEST_IOU] for name, made in found.judged.items()}
    return bottleneck(summary) | {
        "practical": {
            "target": found.efforts.target,
            "precision": precision(summary),
            "presets": {name: _learning(found, name) for name in found.presets},
            "costs": {
                first: {
                    name: dict(zip(("mean", "min", "max"), found.ratio(metric, first, second), strict=True))
                    for name, metric in COSTS.items()
                }
                for first, second in COMPARED.items()
                if {first, second} <= found.complete
            },
            WITH_SKIPS: _claims(found.judged[WITH_SKIPS]) if found.judged.get(WITH_SKIPS) else None,
            "varied": {name: _claims(made) for name, made in judged.items() if name != WITH_SKIPS and made},
            "headline": _headline(summary),
        },
    }


def _learning(found: Networks, name: str) -> dict[str, object]:
    """How many attempts got anywhere, what it took, and the range of the complete ones' best validation IoU."""
    runs, row = found.attempts(name), found.presets[name]
    return {
        "reached": runs["epochs"].lt(float("inf")).sum(),
        "attempts": len(runs),
        "stuck": runs["stuck"].sum(),
        "diverged": runs["diverged"].sum(),
        "epochs": runs["epochs"].median(),
        "seconds": runs["seconds"].median(),
        "val_iou": {end: row[statistic(schema.BEST_VAL_IOU, end)] for end in ("min", "max")} if row[N] else None,
        "peak_bytes": row[statistic(schema.TENSOR_PEAK, "mean")],
    }


def _claims(judged: list[Judged]) -> dict[str, object]:
    """A pair with all that is judged of it."""
    return {"pair": pair(judged[0].claim), "judged": {one.metric.column: claim_values(one) for one in judged}}


def _headline(summary: Summary) -> list[dict[str, object]]:
    """The claims of the first page about the headline's two in IoU, each pair once, with all that is equal."""
    return [
        {"matchings": listed(list(dict.fromkeys(one.claim.matching for one in judged))), **_claims(judged[:1])}
        for judged in by_pair(judge_headline(summary)).values()
        if {row[ARCHITECTURE] for row in (judged[0].claim.a, judged[0].claim.b)} == {WITH_SKIPS, WITHOUT_SKIPS}
    ]
