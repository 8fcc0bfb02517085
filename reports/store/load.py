"""One study as DataFrames: a wide row per trial run, and the curves as a long table."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

import pandas as pd

from bench import schema
from reports.store.checks import (
    INTEGER,
    INTEGER_TEXT,
    INTEGERS,
    NUMBER,
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
from reports.store.connection import open_store
from reports.store.sql import TABLES, Store, Table

# Columns that are neither metrics nor tags: what `bench.config.flatten` calls the fields this report reads by name.
RUN = "run_id"
ARCHITECTURE = "architecture.name"
CHANNELS = "architecture.channels"
SKIPS = "architecture.skips"
NORM = "architecture.norm"
LR = "training.lr"
REPEAT = "repeat"
EPOCHS = "training.epochs"
SPLIT = "data.split"
LATENT = "architecture.latent"
BETA = "training.beta"
PRETRAIN_EPOCHS = "training.pretrain_epochs"
LABELLED_SCENES = "data.labelled_scenes"
DATA_FOLDS = "data.folds"
CONFIG_SECTIONS = ("architecture.", "data.", "training.")
ABSENT = "absent"
"""A setting that a run did not log, since it was added later or is off."""


class Column(NamedTuple):
    """A parameter or tag that is read by its name, which is the name of its column."""

    name: str
    table: Table
    rule: Rule = TEXT
    required: bool = False
    """A complete run must have it. Others are empty where a run lacks them, as runs of before they were added do."""


COLUMNS = (
    Column(ARCHITECTURE, "params", TEXT, required=True),
    Column(CHANNELS, "params", INTEGERS, required=True),
    Column(SKIPS, "params", INTEGERS, required=True),
    Column(NORM, "params", TEXT, required=True),
    Column(LR, "params", NUMBER, required=True),
    Column(EPOCHS, "params", INTEGER_TEXT, required=True),
    Column(REPEAT, "params", INTEGER, required=True),
    Column(SPLIT, "params", SPLIT_NAME, required=True),
    Column(DATA_FOLDS, "params", INTEGER, required=True),
    Column(LATENT, "params", INTEGER, required=True),
    Column(BETA, "params", NUMBER, required=True),
    Column(PRETRAIN_EPOCHS, "params", INTEGER, required=True),
    Column(LABELLED_SCENES, "params", INTEGER, required=True),
    Column(schema.TARGET, "params", TARGET, required=True),
    Column(schema.FOLD, "params", INTEGER, required=True),
    Column(schema.DEPTH, "params", INTEGER, required=True),
    Column(schema.BASE_WIDTH, "params", INTEGER, required=True),
    Column(schema.PRESET, "params"),
    Column(schema.BOTTLENECK_PREDICTED, "params", SHAPE),
    Column(schema.BOTTLENECK_MEASURED, "params", SHAPE),
    Column(schema.KIND, "tags"),
    Column(schema.UNIT, "tags"),
    Column(schema.SUPERSEDED, "tags"),
    Column(schema.SCHEMA_VERSION, "tags"),
    Column(schema.STUDY_DESCRIPTION, "tags"),
    Column(schema.STUDY_PLANNED, "tags"),
    Column(schema.STUDY_PLANNED_UNITS, "tags"),
    Column(schema.STUDY_MEMORY_BUDGET, "tags"),
    Column(schema.STUDY_IMPORTANCE, "tags"),
    Column(schema.TRIAL, "tags"),
    Column(schema.ATTEMPT, "tags"),
    Column(schema.STATE, "tags"),
    Column(schema.STATE_REASON, "tags"),
    Column(schema.DATA_DIGEST, "tags"),
    Column(schema.SPLIT_DIGEST, "tags"),
    Column(schema.TEST_OPENED, "tags"),
    Column(schema.GIT_COMMIT, "tags"),
    Column(schema.STAGE, "tags"),
    Column(schema.COLLAPSE, "tags"),
)
"""What is read beside the metrics of `bench.schema`, each of which says itself which version added it."""
REQUIRED = [column.name for column in COLUMNS if column.required]
OPTIONAL = [column.name for column in COLUMNS if not column.required]
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
    openings: pd.Series
    """The unit of every run that looked at its test frames, whatever became of it."""
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
        """Metrics that were added after the version of the schema that logged some of the runs, by that version."""
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
        ValueError: no store, no such study, a study without trials, or runs of a version that is not read.
    """
    with open_store(runs, tracking) as store:
        _require_study(name, store.studies(), store.place)
        return _study(name, store)


