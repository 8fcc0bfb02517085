"""Tables of what was measured: the best of each architecture, the practical's networks, all configurations."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from bench import schema
from reports import style, summary
from reports.baselines import baseline_scores
from reports.load import ARCHITECTURE, CHANNELS, SPLIT
from reports.summary import CONFIGURATION, LABEL, N, Summary, statistic
from reports.tables.base import Table, states
from reports.text import DASH, counted, digits, megabytes, prefixed, significant, with_sd

PRACTICAL = "practical"
PRESETS = {
    "simple_conv_shallow": "SimpleConv, shallow",
    "simple_conv_deep": "SimpleConv, deep",
    "hourglass": "Hourglass",
    "unet": "U-Net",
}
"""The four networks of the practical. A study of that name shows all of them, run or not."""

MEASURED: dict[str, Callable[[pd.Series], str]] = {
    "seeds": lambda row: str(row[N]),
    "val IoU": lambda row: _spread(row, schema.BEST_VAL_IOU),
    "test IoU": lambda row: _spread(row, schema.TEST_IOU),
    "Boundary IoU": lambda row: _spread(row, schema.TEST_BOUNDARY_IOU),
    "NSD": lambda row: digits(_mean(row, schema.TEST_NSD)),
    "params": lambda row: prefixed(_mean(row, schema.PARAMS)),
    "MACs": lambda row: prefixed(_mean(row, schema.MACS)),
    "peak MB": lambda row: megabytes(_mean(row, schema.TENSOR_PEAK)),
    "images/s": lambda row: significant(_mean(row, schema.TRAIN_SPEED)),
    "not complete": lambda row: str(sum(row[state] for state in schema.STATES if state != "complete")),
}
"""Columns of what was measured, by their headings."""
IN_ALL = ("val IoU", "test IoU", "Boundary IoU", "NSD")
"""Columns of the table of all configurations."""
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
TIMES: dict[str, str] = {
    "setup": "data and network",
    "autotune": "the choice of execution settings",
    "tracking": "epochs logged and the answer whether to go on",
    "memory": "the measurement of a step's memory",
    "test": "predictions, all metrics and the baselines",
    "idle": "its worker's time beside the run, from the end of the run before",
}
"""Columns of the table of times that need words."""
EXPLAINED = (
    "Mean ± standard deviation over the seeds, other columns means. Boundary IoU: of bands of 2 % of the diagonal "
    "along the outlines; NSD: share of the outlines within 1 native pixel of each other; MACs: multiply-accumulates "
    "per image; peak MB: tensor peak memory of a training step, 1 MB = 1,000,000 bytes; images/s: training speed."
)


def _mean(row: pd.Series, metric: schema.Metric) -> float:
    return float(row[statistic(metric, "mean")])


def _spread(row: pd.Series, metric: schema.Metric) -> str:
    return with_sd(_mean(row, metric), float(row[statistic(metric, "std")]))


def _measured(row: pd.Series) -> list[str]:
    return [show(row) for show in MEASURED.values()]


RIGHT = dict.fromkeys(MEASURED, "right")


def comparison(of: Summary) -> Table:
    """The best configuration of each architecture, chosen by validation."""
    tried = style.in_order([*of.runs[ARCHITECTURE], *of.study.budget.get("comparison", {})])
    best = {str(row[ARCHITECTURE]): row for _, row in of.best.iterrows()}
    rows = [
        [f"{style.look(name).label}\n{best[name][LABEL]}", *_measured(best[name])]
        if name in best
        else [f"{style.look(name).label}\nno complete run", "0", *[DASH] * (len(MEASURED) - 1)]
        for name in tried
    ]
    caption = (
        f"Each architecture at its configuration with the highest mean best validation IoU, then what needs no network "
        f"on the same test frames. {EXPLAINED}"
    )
    return Table(caption, {"architecture": "left", **RIGHT}, rows + _baselines(of))


def _baselines(of: Summary) -> list[list[str]]:
    """Rows of the trivial baselines, as `comparison` shows architectures."""
    rows = []
    for _, scores in baseline_scores(of).iterrows():
        if scores["split"] == "random_frames":
            continue
        shown = dict.fromkeys(MEASURED, DASH) | {
            "seeds": str(scores["n"]),
            "test IoU": with_sd(scores["iou mean"], scores["iou std"]),
            "Boundary IoU": with_sd(scores["boundary_iou mean"], scores["boundary_iou std"]),
        }
        rows.append([schema.BASELINES[scores["baseline"]], *shown.values()])
    return rows


def splits(of: Summary) -> Table | None:
    """What a random split of frames pretends: test IoU under each split, the copy of the nearest frame first."""
    table = of.configurations[of.configurations[N] > 0]
    if "random_frames" not in set(table[SPLIT]):
        return None
    scores = baseline_scores(of)
    copies = scores[scores["baseline"] == "copy"].set_index("split")
    names = sorted(set(table[SPLIT]), reverse=True)  # scenes first
    rows = [
        [schema.BASELINES["copy"], *(with_sd(*copies.loc[name, ["iou mean", "iou std"]]) for name in names)],
    ]
    for _, runs in table.groupby([ARCHITECTURE, CHANNELS], sort=False):
        by_split = {row[SPLIT]: row for _, row in runs.iterrows()}
        cells = [_spread(by_split[name], schema.TEST_IOU) if name in by_split else DASH for name in names]
        first = runs.iloc[0]
        rows.append([f"{style.look(first[ARCHITECTURE]).label}\n{summary.channels(first[CHANNELS])}", *cells])
    return Table(
        "Test IoU by how frames were split (mean ± standard deviation over seeds). random_frames leaks: test frames "
        "have near copies among the training frames, and a score there says nothing about scenes never seen.",
        {"prediction": "left", **dict.fromkeys(names, "right")},
        rows,
    )


def costs(of: Summary) -> Table:
    """What every configuration costs."""
    measured = of.configurations[of.configurations[N] > 0]
    rows = [[_named(row), _size(row), *(show(row) for show in COSTS.values())] for _, row in measured.iterrows()]
    return Table(
        "What configurations cost: means over the complete runs. Size: depth/base width; saved: what the forward pass "
        "of a training step keeps for the backward pass; tensor, allocator and process: peak memory of live tensors "
        "and of the allocator in a step, and of the whole process; step: one optimiser step; training: all steps, "
        "without validation; run: all.",
        {"architecture": "left", "size": "left", **dict.fromkeys(COSTS, "right")},
        rows,
    )


def times(of: Summary) -> Table | None:
    """Where the time of a run goes, for every configuration."""
    measured = of.configurations[of.configurations[N] > 0]
    if measured.empty:
        return None
    parts = [_times(row) for _, row in measured.iterrows()]
    columns = [name for name in parts[0] if any(np.nan_to_num(part[name]) for part in parts)]
    runs = of.runs[of.runs[schema.STATE] == "complete"]
    whole = runs[[schema.SECONDS.name, schema.IDLE_SECONDS.name]].sum().sum()
    learning = runs[[schema.TRAIN_SECONDS.name, schema.VALIDATION_SECONDS.name]].sum().sum()
    notes = "; ".join(f"{name}: {note}" for name, note in TIMES.items() if name in columns)
    rows = [
        [_named(row), _size(row), *(digits(part[name], 2) for name in columns)]
        for (_, row), part in zip(measured.iterrows(), parts, strict=True)
    ]
    return Table(
        f"Where the time goes, in seconds: means over the complete runs. Training and validation take "
        f"{learning / whole:.0%} of all. {notes[:1].upper()}{notes[1:]}.",
        {"architecture": "left", "size": "left", **dict.fromkeys(columns, "right")},
        rows,
    )


def _times(row: pd.Series) -> dict[str, float]:
    """Means that add up: `idle`, which older runs lack, to the run's own time."""
    phases = {str(name): _mean(row, phase) for name, phase in schema.PHASES.items()}
    run, idle = _mean(row, schema.SECONDS), _mean(row, schema.IDLE_SECONDS)
    return phases | {"other": run - sum(phases.values()), "idle": idle, "all": run + np.nan_to_num(idle)}


