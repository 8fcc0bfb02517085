"""Values of the latent space: masks by its size, what VAEs lost and how near their samples are, pre-training."""

import json

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.generative import vaes
from hourglass_bench.reports.analysis.latent import SIZE, through_latents
from hourglass_bench.reports.analysis.pretraining import STAGE, judge_pretraining
from hourglass_bench.reports.analysis.statistics import LEVEL
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, N, Summary, comparable
from hourglass_bench.reports.prose.claims import claim_values
from hourglass_bench.reports.store.load import ARCHITECTURE, BETA, LATENT, SKIPS, SPLIT
from hourglass_bench.reports.text import counted_range

MOST_NAMED = 4
"""Collapsed configurations that are named; the runs of others are counted."""


def gather(summary: Summary) -> dict[str, object]:
    """Auto-encoders and VAEs, and pre-training."""
    return {"level": 1 - LEVEL, **_masks(summary), "vaes": _vaes(summary), "pretraining": _pretraining(summary)}


def _masks(summary: Summary) -> dict[str, object]:
    """Test IoU of masks through the smallest and the largest latent, reconstructed and segmented."""
    tables = through_latents(summary)
    if not tables:
        return {"through": {}}
    reconstructed = tables["generative"]
    latents = sorted({int(reconstructed[LATENT].min()), int(reconstructed[LATENT].max())})
    shown = pd.concat(table[table[LATENT].isin(latents)] for table in tables.values())
    return {
        "latent": {
            **reconstructed[SIZE].iloc[0].to_dict(),
            "sizes": {str(latent): latent for latent in latents},
            "repeats": counted_range(shown[N], "repeat"),
        },
        "through": {stage: _scores(summary, table, latents) for stage, table in tables.items()},
    }


def _scores(summary: Summary, table: pd.DataFrame, latents: list[int]) -> dict[str, object]:
    """Scores by latent of architectures that have all of them, and whether skip connections lead past the latent."""
    shown: dict[str, object] = {}
    sampled = vaes(summary.others["generative"])
    for name in style.in_order(table[ARCHITECTURE]):
        rows = table[(table[ARCHITECTURE] == name) & table[LATENT].isin(latents)].sort_values(LATENT)
        if len(rows) == len(latents):
            runs = summary.runs[summary.runs[CONFIGURATION] == rows[CONFIGURATION].iloc[0]]
            shown[name] = {
                "skips": bool(runs[SKIPS].map(json.loads).any()),
                "beta": float(rows[BETA].iloc[0]) if rows[CONFIGURATION].isin(sampled).any() else None,
                "scores": {
                    str(row[LATENT]): {"iou": row["mean"], "low": row["low"], "high": row["high"]}
                    for _, row in rows.iterrows()
                },
            }
    return shown


def _vaes(summary: Summary) -> dict[str, object] | None:
    """What VAEs lost, and how near their samples come to training frames."""
    if "generative" not in summary.others:
        return None
    stage = summary.others["generative"]
    runs = comparable(stage.runs)
    complete = runs[(runs[schema.STATE] == "complete") & runs[CONFIGURATION].isin(vaes(stage))]
    active = complete[schema.ACTIVE_UNITS.name] / complete[schema.BOTTLENECK_ELEMENTS.name]
    lost = complete[complete[schema.COLLAPSE] != ""]
    every = lost.groupby([CONFIGURATION, LABEL, schema.COLLAPSE], sort=False).size().reset_index(name="runs")
    return {
        "runs": len(complete),
        "active": active.agg(["min", "max"]).to_dict(),
        "copied": complete.groupby(schema.TARGET)[schema.COPIED_SHARE.name].agg(["min", "max"]).to_dict("index"),
        "collapsed": len(lost),
        "named": every[:MOST_NAMED].to_dict("records"),
        "rest": every["runs"][MOST_NAMED:].sum(),
    }


def _pretraining(summary: Summary) -> dict[str, object] | None:
    """Each claim in IoU, by what is equal in it."""
    if STAGE not in summary.others:
        return None
    matchings: dict[str, dict[str, object]] = {}
    for number, (first, *_) in enumerate(judge_pretraining(summary), 1):
        a = first.claim.a
        label = f"{style.look(a[ARCHITECTURE]).label} (depth {a[schema.DEPTH]}, width {a[schema.BASE_WIDTH]})"
        matchings.setdefault(first.claim.matching, {})[f"pair{number}"] = {"label": label, **claim_values(first)}
    return {
        "random": bool((summary.others[STAGE].runs[SPLIT] == "random_frames").all()),
        "matchings": [{"matching": matching, "pairs": pairs} for matching, pairs in matchings.items()],
    }
