"""Whether runs that were to be trained on the same data were, and by the same arithmetic."""

from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.store.load import ABSENT, DATA_FOLDS, LABELLED_SCENES, RUN, SPLIT

ARITHMETIC = f"{schema.ENVIRONMENT}arithmetic"
FREE = {"data.path", SPLIT, DATA_FOLDS, LABELLED_SCENES, schema.DATA_DIGEST, schema.DATA_READING}
"""What of the data's settings does not decide their pixels."""


class Mixture(NamedTuple):
    """Of the complete runs of all stages."""

    runs: int
    """Those that logged a digest of their data."""
    others: pd.DataFrame
    """run_id, digest and usual: the runs of other data than most runs with the same settings, and the digest of
    those."""
    arithmetics: dict[str, int]
    """How many runs were computed by which version of the arithmetic; runs of before it was logged are not counted."""


@lru_cache(maxsize=1)
def mixture(summary: Summary) -> Mixture:
    """Of equally many runs those that began first are the usual ones."""
    complete = summary.study.trials[summary.study.trials[schema.STATE] == "complete"]
    runs = complete[complete[schema.DATA_DIGEST] != ""]
    settings = sorted({str(name) for name in runs if str(name).startswith("data.")} - FREE)
    same = runs.groupby(settings, dropna=False, sort=False)[schema.DATA_DIGEST]
    usual = same.transform(lambda digests: digests.value_counts(sort=False).idxmax())
    table = pd.DataFrame({RUN: runs[RUN], "digest": runs[schema.DATA_DIGEST], "usual": usual})
    known = complete[ARITHMETIC] if ARITHMETIC in complete else pd.Series(dtype="str")
    arithmetics = known[known.notna() & ~known.isin(["", ABSENT])].value_counts()
    counts = {str(name): int(count) for name, count in arithmetics.sort_index().items()}
    return Mixture(len(runs), table[table["digest"] != table["usual"]], counts)
