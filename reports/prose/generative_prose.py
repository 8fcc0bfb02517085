"""Sentences on the latent space: masks by its size, what VAEs lost and how near their samples are, pre-training."""

import json
import math
from functools import partial

import pandas as pd

from bench import schema
from reports import style
from reports.analysis.claims import Judged
from reports.analysis.latent import SIZE, through_latents
from reports.analysis.pretraining import STAGE, judge_pretraining
from reports.analysis.statistics import LEVEL
from reports.analysis.summary import CONFIGURATION, LABEL, N, Summary, comparable
from reports.prose.answer import claim
from reports.prose.said import Say
from reports.store.load import ARCHITECTURE, BETA, LATENT, SKIPS, SPLIT
from reports.text import counted, counted_range, digits, listed, percent

MOST_NAMED = 4
"""Collapsed configurations that are named; the runs of others are counted."""


def generative(of: Summary, say: Say) -> list[str]:
    """A paragraph on auto-encoders and VAEs, and one on pre-training."""
    paragraphs = [[*_masks(of, say), *_vaes(of, say)], _pretraining(of, say)]
    return [" ".join(sentences) for sentences in paragraphs if sentences]


def _masks(of: Summary, say: Say) -> list[str]:
    """Test IoU of masks through the smallest and the largest latent, reconstructed and segmented."""
    tables = through_latents(of)
    if not tables:
        return []
    reconstructed = tables["generative"]
    latents = sorted({int(reconstructed[LATENT].min()), int(reconstructed[LATENT].max())})
    depth, width = (say(f"latent.{name}", int(reconstructed[name].iloc[0])) for name in SIZE)
    sizes = listed([say(f"latent.{size}", size) for size in latents])
    level = say("level", 1 - LEVEL, percent)
    shown = pd.concat(table[table[LATENT].isin(latents)] for table in tables.values())
    repeats = say("latent.repeats", counted_range(shown[N], "repeat"))
    starts = {
        "generative": f"At depth {depth} and base width {width}, test IoU ({level} intervals, {repeats}) of masks that "
        f"are reconstructed through latents of {sizes} numbers",
        "comparison": "Of images that are segmented through as many",
    }
    scores = {starts[stage]: _scores(of, say, table, latents) for stage, table in tables.items()}
    return [f"{start}: {listing}." for start, listing in scores.items() if listing]


def _scores(of: Summary, say: Say, table: pd.DataFrame, latents: list[int]) -> str:
    """`Auto-encoder 0.512 [0.442, 0.583] and 0.584 [0.501, 0.667]; VAE ...`, of those that have all of the latents."""
    shown = []
    for name in style.in_order(table[ARCHITECTURE]):
        rows = {row[LATENT]: row for _, row in table[table[ARCHITECTURE] == name].iterrows()}
        if set(latents) <= set(rows):
            scores = [_score(say, f"latent.{name}.{size}", rows[size]) for size in latents]
            shown.append(f"{_named(of, say, rows[latents[0]])} {listed(scores)}")
    return "; ".join(shown)


def _named(of: Summary, say: Say, row: pd.Series) -> str:
    """`VAE (beta 1)`, `U-Net (with skip connections past the latent)`."""
    label = style.look(row[ARCHITECTURE]).label
    if row[ARCHITECTURE] == "vae":
        return f"{label} (beta {say('latent.beta', float(row[BETA]), lambda beta: f'{beta:g}')})"
    runs = of.runs[of.runs[CONFIGURATION] == row[CONFIGURATION]]
    return f"{label} (with skip connections past the latent)" if runs[SKIPS].map(json.loads).any() else label


def _score(say: Say, name: str, row: pd.Series) -> str:
    """`0.512 [0.442, 0.583]`."""
    iou = say(f"{name}.iou", row["mean"], digits)
    if math.isnan(row["low"]):
        return f"{iou} without an interval"
    return f"{iou} [{say(f'{name}.low', row['low'], digits)},\u00a0{say(f'{name}.high', row['high'], digits)}]"


