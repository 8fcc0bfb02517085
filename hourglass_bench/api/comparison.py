"""Two configurations compared: what the report says of them, with the numbers behind it."""

from dataclasses import dataclass
from typing import Literal

from hourglass_bench.reports import prose
from hourglass_bench.reports.analysis.claims import Judged
from hourglass_bench.reports.analysis.statistics import Verdict
from hourglass_bench.reports.analysis.summary import title


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """Configuration a less configuration b in one metric, judged as the report judges. Its text is the report's."""

    a: str
    """How tables call it: `U-Net (depth 3, width 12)`."""
    b: str
    metric: str
    """`iou` or `boundary_iou`."""
    verdict: Verdict
    """Of a, see docs/protocol.md: better, worse, equivalent or inconclusive; ahead or behind with 3 or 4 repeats, which
    are a first look; refused with fewer; unlearnt where neither beats the rules without a network."""
    difference: float
    """Mean over the test folds of the mean over their scenes; in the metric's unit, as all that follows."""
    low: float
    """Ends of the 95 % interval, adjusted for the claims made together; infinite for a single unit."""
    high: float
    p: float
    """Two-sided, adjusted by Holm for the claims made together."""
    claims: int
    """How many the report makes together, with this one."""
    margin: float
    """A difference that does not matter."""
    detectable: float
    """True difference that is found with a probability of 80 %; infinite where none is as large."""
    repeats: int
    """Of the configuration that has fewer."""
    n: int
    """Units of the interval."""
    over: Literal["folds", "scenes"]
    """What they are."""
    _said: str

    def __str__(self) -> str:
        return self._said

    __repr__ = __str__


def comparison(one: Judged) -> Comparison:
    """Of what was judged."""
    found = one.comparison
    low, high = one.interval
    assert one.metric.margin is not None
    return Comparison(
        a=title(one.claim.a),
        b=title(one.claim.b),
        metric=one.metric.column,
        verdict=one.verdict,
        difference=found.difference,
        low=low,
        high=high,
        p=one.p,
        claims=one.claims,
        margin=one.metric.margin,
        detectable=one.detectable,
        repeats=found.repeats,
        n=found.n,
        over=found.over,
        _said=prose.sentence(one),
    )
