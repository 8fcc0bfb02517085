"""Facts of the first page: what to take, whether the difference is real, how far the study is."""

import pandas as pd

from bench import schema
from reports import style
from reports.analysis.baselines import LEAK, copy_iou
from reports.analysis.choices import PEAK, choices, least_repeats, tested
from reports.analysis.claims import claims, judge_headline, pair
from reports.analysis.estimates import estimates
from reports.analysis.statistics import LEVEL, POWER
from reports.analysis.summary import CONFIGURATION, LABEL, N, Summary
from reports.prose.claims import add_claim, add_interval
from reports.prose.facts import Facts, counter
from reports.prose.outcomes import UNITS
from reports.prose.search import add_fronts
from reports.store.load import ARCHITECTURE, RUN, SPLIT
from reports.text import digits, megabytes, percent, round_number, signed, states


def gather(summary: Summary, facts: Facts) -> dict[str, object]:
    """The stages decide what of it the template prints."""
    study = summary.study
    names = _progress(summary, facts)
    if study.stages == ["search"]:
        return names | {"fronts": add_fronts(summary, facts)}
    stages = study.ended[schema.STAGE]
    for stage in summary.others:
        facts.add(f"apart.{stage}", int((stages == stage).sum()), counter(UNITS[stage]))
    if "search" in study.stages:
        facts.add("search.trials", int((stages == "search").sum()), counter("search trial"))
        facts.add("search.compared", int((stages == "comparison").sum()), counter("run"))
    return names | _decision(summary, facts) | _judged(summary, facts) if "comparison" in study.stages else names


def _progress(summary: Summary, facts: Facts) -> dict[str, object]:
    study = summary.study
    facts.add("units.outcomes", study.outcomes)
    facts.add("units.states", states(study.states) or "none so far")
    if study.planned is not None:
        facts.add("units.planned", study.planned)
    return {
        "stages": study.stages,
        "apart": [f"apart.{stage}" for stage in summary.others],
        "one_run": study.outcomes == 1 and study.planned is None,
        "one_apart": study.ended[schema.STAGE].isin(list(summary.others)).sum() == 1,
    }


def _decision(summary: Summary, facts: Facts) -> dict[str, object]:
    """What to take, without a limit and within round memory budgets, with what it scored on the test scenes."""
    made = choices(summary)
    if not made:
        return {"within": [], "tried": (summary.runs[schema.STATE] == "complete").any()}
    scores = estimates(summary, schema.TEST_IOU)
    _add_choice(facts, "choice.best", made[-1].row, scores)
    if tested(summary)[N].nunique() > 1:
        facts.add("choice.repeats", least_repeats(summary), counter("complete repeat"))
    within = []
    for choice in made[-2::-1]:
        within.append(f"choice.{choice.budget_mb:g}")
        facts.add(f"{within[-1]}.budget_mb", choice.budget_mb, round_number)
        _add_choice(facts, within[-1], choice.row, scores)
    facts.add("level", 1 - LEVEL, percent)
    return {"within": within, "tried": True}


def _add_choice(facts: Facts, name: str, row: pd.Series, scores: pd.DataFrame) -> None:
    mean, low, high = scores.loc[row[CONFIGURATION]]
    facts.add(f"{name}.label", f"{style.look(row[ARCHITECTURE]).label} ({row[LABEL]})")
    facts.add(f"{name}.iou", mean, digits)
    add_interval(facts, name, low, high, digits)
    facts.add(f"{name}.peak_bytes", row[PEAK], megabytes)


def _judged(summary: Summary, facts: Facts) -> dict[str, object]:
    """The first claim, what the split allows to say, and whether test frames have near copies that trained."""
    copy = copy_iou(summary)
    if copy > LEAK:
        facts.add("copy.iou", copy, digits)
    judged = judge_headline(summary)
    if not judged:
        return _unjudged(summary, facts)
    first, found = judged[0], judged[0].comparison
    facts.add("claim.pair", pair(first.claim))
    add_claim(facts, "claim", first)
    if first.verdict == "refused":
        return {}
    holdout = first.claim.a[SPLIT] == "scene_holdout"
    if first.detectable < float("inf"):
        facts.add("claim.detectable", first.detectable, digits)
        facts.add("power", POWER, percent)
    if not holdout and found.over == "folds" and found.repeats > 1:
        add_interval(facts, "claim.corrected", *found.corrected, signed)
    return {"holdout": holdout}


def _unjudged(summary: Summary, facts: Facts) -> dict[str, object]:
    """Why there is no verdict."""
    complete = summary.runs[summary.runs[schema.STATE] == "complete"]
    runs = complete[complete[schema.TEST_IOU.name].notna()]
    random = bool(len(runs) and (runs[SPLIT] == "random_frames").all())
    if not random and claims(summary):
        facts.add("unjudged.lost", len(runs) - summary.scenes[RUN].nunique())
        facts.add("unjudged.tested", len(runs), counter("run"))
    return {"random": random, "frame_table": schema.FRAME_TABLE}
