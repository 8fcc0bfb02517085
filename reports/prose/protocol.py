"""Facts of how the numbers came about: split, looks at the test frames, what was held fixed, how to repeat it."""

import pandas as pd

from bench import schema
from reports.analysis.summary import Summary
from reports.prose.facts import Facts, counter
from reports.store.load import BETA, DATA_FOLDS, PRETRAIN_EPOCHS, REPEAT, SPLIT
from reports.text import digits

OF_FEW = {BETA, "training.beta_warmup", "training.sigma", PRETRAIN_EPOCHS}
"""Parameters of VAEs and of pre-training, which favour no network that segments."""


def gather(summary: Summary, facts: Facts) -> dict[str, object]:
    """How the data are split, how often test frames were looked at, what was held fixed."""
    runs = summary.logged
    if runs.empty:
        return {"splits": []}
    splits = sorted(runs[SPLIT].unique(), reverse=True)
    for split in splits:
        folds = sorted(runs.loc[runs[SPLIT] == split, DATA_FOLDS].unique())
        if split != "random_frames":
            facts.add(f"protocol.{split}.folds", " or ".join(map(str, folds)))
    facts.add("protocol.repeats", ", ".join(str(repeat) for repeat in sorted(runs[REPEAT].unique())))
    opened = summary.study.openings
    if len(opened):
        facts.add("openings.all", len(opened), counter("time"))
    if again := int(opened.duplicated().sum()):
        facts.add("openings.again", again)
    agreement = summary.runs[schema.LABEL_AGREEMENT.name].mean()
    if pd.notna(agreement):
        facts.add("labels.agreement", agreement, digits)
    return {"splits": splits, "generative": "generative" in summary.others, "fixed": _fixed(runs, facts)}


def _fixed(runs: pd.DataFrame, facts: Facts) -> dict[str, str]:
    """Names of the facts and words of the parameters that all runs share."""
    names = {name for name in runs.columns.astype("str") if name.startswith("training.")} - OF_FEW
    fixed = [name for name in sorted(names) if runs[name].nunique() == 1]
    for name in fixed:
        facts.add(f"fixed.{name}", str(runs[name].iloc[0]))
    return {f"fixed.{name}": name.removeprefix("training.").replace("_", " ") for name in fixed}


def gather_provenance(summary: Summary, facts: Facts) -> dict[str, object]:
    """Runs with few labels have epochs of their own; runs of an earlier version of the schema lack some metrics."""
    study = summary.study
    if len(summary.logged):
        facts.add("units.outcomes", study.outcomes)
    for version in study.lacking if len(summary.logged) else ():
        facts.add(f"lacking.{version}", version)
    lacking = {f"lacking.{version}": [metric.label for metric in metrics] for version, metrics in study.lacking.items()}
    return {
        "study": study.name,
        "any": len(summary.logged),
        "pretrained": "pretraining" in summary.others,
        "lacking": lacking,
    }
