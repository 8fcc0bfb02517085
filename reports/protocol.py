"""Sentences on how the numbers came about: split, looks at the test frames, what was held fixed, how to repeat it."""

import pandas as pd

from bench import schema
from reports.load import DATA_FOLDS, SEED, SPLIT
from reports.summary import Summary
from reports.text import counted, digits

SPLITS = {
    "scene_folds": "by scene into {folds} folds, so that no scene is on two sides; the seed's fold is tested, the next "
    "one chooses the epoch, the others train",
    "scene_holdout": "by scene into {folds} folds, so that no scene is on two sides; all seeds test the same fold, one "
    "of the others chooses the epoch, the rest train",
    "random_frames": "at random, so that near copies of test frames train: its scores show the leak, nothing else",
}


def provenance(of: Summary) -> list[str]:
    """How the data are split, what was held fixed, and how to get these numbers again."""
    runs = of.logged
    if runs.empty:
        return []
    return [
        f"These numbers come from {counted(of.study.outcomes, 'run')} with an outcome. {_splits(runs)} {RULES}",
        f"{_openings(of)}{_caveats(of)}",
        f"To repeat the study, run “make sweep STUDY={of.study.name}” with the DATA (data.path), EPOCHS "
        f"(training.epochs) and SPLIT (data.split) of the table below, then “make report STUDY={of.study.name}”. "
        f"The data of every figure lies as CSV beside this file, all printed numbers in report.json.",
    ]


RULES = (
    "Every metric is the unweighted mean over scenes of the mean over each scene's frames, at the epoch with the best "
    "validation IoU. Two empty masks score 1 (distance 0), one empty mask 0 (distance: the diagonal)."
)


def _splits(runs: pd.DataFrame) -> str:
    kinds = runs[[SPLIT, DATA_FOLDS]].drop_duplicates().sort_values(SPLIT, ascending=False)
    splits = "; or ".join(SPLITS[row[SPLIT]].format(folds=row[DATA_FOLDS]) for _, row in kinds.iterrows())
    seeds = ", ".join(str(seed) for seed in sorted(runs[SEED].unique()))
    return (
        f"Frames are split {splits}. The seed (here {seeds}) decides fold, initialisation, order and augmentation, the "
        "same for every architecture."
    )


def _openings(of: Summary) -> str:
    """How often test frames were looked at; once per unit is what the protocol allows."""
    opened = of.study.openings
    if opened.empty:
        return ""
    again = int(opened.duplicated().sum())
    how = f"{again} of them for a unit that had opened them before" if again else "once for each unit"
    return f"Test frames were opened {counted(len(opened), 'time')}, {how}. "


def _caveats(of: Summary) -> str:
    agreement = of.runs[schema.LABEL_AGREEMENT.name].mean()
    labels = (
        f" Test masks cut at 64 and at 192 of 255 overlap with an IoU of {digits(agreement)}: scores above it are a "
        "matter of the threshold, 128."
    )
    return (
        f"Held fixed for every network and not tuned, so that each may favour one: {', '.join(_fixed(of.logged))}. "
        "Intervals leave out that the training scenes of different folds overlap."
    ) + ("" if pd.isna(agreement) else labels)


def _fixed(runs: pd.DataFrame) -> list[str]:
    names = [name for name in runs.columns.astype("str") if name.startswith("training.")]
    return [
        f"{name.removeprefix('training.').replace('_', ' ')} {runs[name].iloc[0]}"
        for name in sorted(names)
        if runs[name].nunique() == 1
    ]
