"""Values of the first page: what to take, whether the difference is real, how far the study is."""

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.baselines import LEAK, copy_iou
from hourglass_bench.reports.analysis.claims import claims, judge_headline, pair
from hourglass_bench.reports.analysis.statistics import POWER
from hourglass_bench.reports.analysis.summary import Summary, precision
from hourglass_bench.reports.prose import evidence, mixture, recommendation, tuning
from hourglass_bench.reports.prose.claims import claim_values
from hourglass_bench.reports.prose.search import front_ends
from hourglass_bench.reports.store.load import ARCHITECTURE, RUN, SPLIT
from hourglass_bench.reports.text import states


def gather(summary: Summary) -> dict[str, object]:
    """A study that only searches has fronts, one that compares a choice and a claim."""
    study, stages = summary.study, summary.study.ended[schema.STAGE]
    apart = {stage: int((stages == stage).sum()) for stage in summary.others}
    found: dict[str, object] = {
        "units": {
            "outcomes": study.outcomes,
            "planned": study.planned,
            "states": states(study.states) or "none so far",
            "waiting": study.planned is not None and study.outcomes + len(study.deleted) < study.planned,
        },
        "one_run": study.outcomes == 1,
        "apart": apart,
        "one_apart": sum(apart.values()) == 1,
        "tuned": int((stages == "tuning").sum()),
        **tuning.of_first_page(summary),
        **evidence.gather(summary),
        **mixture.gather(summary),
    }
    if study.stages == ["search"]:
        return found | {"search": None, "fronts": front_ends(summary), "precision": precision(summary)}
    counts = {"trials": (stages == "search").sum(), "compared": (stages == "comparison").sum()}
    found["search"] = counts if "search" in study.stages else None
    if "comparison" in study.stages:
        found |= {"power": POWER, "claim": _claim(summary), **recommendation.gather(summary)}
        copied = copy_iou(summary)
        found |= {"copied": {"iou": copied if copied > LEAK else None}, "unjudged": _unjudged(summary)}
    return found


def _claim(summary: Summary) -> dict[str, object] | None:
    """The first claim."""
    judged = judge_headline(summary)
    if not judged:
        return None
    first = judged[0]
    return {
        "pair": pair(first.claim),
        **claim_values(first),
        "claims": first.claims,
        "detectable": first.detectable,
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
        "alone": runs[ARCHITECTURE].nunique() == 1,
        "file": schema.FRAME_TABLE,
    }
