"""Whether the runs of a study are what this report reads: of a version it knows, all names known and there."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Literal, NamedTuple

import pandas as pd

from hourglass_bench.bench import schema

SPLITS = ("scene_folds", "scene_holdout", "random_frames", "given")
"""Those of `bench.config.SplitName`, which the report cannot import without the architectures."""
HOLDOUTS = ("scene_holdout", "given")
"""Those under which every repeat is tested on the same scenes."""

# Prefix of metrics that MLflow itself adds on request.
SYSTEM_METRICS = "system/"

OF_COMPLETE = (
    schema.TRAIN_LOSS,
    schema.VAL_LOSS,
    schema.BEST_VAL_LOSS,
    schema.BEST_EPOCH,
    schema.PARAMS,
    schema.MACS,
    schema.RSS_PEAK,
    schema.TRAIN_SPEED,
    schema.STEP_SECONDS,
    schema.SECONDS,
)
"""What every complete run logs."""
OF_STEP = (schema.TENSOR_PEAK, schema.SAVED_ACTIVATIONS, schema.ALLOCATOR_PEAK)
"""What it logs beside it, all or nothing: memory can run out where the memory of a step is measured."""
SEGMENTING = (schema.VAL_BCE, schema.VAL_IOU, schema.BEST_VAL_IOU)
TESTED = (*SEGMENTING, *schema.TEST_METRICS, schema.LAST_IOU)
OF_STAGE: dict[schema.Stage, tuple[schema.Metric, ...]] = {
    "search": SEGMENTING,
    "tuning": SEGMENTING,
    "comparison": TESTED,
    "generative": (schema.TEST_MSE, schema.TEST_PSNR, schema.TEST_SSIM, schema.PROBE_IOU),
    "pretraining": TESTED,
}
"""What the complete runs of a stage log beside it."""


def require_version(study: str, versions: pd.Series) -> None:
    """Raise ValueError unless every run is of a version of the schema that is read; `versions` are their tags."""
    texts = versions.astype("object").fillna("1")
    odd = sorted({text for text in texts if not text.isdecimal()})
    if odd:
        raise ValueError(f"tag {schema.SCHEMA_VERSION} must be a number, got {', '.join(map(repr, odd))}.")
    counts = Counter(int(text) for text in texts)
    if all(schema.OLDEST_VERSION <= version <= schema.VERSION for version in counts):
        return
    found = " and ".join(f"{counts[version]} of version {version}" for version in sorted(counts))
    remedy = (
        "Update hourglass-bench to the version that logged the newest run."
        if max(counts) > schema.VERSION
        else "Run the study again in a new RUNS folder, or report with the version of hourglass-bench that logged it."
    )
    raise ValueError(
        f"study {study!r} must be of version {schema.OLDEST_VERSION} to {schema.VERSION} of the schema (tag "
        f"{schema.SCHEMA_VERSION}), got runs of another: {found}. {remedy}"
    )


def require_known(study: str, kind: str, keys: Iterable[str], known: Iterable[str], prefixes: tuple[str, ...]) -> None:
    """Raise ValueError if a key of the study's runs is neither known nor begins with a known prefix."""
    unknown = sorted({key for key in keys if not key.startswith(prefixes)} - set(known))
    if unknown:
        raise ValueError(
            f"study {study!r} holds {kind} that bench/schema.py does not know: {', '.join(unknown)}. Update "
            "hourglass-bench if a newer version of it logged them; if another program did, delete its runs or run the "
            "study in a store of its own."
        )


class Rule(NamedTuple):
    """What the text of a parameter must be."""

    must: str
    holds: Callable[[str], bool]
    dtype: Literal["str", "int64", "Int64", "float64"] = "str"
    """Of its column."""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_list(text: str) -> bool:
    try:
        numbers = json.loads(text)
    except ValueError:
        return False
    return isinstance(numbers, list) and all(type(number) is int for number in numbers)


TEXT = Rule("be a text", lambda text: True)
INTEGER = Rule("be an integer", lambda text: bool(re.fullmatch("-?[0-9]{1,18}", text)), "int64")
OPTIONAL_INTEGER = INTEGER._replace(dtype="Int64")
INTEGER_TEXT = INTEGER._replace(dtype="str")
NUMBER = Rule("be a number", _is_number)
INTEGERS = Rule("be a JSON list of integers", _is_list)
SHAPE = Rule("be CxHxW or empty", lambda text: bool(re.fullmatch("([0-9]+x[0-9]+x[0-9]+)?", text)))
TARGET = Rule("be mask or image", lambda text: text in ("mask", "image"))
SPLIT_NAME = Rule(f"be one of {', '.join(SPLITS)}", lambda text: text in SPLITS)


def require_values(outcomes: pd.DataFrame, rules: Mapping[str, Rule]) -> None:
    """Raise ValueError if a parameter that a run logged does not follow its rule."""
    for name, rule in rules.items():
        texts = outcomes[name].dropna()
        odd = [text for text in texts.unique() if not rule.holds(str(text))]
        if odd:
            run = outcomes.loc[texts.index[texts == odd[0]][0], "run_id"]
            raise ValueError(f"parameter {name} of run {run} must {rule.must}, got {odd[0]!r}.")


def require_metrics(outcomes: pd.DataFrame, metrics: pd.DataFrame) -> None:
    """Raise ValueError if a complete run lacks a metric of its version; it may be NaN, but not absent."""
    complete = outcomes[outcomes[schema.STATE] == "complete"]
    versions = complete[schema.SCHEMA_VERSION].astype("int64")
    of_step = metrics.loc[metrics["key"].isin([metric.name for metric in OF_STEP]), "run_id"]
    measured = complete["run_id"].isin(of_step)
    for stage, version, step in product(OF_STAGE, versions.unique(), ((), OF_STEP)):
        runs = complete[(complete[schema.STAGE] == stage) & (versions == version) & (measured == bool(step))]
        expected = [metric.name for metric in (*OF_COMPLETE, *step, *OF_STAGE[stage]) if metric.since <= version]
        logged = metrics.loc[metrics["run_id"].isin(runs["run_id"]) & metrics["key"].isin(expected)]
        counts = logged.groupby("run_id")["key"].nunique().reindex(runs["run_id"], fill_value=0)
        short = counts[counts < len(expected)]
        if len(short):
            run = short.index[0]
            missing = [name for name in expected if name not in set(logged.loc[logged["run_id"] == run, "key"])]
            raise ValueError(f"run {run} is complete but lacks the metrics {', '.join(missing)}.")
