"""Runs -> configurations: mean, standard deviation and range over repeats, and the best configuration by validation.

The configurations of a report are those of the stage `comparison`. The trials of a search are kept apart, and each
other stage is summarised on its own.
"""

import json
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.scenes import scene_means
from hourglass_bench.reports.analysis.verified import verify
from hourglass_bench.reports.store.load import (
    ABSENT,
    ARCHITECTURE,
    BETA,
    BLEND,
    CHANNELS,
    CONFIG_SECTIONS,
    DATA_FOLDS,
    EPOCHS,
    LABELLED_SCENES,
    LATENT,
    NORM,
    PRECISION,
    PRETRAIN_EPOCHS,
    REPEAT,
    RUN,
    SPLIT,
    Study,
)
from hourglass_bench.reports.text import listed

CONFIGURATION = "configuration"
"""Column: number of the configuration, in the order of the tables."""
LABEL = "label"
N = "n"
"""Column: complete runs of the configuration, the repeats that its means are over."""

IDENTITY = [ARCHITECTURE, schema.DEPTH, schema.BASE_WIDTH]
OPTIONS = "architecture."
"""How the parameters begin that are an architecture's own options."""

AVERAGED = [
    metric.name
    for metric in (
        schema.BEST_VAL_IOU,
        *schema.TEST_METRICS,
        schema.LAST_IOU,
        schema.BOTTLENECK_ELEMENTS,
        schema.PARAMS,
        schema.MACS,
        schema.SAVED_ACTIVATIONS,
        schema.TENSOR_PEAK,
        schema.ALLOCATOR_PEAK,
        schema.RSS_PEAK,
        schema.STEP_SECONDS,
        schema.TRAIN_SPEED,
        *schema.PHASES.values(),
        schema.SECONDS,
        schema.IDLE_SECONDS,
    )
]

OF_GENERATIVE = [
    metric.name
    for metric in (
        schema.BEST_VAL_LOSS,
        *schema.RECONSTRUCTION_METRICS,
        *schema.BOUND_METRICS,
        schema.TEST_BITS,
        schema.TEST_SIGMA,
        schema.ACTIVE_UNITS,
        schema.PROBE_IOU,
        schema.SAMPLE_DISTANCE,
        schema.UNSEEN_DISTANCE,
        schema.COPIED_SHARE,
    )
]
"""What is averaged over auto-encoders and VAEs beside it."""
OTHERS: tuple[schema.Stage, ...] = ("generative", "pretraining")
"""Stages that are summarised on their own."""
SETTLED = ("architecture.in_channels", "architecture.out_channels", "architecture.image_size", "data.path")
"""Parameters that follow from architecture, target and the frames' size, and where the study's data lay."""

NOT_ENTERED = {phase.name: 0.0 for phase in schema.PHASES.values()}
"""A run logs no time for a phase that it did not enter."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Summary:
    """A study with its runs grouped into configurations: everything equal except the repeat.

    Equal to itself only, so that what many parts of a report ask for can be kept by `functools.lru_cache`.
    """

    study: Study
    runs: pd.DataFrame
    """The runs of the comparison with the columns `configuration` and `label` added."""
    search: pd.DataFrame
    """The trials of the search with the column `label` added, which begins with the trial's name."""
    tuning: pd.DataFrame
    """The runs that chose learning rates, with the column `label` added."""
    configurations: pd.DataFrame
    """A row per configuration: identity, n, a count per state, and `METRIC STATISTIC` (mean, std, min, max)."""
    best: pd.DataFrame
    """The configuration of each architecture that is best by validation (`highest`); never chosen on test."""
    scenes: pd.DataFrame
    """A row per tested scene of every complete run: configuration, and what `scene_means` has."""
    refused: dict[str, str]
    """Runs of these and of `others` whose frame table is not used, and what it must be and is not."""
    others: dict[schema.Stage, "Summary"]
    """The stages of OTHERS that have runs, each as if it were the comparison. No two stages share a configuration."""
    asked: tuple[str, ...] = ()
    """Pairs of the comparison to be judged too, see `analysis.asked`."""

    @property
    def logged(self) -> pd.DataFrame:
        """Runs of all stages, those that only chose too: whatever has an outcome and parameters."""
        frames = (self.runs, self.search, self.tuning, *(other.runs for other in self.others.values()))
        return pd.concat([frame for frame in frames if len(frame)] or [self.runs], ignore_index=True)


