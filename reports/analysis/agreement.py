"""Do the predicted bottleneck and tensor peak agree with the measured ones?"""

from typing import NamedTuple

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.summary import Summary


class Agreement(NamedTuple):
    """What was predicted before training, beside what was measured."""

    equal: int
    measured: int
    """Runs and trials with both figures."""
    largest_difference: float = 0.0
    """Relative to what was measured; 0 if nothing was, and of shapes."""


def bottleneck_agreement(summary: Summary) -> Agreement:
    """Of the bottleneck's shape, in the runs and trials that measured one."""
    runs = summary.logged[summary.logged[schema.BOTTLENECK_MEASURED] != ""]
    return Agreement(int((runs[schema.BOTTLENECK_PREDICTED] == runs[schema.BOTTLENECK_MEASURED]).sum()), len(runs))


def peak_agreement(summary: Summary) -> Agreement:
    """Of the tensor peak: in how many runs the prediction is exact, and how far off it is at most.

    Both are of one run, and so in one arithmetic: a prediction is made for the precision that the run trains in.
    """
    both = summary.logged[[schema.PREDICTED_PEAK.name, schema.TENSOR_PEAK.name]].dropna()
    predicted, measured = both[schema.PREDICTED_PEAK.name], both[schema.TENSOR_PEAK.name]
    differences = (predicted - measured).abs() / measured
    return Agreement(int((predicted == measured).sum()), len(both), float(differences.max()) if len(both) else 0.0)
