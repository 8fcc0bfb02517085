"""One study as DataFrames: a wide row per trial run, and the curves as a long table."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.store.checks import (
    INTEGER,
    INTEGER_TEXT,
    INTEGERS,
    NUMBER,
    OPTIONAL_INTEGER,
    SHAPE,
    SPLIT_NAME,
    SYSTEM_METRICS,
    TARGET,
    TEXT,
    Rule,
    require_known,
    require_metrics,
    require_values,
    require_version,
)
from hourglass_bench.reports.store.connection import open_store
from hourglass_bench.reports.store.sql import TABLES, Store, Table
from hourglass_bench.reports.text import printable

# Columns that are neither metrics nor tags: what `bench.config.flatten` calls the fields this report reads by name.
RUN = "run_id"
ARCHITECTURE = "architecture.name"
CHANNELS = "architecture.channels"
SKIPS = "architecture.skips"
NORM = "architecture.norm"
LR = "training.lr"
REPEAT = "repeat"
EPOCHS = "training.epochs"
BATCH_SIZE = "training.batch_size"
PRECISION = f"{schema.ENVIRONMENT}precision"
SPLIT = "data.split"
SIZE = "data.size"
LATENT = "architecture.latent"
IMAGE_SIZE = "architecture.image_size"
BETA = "training.beta"
PRETRAIN_EPOCHS = "training.pretrain_epochs"
LABELLED_SCENES = "data.labelled_scenes"
DATA_FOLDS = "data.folds"
BLEND = "data.synthetic_blend"
CONFIG_SECTIONS = ("architecture.", "data.", "training.")
ABSENT = "absent"
"""A setting that a run did not log, since it was added later or is off."""


REQUIRED: dict[str, Rule] = {
    ARCHITECTURE: TEXT,
    LR: NUMBER,
    EPOCHS: INTEGER_TEXT,
    REPEAT: INTEGER,
    SIZE: INTEGERS,
    SPLIT: SPLIT_NAME,
    DATA_FOLDS: INTEGER,
    BETA: NUMBER,
    PRETRAIN_EPOCHS: INTEGER,
    LABELLED_SCENES: INTEGER,
    schema.TARGET: TARGET,
    schema.FOLD: INTEGER,
}
"""Parameters that a complete run must have, with what their text must be."""
ENCODER_DECODER: dict[str, Rule] = {CHANNELS: INTEGERS, SKIPS: INTEGERS, NORM: TEXT, LATENT: INTEGER}
"""Those that it must have beside them unless its network is from elsewhere, which has options of its own."""
SIZES: dict[str, Rule] = {schema.DEPTH: OPTIONAL_INTEGER, schema.BASE_WIDTH: OPTIONAL_INTEGER}
"""The same; missing (<NA>) where an architecture has no such number."""
OPTIONAL = {
    schema.PRESET: TEXT,
    schema.BOTTLENECK_PREDICTED: SHAPE,
    schema.BOTTLENECK_MEASURED: SHAPE,
    schema.BOTTLENECK_NAME: TEXT,
    BLEND: NUMBER._replace(dtype="float64"),
}
"""Parameters that are empty where a run lacks them, as runs of before they were added do; tags are too."""
DEFAULTS = {BLEND: "0.0", LATENT: "0"}
"""What it means of those that are not empty then."""
TAGS = (
    schema.KIND,
    schema.UNIT,
    schema.SUPERSEDED,
    schema.SCHEMA_VERSION,
    schema.STUDY_DESCRIPTION,
    schema.STUDY_PLANNED,
    schema.STUDY_PLANNED_UNITS,
    schema.STUDY_MEMORY_BUDGET,
    schema.STUDY_IMPORTANCE,
    schema.STUDY_LADDER,
    schema.RATE_GROUP,
    schema.TRIAL,
    schema.ATTEMPT,
    schema.STATE,
    schema.STATE_REASON,
    schema.DATA_DIGEST,
    schema.DATA_READING,
    schema.SPLIT_DIGEST,
    schema.TEST_OPENED,
    schema.TEST_VANISHED,
    schema.GIT_COMMIT,
    schema.NETWORK_SOURCE,
    schema.NETWORK_NOTES,
    schema.STAGE,
    schema.COLLAPSE,
)
NAMES: dict[Table, Collection[str]] = {
    "params": {**REQUIRED, **ENCODER_DECODER, **SIZES, **OPTIONAL},
    "tags": TAGS,
    "latest_metrics": schema.METRICS,
}
"""What is read of each table by its name. Each metric says itself which version added it."""
PREFIXES: dict[Table, tuple[str, ...]] = {
    "params": CONFIG_SECTIONS,
    "tags": (schema.ENVIRONMENT, schema.EXECUTION),
    "latest_metrics": (),
}
"""What else is read of each table, by how its name begins. People add tags of any name."""
STAGES: tuple[schema.Stage, ...] = get_args(schema.Stage)
CURVES = (schema.VAL_IOU.name, schema.VAL_BCE.name, schema.EPOCH_SECONDS.name)
"""What is read of the curves: in large stores they are most of the work."""

ARTIFACTS = "artifacts"
"""Column: local folder of the run's artifacts."""

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")