def agreed(runs: pd.DataFrame, column: str) -> str:
    """What the runs share; several values are all shown, and none is empty."""
    values = set(runs[column].dropna()) - {"", ABSENT} if column in runs else set()
    return " or ".join(sorted(values))


def precisions(summary: Summary) -> dict[str, list[str]]:
    """Arithmetic of runs and trials, by which memory differs -> architectures, that of most of them first.

    Empty if the store does not say.
    """
    names: dict[str, list[str]] = {}
    for architecture in style.in_order(summary.logged[ARCHITECTURE]):
        if found := agreed(summary.logged[summary.logged[ARCHITECTURE] == architecture], PRECISION):
            names.setdefault(found, []).append(architecture)
    return dict(sorted(names.items(), key=lambda item: -len(item[1])))


def precision(summary: Summary) -> str:
    """`bfloat16`, or `bfloat16 (ResUNet: float32)` where architectures differ. Empty if the store does not say."""
    usual, *others = precisions(summary).items() or [("", [])]
    apart = "; ".join(f"{listed_labels(names)}: {found}" for found, names in others)
    return usual[0] + (f" ({apart})" if apart else "")


def statistic(metric: schema.Metric, name: str) -> str:
    """Column of `Summary.configurations` that holds a statistic of a metric over the complete runs."""
    return f"{metric.name} {name}"


def summarise(study: Study, asked: tuple[str, ...] = ()) -> Summary:
    """Group the study's trials; `asked` are pairs as `Summary.asked`."""
    stages = study.trials[schema.STAGE]
    search, tuning, comparison = (study.trials[stages == stage] for stage in ("search", "tuning", "comparison"))
    summary = _summarise(study, comparison, first=0)
    others, first = {}, len(summary.configurations)
    for stage in OTHERS:
        trials = study.trials[stages == stage]
        if len(trials):
            others[stage] = _summarise(study, trials, first=first)
            first += len(others[stage].configurations)
    refused = {run: why for one in (summary, *others.values()) for run, why in one.refused.items()}
    return replace(summary, search=_named(search), tuning=_named(tuning), others=others, refused=refused, asked=asked)


def _summarise(study: Study, trials: pd.DataFrame, first: int) -> Summary:
    """Of one stage, whose configurations are numbered from `first`."""
    runs = _labelled(trials, first)
    table = _configurations(runs)
    complete = runs[runs[schema.STATE] == "complete"].reset_index(drop=True)
    verified = verify(complete)
    return Summary(
        study=study,
        runs=runs,
        search=_named(trials.iloc[:0]),
        tuning=_named(trials.iloc[:0]),
        configurations=table,
        best=_best(table),
        scenes=scene_means(complete, verified).merge(complete[[RUN, CONFIGURATION]], on=RUN),
        refused=verified.refused,
        others={},
    )


def _named(trials: pd.DataFrame) -> pd.DataFrame:
    labels = trials[schema.UNIT].astype("str") + ", " + _sizes(trials)
    return trials.assign(**{LABEL: labels.str.removesuffix(", ")}).reset_index(drop=True)


def varying(runs: pd.DataFrame) -> list[str]:
    """Configuration parameters, apart from the repeat, that take several values in `runs`."""
    return [name for name in _config_columns(runs) if runs[name].nunique(dropna=False) > 1]


def _config_columns(runs: pd.DataFrame) -> list[str]:
    # What is known of the data once they are read is a tag, which runs that ended early lack.
    own = {name for name in runs.columns.astype("str") if name.startswith(CONFIG_SECTIONS)}
    return sorted(own - {schema.DATA_DIGEST, schema.DATA_READING, *SETTLED}) + [schema.TARGET]


def _labelled(trials: pd.DataFrame, first: int) -> pd.DataFrame:
    if trials.empty:
        return trials.assign(**{CONFIGURATION: pd.Series(dtype="int64"), LABEL: pd.Series(dtype="str")})
    order = {name: place for place, name in enumerate(style.in_order(trials[ARCHITECTURE]))}
    own = _own_options(trials).map(lambda options: " ".join(_by_number(value) for _, value in options))
    runs = trials.assign(place=trials[ARCHITECTURE].map(order), own=own).sort_values(
        ["place", schema.DEPTH, schema.BASE_WIDTH, "own", *_config_columns(trials), REPEAT], ignore_index=True
    )
    numbers = first + runs.groupby(_config_columns(runs), sort=False, dropna=False).ngroup()
    runs = runs.assign(**{CONFIGURATION: numbers}).drop(columns=["place", "own"])
    return runs.assign(**{LABEL: _labels(runs)})


