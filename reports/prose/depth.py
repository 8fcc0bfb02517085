"""Values of what was predicted before training: the bottleneck and the tensor peak."""

from reports.analysis.agreement import bottleneck_agreement, peak_agreement
from reports.analysis.summary import Summary, precision


def gather(summary: Summary) -> dict[str, object]:
    """No peaks where no run logged a prediction, as runs of their own do not."""
    return {"peak": peak_agreement(summary)._asdict(), "precision": precision(summary)} | bottleneck(summary)


def bottleneck(summary: Summary) -> dict[str, object]:
    """What the macro `bottleneck` prints."""
    return {"bottleneck": bottleneck_agreement(summary)._asdict()}
