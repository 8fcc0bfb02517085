"""What it would take to be sure of a claim: repeats, runs and hours until a difference that matters is detectable."""

from typing import NamedTuple

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import Judged, arms
from hourglass_bench.reports.analysis.components import estimate
from hourglass_bench.reports.analysis.planning import Shape, more_repeats, needed, shape_of
from hourglass_bench.reports.analysis.summary import N, Summary, comparable, statistic


class Cost(NamedTuple):
    """What a larger study takes."""

    more: int
    """Repeats to run: those that are added, or all where the study must be a new one."""
    runs: int
    """Of every configuration, so that all stay paired."""
    seconds: float
    """Of these runs one after another, by the mean of each configuration's complete runs, longer by as much as there
    are more scenes, most of which are trained on."""


def needed_for(summary: Summary, one: Judged) -> tuple[Shape, Shape | None] | None:
    """The size of the study, and that at which the margin of the claim's metric is detectable among as many claims.

    None for a single repeat, which tells nothing of spread.
    """
    values = arms(summary, one.claim, one.metric)
    if one.comparison.repeats < 2:
        return None
    assert one.metric.margin is not None
    shape = shape_of(one.claim.a, values[0])
    return shape, needed(shape, estimate(*values), one.metric.margin, one.claims)


def cost_of(summary: Summary, now: Shape, larger: Shape) -> Cost:
    """Of a larger study than the one there is, with every configuration of its comparison."""
    more = more_repeats(now, larger)
    table = comparable(summary.configurations)
    table = table[table[N] > 0]
    seconds = float(table[[statistic(one, "mean") for one in (schema.SECONDS, schema.IDLE_SECONDS)]].sum().sum())
    return Cost(more, more * len(table), more * seconds * larger.scenes / now.scenes)
