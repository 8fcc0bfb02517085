"""Tables of what was measured: the best of each architecture, the practical's networks, all configurations."""

from collections.abc import Callable

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.baselines import baseline_scores
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.practical import PRACTICAL
from hourglass_bench.reports.analysis.summary import (
    CONFIGURATION,
    LABEL,
    N,
    Summary,
    channels,
    comparable,
    keys,
    statistic,
)
from hourglass_bench.reports.store.load import ABSENT, ARCHITECTURE, CHANNELS, SPLIT
from hourglass_bench.reports.style import PRESETS
from hourglass_bench.reports.tables.base import Table, encoder_widths, left, memory_note, named, noted, right, shortened
from hourglass_bench.reports.text import (
    DASH,
    NBSP,
    digits,
    megabytes,
    parted,
    prefixed,
    significant,
    states,
    with_interval,
    with_sd,
)

MEASURED: dict[str, Callable[[pd.Series], str]] = {
    "repeats": lambda row: _complete(row),
    "validation IoU": lambda row: _spread(row, schema.BEST_VAL_IOU),
    "test IoU": lambda row: _spread(row, schema.TEST_IOU),
    "Boundary IoU": lambda row: _spread(row, schema.TEST_BOUNDARY_IOU),
    "NSD": lambda row: digits(_mean(row, schema.TEST_NSD)),
    "parameters": lambda row: prefixed(_mean(row, schema.PARAMS)),
    "multiply-accumulates": lambda row: prefixed(_mean(row, schema.MACS)),
    "peak memory (MB)": lambda row: megabytes(_mean(row, schema.TENSOR_PEAK)),
    "images per second": lambda row: significant(_mean(row, schema.TRAIN_SPEED)),
}
"""Columns of what was measured, by their headings."""
COSTS: dict[str, Callable[[pd.Series], str]] = {
    "parameters": MEASURED["parameters"],
    "multiply-accumulates": MEASURED["multiply-accumulates"],
    "saved (MB)": lambda row: megabytes(_mean(row, schema.SAVED_ACTIVATIONS)),
    "peak memory (MB)": MEASURED["peak memory (MB)"],
    "allocator peak (MB)": lambda row: megabytes(_mean(row, schema.ALLOCATOR_PEAK)),
    "process peak (MB)": lambda row: megabytes(_mean(row, schema.RSS_PEAK)),
    "step (ms)": lambda row: significant(1000 * _mean(row, schema.STEP_SECONDS)),
    "training (s)": lambda row: significant(_mean(row, schema.TRAIN_SECONDS)),
    "whole run (s)": lambda row: significant(_mean(row, schema.SECONDS)),
}
BOTTLENECKS = ("predicted bottleneck", "measured bottleneck")
SPREAD = "Scores: mean ± standard deviation over the repeats; other columns are means over them."


def _complete(row: pd.Series) -> str:
    """`3`, or `3 of 5` where the others did not complete."""
    ended = sum(row[state] for state in schema.STATES)
    return str(row[N]) if ended == row[N] else f"{row[N]} of {ended}"


def _mean(row: pd.Series, metric: schema.Metric) -> float:
    return float(row[statistic(metric, "mean")])


def _spread(row: pd.Series, metric: schema.Metric) -> str:
    return _stacked(with_sd(_mean(row, metric), float(row[statistic(metric, "std")])))


def _stacked(score: str) -> str:
    """The mean above its standard deviation or interval."""
    return score.replace(f"{NBSP}±", "\n±").replace(f"{NBSP}[", "\n[")


def _measured(row: pd.Series) -> list[str]:
    return [show(row) for show in MEASURED.values()]


def comparison(summary: Summary) -> Table:
    """The best configuration of each architecture, chosen by validation."""
    tried = style.in_order([*summary.runs[ARCHITECTURE], *summary.study.planned_units.get("comparison", {})])
    best = {str(row[ARCHITECTURE]): row for _, row in summary.best.iterrows()}
    rows = [
        ["\n".join(filter(None, [style.look(name).label, parted(best[name][LABEL])])), *_measured(best[name])]
        if name in best
        else [f"{style.look(name).label}\nno complete run", "0", *[DASH] * (len(MEASURED) - 1)]
        for name in tried
    ]
    return Table(
        "Each architecture at its configuration with the highest mean best validation IoU, then what needs no network, "
        "on the same test frames.",
        [*left("prediction"), *right(*MEASURED)],
        rows + _baselines(summary),
        noted(SPREAD, memory_note(summary)),
    )


