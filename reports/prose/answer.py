"""Sentences written from the numbers. That something is better they say in the words of `statistics.verdict` only."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pandas as pd

from bench import schema
from reports import style
from reports.analysis import budget, search
from reports.analysis.baselines import LEAK, copy_iou
from reports.analysis.choices import PEAK, choices, least_repeats, tested
from reports.analysis.claims import Judged, claims, judge_headline, pair
from reports.analysis.estimates import estimates
from reports.analysis.statistics import LEVEL, POWER, Interval
from reports.analysis.summary import CONFIGURATION, LABEL, N, Summary
from reports.prose.said import Say
from reports.store.load import ARCHITECTURE, RUN, SPLIT
from reports.tables.base import states
from reports.tables.verdicts import p_value, word
from reports.text import counted, digits, listed, megabytes, percent, round_number, signed


def answer(of: Summary, say: Say) -> list[str]:
    """The first page's sentences: what to take, whether the difference is real, how far the study is."""
    if of.study.stages == ["search"]:
        return [" ".join([*search.answer(of, say), _progress(of, say)])]
    found = [decision(of, say), [*_judged(of, say), *_leak(of, say)]] if "comparison" in of.study.stages else []
    return [
        " ".join(sentences) for sentences in (*found, [_progress(of, say), *search.apart(of, say), *_apart(of, say)])
    ]


def _apart(of: Summary, say: Say) -> list[str]:
    """What the first page says of the runs of other stages, of which it shows none."""
    ended = of.study.ended[schema.STAGE].value_counts()[list(of.others)]
    runs = [say(f"apart.{stage}", int(ended[stage]), partial(counted, noun=budget.UNITS[stage])) for stage in of.others]
    own = "has a section of its own" if ended.sum() == 1 else "have a section of their own"
    return [f"{listed(runs)} {own}."] if runs else []


def _progress(of: Summary, say: Say) -> str:
    found = say("units.outcomes", of.study.outcomes)
    planned = "" if of.study.planned is None else f" of {say('units.planned', of.study.planned)} planned"
    ended = say("units.states", states(of.study.states) or "none so far")
    one = of.study.outcomes == 1 and of.study.planned is None
    return f"{found}{planned} {'run has' if one else 'runs have'} an outcome: {ended}."


def decision(of: Summary, say: Say) -> list[str]:
    """What to take, without a limit and within round memory budgets, with what it scored on the test scenes."""
    made = choices(of)
    if not made:
        tried = (of.runs[schema.STATE] == "complete").any()
        why = "No complete run was tested on whole scenes" if tried else "No run of the comparison is complete yet"
        return [f"{why}, so there is nothing to choose from."]
    scores = estimates(of, schema.TEST_IOU)
    best, rest = made[-1], made[-2::-1]
    first = (
        f"Take {_named(say, 'choice.best', best.row)}, which has the highest mean validation IoU of {_among(of, say)}"
    )
    sentences = [f"{first}: {_scored(say, 'choice.best', best.row, scores)}."]
    for choice in rest:
        name = f"choice.{choice.budget_mb:g}"
        limit = say(f"{name}.budget_mb", choice.budget_mb, round_number)
        sentences.append(
            f"Within {limit}\u00a0MB take {_named(say, name, choice.row)}: {_scored(say, name, choice.row, scores)}."
        )
    level = say("level", 1 - LEVEL, percent)
    return [*sentences, f"Validation chose; the test scores, with {level} intervals, were looked at afterwards."]


def _among(of: Summary, say: Say) -> str:
    """Whom `reports.analysis.choices` chooses from."""
    repeats = tested(of)[N]
    if repeats.nunique() == 1:
        return "all configurations of the comparison" if of.others else "all tested configurations"
    least = say("choice.repeats", least_repeats(of), lambda count: counted(count, "complete repeat"))
    return f"the configurations with at least {least}"


def _named(say: Say, name: str, row: pd.Series) -> str:
    """`U-Net (depth 3, width 16)`."""
    return say(f"{name}.label", f"{style.look(row[ARCHITECTURE]).label} ({row[LABEL]})")


def _scored(say: Say, name: str, row: pd.Series, scores: pd.DataFrame) -> str:
    """`test IoU 0.712 [0.655, 0.769] at 20.1 MB`."""
    mean, low, high = scores.loc[row[CONFIGURATION]]
    interval = "without an interval" if math.isnan(low) else f"[{_score(say, name, low, high)}]"
    iou, peak = say(f"{name}.iou", mean, digits), say(f"{name}.peak_bytes", row[PEAK], megabytes)
    return f"test IoU {iou} {interval} at {peak}\u00a0MB of tensor peak memory"


def _score(say: Say, name: str, low: float, high: float) -> str:
    return f"{say(f'{name}.low', low, digits)},\u00a0{say(f'{name}.high', high, digits)}"