def _by_number(text: str) -> str:
    """What sorts texts by the numbers in them."""
    return re.sub("[0-9]+", lambda found: found[0].zfill(12), text)


def _labels(runs: pd.DataFrame) -> pd.Series:
    """The sizes, `depth 3, width 16`, plus whatever else differs among an architecture's configurations of these.

    Empty where an architecture without depth and width has one configuration.
    """
    labels = _sizes(runs)
    same = runs.groupby([runs[ARCHITECTURE], labels], sort=False)
    several = same[[name for name in _config_columns(runs) if name != ARCHITECTURE]].nunique(dropna=False) > 1
    group = same.ngroup()
    for name in several.columns[several.any()]:
        extra = f", {_option(name)} " + runs[name].map(str)
        labels = labels + extra.where(several[name].to_numpy()[group], "")
    return labels.str.removeprefix(", ")


def _option(name: str) -> str:
    """`weight decay` of a parameter's name."""
    return name.split(".")[-1].replace("_", " ")


def _sizes(runs: pd.DataFrame) -> pd.Series:
    own = _own_options(runs).map(lambda options: ", ".join(f"{_option(name)} {value}" for name, value in options))
    sizes = "depth " + runs[schema.DEPTH].astype("str") + ", width " + runs[schema.BASE_WIDTH].astype("str")
    return sizes.where(has_sizes(runs), own)


def has_sizes(table: pd.DataFrame) -> pd.Series:
    """Whether the networks of runs or configurations have a depth and a base width."""
    return table[[schema.DEPTH, schema.BASE_WIDTH]].notna().all(axis=1)


def is_sized(row: pd.Series) -> bool:
    """`has_sizes` of one."""
    return bool(row[[schema.DEPTH, schema.BASE_WIDTH]].notna().all())


def _own_options(runs: pd.DataFrame) -> pd.Series:
    """Of every run names and values of the options that differ among its architecture's runs.

    Empty where depth and width stand for them.
    """
    options: dict[Hashable, tuple[tuple[str, str], ...]] = dict.fromkeys(runs.index, ())
    for _, own in runs[~has_sizes(runs)].groupby(ARCHITECTURE):
        names = [name for name in varying(own) if name.startswith(OPTIONS)]
        options |= {run: tuple(zip(names, own.loc[run, names], strict=True)) for run in own.index}
    return pd.Series(options, index=runs.index, dtype="object")


def keys(summary: Summary) -> pd.Series:
    """The shortest name of every configuration among those of its architecture, by its number.

    `3/12` of depth and base width; without them the options that differ: `width=24`, or nothing.
    """
    runs = summary.runs
    own = _own_options(runs).map(lambda options: ",".join(f"{name.split('.')[-1]}={value}" for name, value in options))
    sizes = runs[schema.DEPTH].astype("str") + "/" + runs[schema.BASE_WIDTH].astype("str")
    names: pd.Series = sizes.where(has_sizes(runs), own).groupby(runs[CONFIGURATION]).first()
    return names


def listed_labels(architectures: Iterable[str]) -> str:
    """`U-Net and ResUNet`, in the fixed order."""
    return listed([style.look(name).label for name in style.in_order(architectures)])


def title(row: pd.Series) -> str:
    """A configuration's architecture with its label: `U-Net (depth 3, width 12)`, or the architecture alone."""
    label = style.look(row[ARCHITECTURE]).label
    return f"{label} ({row[LABEL]})" if row[LABEL] else label


def _configurations(runs: pd.DataFrame) -> pd.DataFrame:
    numbers = pd.Index(runs[CONFIGURATION].unique())
    states = runs.groupby([CONFIGURATION, schema.STATE]).size().unstack()
    states = states.reindex(index=numbers, columns=list(schema.STATES)).fillna(0).astype("int64")
    about = {CONFIGURATION: numbers, **{name: _agreed(runs, name, numbers) for name in _DESCRIPTION}}
    counts = {N: states["complete"], **states}
    return pd.concat([pd.DataFrame({**about, **counts}), _statistics(runs).reindex(numbers)], axis=1)


