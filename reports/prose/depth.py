"""Values of what was predicted before training: the bottleneck and the tensor peak."""

from hourglass_bench.reports.analysis.agreement import bottleneck_agreement, peak_agreement
from hourglass_bench.reports.analysis.summary import Summary, precision
from hourglass_bench.reports.analysis.texture import Texture, texture


def gather(summary: Summary) -> dict[str, object]:
    """No peaks where no run logged a prediction, as runs of their own do not."""
    peak = {"peak": peak_agreement(summary)._asdict(), "precision": precision(summary)}
    found = texture(summary)
    return peak | bottleneck(summary) | {"texture": _trends(found) if found else {}}


def _trends(found: Texture) -> dict[str, object]:
    """Of all skip connections less none, whose trends in IoU and Boundary IoU are claimed together."""
    easiest, hardest = found.claims[0].blends
    return {
        "easiest": easiest,
        "hardest": hardest,
        "claims": [
            {"column": claim.metric.column, "slope": claim.slope, **claim.interval._asdict(), "word": claim.word}
            for claim in found.claims
        ],
        "folds": found.claims[0].folds,
        "repeats": found.claims[0].repeats,
    }


def bottleneck(summary: Summary) -> dict[str, object]:
    """What the macro `bottleneck` prints."""
    return {"bottleneck": bottleneck_agreement(summary)._asdict()}