def _require_study(name: str, present: list[str], place: str) -> None:
    if not present:
        raise ValueError(f"{place} holds no study yet: run one first, with `make sweep`.")
    if name not in present:
        listed = ", ".join(present) or "none"
        raise ValueError(f"study must be one of those in {place}, which are: {listed}; got {name!r}.")


def _names(table: Table) -> list[str]:
    """What is read of a table by its name."""
    if table == "latest_metrics":
        return list(schema.METRICS)
    return [column.name for column in COLUMNS if column.table == table]


def _values() -> list[str]:
    """The metrics that are one number of a run."""
    return [name for name, metric in schema.METRICS.items() if not metric.curve]


def _study(name: str, store: Store) -> Study:
    pairs = {table: _todays(store.values(name, table)) for table in TABLES}
    rows = _wide(store.runs(name), pairs)
    openings = rows.loc[(rows[schema.KIND] == "trial") & rows[schema.TEST_OPENED].notna(), schema.UNIT]
    rows = rows[rows[schema.SUPERSEDED].isna()]
    attempts = rows[rows[schema.KIND] == "trial"]
    if attempts.empty:
        raise ValueError(f"study {name!r} has no trial run yet; start it with `make sweep STUDY={name}`.")
    require_version(name, attempts[schema.SCHEMA_VERSION])
    params, metrics = (pairs[table][pairs[table][RUN].isin(attempts[RUN])] for table in ("params", "latest_metrics"))
    require_known(name, "parameters", params["key"].unique(), _names("params"), CONFIG_SECTIONS)
    require_known(name, "metrics", metrics["key"].unique(), schema.METRICS, (SYSTEM_METRICS,))
    attempts = _staged(attempts)
    ended = _newest_outcomes(attempts)
    logged = _has_params(ended)
    outcomes = _typed(ended[logged].reset_index(drop=True))
    require_metrics(outcomes, metrics)
    curves = store.points(name, CURVES)
    curves = curves[curves[RUN].isin(outcomes[RUN])]
    parent = rows[rows[schema.KIND] == "study"].iloc[-1:]
    return Study(
        name=name,
        description=_tag(parent, schema.STUDY_DESCRIPTION),
        planned=_count(_tag(parent, schema.STUDY_PLANNED)),
        planned_units=_planned_units(_tag(parent, schema.STUDY_PLANNED_UNITS)),
        memory_budget=_count(_tag(parent, schema.STUDY_MEMORY_BUDGET)),
        importance=_importance(_tag(parent, schema.STUDY_IMPORTANCE)),
        trials=outcomes.assign(**{ARTIFACTS: [str(folder) for folder in store.folders(outcomes)]}),
        unlogged=ended[~logged].reset_index(drop=True),
        unfinished=attempts[attempts[schema.STATE].isna()].reset_index(drop=True),
        curves=curves.rename(columns={"key": "metric", "step": "epoch"}).reset_index(drop=True),
        openings=openings.reset_index(drop=True),
        newest=int(rows[["start_time", "end_time"]].max().max()) // 1000,
    )


