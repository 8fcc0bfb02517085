"""Masks through a flat latent of some size: reconstructed, and segmented by networks of the same encoder."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.summary import CONFIGURATION, N, Summary, comparable, statistic
from hourglass_bench.reports.store.load import ARCHITECTURE, BETA, LATENT

SIZE = [schema.DEPTH, schema.BASE_WIDTH]


def ranked_by_objective(table: pd.DataFrame, stage: schema.Stage) -> pd.DataFrame:
    """Configurations by what their stage is judged by on validation scenes; the most complete repeats come first."""
    objective = schema.OBJECTIVES[stage]
    return table.sort_values(
        [N, statistic(objective, "mean"), CONFIGURATION], ascending=[False, objective.better == "lower", True]
    )


def plainest(table: pd.DataFrame) -> pd.DataFrame:
    """Of each architecture those with the beta nearest to 1: losses with different betas are of different kinds."""
    far = (table[BETA].astype("float64") - 1).abs()
    return table[far == far.groupby(table[ARCHITECTURE]).transform("min")]


def through_latents(summary: Summary) -> dict[schema.Stage, pd.DataFrame]:
    """Configurations of one depth and width that reconstruct masks, and those that segment: by stage, if it has some.

    Those of `scored`. The depth and width are if possible some that segment too, and then those with the most latents.
    """
    if "generative" not in summary.others:
        return {}
    reconstructed, segmented = scored(summary.others["generative"], "generative"), scored(summary, "comparison")
    if reconstructed.empty:
        return {}
    both = set(map(tuple, segmented[SIZE].to_numpy()))
    latents = {(depth, width): rows[LATENT].nunique() for (depth, width), rows in reconstructed.groupby(SIZE)}
    chosen = pd.Series(max(latents, key=lambda size: (size in both, latents[size], size)), index=SIZE)
    tables: dict[schema.Stage, pd.DataFrame] = {"generative": reconstructed, "comparison": segmented}
    own = {stage: table[(table[SIZE] == chosen).all(axis=1)] for stage, table in tables.items()}
    return {stage: table for stage, table in own.items() if len(table)}


def scored(summary: Summary, stage: schema.Stage) -> pd.DataFrame:
    """Tested configurations that make masks through a flat latent, one of each architecture, size and latent.

    Columns mean, low and high are of their test IoU.
    """
    table = comparable(summary.configurations)
    table = table[(table[LATENT] > 0) & (table[schema.TARGET] == "mask") & (table[N] > 0)]
    chosen = ranked_by_objective(plainest(table), stage).drop_duplicates([ARCHITECTURE, *SIZE, LATENT])
    return chosen.join(estimates(summary, schema.TEST_IOU), on=CONFIGURATION).dropna(subset="mean")
