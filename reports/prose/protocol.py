"""Values of how the numbers came about: split, looks at the test frames, what was held fixed, how to repeat it."""

import json
import math

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.claims import judge_headline
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.store.load import ARCHITECTURE, BETA, DATA_FOLDS, LR, PRETRAIN_EPOCHS, REPEAT, SPLIT
from hourglass_bench.reports.text import printable

OF_FEW = {BETA, "training.beta_warmup", "training.sigma", PRETRAIN_EPOCHS}
"""Parameters of VAEs and of pre-training, which favour no network that segments."""


def gather(summary: Summary) -> dict[str, object]:
    """How the data are split, how often test frames were looked at, what was held fixed."""
    runs, opened = summary.logged[summary.logged[schema.STAGE] != "tuning"], summary.study.openings
    names = {name for name in runs.columns.astype("str") if name.startswith("training.")} - OF_FEW
    names -= {LR} if summary.study.ladder else set()
    return {
        "splits": {
            split: " or ".join(map(str, sorted(runs.loc[runs[SPLIT] == split, DATA_FOLDS].unique())))
            for split in sorted(runs[SPLIT].unique(), reverse=True)
        },
        "readings": describe_readings(runs),
        "vanished": count_vanished(runs),
        "all_repeats": ", ".join(map(str, sorted(runs[REPEAT].unique()))),
        "generative": "generative" in summary.others,
        "openings": {"all": len(opened), "again": opened.duplicated().sum()},
        "fixed": {name: runs[name].iloc[0] for name in sorted(names) if runs[name].nunique() == 1},
        "notes": _notes(summary.logged),
        "corrected": _corrected(summary),
        "label_agreement": summary.runs[schema.LABEL_AGREEMENT.name].mean(),
    }


def _notes(runs: pd.DataFrame) -> dict[str, str]:
    """What authors of networks from elsewhere may not expect, of each architecture that has some."""
    noted = runs[runs[schema.NETWORK_NOTES] != ""]
    said = noted[schema.NETWORK_NOTES].groupby(noted[ARCHITECTURE]).agg("; ".join)
    return {name: "; ".join(dict.fromkeys(said[name].split("; "))) for name in style.in_order(said.index)}


def _corrected(summary: Summary) -> dict[str, object] | None:
    """The interval of the first claim in which folds are not independent; None without one."""
    judged = judge_headline(summary)
    known = judged and judged[0].verdict != "refused" and math.isfinite(judged[0].comparison.corrected.low)
    return judged[0].comparison.corrected._asdict() if known else None


def describe_readings(runs: pd.DataFrame) -> list[dict[str, object]]:
    """How files were read, as the runs recorded it; black and white only where images have more than 8 bits."""
    described: list[dict[str, object]] = []
    for text in filter(None, runs[schema.DATA_READING].unique()):
        reading = printable(json.loads(text))
        black, white = reading["limits"][:2] if reading["limits"] else (None, None)
        described.append({"masks": reading["masks"]["text"], "black": black, "white": white, "fit": reading["fit"]})
    return described


def count_vanished(runs: pd.DataFrame) -> int:
    """Test frames that lost their foreground when they were resized, of all folds that were tested."""
    counts = pd.to_numeric(runs[schema.TEST_VANISHED]).fillna(0)
    return int(counts.groupby(runs[schema.FOLD]).max().sum())


def gather_provenance(summary: Summary) -> dict[str, object]:
    """Runs with few labels have epochs of their own; runs of an earlier version of the schema lack some metrics."""
    study = summary.study
    return {
        "study": study.name,
        "logged": len(summary.logged) > 0,
        "units": {"outcomes": study.outcomes},
        "pretrained": "pretraining" in summary.others,
        "tuned": bool(study.ladder),
        "lacking": [
            {"version": version, "metrics": ", ".join(metric.label for metric in metrics)}
            for version, metrics in study.lacking.items()
        ],
    }