def _statistics(runs: pd.DataFrame) -> pd.DataFrame:
    """`METRIC STATISTIC` of the complete runs of each configuration that has some."""
    averaged = AVERAGED + (OF_GENERATIVE if (runs[schema.STAGE] == "generative").any() else [])
    complete = runs[runs[schema.STATE] == "complete"].fillna(NOT_ENTERED)
    values = complete.assign(**{schema.TENSOR_PEAK.name: tensor_peaks(complete)}).groupby(CONFIGURATION)[averaged]
    names = ("mean", "std", "min", "max")
    found = pd.concat([values.agg(name).add_suffix(f" {name}") for name in names], axis=1)
    return found[[statistic(schema.METRICS[metric], name) for metric in averaged for name in names]]


_DESCRIPTION = [
    LABEL,
    *IDENTITY,
    CHANNELS,
    NORM,
    SPLIT,
    DATA_FOLDS,
    EPOCHS,
    schema.TARGET,
    LATENT,
    BETA,
    PRETRAIN_EPOCHS,
    LABELLED_SCENES,
    BLEND,
    schema.PRESET,
    schema.BOTTLENECK_PREDICTED,
    schema.BOTTLENECK_MEASURED,
]


def _agreed(runs: pd.DataFrame, name: str, numbers: pd.Index) -> pd.Series:
    """The value that all runs of a configuration share; several are all shown, empty ones are not counted."""
    # A number that is missing (<NA>) is a value, an empty text is none.
    distinct = runs.loc[(runs[name] != "").fillna(True), [CONFIGURATION, name]].drop_duplicates()
    agreed = distinct.drop_duplicates(CONFIGURATION).set_index(CONFIGURATION)[name].reindex(numbers, fill_value="")
    several = distinct[distinct.duplicated(CONFIGURATION, keep=False)]
    if several.empty:
        return agreed
    shown = several.groupby(CONFIGURATION)[name].agg(lambda values: " / ".join(map(str, values)))
    return agreed.astype("object").where(~numbers.isin(shown.index), shown).infer_objects()


def tensor_peaks(runs: pd.DataFrame) -> pd.Series:
    """In bytes: as measured, or predicted where memory ran out in the measurement; NaN where neither is known."""
    return runs[schema.TENSOR_PEAK.name].fillna(runs[schema.PREDICTED_PEAK.name])


def comparable(configurations: pd.DataFrame) -> pd.DataFrame:
    """Those whose scores are of one kind, of which alone one is chosen or called better.

    On a split that keeps scenes whole and, where drawn dancers are blended with what is behind them, at the least blend
    that there is: within the others `reports.analysis.texture` compares.
    """
    whole = configurations[configurations[SPLIT] != "random_frames"]
    easiest: pd.DataFrame = whole[whole[BLEND] == whole[BLEND].min()]
    return easiest


def _best(configurations: pd.DataFrame) -> pd.DataFrame:
    table = comparable(configurations)
    rows = [highest(own) for _, own in table[table[N] > 0].groupby(ARCHITECTURE)]
    return pd.DataFrame(rows, columns=table.columns).sort_values(CONFIGURATION, ignore_index=True)


def highest(table: pd.DataFrame) -> pd.Series:
    """The configuration that validation puts first."""
    return ranked(table).iloc[0]


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """By falling mean best validation IoU; those with the most complete repeats come first.

    Folds differ more than configurations do: a mean over fewer repeats may rest on the easy ones.
    """
    return by_validation(table).sort_values(N, ascending=False, kind="stable")


def by_validation(table: pd.DataFrame) -> pd.DataFrame:
    """By falling mean best validation IoU; ties go to less memory."""
    column, memory = statistic(schema.BEST_VAL_IOU, "mean"), statistic(schema.TENSOR_PEAK, "mean")
    return table.sort_values([column, memory, CONFIGURATION], ascending=[False, True, True])


def map_shape(shapes: pd.Series) -> pd.DataFrame:
    """Channels, height and width of maps that are written `CxHxW`; NaN where there is no shape, or several."""
    pattern = r"^(?P<channels>[0-9]+)x(?P<height>[0-9]+)x(?P<width>[0-9]+)$"
    return shapes.astype("str").str.extract(pattern).astype("float64")


def channels(text: str) -> str:
    """Encoder widths `[16, 32, 64]` as `16, 32, 64`."""
    return ", ".join(str(width) for width in json.loads(text))
