"""Do the predicted bottleneck and tensor peak agree with the measured ones?"""

from typing import NamedTuple

from bench import schema
from reports.analysis.summary import Summary


def bottleneck_agreement(summary: Summary) -> tuple[int, int]:
    """Runs and trials whose predicted bottleneck equals the measured one, and those that measured one."""
    runs = summary.logged[summary.logged[schema.BOTTLENECK_MEASURED] != ""]
    return int((runs[schema.BOTTLENECK_PREDICTED] == runs[schema.BOTTLENECK_MEASURED]).sum()), len(runs)


class PeakAgreement(NamedTuple):
    """Tensor peaks that were predicted before training, beside the measured ones."""

    equal: int
    measured: int
    """Runs and trials with both figures."""
    largest_difference: float
    """Relative to the measured peak; 0 if none was measured."""


def peak_agreement(summary: Summary) -> PeakAgreement:
    """In how many runs the prediction is exact, and how far off it is at most."""
    both = summary.logged[[schema.PREDICTED_PEAK.name, schema.TENSOR_PEAK.name]].dropna()
    predicted, measured = both[schema.PREDICTED_PEAK.name], both[schema.TENSOR_PEAK.name]
    differences = (predicted - measured).abs() / measured
    return PeakAgreement(int((predicted == measured).sum()), len(both), float(differences.max()) if len(both) else 0.0)
