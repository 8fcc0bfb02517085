"""Facts of the latent space: masks by its size, what VAEs lost and how near their samples are, pre-training."""

import json

import pandas as pd

from bench import schema
from reports import style
from reports.analysis.claims import Judged
from reports.analysis.latent import SIZE, through_latents
from reports.analysis.pretraining import STAGE, judge_pretraining
from reports.analysis.statistics import LEVEL
from reports.analysis.summary import CONFIGURATION, LABEL, N, Summary, comparable
from reports.prose.claims import add_claim, add_interval
from reports.prose.facts import Facts, counter
from reports.store.load import ARCHITECTURE, BETA, LATENT, SKIPS, SPLIT
from reports.text import capitalised, counted_range, digits, percent

STAGES: tuple[schema.Stage, ...] = ("generative", "comparison")
"""Those with masks through latents."""
MOST_NAMED = 4
"""Collapsed configurations that are named; the runs of others are counted."""


def gather(summary: Summary, facts: Facts) -> dict[str, object]:
    """Auto-encoders and VAEs, and pre-training."""
    return _masks(summary, facts) | _vaes(summary, facts) | _pretraining(summary, facts)


def _masks(summary: Summary, facts: Facts) -> dict[str, object]:
    """Test IoU of masks through the smallest and the largest latent, reconstructed and segmented."""
    tables = through_latents(summary)
    if not tables:
        return {"through": {stage: [] for stage in STAGES}}
    reconstructed = tables["generative"]
    latents = sorted({int(reconstructed[LATENT].min()), int(reconstructed[LATENT].max())})
    for name in SIZE:
        facts.add(f"latent.{name}", int(reconstructed[name].iloc[0]))
    for latent in latents:
        facts.add(f"latent.{latent}", latent)
    facts.add("level", 1 - LEVEL, percent)
    shown = pd.concat(table[table[LATENT].isin(latents)] for table in tables.values())
    facts.add("latent.repeats", counted_range(shown[N], "repeat"))
    through = {stage: _scores(summary, facts, tables[stage], latents) if stage in tables else [] for stage in STAGES}
    return {"through": through, "latents": [str(latent) for latent in latents]}


def _scores(summary: Summary, facts: Facts, table: pd.DataFrame, latents: list[int]) -> list[tuple[str, bool]]:
    """Architectures that have all of the latents, and whether skip connections lead past them."""
    shown = []
    for name in style.in_order(table[ARCHITECTURE]):
        rows = {row[LATENT]: row for _, row in table[table[ARCHITECTURE] == name].iterrows()}
        if not set(latents) <= set(rows):
            continue
        for latent in latents:
            key, row = f"latent.{name}.{latent}", rows[latent]
            facts.add(f"{key}.iou", row["mean"], digits)
            add_interval(facts, key, row["low"], row["high"], digits)
        first = rows[latents[0]]
        if name == "vae":
            facts.add("latent.beta", float(first[BETA]), lambda beta: f"{beta:g}")
        runs = summary.runs[summary.runs[CONFIGURATION] == first[CONFIGURATION]]
        shown.append((name, bool(runs[SKIPS].map(json.loads).any())))
    return shown


def _vaes(summary: Summary, facts: Facts) -> dict[str, object]:
    """What VAEs lost, and how near their samples come to training frames."""
    if "generative" not in summary.others:
        return {}
    runs = comparable(summary.others["generative"].runs)
    complete = runs[(runs[schema.STATE] == "complete") & (runs[ARCHITECTURE] == "vae")]
    if complete.empty:
        return {}
    facts.add("vae.runs", len(complete), counter("complete VAE run"))
    _add_range(facts, "vae.active", complete[schema.ACTIVE_UNITS.name] / complete[schema.BOTTLENECK_ELEMENTS.name])
    for target, own in complete.groupby(schema.TARGET):
        _add_range(facts, f"vae.{target}.copied", own[schema.COPIED_SHARE.name])
    return {"collapsed": _collapsed(complete, facts)}


def _add_range(facts: Facts, name: str, shares: pd.Series) -> None:
    """The smallest and the largest, if any run has one."""
    if shares.notna().any():
        facts.add(f"{name}.min", float(shares.min()), percent)
        facts.add(f"{name}.max", float(shares.max()), percent)


def _collapsed(complete: pd.DataFrame, facts: Facts) -> list[tuple[str, str]]:
    """The first configurations that collapsed and what they lost; the other runs are counted."""
    lost = complete[complete[schema.COLLAPSE] != ""]
    if lost.empty:
        return []
    facts.add("vae.collapsed", len(lost))
    every = lost.groupby([CONFIGURATION, LABEL, schema.COLLAPSE], sort=False).size().reset_index(name="runs")
    for place, group in enumerate(every[:MOST_NAMED].to_dict("records"), 1):
        facts.add(f"collapsed.{place}.label", group[LABEL])
        facts.add(f"collapsed.{place}.runs", group["runs"], counter("run"))
    if rest := int(every["runs"][MOST_NAMED:].sum()):
        facts.add("collapsed.rest", rest, counter("more run"))
    return [(f"collapsed.{place}", kind) for place, kind in enumerate(every[schema.COLLAPSE][:MOST_NAMED], 1)]


def _pretraining(summary: Summary, facts: Facts) -> dict[str, object]:
    """Each claim in IoU, by what is equal in it."""
    if STAGE not in summary.others:
        return {"pretrained": False}
    pairs = judge_pretraining(summary)
    random = (summary.others[STAGE].runs[SPLIT] == "random_frames").all()
    matchings: dict[str, list[str]] = {}
    for number, judged in enumerate(pairs, 1):
        matchings.setdefault(judged[0].claim.matching, []).append(f"pretraining.pair{number}")
        _add_worth(facts, f"pretraining.pair{number}", judged[0])
    for number, matching in enumerate(matchings, 1):
        facts.add(f"pretraining.matching{number}", matching, capitalised)
    numbered = {f"pretraining.matching{number}": names for number, names in enumerate(matchings.values(), 1)}
    return {"pretrained": True, "pairs": numbered, "random": random}


def _add_worth(facts: Facts, name: str, one: Judged) -> None:
    a = one.claim.a
    sizes = f"depth {a[schema.DEPTH]}, width {a[schema.BASE_WIDTH]}"
    facts.add(f"{name}.label", f"{style.look(a[ARCHITECTURE]).label} ({sizes})")
    add_claim(facts, name, one)