PlannedUnits = dict[schema.Stage, dict[str, int]]
"""Planned units of each architecture, by stage."""


class Importance(NamedTuple):
    """Of the hyperparameters of an architecture's search."""

    trials: int
    """How many stand behind the shares."""
    shares: dict[str, dict[str, float]]
    """Evaluator -> hyperparameter -> its share of the importance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """What the store knows about one study."""

    name: str
    description: str
    planned: int | None
    """Number of planned units; None if the study's parent run does not say."""
    planned_units: PlannedUnits
    """Empty if the parent run does not say."""
    memory_budget: int | None
    """Largest tensor peak in bytes that a trial may be predicted to have; None if there is no such limit."""
    ladder: list[float]
    """Learning rates that were tried for each group of networks before the comparison; empty if none was tuned."""
    importance: dict[str, Importance]
    """By architecture, for the best validation IoU; empty if the parent run does not say."""
    trials: pd.DataFrame
    """One row per unit with an outcome (its newest attempt): parameters, tags and scalar metrics under their names."""
    unlogged: pd.DataFrame
    """Units that ended, not complete, before they logged their parameters. The architecture is empty if unknown."""
    unfinished: pd.DataFrame
    """Attempts that ended or hang without an outcome; the same columns, parameters may be missing."""
    curves: pd.DataFrame
    """run_id, metric, epoch, value of the trials."""
    deleted: pd.DataFrame
    """unit, stage and architecture (empty if unknown) of units whose outcomes were all deleted by hand and that nobody
    has tried again since."""
    plan_deleted: bool
    """Whether the study's parent run, which says what is planned, was deleted by hand."""
    openings: pd.Series
    """The unit of every run that looked at its test frames, whatever became of it: a deleted one did, too."""
    newest: int
    """When the newest run ended or started, in seconds since 1970: the report's date."""

    @property
    def ended(self) -> pd.DataFrame:
        """Every unit with an outcome: stage, architecture (empty if it was not logged), state and reason."""
        columns = [schema.STAGE, ARCHITECTURE, schema.STATE, schema.STATE_REASON]
        return pd.concat([self.trials[columns], self.unlogged[columns]], ignore_index=True)

    @property
    def states(self) -> pd.Series:
        """Number of units with an outcome, by state."""
        counts: pd.Series = self.ended[schema.STATE].value_counts().reindex(list(schema.STATES), fill_value=0)
        return counts

    @property
    def lacking(self) -> dict[int, list[schema.Metric]]:
        """Metrics added or defined anew after the version of the schema that logged some of the runs, by version."""
        versions = sorted(int(version) for version in self.trials[schema.SCHEMA_VERSION].unique())
        since = {version: [one for one in schema.METRICS.values() if one.since > version] for version in versions}
        return {version: metrics for version, metrics in since.items() if metrics}

    @property
    def stages(self) -> list[schema.Stage]:
        """The stages that the study has or plans."""
        present = {*self.planned_units, *self.ended[schema.STAGE], *self.unfinished[schema.STAGE]}
        return [stage for stage in STAGES if stage in present]

    @property
    def outcomes(self) -> int:
        """Number of units with an outcome."""
        return len(self.trials) + len(self.unlogged)


def load_study(runs: Path, name: str, tracking: str = "") -> Study:
    """Study `name` from the tracking store at the URL `tracking`, which is the database under `runs` if empty.

    Raises:
        ValueError: no store, no such study or a deleted one, a study without trials, or runs of a version that is not
            read.
    """
    with open_store(runs, tracking) as store:
        _require_present(name, store)
        return _study(name, store)


