"""Facts of what was predicted before training: the bottleneck and the tensor peak."""

from reports.analysis.agreement import bottleneck_agreement, peak_agreement
from reports.analysis.summary import Summary
from reports.prose.facts import Facts, counter
from reports.text import percent


def gather(summary: Summary, facts: Facts) -> dict[str, object]:
    """No peaks where no run logged a prediction, as runs of their own do not."""
    add_bottleneck(summary, facts)
    equal, measured, largest = peak_agreement(summary)
    if measured:
        facts.add("peak.equal", equal)
        facts.add("peak.measured", measured, counter("run"))
    if equal < measured:
        facts.add("peak.largest", largest, percent)
    return {}


def add_bottleneck(summary: Summary, facts: Facts) -> None:
    """What the macro `bottleneck` prints."""
    equal, measured = bottleneck_agreement(summary)
    if measured:
        facts.add("bottleneck.equal", equal)
        facts.add("bottleneck.measured", measured, counter("run"))
