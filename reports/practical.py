"""The questions of the practical, answered with the numbers of the study `practical`.

Differences between two configurations stand with interval and verdict; all on this page are one family of claims.
"""

import math
from typing import NamedTuple

import pandas as pd

from bench import schema
from reports.claims import HEADLINE_METRICS, Claim, Judged, judge, judge_headline, pair, pair_key
from reports.convergence import Convergence, convergence
from reports.load import ARCHITECTURE, NORM
from reports.prose import bottleneck, claim
from reports.said import Say
from reports.summary import CONFIGURATION, N, Summary, comparable, statistic
from reports.tables.measured import PRACTICAL, PRESETS
from reports.text import counted, digits, listed, megabytes, significant

COSTS = {"time per step": schema.STEP_SECONDS, "tensor peak memory": schema.TENSOR_PEAK, "MACs": schema.MACS}
VARIED = {"depth": schema.DEPTH, "features": schema.BASE_WIDTH, "bottleneck": schema.BOTTLENECK_MEASURED}
"""What is varied, and the column that has it."""
KEPT: dict[str, list[str]] = {"depth": [schema.BASE_WIDTH], "features": [schema.DEPTH], "bottleneck": []}
"""What stays equal meanwhile, beside the normalisation."""


class Answer(NamedTuple):
    """A question of the practical and what the study says."""

    question: str
    text: str


class Networks(NamedTuple):
    """What the answers look up."""

    presets: dict[str, pd.Series]
    """Rows of `Summary.configurations` of the presets with a complete run."""
    efforts: Convergence
    judged: dict[str, list[Judged]]
    """The claims of this page, by name."""


def answers(of: Summary, say: Say) -> list[Answer]:
    """All of them, in the practical's order; empty for other studies."""
    if of.study.name != PRACTICAL:
        return []
    networks = _networks(of)
    found = {
        "Does SimpleConv converge easily?": [
            *_learning(networks, say, "simple_conv_shallow"),
            *_learning(networks, say, "simple_conv_deep"),
            *_target(networks, say),
        ],
        "What do more encoding and decoding layers cost in time and memory?": _costs(
            networks, say, "simple_conv_deep", "simple_conv_shallow"
        ),
        "Does the Hourglass converge faster, over several attempts?": [
            *_learning(networks, say, "hourglass"),
            *_costs(networks, say, "hourglass", "simple_conv_deep"),
        ],
        "Can the size of the bottleneck be predicted?": [bottleneck(of, say), "The table below lists both."],
        "How does performance vary with depth, features and the size of the bottleneck?": [
            sentence
            for name in networks.judged
            if name != "unet"
            for sentence in _difference(networks, say, name, schema.TEST_IOU)
        ],
        "What does the U-Net change?": [
            *_learning(networks, say, "unet"),
            *_difference(networks, say, "unet", *HEADLINE_METRICS),
            *_costs(networks, say, "unet", "hourglass"),
        ],
        "How do both compare further?": _headline(of, say),
    }
    return [Answer(question, " ".join(text) or MISSING) for question, text in found.items()]


MISSING = "The study has no complete runs for this yet."


def _networks(of: Summary) -> Networks:
    table = comparable(of.configurations[of.configurations[N] > 0])
    presets = {str(name): rows.iloc[0] for name, rows in table.groupby(schema.PRESET) if name in PRESETS}
    made: dict[str, Claim] = {}
    if {"unet", "hourglass"} <= set(presets):
        made["unet"] = Claim("presets", presets["unet"], presets["hourglass"], 1.0)
    for name in ("hourglass", "unet"):
        for what in VARIED:
            made |= _extremes(table[table[ARCHITECTURE] == name], f"{what}.{name}", what)
    judged = judge(of, list(made.values()), HEADLINE_METRICS)
    by_pair = {name: [one for one in judged if one.claim is claimed] for name, claimed in made.items()}
    return Networks(presets, convergence(of), by_pair)


def _extremes(table: pd.DataFrame, name: str, what: str) -> dict[str, Claim]:
    """The configuration with the most of something less the one with the least, where it is varied the most."""
    amount: pd.Series = _elements(table) if what == "bottleneck" else table[VARIED[what]]
    groups: list[pd.Series] = [amount.loc[rows.index] for _, rows in table.groupby([NORM, *KEPT[what]])]
    varied = [group for group in groups if group.nunique() > 1]
    if not varied:
        return {}
    most = max(varied, key=lambda group: int(group.nunique()))
    last, first = (table.loc[[place]].iloc[0] for place in (most.idxmax(), most.idxmin()))
    return {name: Claim(what, last, first, 1.0)}


