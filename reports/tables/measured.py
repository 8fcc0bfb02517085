"""Tables of what was measured: the best of each architecture, the practical's networks, all configurations."""

from collections.abc import Callable

import pandas as pd

from bench import schema
from reports import style
from reports.analysis.baselines import baseline_scores
from reports.analysis.estimates import estimates
from reports.analysis.practical import PRACTICAL, PRESETS
from reports.analysis.summary import CONFIGURATION, LABEL, N, Summary, channels, comparable, statistic
from reports.store.load import ARCHITECTURE, CHANNELS, SPLIT
from reports.tables.base import Table, left, right, shortened
from reports.text import DASH, digits, megabytes, prefixed, significant, states, unbroken, with_interval, with_sd

MEASURED: dict[str, Callable[[pd.Series], str]] = {
    "repeats": lambda row: _complete(row),
    "val IoU": lambda row: _spread(row, schema.BEST_VAL_IOU),
    "test IoU": lambda row: _spread(row, schema.TEST_IOU),
    "Boundary IoU": lambda row: _spread(row, schema.TEST_BOUNDARY_IOU),
    "NSD": lambda row: digits(_mean(row, schema.TEST_NSD)),
    "params": lambda row: prefixed(_mean(row, schema.PARAMS)),
    "MACs": lambda row: prefixed(_mean(row, schema.MACS)),
    "peak MB": lambda row: megabytes(_mean(row, schema.TENSOR_PEAK)),
    "images/s": lambda row: significant(_mean(row, schema.TRAIN_SPEED)),
}
"""Columns of what was measured, by their headings."""
COSTS: dict[str, Callable[[pd.Series], str]] = {
    "params": MEASURED["params"],
    "MACs": MEASURED["MACs"],
    "saved MB": lambda row: megabytes(_mean(row, schema.SAVED_ACTIVATIONS)),
    "tensor MB": lambda row: megabytes(_mean(row, schema.TENSOR_PEAK)),
    "allocator MB": lambda row: megabytes(_mean(row, schema.ALLOCATOR_PEAK)),
    "process MB": lambda row: megabytes(_mean(row, schema.RSS_PEAK)),
    "step ms": lambda row: significant(1000 * _mean(row, schema.STEP_SECONDS)),
    "images/s": MEASURED["images/s"],
    "training s": lambda row: significant(_mean(row, schema.TRAIN_SECONDS)),
    "run s": lambda row: significant(_mean(row, schema.SECONDS)),
}
EXPLAINED = (
    "Repeats: complete runs, of those that ended; mean ± standard deviation over them, other columns means. Boundary "
    "IoU is of bands of 2 % of the diagonal along the boundaries; NSD: share of the boundaries within 1 original pixel "
    "of each other; MACs: multiply-accumulates per image; peak MB: tensor peak memory of a training step, 1 MB = a "
    "million bytes; images/s: training speed."
)


def _complete(row: pd.Series) -> str:
    """`3`, or `3 of 5` where the others did not complete."""
    ended = sum(row[state] for state in schema.STATES)
    return str(row[N]) if ended == row[N] else f"{row[N]} of {ended}"


def _mean(row: pd.Series, metric: schema.Metric) -> float:
    return float(row[statistic(metric, "mean")])


def _spread(row: pd.Series, metric: schema.Metric) -> str:
    return with_sd(_mean(row, metric), float(row[statistic(metric, "std")]))


def _measured(row: pd.Series) -> list[str]:
    return [show(row) for show in MEASURED.values()]


def comparison(summary: Summary) -> Table:
    """The best configuration of each architecture, chosen by validation."""
    tried = style.in_order([*summary.runs[ARCHITECTURE], *summary.study.planned_units.get("comparison", {})])
    best = {str(row[ARCHITECTURE]): row for _, row in summary.best.iterrows()}
    rows = [
        [f"{style.look(name).label}\n{unbroken(best[name][LABEL])}", *_measured(best[name])]
        if name in best
        else [f"{style.look(name).label}\nno complete run", "0", *[DASH] * (len(MEASURED) - 1)]
        for name in tried
    ]
    caption = (
        f"Each architecture at its configuration with the highest mean best validation IoU, then what needs no network "
        f"on the same test frames. {EXPLAINED}"
    )
    return Table(caption, [*left("architecture"), *right(*MEASURED)], rows + _baselines(summary))


def _baselines(summary: Summary) -> list[list[str]]:
    """Rows of the trivial baselines, as `comparison` shows architectures."""
    rows = []
    for _, scores in baseline_scores(summary).iterrows():
        if scores["split"] == "random_frames":
            continue
        shown = dict.fromkeys(MEASURED, DASH) | {
            "repeats": str(scores["n"]),
            "test IoU": with_sd(scores["iou mean"], scores["iou std"]),
            "Boundary IoU": with_sd(scores["boundary_iou mean"], scores["boundary_iou std"]),
        }
        rows.append([schema.BASELINES[scores["baseline"]], *shown.values()])
    return rows


