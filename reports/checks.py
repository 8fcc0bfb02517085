"""Whether the runs of a study are what this report reads: logged by its version, with all names known and there."""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from bench import schema

# Prefix of metrics that MLflow itself adds on request.
SYSTEM_METRICS = "system/"

OF_COMPLETE = (
    schema.TRAIN_LOSS,
    schema.VAL_LOSS,
    schema.VAL_BCE,
    schema.VAL_IOU,
    schema.BEST_VAL_IOU,
    schema.BEST_EPOCH,
    schema.PARAMS,
    schema.MACS,
    schema.TENSOR_PEAK,
    schema.SAVED_ACTIVATIONS,
    schema.ALLOCATOR_PEAK,
    schema.RSS_PEAK,
    schema.TRAIN_SPEED,
    schema.STEP_SECONDS,
    schema.SECONDS,
)
"""What every complete run logs; one of the comparison also every test metric."""


def require_version(study: str, versions: pd.Series) -> None:
    """Raise ValueError unless every run was logged by this version of the schema; `versions` are their tags."""
    texts = versions.astype("object").fillna("1")
    odd = sorted({text for text in texts if not text.isdecimal()})
    if odd:
        raise ValueError(f"tag {schema.SCHEMA_VERSION} must be a number, got {', '.join(map(repr, odd))}.")
    counts = Counter(int(text) for text in texts)
    if set(counts) == {schema.VERSION}:
        return
    found = " and ".join(f"{counts[version]} of version {version}" for version in sorted(counts))
    remedy = (
        "Update hourglass-bench to the version that logged the newest run."
        if max(counts) > schema.VERSION
        else "Run the study again in a new RUNS folder, or report with the version of hourglass-bench that logged it."
    )
    raise ValueError(
        f"study {study!r} must be of version {schema.VERSION} of the schema (tag {schema.SCHEMA_VERSION}), got runs of "
        f"another: {found}. {remedy}"
    )


def require_known(kind: str, keys: Iterable[str], known: Iterable[str], prefixes: tuple[str, ...]) -> None:
    """Raise ValueError if a key is neither known nor begins with a known prefix."""
    unknown = sorted({key for key in keys if not key.startswith(prefixes)} - set(known))
    if unknown:
        raise ValueError(f"The store holds {kind} that bench/schema.py does not know: {', '.join(unknown)}.")


def require_metrics(outcomes: pd.DataFrame, metrics: pd.DataFrame) -> None:
    """Raise ValueError if a complete run lacks a metric that it must have; a value may be NaN, but not absent."""
    complete = outcomes[outcomes[schema.STATE] == "complete"]
    for tested, runs in complete.groupby(complete[schema.STAGE] == "comparison"):
        expected = [metric.name for metric in (*OF_COMPLETE, *(schema.TEST_METRICS if tested else ()))]
        logged = metrics.loc[metrics["run_id"].isin(runs["run_id"]) & metrics["key"].isin(expected)]
        counts = logged.groupby("run_id")["key"].nunique().reindex(runs["run_id"], fill_value=0)
        short = counts[counts < len(expected)]
        if len(short):
            run = short.index[0]
            missing = [name for name in expected if name not in set(logged.loc[logged["run_id"] == run, "key"])]
            raise ValueError(f"run {run} is complete but lacks the metrics {', '.join(missing)}.")
