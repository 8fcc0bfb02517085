"""One study as DataFrames: a wide row per trial run, and the curves as a long table."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

import pandas as pd

from bench import schema
from reports.store.checks import (
    INTEGER,
    INTEGERS,
    NUMBER,
    SHAPE,
    SPLIT_NAME,
    SYSTEM_METRICS,
    TARGET,
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

REQUIRED_PARAMS = (
    ARCHITECTURE,
    CHANNELS,
    SKIPS,
    NORM,
    LR,
    EPOCHS,
    REPEAT,
    SPLIT,
    DATA_FOLDS,
    LATENT,
    BETA,
    PRETRAIN_EPOCHS,
    LABELLED_SCENES,
    schema.TARGET,
    schema.FOLD,
    schema.DEPTH,
    schema.BASE_WIDTH,
)
OF_RUN = (
    schema.STATE,
    schema.STATE_REASON,
    schema.DATA_DIGEST,
    schema.SPLIT_DIGEST,
    schema.TEST_OPENED,
    schema.GIT_COMMIT,
    schema.STAGE,
    schema.COLLAPSE,
)
"""Tags that a run may lack."""
OPTIONAL_TEXT = (schema.PRESET, schema.BOTTLENECK_PREDICTED, schema.BOTTLENECK_MEASURED, *OF_RUN)
KNOWN_PARAMS = (*REQUIRED_PARAMS, schema.PRESET, schema.BOTTLENECK_PREDICTED, schema.BOTTLENECK_MEASURED)
WHOLE = (
    REPEAT,
    DATA_FOLDS,
    LATENT,
    PRETRAIN_EPOCHS,
    LABELLED_SCENES,
    schema.FOLD,
    schema.DEPTH,
    schema.BASE_WIDTH,
)
RULES = {
    **dict.fromkeys((*WHOLE, EPOCHS), INTEGER),
    LR: NUMBER,
    BETA: NUMBER,
    SPLIT: SPLIT_NAME,
    schema.TARGET: TARGET,
    **dict.fromkeys((CHANNELS, SKIPS), INTEGERS),
    **dict.fromkeys((schema.BOTTLENECK_PREDICTED, schema.BOTTLENECK_MEASURED), SHAPE),
}
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
    schema.TRIAL,
    schema.ATTEMPT,
    *OF_RUN,
)
STAGES: tuple[schema.Stage, ...] = get_args(schema.Stage)
VALUES = [name for name, metric in schema.METRICS.items() if not metric.curve]
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
        ValueError: no store, no such study, a study without trials, or one that another version of this project logged.
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


OURS: dict[Table, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "params": (KNOWN_PARAMS, CONFIG_SECTIONS),
    "tags": (TAGS, (schema.ENVIRONMENT, schema.EXECUTION)),
    "latest_metrics": (tuple(schema.METRICS), ()),
}
"""Names and prefixes of names that are read of each table: people add tags of any name."""

READ = [
    schema.KIND,
    schema.UNIT,
    schema.SUPERSEDED,
    schema.SCHEMA_VERSION,
    *REQUIRED_PARAMS,
    *OPTIONAL_TEXT,
    *VALUES,
]


def _study(name: str, store: Store) -> Study:
    pairs = {table: store.values(name, table) for table in TABLES}
    rows = _wide(store.runs(name), pairs)
    openings = rows.loc[(rows[schema.KIND] == "trial") & rows[schema.TEST_OPENED].notna(), schema.UNIT]
    rows = rows[rows[schema.SUPERSEDED].isna()]
    attempts = rows[rows[schema.KIND] == "trial"]
    if attempts.empty:
        raise ValueError(f"study {name!r} has no trial run yet; start it with `make sweep STUDY={name}`.")
    require_version(name, attempts[schema.SCHEMA_VERSION])
    params, metrics = (pairs[table][pairs[table][RUN].isin(attempts[RUN])] for table in ("params", "latest_metrics"))
    require_known(name, "parameters", params["key"].unique(), KNOWN_PARAMS, CONFIG_SECTIONS)
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


def _wide(runs: pd.DataFrame, pairs: dict[Table, pd.DataFrame]) -> pd.DataFrame:
    """A row per run, a column per key that is ours, and one for every name that is read here."""
    rows = runs.set_index(RUN)
    for table, long in pairs.items():
        names, prefixes = OURS[table]
        ours = [key for key in long["key"].unique() if key in names or key.startswith(prefixes)]
        rows = rows.join(long[long["key"].isin(ours)].pivot(index=RUN, columns="key", values="value"))
    rows = rows.reset_index()
    return rows.reindex(columns=list(dict.fromkeys([*rows.columns, *READ])))


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
    columns = ended[list(REQUIRED_PARAMS)]
    columns = columns.mask(columns == "")
    lacking = columns.isna().any(axis=1)
    broken = lacking & (ended[schema.STATE] == "complete")
    if broken.any():
        missing = [name for name in REQUIRED_PARAMS if columns.loc[broken, name].isna().any()]
        raise ValueError(f"run {_first(ended, broken)} is complete but lacks the parameters {', '.join(missing)}.")
    return ~lacking


def _first(rows: pd.DataFrame, where: pd.Series) -> str:
    return str(rows.loc[where, RUN].iloc[0])


def _typed(outcomes: pd.DataFrame) -> pd.DataFrame:
    require_values(outcomes, RULES)
    typed = outcomes.astype(dict.fromkeys(WHOLE, "int64"))
    typed[list(OPTIONAL_TEXT)] = typed[list(OPTIONAL_TEXT)].astype("object").fillna("").astype("str")
    typed[VALUES] = typed[VALUES].astype("float64")
    return typed


def _tag(parent: pd.DataFrame, name: str) -> str:
    value = parent[name].iloc[0] if name in parent and len(parent) else None
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