def load_curves(runs: Path, study: Study, tracking: str = "") -> pd.DataFrame:
    """As `Study.curves`, of every metric that has one: columns run_id, metric, epoch and value.

    Raises:
        ValueError: the store is gone.
    """
    with open_store(runs, tracking) as store:
        return _curves(store, study.name, study.trials, [one.name for one in schema.METRICS.values() if one.curve])


def _curves(store: Store, name: str, outcomes: pd.DataFrame, metrics: Collection[str]) -> pd.DataFrame:
    old_names = [old for old, new in schema.RENAMED.items() if new in metrics]
    curves = store.points(name, [*metrics, *old_names])
    curves = curves[curves[RUN].isin(outcomes[RUN])].replace({"key": schema.RENAMED})
    return curves.rename(columns={"key": "metric", "step": "epoch"}).reset_index(drop=True)


def _require_present(name: str, store: Store) -> None:
    present = store.studies()
    if name in present:
        return
    if name in store.studies("deleted"):
        raise ValueError(
            f"study {name!r} was deleted by hand from {store.place}, with all its runs: `mlflow experiments restore` "
            "brings it back; `mlflow experiments search --view deleted_only` lists the id that it asks for."
        )
    if not present:
        raise ValueError(f"{store.place} holds no study yet: run one first, with `make sweep`.")
    listed = ", ".join(present)
    raise ValueError(f"study must be one of those in {store.place}, which are: {listed}; got {name!r}.")


OF_STUDIES = [name for name in schema.METRICS if name.startswith("study/")]
"""Of the parent run, and no columns of trials: a report that was published would change the next one."""


def redo(study: str) -> str:
    """The command that does the deleted runs of a study again."""
    return f"make sweep STUDY={study} REDO_DELETED=1"


def _values() -> list[str]:
    """The metrics that are one number of a trial's run."""
    return [name for name, metric in schema.METRICS.items() if not metric.curve and name not in OF_STUDIES]


def _study(name: str, store: Store) -> Study:
    pairs = {table: _todays(store.values(name, table)) for table in TABLES}
    rows, gone = _wide(store.runs(name), pairs), _deleted_rows(name, store)
    opened = pd.concat([rows, gone]).sort_values("start_time", kind="stable").dropna(subset=schema.TEST_OPENED)
    openings = opened.loc[opened[schema.KIND] == "trial", schema.UNIT]
    rows, gone = (table[table[schema.SUPERSEDED].isna()] for table in (rows, gone))
    attempts, gone_attempts = (
        table[table[schema.KIND] == "trial"].drop(columns=OF_STUDIES, errors="ignore") for table in (rows, gone)
    )
    if attempts.empty and len(gone_attempts):
        raise ValueError(
            f"all runs of study {name!r} were deleted by hand: restore them in the MLflow UI, or do them again with "
            f"`{redo(name)}`."
        )
    if attempts.empty:
        raise ValueError(f"study {name!r} has no trial run yet; start it with `make sweep STUDY={name}`.")
    require_version(name, attempts[schema.SCHEMA_VERSION])
    params, metrics = (pairs[table][pairs[table][RUN].isin(attempts[RUN])] for table in ("params", "latest_metrics"))
    require_known(name, "parameters", params["key"].unique(), NAMES["params"], CONFIG_SECTIONS)
    require_known(name, "metrics", metrics["key"].unique(), schema.METRICS, (SYSTEM_METRICS,))
    attempts = _without_other_definitions(_staged(attempts))
    ended = _with_own_options(_newest_outcomes(attempts))
    logged = _has_params(ended)
    outcomes = _typed(ended[logged].reset_index(drop=True))
    require_metrics(outcomes, metrics)
    parent = rows[rows[schema.KIND] == "study"].iloc[-1:]
    return Study(
        name=name,
        description=_tag(parent, schema.STUDY_DESCRIPTION),
        planned=_count(_tag(parent, schema.STUDY_PLANNED)),
        planned_units=_from_json(parent, schema.STUDY_PLANNED_UNITS, "counts by stage", _planned_units),
        memory_budget=_count(_tag(parent, schema.STUDY_MEMORY_BUDGET)),
        ladder=_ladder(parent),
        importance=_from_json(parent, schema.STUDY_IMPORTANCE, "trials and shares", _importance),
        trials=outcomes.assign(**{ARTIFACTS: [str(folder) for folder in store.folders(outcomes)]}),
        unlogged=ended[~logged].reset_index(drop=True),
        unfinished=attempts[attempts[schema.STATE].isna()].reset_index(drop=True),
        deleted=_deleted_units(gone_attempts, attempts),
        plan_deleted=parent.empty and bool((gone[schema.KIND] == "study").any()),
        curves=_curves(store, name, outcomes, CURVES),
        openings=openings.reset_index(drop=True),
        newest=int(rows[["start_time", "end_time"]].max().max()) // 1000,
    )


