"""Sentences on how the numbers came about: split, looks at the test frames, what was held fixed, how to repeat it."""

import pandas as pd

from bench import schema
from reports.analysis.summary import Summary
from reports.prose.said import Say
from reports.store.load import BETA, DATA_FOLDS, PRETRAIN_EPOCHS, REPEAT, SPLIT
from reports.text import counted, digits

SPLITS = {
    "scene_folds": "by scene into {folds} folds, so that no scene is on two sides; the repeat's fold is tested, the "
    "next one chooses the epoch, the others train",
    "scene_holdout": "by scene into {folds} folds, so that no scene is on two sides; all repeats test the same fold, "
    "one of the others chooses the epoch, the rest train",
    "random_frames": "at random, so that near copies of test frames train: its scores show the leak, nothing else",
}

RULES = (
    "Every metric is the unweighted mean over scenes of the mean over each scene's frames, at the epoch with the best "
    "validation IoU{losses}. Two empty masks agree fully; an empty one and another do not at all (distance: the "
    "diagonal)."
)

OF_FEW = {BETA, "training.beta_warmup", "training.sigma", PRETRAIN_EPOCHS}
"""Parameters of VAEs and of pre-training, which favour no network that segments."""


def protocol(of: Summary, say: Say) -> list[str]:
    """How the data are split, how often test frames were looked at, what was held fixed."""
    runs = of.logged
    if runs.empty:
        return []
    losses = "; auto-encoders and VAEs: with the lowest validation loss" if "generative" in of.others else ""
    return [f"{_splits(runs, say)} {RULES.format(losses=losses)}", f"{_openings(of, say)}{_caveats(of, say)}"]


def provenance(of: Summary, say: Say) -> list[str]:
    """How to get these numbers again."""
    if of.logged.empty:
        return []
    outcomes = say("units.outcomes", of.study.outcomes)
    return [
        f"{outcomes} of the study's runs have an outcome. To repeat it, run “make sweep STUDY={of.study.name}” with "
        f"the DATA (data.path), EPOCHS (training.epochs{_plan_epochs(of)}) and SPLIT (data.split) of the table below, "
        "then “make report "
        f"STUDY={of.study.name}”. Beside this file lie the data of every figure (figures/), runs, scene means and "
        "claims (data/), all as CSV; report.json holds every number of the sentences, and report.typ the layout.",
        *(_lacking(version, metrics, say) for version, metrics in of.study.lacking.items()),
    ]


def _lacking(version: int, metrics: list[schema.Metric], say: Say) -> str:
    names = ", ".join(metric.label for metric in metrics)
    return f"Runs of version {say(f'lacking.{version}', version)} of the schema lack what was added after it: {names}."


def _plan_epochs(of: Summary) -> str:
    """Runs with few labels have epochs of their own."""
    return ", the fewest" if "pretraining" in of.others else ""


def _splits(runs: pd.DataFrame, say: Say) -> str:
    kinds = runs[[SPLIT, DATA_FOLDS]].drop_duplicates().sort_values(SPLIT, ascending=False)
    splits = "; or ".join(
        SPLITS[str(name)].format(folds=say(f"protocol.{name}.folds", " or ".join(map(str, sorted(of[DATA_FOLDS])))))
        for name, of in kinds.groupby(SPLIT, sort=False)
    )
    repeats = say("protocol.repeats", ", ".join(str(repeat) for repeat in sorted(runs[REPEAT].unique())))
    return (
        f"Frames are split {splits}. The repeat (here {repeats}) decides fold, initialisation, order and augmentation, "
        "the same for every architecture."
    )


def _openings(of: Summary, say: Say) -> str:
    """How often test frames were looked at; once per unit is what the protocol allows."""
    opened = of.study.openings
    if opened.empty:
        return ""
    times = say("openings.all", len(opened), lambda count: counted(count, "time"))
    again = int(opened.duplicated().sum())
    repeated = f"{say('openings.again', again)} of them for a unit that had opened them before"
    return f"Test frames were opened {times}, {repeated if again else 'once for each unit'}. "


def _caveats(of: Summary, say: Say) -> str:
    agreement = of.runs[schema.LABEL_AGREEMENT.name].mean()
    fixed = (
        "Held fixed for every network and not tuned, so that each may favour one: "
        f"{', '.join(_fixed(of.logged, say))}. Intervals leave out that the training scenes of different folds overlap."
    )
    if pd.isna(agreement):
        return fixed
    iou = say("labels.agreement", agreement, digits)
    return (
        f"{fixed} The test masks cut at a quarter and at three quarters of full foreground overlap with an IoU of "
        f"{iou}: scores above it are a matter of the threshold, one half."
    )


def _fixed(runs: pd.DataFrame, say: Say) -> list[str]:
    names = {name for name in runs.columns.astype("str") if name.startswith("training.")} - OF_FEW
    return [
        f"{name.removeprefix('training.').replace('_', ' ')} {say(f'fixed.{name}', str(runs[name].iloc[0]))}"
        for name in sorted(names)
        if runs[name].nunique() == 1
    ]