def splits(summary: Summary) -> Table | None:
    """What a random split of frames pretends: test IoU under each split, the copy of the nearest frame first."""
    table = summary.configurations[summary.configurations[N] > 0]
    if "random_frames" not in set(table[SPLIT]):
        return None
    scores = baseline_scores(summary)
    copies = scores[scores["baseline"] == "copy"].set_index("split")
    names = sorted(set(table[SPLIT]), reverse=True)  # scenes first
    rows = [
        [schema.BASELINES["copy"], *(with_sd(*copies.loc[name, ["iou mean", "iou std"]]) for name in names)],
    ]
    for _, runs in table.groupby([ARCHITECTURE, CHANNELS], sort=False):
        by_split = {row[SPLIT]: row for _, row in runs.iterrows()}
        cells = [_spread(by_split[name], schema.TEST_IOU) if name in by_split else DASH for name in names]
        first = runs.iloc[0]
        rows.append([f"{style.look(first[ARCHITECTURE]).label}\n{channels(first[CHANNELS])}", *cells])
    return Table(
        "Test IoU by how frames were split (mean ± standard deviation over repeats). random_frames leaks: test frames "
        "have near copies among the training frames, and a score there says nothing about scenes never seen.",
        [*left("prediction"), *right(*names)],
        rows,
    )


def costs(summary: Summary) -> Table:
    """What every configuration costs."""
    measured, note = shortened(summary.configurations[summary.configurations[N] > 0])
    rows = [[_named(row), _size(row), *(show(row) for show in COSTS.values())] for _, row in measured.iterrows()]
    return Table(
        f"What configurations{_apart(summary)} cost: means over the complete runs. Size: depth/base width; saved: what "
        "the forward pass of a training step keeps for the backward pass; tensor, allocator and process: peak memory "
        "of live tensors and of the allocator in a step, and of the whole process; step: one optimiser step; training: "
        f"all steps, without validation; run: all.{note}",
        [*left("architecture", "size"), *right(*COSTS)],
        rows,
    )


def _apart(summary: Summary) -> str:
    """Auto-encoders, VAEs and pre-trained networks have tables of their own."""
    return " of the comparison" if summary.others else ""


def _size(row: pd.Series) -> str:
    return f"{row[schema.DEPTH]}/{row[schema.BASE_WIDTH]}"


def presets(summary: Summary) -> Table | None:
    """The named configurations of the practical."""
    table = comparable(summary.configurations)
    present = [name for name in table[schema.PRESET].unique() if name]
    if summary.study.name != PRACTICAL and not present:
        return None
    expected = list(PRESETS) if summary.study.name == PRACTICAL else [name for name in PRESETS if name in present]
    rows: list[list[str]] = []
    for name in dict.fromkeys([*expected, *present]):
        found = table[table[schema.PRESET] == name]
        label = PRESETS.get(name, name)
        rows += [[f"{label}\n{channels(row[CHANNELS])}", *_measured(row)] for _, row in found.iterrows()]
        if found.empty:
            rows.append([f"{label}\nnot run yet", "0", *[DASH] * (len(MEASURED) - 1)])
    caption = f"The networks of the practical, with their encoder widths. {EXPLAINED}"
    return Table(caption, [*left("preset"), *right(*MEASURED)], rows)


def bottlenecks(summary: Summary) -> Table | None:
    """Predicted beside printed, for each configuration of the practical; other studies have both further back."""
    if summary.study.name != PRACTICAL:
        return None
    table, note = shortened(summary.configurations)
    rows = [[style.look(row[ARCHITECTURE]).label, row[LABEL], *_bottlenecks(row)] for _, row in table.iterrows()]
    return Table(
        f"Bottleneck (channels × height × width) as predicted without a tensor, and as measured in the network.{note}",
        [*left("architecture", "configuration"), *right("predicted", "measured")],
        rows,
    )


def _bottlenecks(row: pd.Series) -> list[str]:
    return [row[name] or DASH for name in (schema.BOTTLENECK_PREDICTED, schema.BOTTLENECK_MEASURED)]


def configurations(summary: Summary) -> Table:
    """Every configuration with its quality and its outcomes."""
    table, note = shortened(summary.configurations)
    tested = [estimates(summary, metric) for metric in (schema.TEST_IOU, schema.TEST_BOUNDARY_IOU)]
    rows = [
        [
            _named(row),
            _size(row),
            channels(row[CHANNELS]),
            *_bottlenecks(row),
            digits(_mean(row, schema.BEST_VAL_IOU)),
            *(with_interval(*found.loc[row[CONFIGURATION]]) for found in tested),
            states(row),
        ]
        for _, row in table.iterrows()
    ]
    scores = ("val IoU", "test IoU [95 % CI]", "Boundary IoU [95 % CI]")
    return Table(
        f"All configurations{_apart(summary)} with an outcome: means over the complete runs, intervals over folds as "
        "in the first figure. Size: depth/base width, the width of the outermost level; encoder: widths of all levels; "
        f"predicted and measured: the bottleneck, channels × height × width.{note}",
        [*left("architecture", "size", "encoder"), *right("predicted", "measured", *scores), *left("outcomes")],
        rows,
    )


def _named(row: pd.Series) -> str:
    """The architecture, and what else the configuration's label tells apart besides depth and width."""
    extra = str(row[LABEL]).split(", ", 2)[2:]
    return "\n".join([style.look(row[ARCHITECTURE]).label, *extra])
