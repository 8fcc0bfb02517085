"""Tables of what was measured: the best of each architecture, the practical's networks, all configurations."""

import pandas as pd

from bench import schema
from reports import style, summary
from reports.load import ARCHITECTURE, CHANNELS
from reports.summary import CONFIGURATION, LABEL, N, Summary, statistic
from reports.tables.base import Table, states
from reports.text import DASH, counted, megabytes, prefixed, significant, with_sd

PRACTICAL = "practical"
PRESETS = {
    "simple_conv_shallow": "SimpleConv, shallow",
    "simple_conv_deep": "SimpleConv, deep",
    "hourglass": "Hourglass",
    "unet": "U-Net",
}
"""The four networks of the practical. A study of that name shows all of them, run or not."""

MEASURED = {
    "seeds": "right",
    "val IoU": "right",
    "test IoU": "right",
    "test Dice": "right",
    "params": "right",
    "MACs": "right",
    "peak MB": "right",
    "images/s": "right",
    "time (s)": "right",
}
DROPPED = ("seeds", "test Dice", "images/s", "time (s)")
"""Columns that the table of all configurations has no room for."""
EXPLAINED = (
    "Mean ± standard deviation over the seeds, other columns means. MACs: multiply-accumulates per image; peak MB: "
    "tensor peak memory of a training step, 1 MB = 1,000,000 bytes; images/s: training speed; time: whole run."
)


def _measured(row: pd.Series) -> list[str]:
    def mean(metric: schema.Metric) -> float:
        return float(row[statistic(metric, "mean")])

    def spread(metric: schema.Metric) -> str:
        return with_sd(mean(metric), float(row[statistic(metric, "std")]))

    return [
        str(row[N]),
        spread(schema.BEST_VAL_IOU),
        spread(schema.TEST_IOU),
        spread(schema.TEST_DICE),
        prefixed(mean(schema.PARAMS)),
        prefixed(mean(schema.MACS)),
        megabytes(mean(schema.TENSOR_PEAK)),
        significant(mean(schema.TRAIN_SPEED)),
        significant(mean(schema.SECONDS)),
    ]


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
    caption = f"Each architecture at its configuration with the highest mean best validation IoU. {EXPLAINED}"
    return Table(caption, {"architecture": "left", **MEASURED}, rows)


def presets(of: Summary) -> Table | None:
    """The named configurations of the practical."""
    table = of.configurations
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
    return Table(caption, {"preset": "left", **MEASURED}, rows)


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
    """Every configuration with its cost and its outcomes."""
    kept = {name: align for name, align in MEASURED.items() if name not in DROPPED}
    rows = []
    for _, row in of.configurations.iterrows():
        measured = dict(zip(MEASURED, _measured(row), strict=True))
        about = [
            _named(row),
            str(row[schema.DEPTH]),
            str(row[schema.BASE_WIDTH]),
            summary.channels(row[CHANNELS]),
        ]
        bottleneck = row[schema.BOTTLENECK_MEASURED] or row[schema.BOTTLENECK_PREDICTED] or DASH
        rows.append([*about, bottleneck, *(measured[name] for name in kept), states(row)])
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
        {**columns, **kept, "outcomes": "left"},
        rows,
    )


def _named(row: pd.Series) -> str:
    """The architecture, and what else the configuration's label tells apart besides depth and width."""
    extra = str(row[LABEL]).split(", ", 2)[2:]
    return "\n".join([style.look(row[ARCHITECTURE]).label, *extra])