def _todays(long: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the names of today, with texts made printable: anybody can edit tags, and names are of people's files.

    Where a run has both names, as that of a resumed study may, the new one counts.
    """
    long = long.assign(key=long["key"].map(printable), value=long["value"].map(printable, na_action="ignore"))
    old = long["key"].isin(schema.RENAMED)
    keys = long["key"].where(~old, long["key"].map(schema.RENAMED))
    latest_last = old.sort_values(ascending=False, kind="stable").index
    return long.assign(key=keys).loc[latest_last].drop_duplicates([RUN, "key"], keep="last")


def _wide(runs: pd.DataFrame, pairs: dict[Table, pd.DataFrame]) -> pd.DataFrame:
    """A row per run, a column per key that is ours, and one for every name that is read here."""
    rows = runs.set_index(RUN)
    for table, long in pairs.items():
        ours = [key for key in long["key"].unique() if key in NAMES[table] or key.startswith(PREFIXES[table])]
        rows = rows.join(long[long["key"].isin(ours)].pivot(index=RUN, columns="key", values="value"))
    rows = rows.reset_index()
    return rows.reindex(columns=list(dict.fromkeys([*rows.columns, *NAMES["params"], *TAGS, *_values()])))


def _staged(attempts: pd.DataFrame) -> pd.DataFrame:
    """Attempts with their stage and, where no parameter says it, the architecture: empty if unknown."""
    stage = attempts[schema.STAGE].astype("object").fillna("comparison")
    _require_known(schema.STAGE, stage, STAGES)
    # The unit of a search trial names its architecture: `unet-017`.
    units = attempts[schema.UNIT].astype("object").where(stage == "search", "").fillna("").astype("str")
    named = units.str.extract("^(.*)-", expand=False).fillna("")
    architecture = attempts[ARCHITECTURE].astype("object").fillna(named).astype("str")
    return attempts.assign(**{schema.STAGE: stage, ARCHITECTURE: architecture})


def _without_other_definitions(attempts: pd.DataFrame) -> pd.DataFrame:
    """Attempts without the values that an older version logged of a metric that was defined anew since."""
    versions = attempts[schema.SCHEMA_VERSION].astype("int64")
    anew = [metric for metric in schema.METRICS.values() if not metric.curve and metric.since > versions.min()]
    return attempts.assign(**{one.name: attempts[one.name].where(versions >= one.since) for one in anew})


def _require_known(tag: str, values: pd.Series, known: Collection[str]) -> None:
    if unknown := sorted(set(values) - set(known)):
        raise ValueError(f"tag {tag} must be one of {', '.join(known)}, got {', '.join(unknown)}.")


def _newest_outcomes(attempts: pd.DataFrame) -> pd.DataFrame:
    """The newest attempt of each unit that has an outcome; rows come oldest first."""
    ended = attempts[attempts[schema.STATE].notna()]
    if ended[schema.UNIT].isna().any():
        raise ValueError(f"run {_first(ended, ended[schema.UNIT].isna())} lacks the tag {schema.UNIT}.")
    _require_known(schema.STATE, ended[schema.STATE], schema.STATES)
    newest = ended.drop_duplicates(schema.UNIT, keep="last").reset_index(drop=True)
    return newest.assign(**{schema.STATE_REASON: newest[schema.STATE_REASON].astype("object").fillna("")})


def _deleted_rows(name: str, store: Store) -> pd.DataFrame:
    """The deleted runs, as `_wide` has those that count, without their metrics."""
    tables: list[Table] = ["params", "tags"]
    pairs = {table: _todays(store.values(name, table, "deleted")) for table in tables}
    return _wide(store.runs(name, "deleted"), pairs)


def _deleted_units(deleted: pd.DataFrame, attempts: pd.DataFrame) -> pd.DataFrame:
    """Of deleted and other attempts, see `Study.deleted`. What is odd about a deleted run is no error: it is gone."""
    known = deleted[schema.STAGE].isna() | deleted[schema.STAGE].isin(STAGES)
    outcomes = _staged(deleted[known & deleted[schema.STATE].isin(schema.STATES) & deleted[schema.UNIT].notna()])
    every = pd.concat([outcomes, attempts]).sort_values("start_time", kind="stable")
    newest = every.drop_duplicates(schema.UNIT, keep="last")
    left = attempts.loc[attempts[schema.STATE].notna(), schema.UNIT]
    lost = newest[newest[RUN].isin(outcomes[RUN]) & ~newest[schema.UNIT].isin(left)]
    return lost[[schema.UNIT, schema.STAGE, ARCHITECTURE]].reset_index(drop=True)


def _with_own_options(ended: pd.DataFrame) -> pd.DataFrame:
    """Options of other networks than encoder-decoders that are called as theirs: `architecture.own.channels`."""
    names = [name for name in (*ENCODER_DECODER, IMAGE_SIZE) if name in ended]
    others = ended[list(ENCODER_DECODER)].isna().any(axis=1) & ended[schema.NETWORK_SOURCE].notna()
    own = ended.loc[others, names].dropna(axis=1, how="all")
    own = own.rename(columns=lambda name: name.replace(".", ".own.", 1))
    return ended.assign(**{name: ended[name].mask(others) for name in names}).join(own)


def _has_params(ended: pd.DataFrame) -> pd.Series:
    """Whether each run has the required parameters; a complete one must."""
    ours = ended[schema.NETWORK_SOURCE].isna()
    columns = ended[[*REQUIRED, *ENCODER_DECODER, *SIZES]]
    needed = columns.columns.isin(list(REQUIRED)) | ours.to_numpy()[:, None]
    lacks = (columns.isna() | (columns == "")) & needed
    lacking = lacks.any(axis=1)
    broken = lacking & (ended[schema.STATE] == "complete")
    if broken.any():
        missing = [str(name) for name in columns if lacks[name][broken].any()]
        raise ValueError(f"run {_first(ended, broken)} is complete but lacks the parameters {', '.join(missing)}.")
    return ~lacking


def _first(rows: pd.DataFrame, where: pd.Series) -> str:
    return str(rows.loc[where, RUN].iloc[0])


def _typed(outcomes: pd.DataFrame) -> pd.DataFrame:
    rules = REQUIRED | ENCODER_DECODER | SIZES | OPTIONAL
    require_values(outcomes, rules)
    empty = (*OPTIONAL, *TAGS)
    settings = {name for name in outcomes.columns.astype("str") if name.startswith(CONFIG_SECTIONS)} - {*empty}
    absent = dict.fromkeys(settings, ABSENT) | dict.fromkeys(empty, "") | DEFAULTS
    texts = outcomes.astype(dict.fromkeys(absent, "object")).fillna(absent).astype(dict.fromkeys(absent, "str"))
    types = {name: rule.dtype for name, rule in rules.items()} | dict.fromkeys(_values(), "float64")
    return texts.astype(types)


def _tag(parent: pd.DataFrame, name: str) -> str:
    value = parent[name].iloc[0] if len(parent) else None
    return value if isinstance(value, str) else ""


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _from_json(parent: pd.DataFrame, name: str, what: str, read: Callable[[Any], dict[Key, Value]]) -> dict[Key, Value]:
    """What a tag of the study says; empty if it has none."""
    text = _tag(parent, name)
    try:
        return read(printable(json.loads(text or "{}")))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"tag {name} must be JSON of {what}, got {text!r}.") from error


def _ladder(parent: pd.DataFrame) -> list[float]:
    """Of the tag of the study; empty if it has none."""
    text = _tag(parent, schema.STUDY_LADDER)
    try:
        return [float(rate) for rate in json.loads(text or "[]")]
    except (ValueError, TypeError) as error:
        raise ValueError(f"tag {schema.STUDY_LADDER} must be JSON of learning rates, got {text!r}.") from error


def _planned_units(found: Any) -> PlannedUnits:
    return {stage: {name: int(planned) for name, planned in counts.items()} for stage, counts in found.items()}


def _importance(found: Any) -> dict[str, Importance]:
    return {
        architecture: Importance(
            int(one["trials"]),
            {
                evaluator: {name: float(share) for name, share in shares.items()}
                for evaluator, shares in one["shares"].items()
            },
        )
        for architecture, one in found.items()
    }