def _judged(of: Summary, say: Say) -> list[str]:
    """The first claim in words, and what the split allows to say."""
    judged = judge_headline(of)
    if not judged:
        return [_unjudged(of, say)]
    first = judged[0]
    found = first.comparison
    lines = [f"{say('claim.pair', pair(first.claim))}, each at its best by validation: {claim(say, 'claim', first)}"]
    if first.verdict == "refused":
        return [f"{lines[0]}."]
    lines[0] += ", adjusted for the claims of the table."
    if math.isfinite(first.detectable):
        lines.append(
            f"This study finds a true difference of {say('claim.detectable', first.detectable, digits)} with a "
            f"probability of {say('power', POWER, percent)}."
        )
    if first.claim.a[SPLIT] == "scene_holdout":
        lines.append("Low power: all repeats were tested on the same few scenes.")
    elif found.over == "folds" and found.repeats > 1:
        corrected = interval(say, "claim.corrected", found.corrected)
        lines.append(f"Corrected for training sets that overlap (Nadeau and Bengio), the interval is {corrected}.")
    return lines


def claim(say: Say, name: str, one: Judged) -> str:
    """`IoU +0.012 [−0.020, +0.044] over 3 folds and 3 repeats. Verdict: inconclusive, p = 0.07`.

    Never without the interval; p is adjusted for the claims that are made together, and a refused verdict has none.
    """
    found = one.comparison
    p = "" if one.verdict == "refused" else f", {say(f'{name}.p', one.p, _p)}"
    return (
        f"{one.metric.label} {say(f'{name}.difference', found.difference, signed)} "
        f"{interval(say, name, found.interval)} over {say(f'{name}.n', found.n, _units(found.over))} and "
        f"{say(f'{name}.repeats', found.repeats, _repeats)}. Verdict: {say(f'{name}.verdict', word(one))}{p}"
    )


def _p(p: float) -> str:
    shown = p_value(p)
    return f"p {shown.replace('<', '< ')}" if shown.startswith("<") else f"p = {shown}"


def interval(say: Say, name: str, of: Interval) -> str:
    """`[−0.020, +0.044]`."""
    if math.isinf(of.high):
        return "without an interval, of a single unit,"
    return f"[{say(f'{name}.low', of.low, signed)},\u00a0{say(f'{name}.high', of.high, signed)}]"


def _units(noun: str) -> Callable[[int], str]:
    return lambda count: counted(count, noun[:-1])


def _repeats(count: int) -> str:
    return counted(count, "repeat")


def _unjudged(of: Summary, say: Say) -> str:
    """Why there is no verdict."""
    tested = of.runs[(of.runs[schema.STATE] == "complete") & of.runs[schema.TEST_IOU.name].notna()]
    if len(tested) and (tested[SPLIT] == "random_frames").all():
        return "Frames were split at random, which leaks: no difference is judged."
    if claims(of):
        lost = len(tested) - of.scenes[RUN].nunique()
        of_all = f"{say('unjudged.lost', lost)} of {say('unjudged.tested', len(tested), _runs)}"
        return (
            f"No difference is judged: {of_all} lack their {schema.FRAME_TABLE}, or the two architectures have no "
            "repeat in common on the same frames."
        )
    return (
        "No two architectures have complete runs on the same scenes with equal folds and epochs, so no difference is "
        "judged."
    )


def _leak(of: Summary, say: Say) -> list[str]:
    """A warning if test frames have near copies among the training frames."""
    copy = copy_iou(of)
    if not copy > LEAK:
        return []
    return [
        f"Beware: copying the mask of the nearest training frame scores an IoU of {say('copy.iou', copy, digits)}, so "
        "test scenes have near copies among the training scenes; see “python -m bench data --audit”."
    ]


def depth(of: Summary, say: Say) -> list[str]:
    """Do the predicted bottleneck and tensor peak agree with the measured ones?"""
    return [" ".join([bottleneck(of, say), *_peaks(of, say)])]


def bottleneck(of: Summary, say: Say) -> str:
    """In how many runs the predicted bottleneck equals the measured one."""
    equal, measured = bottleneck_agreement(of)
    if not measured:
        return "No run measured its bottleneck, so the prediction is not checked."
    return (
        f"The predicted bottleneck equals the measured one in {say('bottleneck.equal', equal)} of "
        f"{say('bottleneck.measured', measured, _runs)}."
    )


def _runs(count: int) -> str:
    return counted(count, "run")


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


def _peaks(of: Summary, say: Say) -> list[str]:
    """Nothing where no run logged a prediction, as runs of their own do not."""
    equal, measured, largest = peak_agreement(of)
    if not measured:
        return []
    off = "" if equal == measured else f"; the largest relative difference is {say('peak.largest', largest, percent)}"
    return [
        f"The predicted tensor peak equals the measured one in {say('peak.equal', equal)} of "
        f"{say('peak.measured', measured, _runs)}{off}."
    ]


def outcomes(of: Summary, say: Say) -> list[str]:
    """How many units wait, how many attempts were lost."""
    sentences = []
    if of.study.planned is not None and of.study.planned > of.study.outcomes:
        missing = say("units.missing", of.study.planned - of.study.outcomes, lambda left: counted(left, "planned run"))
        sentences.append(f"{missing} without an outcome so far.")
    if of.study.outcomes and of.study.states["complete"] == of.study.outcomes:
        sentences.append("Every run with an outcome is complete.")
    sentences += budget.sentences(of.study, say)
    return [" ".join(sentences)] if sentences else []
