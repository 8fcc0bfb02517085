"""Scene means of every run: what differences, intervals and verdicts are computed from."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.verified import BASELINES, COLUMNS, SCENE, Verified
from hourglass_bench.reports.store.load import REPEAT, RUN

PROTOCOL = [REPEAT, schema.FOLD, schema.SPLIT_DIGEST, schema.DATA_DIGEST]
"""Runs that agree in all of it were tested on the same frames after training on the same frames."""


def scene_means(runs: pd.DataFrame, verified: Verified) -> pd.DataFrame:
    """One row per tested scene of every run with a frame table: run_id, protocol, scene, metrics and baselines.

    Of each baseline there is the IoU, in `schema.baseline_column`. Frame tables of before version 6 lack the column:
    then every scene of the run has the mean that the run logged. Means over all scenes of a run, and so of a fold, are
    right, only the scenes do not differ. NaN if the run logged none, as auto-encoders.
    """
    frames = verified.frames[[SCENE, *COLUMNS, *BASELINES]]
    if frames.empty:
        return pd.DataFrame(columns=[*frames, RUN, *PROTOCOL])
    means = frames.groupby([frames.index, SCENE]).mean().reset_index(SCENE)
    logged = {metric.name: column for column, metric in BASELINES.items()}
    about = runs.rename(columns=logged).reindex(columns=[RUN, *PROTOCOL, *BASELINES])
    about = about.iloc[means.index].reset_index(drop=True)
    means = means.reset_index(drop=True).fillna(about[[*BASELINES]])
    return means.join(about[[RUN, *PROTOCOL]])