def _vaes(of: Summary, say: Say) -> list[str]:
    """What VAEs lost, and how near their samples come to training frames."""
    if "generative" not in of.others:
        return []
    runs = comparable(of.others["generative"].runs)
    complete = runs[(runs[schema.STATE] == "complete") & (runs[ARCHITECTURE] == "vae")]
    if complete.empty:
        return []
    active = complete[schema.ACTIVE_UNITS.name] / complete[schema.BOTTLENECK_ELEMENTS.name]
    near = [
        f"{_range(say, f'vae.{target}.copied', shares)} of {target}s"
        for target in ("mask", "image")
        if len(shares := complete.loc[complete[schema.TARGET] == target, schema.COPIED_SHARE.name].dropna())
    ]
    copied = (
        f"Of the samples of a run {listed(near)} copy a training frame: they are nearer to it than a third of their "
        "distance to the nearest frame of any other training scene."
    )
    told = (
        [f"Of the latent numbers of a run {_range(say, 'vae.active', active)} are active."]
        if active.notna().any()
        else []
    )
    return [_collapsed(complete, say), *told, *([copied] if near else [])]


def _range(say: Say, name: str, shares: pd.Series) -> str:
    """`0 % to 6.25 %`, or the one share that all runs have."""
    ends = [
        say(f"{name}.{end}", float(share), percent) for end, share in (("min", shares.min()), ("max", shares.max()))
    ]
    return " to ".join(dict.fromkeys(ends))


def _collapsed(complete: pd.DataFrame, say: Say) -> str:
    """How many runs collapsed, and which."""
    runs = say("vae.runs", len(complete), partial(counted, noun="complete VAE run"))
    lost = complete[complete[schema.COLLAPSE] != ""]
    if lost.empty:
        return f"Of {runs} none collapsed."
    every = lost.groupby([CONFIGURATION, LABEL, schema.COLLAPSE], sort=False).size().reset_index(name="runs")
    named = [
        f"{say(f'collapsed.{place}.label', group[LABEL])} ({group[schema.COLLAPSE]}, "
        f"{say(f'collapsed.{place}.runs', group['runs'], partial(counted, noun='run'))})"
        for place, group in enumerate(every[:MOST_NAMED].to_dict("records"), 1)
    ]
    rest = int(every["runs"][MOST_NAMED:].sum())
    named += [say("collapsed.rest", rest, partial(counted, noun="more run"))] if rest else []
    return f"Of {runs} {say('vae.collapsed', len(lost))} collapsed: {'; '.join(named)}."


def _pretraining(of: Summary, say: Say) -> list[str]:
    """Each claim in IoU."""
    if STAGE not in of.others:
        return []
    pairs = judge_pretraining(of)
    if not pairs and (of.others[STAGE].runs[SPLIT] == "random_frames").all():
        return ["Frames were split at random, which leaks: no difference is judged."]
    if not pairs:
        return [
            "No pre-trained configuration has a complete run of a repeat that the same from scratch has too, so no "
            "difference is judged."
        ]
    sentences = []
    for number, (matching, own) in enumerate(_by_matching(pairs).items(), 1):
        start = say(f"pretraining.matching{number}", matching, lambda text: text[:1].upper() + text[1:])
        found = "; ".join(_worth(say, place, judged[0]) for place, judged in own.items())
        sentences.append(f"{start}, less from scratch in as many optimiser steps: {found}.")
    return [*sentences, "The table of pre-training has Boundary IoU as well; p is adjusted for all of its claims."]


def _by_matching(pairs: list[list[Judged]]) -> dict[str, dict[int, list[Judged]]]:
    """What is judged of each pair, by its matching and its number."""
    groups: dict[str, dict[int, list[Judged]]] = {}
    for number, judged in enumerate(pairs, 1):
        groups.setdefault(judged[0].claim.matching, {})[number] = judged
    return groups


def _worth(say: Say, number: int, one: Judged) -> str:
    name, a = f"pretraining.pair{number}", one.claim.a
    sizes = f"depth {a[schema.DEPTH]}, width {a[schema.BASE_WIDTH]}"
    network = say(f"{name}.label", f"{style.look(a[ARCHITECTURE]).label} ({sizes})")
    return f"{network}, {claim(say, name, one)}"
