"""Values of the first page: what to take, whether the difference is real, how far the study is."""

import pandas as pd

from bench import schema
from reports import style
from reports.analysis.baselines import LEAK, copy_iou
from reports.analysis.choices import PEAK, choices, least_repeats, tested
from reports.analysis.claims import claims, judge_headline, pair
from reports.analysis.estimates import estimates
from reports.analysis.statistics import LEVEL, POWER
from reports.analysis.summary import CONFIGURATION, LABEL, N, Summary
from reports.prose import evidence
from reports.prose.claims import claim_values
from reports.prose.search import front_ends
from reports.store.checks import HOLDOUTS
from reports.store.load import ARCHITECTURE, RUN, SPLIT
from reports.text import states


def gather(summary: Summary) -> dict[str, object]:
    """A study that only searches has fronts, one that compares a choice and a claim."""
    study, stages = summary.study, summary.study.ended[schema.STAGE]
    apart = {stage: int((stages == stage).sum()) for stage in summary.others}
    found: dict[str, object] = {
        "units": {
            "outcomes": study.outcomes,
            "planned": study.planned,
            "states": states(study.states) or "none so far",
        },
        "one_run": study.outcomes == 1 and study.planned is None,
        "apart": apart,
        "one_apart": sum(apart.values()) == 1,
        **evidence.gather(summary),
    }
    if study.stages == ["search"]:
        return found | {"search": None, "fronts": front_ends(summary)}
    counts = {"trials": (stages == "search").sum(), "compared": (stages == "comparison").sum()}
    found["search"] = counts if "search" in study.stages else None
    if "comparison" in study.stages:
        found |= {"level": 1 - LEVEL, "power": POWER, "choice": _choice(summary), "claim": _claim(summary)}
        copied = copy_iou(summary)
        found |= {"copied": {"iou": copied if copied > LEAK else None}, "unjudged": _unjudged(summary)}
    return found


def _choice(summary: Summary) -> dict[str, object]:
    """What to take, without a limit and within round memory budgets, with what it scored on the test scenes."""
    made = choices(summary)
    if not made:
        return {"best": None, "tried": bool((summary.runs[schema.STATE] == "complete").any())}
    scores = estimates(summary, schema.TEST_IOU).rename(columns={"mean": "iou"})
    return {
        "best": _chosen(made[-1].row, scores),
        "repeats": least_repeats(summary) if tested(summary)[N].nunique() > 1 else None,
        "within": {
            f"{choice.budget_mb:g}": {"budget_mb": choice.budget_mb, **_chosen(choice.row, scores)}
            for choice in made[-2::-1]
        },
    }


def _chosen(row: pd.Series, scores: pd.DataFrame) -> dict[str, object]:
    return {
        "label": f"{style.look(row[ARCHITECTURE]).label} ({row[LABEL]})",
        **scores.loc[row[CONFIGURATION]].to_dict(),
        "peak_bytes": row[PEAK],
    }


def _claim(summary: Summary) -> dict[str, object] | None:
    """The first claim, with what the split allows to say."""
    judged = judge_headline(summary)
    if not judged:
        return None
    first = judged[0]
    return {
        "pair": pair(first.claim),
        **claim_values(first),
        "detectable": first.detectable,
        "holdout": first.claim.a[SPLIT] in HOLDOUTS,
        "corrected": first.comparison.corrected._asdict(),
    }


def _unjudged(summary: Summary) -> dict[str, object]:
    """Why there is no verdict."""
    complete = summary.runs[summary.runs[schema.STATE] == "complete"]
    runs = complete[complete[schema.TEST_IOU.name].notna()]
    return {
        "random": bool(len(runs) and (runs[SPLIT] == "random_frames").all()),
        "claimed": bool(claims(summary)),
        "lost": len(runs) - summary.scenes[RUN].nunique(),
        "tested": len(runs),
        "file": schema.FRAME_TABLE,
    }
