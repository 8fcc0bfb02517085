"""Values of differences. Only the words of `statistics.verdict` say that something is better."""

from hourglass_bench.reports.analysis.claims import Judged, word
from hourglass_bench.reports.analysis.statistics import Comparison, Interval


def difference_values(found: Comparison, interval: Interval) -> dict[str, object]:
    """What the macro `difference` prints, and what it rests on."""
    sizes = {"n": found.n, "over_scenes": found.over == "scenes", "repeats": found.repeats}
    return {"difference": found.difference, **interval._asdict(), **sizes}


def claim_values(one: Judged) -> dict[str, object]:
    """What the macro `claim` prints, with the interval that is adjusted for the claims made together."""
    return difference_values(one.comparison, one.interval) | {"verdict": word(one), "refused": one.verdict == "refused"}
