"""The table of tuned learning rates: validation IoU by rate, and what was chosen."""

import pandas as pd

from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.analysis.tuning import own_part, tuning
from hourglass_bench.reports.tables.base import MOST_ROWS, Table, left, noted, right
from hourglass_bench.reports.text import DASH, counted, digits, parted, round_number


def tuned(summary: Summary) -> Table | None:
    """A row per group of networks; None if no rate was tuned."""
    found = tuning(summary)
    if found.groups.empty:
        return None
    ladder = sorted(found.rates["rate"].unique())
    shown = found.groups.head(MOST_ROWS)
    rest = len(found.groups) - len(shown)
    rows = [
        [
            style.look(group["architecture"]).label,
            parted(own_part(group["group"], group["architecture"])) or DASH,
            str(group["configurations"]),
            *(_scores(found.rates[found.rates["group"] == group["group"]], rate) for rate in ladder),
            DASH if pd.isna(group["rate"]) else round_number(group["rate"]),
            group["edge"] or DASH,
        ]
        for _, group in shown.iterrows()
    ]
    rungs = " and ".join(counted(epochs, "epoch") for epochs in sorted(found.rates["epochs"].unique()))
    return Table(
        "Validation IoU of each group's largest network by learning rate, after "
        f"{rungs}, for which the upper half and the study's own go on.",
        [
            *left("architecture", "group"),
            *right("configurations", *(f"at {rate:g}" for rate in ladder), "chosen", "edge"),
        ],
        rows,
        noted(
            "Each is one run with its whole schedule. The study's own rate stays unless another is clearly ahead. "
            "Edge: the end of the ladder at which the rate lies.",
            f"{rest} more groups are in the folder data." if rest else "",
        ),
    )


def _scores(own: pd.DataFrame, rate: float) -> str:
    """One below the other, the shorter training first; of one that did not complete how it ended."""
    rows = own[own["rate"] == rate].drop_duplicates("epochs").to_dict("records")
    return (
        "\n".join(digits(row["val_iou"]) if row["state"] == "complete" else str(row["state"]) for row in rows) or DASH
    )