def _elements(table: pd.DataFrame) -> pd.Series:
    """Of the bottleneck of each configuration, which is written `CxHxW`."""
    elements: pd.Series = table[schema.BOTTLENECK_MEASURED].str.split("x", expand=True).astype("float64").prod(axis=1)
    return elements


def _learning(networks: Networks, say: Say, name: str) -> list[str]:
    """How many attempts got anywhere, and what it took."""
    if name not in networks.presets:
        return [f"{PRESETS[name]} has no complete run so far."]
    row, key = networks.presets[name], f"practical.{name}"
    runs = networks.efforts.runs[networks.efforts.runs[CONFIGURATION] == row[CONFIGURATION]]
    reached = say(f"{key}.reached", int(runs["epochs"].lt(math.inf).sum()))
    stuck = say(f"{key}.stuck", int(runs["stuck"].sum()))
    attempts = say(f"{key}.attempts", len(runs), lambda count: counted(count, "attempt"))
    ends = [say(f"{key}.val_iou.{end}", row[statistic(schema.BEST_VAL_IOU, end)], digits) for end in ("min", "max")]
    took = "the median attempt missed it"
    if math.isfinite(runs["epochs"].median()):
        epochs = say(f"{key}.epochs", float(runs["epochs"].median()), lambda count: f"{count:g}")
        seconds = say(f"{key}.seconds", float(runs["seconds"].median()), significant)
        took = f"the median attempt took {epochs} epochs and {seconds} s of training steps"
    return [
        f"{PRESETS[name]}: {reached} of {attempts} reached the target, {took}; {stuck} never got better than a "
        f"constant prediction; best validation IoU {ends[0]} to {ends[1]}."
    ]


def _target(networks: Networks, say: Say) -> list[str]:
    if math.isnan(networks.efforts.target):
        return []
    return [f"The target here is a validation IoU of {say('target', networks.efforts.target, digits)}."]


def _costs(networks: Networks, say: Say, first: str, second: str) -> list[str]:
    """Ratios of what two presets cost."""
    if not {first, second} <= set(networks.presets):
        return []
    rows = networks.presets[first], networks.presets[second]
    key = f"practical.{first}.cost"
    ratios = []
    for name, metric in COSTS.items():
        a, b = (row[statistic(metric, "mean")] for row in rows)
        ratios.append(f"{say(f'{key}.{metric.name}', float(a / b), significant)} times the {name}")
    peaks = [
        say(f"practical.{name}.peak_bytes", row[statistic(schema.TENSOR_PEAK, "mean")], megabytes)
        for name, row in zip((first, second), rows, strict=True)
    ]
    return [
        f"{PRESETS[first]} takes {listed(ratios)} of {PRESETS[second]}, on average over the attempts ({peaks[0]} "
        f"against {peaks[1]} MB of tensor peak memory)."
    ]


def _difference(networks: Networks, say: Say, name: str, *metrics: schema.Metric) -> list[str]:
    """A claim in words, in these metrics."""
    judged = [one for one in networks.judged.get(name, []) if one.metric in metrics]
    return _claims(say, f"practical.{name}", judged)


def _claims(say: Say, key: str, judged: list[Judged]) -> list[str]:
    if not judged:
        return []
    found = "; ".join(claim(say, f"{key}.{one.metric.column}", one) for one in judged)
    return [f"{say(f'{key}.pair', pair(judged[0].claim))}: {found}."]


def _headline(of: Summary, say: Say) -> list[str]:
    """The claims of the first page in IoU, each pair once, with all that is equal in it."""
    pairs: dict[tuple[int, int], list[Judged]] = {}
    for one in judge_headline(of):
        pairs.setdefault(pair_key(one.claim), []).append(one)
    sentences = []
    for number, judged in enumerate(pairs.values(), 1):
        equal = listed(list(dict.fromkeys(one.claim.matching for one in judged)))
        matchings = say(f"practical.pair{number}.matchings", equal)
        (text,) = _claims(say, f"practical.pair{number}", judged[:1])
        sentences.append(f"{matchings[:1].upper()}{matchings[1:]}: {text}")
    return [*sentences, "The table of the first page has Boundary IoU as well."] if sentences else []