def _size(row: pd.Series) -> str:
    return f"{row[schema.DEPTH]}/{row[schema.BASE_WIDTH]}"


def presets(of: Summary) -> Table | None:
    """The named configurations of the practical."""
    table = summary.comparable(of.configurations)
    present = [name for name in table[schema.PRESET].unique() if name]
    if of.study.name != PRACTICAL and not present:
        return None
    expected = list(PRESETS) if of.study.name == PRACTICAL else [name for name in PRESETS if name in present]
    rows: list[list[str]] = []
    for name in dict.fromkeys([*expected, *present]):
        found = table[table[schema.PRESET] == name]
        label = PRESETS.get(name, name)
        rows += [[f"{label}\n{summary.channels(row[CHANNELS])}", *_measured(row)] for _, row in found.iterrows()]
        if found.empty:
            rows.append([f"{label}\nnot run yet", "0", *[DASH] * (len(MEASURED) - 1)])
    caption = f"The networks of the practical, with their encoder widths. {EXPLAINED}"
    return Table(caption, {"preset": "left", **RIGHT}, rows)


def bottlenecks(of: Summary) -> Table:
    """Predicted beside measured, for each configuration."""
    rows = []
    for number, runs in of.runs.groupby(CONFIGURATION):
        row = of.configurations.set_index(CONFIGURATION).loc[[number]].iloc[0]
        measured = runs[runs[schema.BOTTLENECK_MEASURED] != ""]
        equal = (measured[schema.BOTTLENECK_PREDICTED] == measured[schema.BOTTLENECK_MEASURED]).sum()
        shapes = [row[schema.BOTTLENECK_PREDICTED] or DASH, row[schema.BOTTLENECK_MEASURED] or DASH]
        agreement = f"{equal} of {counted(len(measured), 'run')}" if len(measured) else "not measured"
        rows.append([style.look(row[ARCHITECTURE]).label, row[LABEL], *shapes, agreement])
    columns = {"architecture": "left", "configuration": "left", "predicted": "right", "measured": "right"}
    return Table(
        "Bottleneck (channels × height × width) as predicted without a tensor, and as measured in the network.",
        {**columns, "equal in": "left"},
        rows,
    )


def configurations(of: Summary) -> Table:
    """Every configuration with its quality and its outcomes."""
    rows = []
    for _, row in of.configurations.iterrows():
        about = [
            _named(row),
            str(row[schema.DEPTH]),
            str(row[schema.BASE_WIDTH]),
            summary.channels(row[CHANNELS]),
        ]
        bottleneck = row[schema.BOTTLENECK_MEASURED] or row[schema.BOTTLENECK_PREDICTED] or DASH
        rows.append([*about, bottleneck, *(MEASURED[name](row) for name in IN_ALL), states(row)])
    columns = {
        "architecture": "left",
        "depth": "right",
        "width": "right",
        "encoder": "left",
        "bottleneck": "right",
    }
    return Table(
        "All configurations with an outcome. Width: of the outermost level; encoder: widths of all levels; other "
        "columns as in the first table, over the complete runs.",
        {**columns, **dict.fromkeys(IN_ALL, "right"), "outcomes": "left"},
        rows,
    )


def _named(row: pd.Series) -> str:
    """The architecture, and what else the configuration's label tells apart besides depth and width."""
    extra = str(row[LABEL]).split(", ", 2)[2:]
    return "\n".join([style.look(row[ARCHITECTURE]).label, *extra])