def _baselines(summary: Summary) -> list[list[str]]:
    """Rows of the trivial baselines, as `comparison` shows architectures."""
    rows = []
    for _, scores in baseline_scores(summary).iterrows():
        if scores["split"] == "random_frames":
            continue
        shown = dict.fromkeys(MEASURED, DASH) | {
            "repeats": str(scores["n"]),
            "test IoU": _stacked(with_sd(scores["iou mean"], scores["iou std"])),
            "Boundary IoU": _stacked(with_sd(scores["boundary_iou mean"], scores["boundary_iou std"])),
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
        [schema.BASELINES["copy"], *(_stacked(with_sd(*copies.loc[name, ["iou mean", "iou std"]])) for name in names)],
    ]
    own = table[CONFIGURATION].map(keys(summary)).where(table[CHANNELS] == ABSENT, table[CHANNELS].map(encoder_widths))
    for (name, size), runs in table.groupby([ARCHITECTURE, own], sort=False):
        by_split = {row[SPLIT]: row for _, row in runs.iterrows()}
        cells = [_spread(by_split[name], schema.TEST_IOU) if name in by_split else DASH for name in names]
        rows.append(["\n".join(filter(None, [style.look(str(name)).label, str(size)])), *cells])
    return Table(
        "Test IoU by how frames were split: mean ± standard deviation over the repeats.",
        [*left("prediction"), *right(*(name.replace("_", " ") for name in names))],
        rows,
        "Random frames leak: test frames have near copies among the training frames, and a score there says nothing "
        "about scenes never seen.",
    )


def costs(summary: Summary) -> Table:
    """What every configuration costs."""
    measured, others = shortened(summary.configurations[summary.configurations[N] > 0])
    rows = [[*named(row), *(show(row) for show in COSTS.values())] for _, row in measured.iterrows()]
    return Table(
        f"What configurations{_apart(summary)} cost: means over the complete runs.",
        [*left("architecture", "size"), *right(*COSTS)],
        rows,
        noted(
            "Multiply-accumulates (MACs): of one image. Saved: what the forward pass of a training step keeps for the "
            "backward pass. Step: one optimiser step. Training: all steps, without validation.",
            memory_note(summary),
            others,
        ),
        _numbers(measured),
    )


def _apart(summary: Summary) -> str:
    """Auto-encoders, VAEs and pre-trained networks have tables of their own."""
    return " of the comparison" if summary.others else ""


def presets(summary: Summary) -> Table | None:
    """The named configurations of the practical."""
    table = comparable(summary.configurations)
    expected = [name for name in PRESETS if summary.study.name == PRACTICAL or name in set(table[schema.PRESET])]
    if not expected:
        return None
    rows: list[list[str]] = []
    for name in expected:
        label, found = PRESETS[name], table[table[schema.PRESET] == name]
        rows += [[f"{label}\n{channels(row[CHANNELS])}", *_measured(row)] for _, row in found.iterrows()]
        if found.empty:
            rows.append([f"{label}\nnot run yet", "0", *[DASH] * (len(MEASURED) - 1)])
    caption = "The networks of the practical, with their encoder widths."
    return Table(caption, [*left("network"), *right(*MEASURED)], rows, noted(SPREAD, memory_note(summary)))


def bottlenecks(summary: Summary) -> Table | None:
    """Predicted beside printed, for each configuration of the practical; other studies have both further back."""
    if summary.study.name != PRACTICAL:
        return None
    table, others = shortened(summary.configurations)
    return Table(
        "Bottleneck (channels × height × width) as predicted without a tensor, and as measured in the network.",
        [*left("architecture", "size"), *right(*BOTTLENECKS)],
        [[*named(row), *_bottlenecks(row)] for _, row in table.iterrows()],
        others,
    )


def _bottlenecks(row: pd.Series) -> list[str]:
    return [row[name] or DASH for name in (schema.BOTTLENECK_PREDICTED, schema.BOTTLENECK_MEASURED)]


def configurations(summary: Summary) -> Table:
    """Every configuration with its quality and its outcomes."""
    table, others = shortened(summary.configurations)
    tested = [estimates(summary, metric) for metric in (schema.TEST_IOU, schema.TEST_BOUNDARY_IOU)]
    rows = [
        [
            *named(row),
            encoder_widths(row[CHANNELS]),
            *_bottlenecks(row),
            digits(_mean(row, schema.BEST_VAL_IOU)),
            *(_stacked(with_interval(*found.loc[row[CONFIGURATION]])) for found in tested),
            states(row).replace(", ", "\n"),
        ]
        for _, row in table.iterrows()
    ]
    scores = ("validation IoU", "test IoU [interval]", "Boundary IoU [interval]")
    return Table(
        f"All configurations{_apart(summary)} with an outcome: means over the complete runs.",
        [*left("architecture", "size", "encoder widths"), *right(*BOTTLENECKS, *scores), *left("outcomes")],
        rows,
        noted("Bottleneck: channels × height × width.", others),
        _numbers(table),
    )


def _numbers(table: pd.DataFrame) -> list[list[int]]:
    """Of configurations that have a row each."""
    return [[number] for number in table[CONFIGURATION].to_list()]