def _todays(long: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the names of today. Where a run has both, as that of a resumed study may, the new one counts."""
    old = long["key"].isin(schema.RENAMED)
    keys = long["key"].where(~old, long["key"].map(schema.RENAMED))
    latest_last = old.sort_values(ascending=False, kind="stable").index
    return long.assign(key=keys).loc[latest_last].drop_duplicates([RUN, "key"], keep="last")


def _wide(runs: pd.DataFrame, pairs: dict[Table, pd.DataFrame]) -> pd.DataFrame:
    """A row per run, a column per key that is ours, and one for every name that is read here."""
    rows = runs.set_index(RUN)
    for table, long in pairs.items():
        names = set(_names(table))
        ours = [key for key in long["key"].unique() if key in names or key.startswith(PREFIXES[table])]
        rows = rows.join(long[long["key"].isin(ours)].pivot(index=RUN, columns="key", values="value"))
    rows = rows.reset_index()
    return rows.reindex(columns=list(dict.fromkeys([*rows.columns, *REQUIRED, *OPTIONAL, *_values()])))


def _staged(attempts: pd.DataFrame) -> pd.DataFrame:
    """Attempts with their stage and, where no parameter says it, the architecture: empty if unknown."""
    stage = attempts[schema.STAGE].astype("object").fillna("comparison")
    unknown = sorted(set(stage) - set(STAGES))
    if unknown:
        raise ValueError(f"tag {schema.STAGE} must be one of {', '.join(STAGES)}, got {', '.join(unknown)}.")
    named = attempts[schema.UNIT].where(stage == "search").map(_architecture_in)
    architecture = attempts[ARCHITECTURE].astype("object").fillna(named).astype("str")
    return attempts.assign(**{schema.STAGE: stage, ARCHITECTURE: architecture})


def _architecture_in(unit: object) -> str:
    """The unit of a search trial names its architecture: `unet-017`."""
    return unit.rpartition("-")[0] if isinstance(unit, str) else ""


def _newest_outcomes(attempts: pd.DataFrame) -> pd.DataFrame:
    """The newest attempt of each unit that has an outcome; rows come oldest first."""
    ended = attempts[attempts[schema.STATE].notna()]
    if ended[schema.UNIT].isna().any():
        raise ValueError(f"run {_first(ended, ended[schema.UNIT].isna())} lacks the tag {schema.UNIT}.")
    unknown = sorted(set(ended[schema.STATE]) - set(schema.STATES))
    if unknown:
        raise ValueError(f"tag {schema.STATE} must be one of {', '.join(schema.STATES)}, got {', '.join(unknown)}.")
    newest = ended.drop_duplicates(schema.UNIT, keep="last").reset_index(drop=True)
    return newest.assign(**{schema.STATE_REASON: newest[schema.STATE_REASON].astype("object").fillna("")})


def _has_params(ended: pd.DataFrame) -> pd.Series:
    """Whether each run has the required parameters; a complete one must."""
    columns = ended[REQUIRED]
    columns = columns.mask(columns == "")
    lacking = columns.isna().any(axis=1)
    broken = lacking & (ended[schema.STATE] == "complete")
    if broken.any():
        missing = [name for name in REQUIRED if columns.loc[broken, name].isna().any()]
        raise ValueError(f"run {_first(ended, broken)} is complete but lacks the parameters {', '.join(missing)}.")
    return ~lacking


def _first(rows: pd.DataFrame, where: pd.Series) -> str:
    return str(rows.loc[where, RUN].iloc[0])


def _typed(outcomes: pd.DataFrame) -> pd.DataFrame:
    require_values(outcomes, {column.name: column.rule for column in COLUMNS})
    names = outcomes.columns.astype("str")
    settings = [name for name in names if name.startswith(CONFIG_SECTIONS) and name not in OPTIONAL]
    absent = dict.fromkeys(OPTIONAL, "") | dict.fromkeys(settings, ABSENT)
    texts = outcomes.astype(dict.fromkeys(absent, "object")).fillna(absent).astype(dict.fromkeys(absent, "str"))
    types = {column.name: column.rule.dtype for column in COLUMNS} | dict.fromkeys(_values(), "float64")
    return texts.astype(types)


def _tag(parent: pd.DataFrame, name: str) -> str:
    value = parent[name].iloc[0] if len(parent) else None
    return value if isinstance(value, str) else ""


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _planned_units(text: str) -> PlannedUnits:
    if not text:
        return {}
    try:
        stages = json.loads(text).items()
        return {stage: {name: int(planned) for name, planned in counts.items()} for stage, counts in stages}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"tag {schema.STUDY_PLANNED_UNITS} must be JSON of counts by stage, got {text!r}.") from error


def _importance(text: str) -> dict[str, Importance]:
    try:
        return {
            architecture: Importance(
                int(found["trials"]),
                {
                    evaluator: {name: float(share) for name, share in shares.items()}
                    for evaluator, shares in found["shares"].items()
                },
            )
            for architecture, found in json.loads(text or "{}").items()
        }
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"tag {schema.STUDY_IMPORTANCE} must be JSON of trials and shares, got {text!r}.") from error
