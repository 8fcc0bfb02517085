"""Tables of auto-encoders and VAEs: how well they give back what entered them, and what VAEs make of their latent."""

from collections.abc import Callable

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.generative import STAGE, means, vaes
from hourglass_bench.reports.analysis.summary import CONFIGURATION, N, Summary, comparable, statistic
from hourglass_bench.reports.store.load import ARCHITECTURE, BETA
from hourglass_bench.reports.tables.base import BEST_ROWS, MOST_ROWS, Table, left, noted, right, size
from hourglass_bench.reports.tables.measured import MEASURED
from hourglass_bench.reports.text import DASH, counted, digits, percent, significant, unbroken

MEANS = "Means over folds at the epoch with the lowest validation loss."
Show = Callable[[int], str]
"""What shows something of the configuration of a number."""


def masks(summary: Summary) -> Table | None:
    """Quality of the masks that auto-encoders and VAEs give back; None without any."""
    if STAGE not in summary.others:
        return None
    stage = summary.others[STAGE]
    columns = {
        "test IoU [interval]": _interval(stage, schema.TEST_IOU, digits),
        "Boundary IoU": _mean(stage, schema.TEST_BOUNDARY_IOU, digits),
        "probe IoU [interval]": _interval(stage, schema.PROBE_IOU, digits),
    }
    return _quality(summary, "mask", columns)


def images(summary: Summary) -> Table | None:
    """Quality of the images that auto-encoders and VAEs give back; None without any."""
    if STAGE not in summary.others:
        return None
    stage = summary.others[STAGE]
    columns = {
        "PSNR (dB) [interval]": _interval(stage, schema.TEST_PSNR, lambda value: digits(value, 1)),
        "SSIM": _mean(stage, schema.TEST_SSIM, digits),
        "MS-SSIM": _mean(stage, schema.TEST_MS_SSIM, digits),
        "probe IoU [interval]": _interval(stage, schema.PROBE_IOU, digits),
    }
    return _quality(summary, "image", columns)


def _quality(summary: Summary, target: str, columns: dict[str, Show]) -> Table | None:
    configurations = _tested(summary)
    table, others = _shortened(configurations[configurations[schema.TARGET] == target])
    about = [*left("architecture", "size"), *right("latent size", "beta", "repeats")]
    rows = [
        [style.look(row[ARCHITECTURE]).label, *_size(row), MEASURED["repeats"](row), *_cells(row, columns)]
        for _, row in table.iterrows()
    ]
    caption = (
        f"{target.capitalize()}s that auto-encoders and VAEs give back, compared with the test {target} that entered."
    )
    note = noted(MEANS, "VAEs give back the mean of the posterior.", others)
    return Table(caption, [*about, *right(*columns)], rows, note) if rows else None


def bounds(summary: Summary) -> Table | None:
    """Bounds of the likelihood, latent and samples of every VAE; None without any."""
    if STAGE not in summary.others:
        return None
    stage, configurations = summary.others[STAGE], _tested(summary)
    table, others = _shortened(configurations[configurations[CONFIGURATION].isin(vaes(stage))])
    if table.empty:
        return None
    collapsed = {"collapsed": _collapsed(stage)} if (stage.runs[schema.COLLAPSE] != "").any() else {}
    columns: dict[str, Show] = {
        "ELBO [interval]": _interval(stage, schema.TEST_ELBO, _whole),
        "IWAE": _mean(stage, schema.TEST_IWAE, _whole),
        "bits per dimension": _mean(stage, schema.TEST_BITS, lambda value: digits(value).replace("-", "−")),
        "rate (KL)": _mean(stage, schema.TEST_RATE, significant),
        "sigma": _mean(stage, schema.TEST_SIGMA, digits),
        "active units": _mean(stage, schema.ACTIVE_UNITS, lambda value: digits(value, 1)),
        "distance of samples": _mean(stage, schema.SAMPLE_DISTANCE, digits),
        "distance of test frames": _mean(stage, schema.UNSEEN_DISTANCE, digits),
        "copied": _mean(stage, schema.COPIED_SHARE, percent),
        **collapsed,
    }
    lost = "Collapsed: runs that lost their latent or their sigma." if collapsed else "No run collapsed."
    about = [*left("target", "size"), *right("latent size", "beta")]
    return Table(
        "VAEs on the test frames: bounds of the likelihood and rate in nats per frame, and what they draw.",
        [*about, *right(*columns)],
        [[row[schema.TARGET], *_size(row), *_cells(row, columns)] for _, row in table.iterrows()],
        noted(MEANS, "All with beta = 1, however they were trained.", lost, others),
    )


def _tested(summary: Summary) -> pd.DataFrame:
    """Configurations with a run that was tested on whole scenes, masks first; none without such a stage."""
    stage = summary.others.get(STAGE)
    if stage is None:
        return summary.configurations.iloc[:0]
    table = comparable(stage.configurations[stage.configurations[N] > 0])
    return table.sort_values([schema.TARGET, CONFIGURATION], ascending=[False, True])


def _shortened(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """As `tables.base.shortened`, by validation loss and for each target: losses of the targets are of two kinds."""
    if len(table) <= MOST_ROWS:
        return table, ""
    keys = [schema.TARGET, ARCHITECTURE]
    each = max(1, BEST_ROWS // table.groupby(keys).ngroups)
    ranked = table.sort_values([N, statistic(schema.BEST_VAL_LOSS, "mean")], ascending=[False, True])
    best = table[table[CONFIGURATION].isin(ranked.groupby(keys).head(each)[CONFIGURATION])]
    order = "with the most complete repeats, and of these with the lowest validation loss"
    note = f"Of {len(table)} configurations the {each} of each architecture and target {order}"
    return best, f"{note}; {len(table) - len(best)} more are in the folder data."


def _size(row: pd.Series) -> list[str]:
    """Size, latent size and beta."""
    beta = DASH if pd.isna(row[statistic(schema.TEST_RATE, "mean")]) else f"{float(row[BETA]):g}"
    latent = f"{row[statistic(schema.BOTTLENECK_ELEMENTS, 'mean')]:g}"
    return [size(row), latent, beta]


def _cells(row: pd.Series, columns: dict[str, Show]) -> list[str]:
    return [show(int(row[CONFIGURATION])) for show in columns.values()]


def _mean(stage: Summary, metric: schema.Metric, show: Callable[[float], str]) -> Show:
    """A mean, or a dash."""
    found = means(stage, metric)["mean"].dropna().to_dict()
    return lambda number: show(found[number]) if number in found else DASH


def _interval(stage: Summary, metric: schema.Metric, show: Callable[[float], str]) -> Show:
    """A mean with its interval, which may stand below it."""
    mean, found = _mean(stage, metric, show), means(stage, metric)[["low", "high"]].dropna()
    ends = {number: unbroken(f"[{show(low)}, {show(high)}]") for number, low, high in found.itertuples()}
    return lambda number: f"{mean(number)} {ends[number]}" if number in ends else mean(number)


def _collapsed(stage: Summary) -> Show:
    """`posterior in 1 run`, or a dash."""
    complete = stage.runs[stage.runs[schema.STATE] == "complete"]

    def show(number: int) -> str:
        lost = complete.loc[complete[CONFIGURATION] == number, schema.COLLAPSE]
        counts = lost[lost != ""].value_counts(sort=False)
        return "\n".join(f"{what} in {counted(runs, 'run')}" for what, runs in counts.items()) or DASH

    return show


def _whole(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−")
