"""Sentences written from the numbers. That something is better they say in the words of `statistics.verdict` only."""

from typing import NamedTuple

import pandas as pd

from bench import schema
from reports import budget, search, style
from reports.baselines import LEAK, copy_iou
from reports.claims import claims, judge_headline, pair
from reports.load import ARCHITECTURE, RUN, SPLIT
from reports.summary import LABEL, N, Summary, comparable, statistic
from reports.tables.base import states
from reports.tables.measured import PRACTICAL, PRESETS
from reports.tables.verdicts import bounds, difference, p_value, word
from reports.text import counted, digits, listed, megabytes, significant

IOU = statistic(schema.TEST_IOU, "mean")
MEMORY = statistic(schema.TENSOR_PEAK, "mean")


def answer(of: Summary) -> list[str]:
    """The first page's paragraph."""
    if of.study.stages == ["search"]:
        return [" ".join([_progress(of), *search.answer(of)])]
    return [
        " ".join([_progress(of), *search.apart(of), *_highest(of), *_best(of)]),
        " ".join([*_judged(of), *_leak(of)]),
    ]


def _progress(of: Summary) -> str:
    found = of.study.outcomes
    planned = "" if of.study.planned is None else f" of {of.study.planned} planned"
    ended = states(of.study.states)
    return f"{found}{planned} {'run has' if found == 1 else 'runs have'} an outcome: {ended or 'none so far'}."


def _highest(of: Summary) -> list[str]:
    measured = comparable(of.configurations).dropna(subset=IOU)
    if measured.empty:
        return ["No run has test figures yet, so there is nothing to compare."]
    top = measured.sort_values(IOU, ascending=False, kind="stable").iloc[0]
    return [
        f"The highest mean test IoU, {digits(top[IOU])} over {counted(top[N], 'seed')}, was measured for "
        f"{named(top)}{_at_memory(top)}."
    ]


def named(row: pd.Series) -> str:
    """`U-Net (depth 3, width 16)`."""
    return f"{style.look(row[ARCHITECTURE]).label} ({row[LABEL]})"


def _at_memory(row: pd.Series) -> str:
    return "" if pd.isna(row[MEMORY]) else f" at {megabytes(row[MEMORY])} MB of tensor peak memory"


def _best(of: Summary) -> list[str]:
    best = of.best.dropna(subset=IOU)
    if best.empty:
        return []
    each = [f"{named(row)} {digits(row[IOU])}{_at_memory(row)}" for _, row in best.iterrows()]
    return [
        f"Chosen by mean best validation IoU, never on test, the best configuration of each architecture measured a "
        f"mean test IoU of: {'; '.join(each)}.",
    ]


def _judged(of: Summary) -> list[str]:
    """The first claim in words, and what the split allows to say."""
    judged = judge_headline(of)
    if not judged:
        return [_unjudged(of)]
    first = judged[0]
    found = first.comparison
    lines = [
        f"{pair(first.claim)}, each at its best by validation: IoU {difference(first)} over "
        f"{counted(found.n, found.over[:-1])} and {counted(found.seeds, 'seed')}. Verdict: {word(first)}"
    ]
    if first.verdict == "refused":
        return [f"{lines[0]}."]
    lines[0] += (
        f" (p = {p_value(first)}, adjusted for the claims of the table). This study finds a true difference of "
        f"{digits(first.detectable)} with a probability of 80 %."
    )
    if first.claim.a[SPLIT] == "scene_holdout":
        lines.append("Low power: all seeds were tested on the same few scenes.")
    elif found.over == "folds":
        lines.append(
            f"Corrected for training sets that overlap (Nadeau and Bengio), the interval is {bounds(found.corrected)}."
        )
    return lines


def _unjudged(of: Summary) -> str:
    """Why there is no verdict."""
    tested = of.runs[(of.runs[schema.STATE] == "complete") & of.runs[schema.TEST_IOU.name].notna()]
    if len(tested) and (tested[SPLIT] == "random_frames").all():
        return "Frames were split at random, which leaks: no difference is judged."
    if claims(of):
        lost = len(tested) - of.scenes[RUN].nunique()
        return (
            f"No difference is judged: {lost} of {counted(len(tested), 'run')} lack their {schema.FRAME_TABLE}, or the "
            "two architectures have no seed in common on the same frames."
        )
    return "No two architectures have complete runs on the same scenes, so no difference is judged."


def _leak(of: Summary) -> list[str]:
    """A warning if test frames have near copies among the training frames."""
    copy = copy_iou(of)
    if not copy > LEAK:
        return []
    return [
        f"Beware: copying the mask of the nearest training frame scores an IoU of {digits(copy)}, so test scenes have "
        "near copies among the training scenes; see “python -m bench data --audit”."
    ]


def depth(of: Summary) -> list[str]:
    """Do the predicted bottleneck and tensor peak agree with the measured ones?"""
    equal, measured = bottleneck_agreement(of)
    if not measured:
        return ["No run measured its bottleneck, so the prediction is not checked.", *_peaks(of)]
    bottleneck = f"The predicted bottleneck equals the measured one in {equal} of {counted(measured, 'run')}."
    return [" ".join([bottleneck, *_peaks(of)])]


def bottleneck_agreement(of: Summary) -> tuple[int, int]:
    """Runs and trials whose predicted bottleneck equals the measured one, and those that measured one."""
    runs = of.logged[of.logged[schema.BOTTLENECK_MEASURED] != ""]
    return int((runs[schema.BOTTLENECK_PREDICTED] == runs[schema.BOTTLENECK_MEASURED]).sum()), len(runs)


class PeakAgreement(NamedTuple):
    """Tensor peaks that were predicted before training, beside the measured ones."""

    equal: int
    measured: int
    """Runs and trials with both figures."""
    largest_difference: float
    """Relative to the measured peak; 0 if none was measured."""


def peak_agreement(of: Summary) -> PeakAgreement:
    """In how many runs the prediction is exact, and how far off it is at most."""
    both = of.logged[[schema.PREDICTED_PEAK.name, schema.TENSOR_PEAK.name]].dropna()
    predicted, measured = both[schema.PREDICTED_PEAK.name], both[schema.TENSOR_PEAK.name]
    differences = (predicted - measured).abs() / measured
    return PeakAgreement(int((predicted == measured).sum()), len(both), float(differences.max()) if len(both) else 0.0)


def _peaks(of: Summary) -> list[str]:
    """Nothing where no run logged a prediction, as in stores of earlier versions."""
    equal, measured, largest = peak_agreement(of)
    if not measured:
        return []
    off = "" if equal == measured else f"; the largest relative difference is {significant(100 * largest)} %"
    return [f"The predicted tensor peak equals the measured one in {equal} of {counted(measured, 'run')}{off}."]


def presets(of: Summary) -> list[str]:
    """Which of the practical's networks have no complete run."""
    done = set(of.runs.loc[of.runs[schema.STATE] == "complete", schema.PRESET])
    missing = [label for name, label in PRESETS.items() if name not in done]
    if of.study.name != PRACTICAL or not missing:
        return []
    return [f"Without a complete run so far: {listed(missing)}."]


def outcomes(of: Summary) -> list[str]:
    """How many units wait, how many attempts were lost."""
    sentences = []
    if of.study.planned is not None and of.study.planned > of.study.outcomes:
        sentences.append(f"{counted(of.study.planned - of.study.outcomes, 'planned run')} without an outcome so far.")
    if of.study.outcomes and of.study.states["complete"] == of.study.outcomes:
        sentences.append("Every run with an outcome is complete.")
    sentences += budget.sentences(of.study)
    return [" ".join(sentences)] if sentences else []
