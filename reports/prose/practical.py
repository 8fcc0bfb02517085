"""The questions of the practical, answered with the numbers of the study `practical`.

Differences between two configurations stand with interval and verdict: that of the first page for a pair that stands
there, the others are one family of claims.
"""

import math
from typing import NamedTuple

import pandas as pd

from bench import schema
from reports.analysis.claims import HEADLINE_METRICS, Claim, Judged, by_pair, judge, judge_headline, pair, pair_key
from reports.analysis.convergence import Convergence, convergence
from reports.analysis.summary import CONFIGURATION, N, Summary, comparable, map_shape, statistic
from reports.prose.answer import bottleneck, claim
from reports.prose.said import Say
from reports.store.load import ARCHITECTURE, NORM
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
    """Rows of `Summary.configurations` of the presets that were tried."""
    complete: set[str]
    """The presets with a complete run."""
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
    tried = comparable(of.configurations)
    table = tried[tried[N] > 0]
    presets = {str(name): rows.iloc[0] for name, rows in tried.groupby(schema.PRESET) if name in PRESETS}
    complete = {name for name, row in presets.items() if row[N]}
    made: dict[str, Claim] = {}
    if {"unet", "hourglass"} <= complete:
        made["unet"] = Claim("presets", presets["unet"], presets["hourglass"], 1.0)
    for name in ("hourglass", "unet"):
        for what in VARIED:
            made |= _extremes(table[table[ARCHITECTURE] == name], f"{what}.{name}", what)
    return Networks(presets, complete, convergence(of), _judged(of, made))


def _judged(of: Summary, made: dict[str, Claim]) -> dict[str, list[Judged]]:
    """A pair that the first page judges keeps that verdict; the others are one family."""
    headline = {key: judged[: len(HEADLINE_METRICS)] for key, judged in by_pair(judge_headline(of)).items()}
    others = judge(of, [claimed for claimed in made.values() if pair_key(claimed) not in headline], HEADLINE_METRICS)
    return {
        name: headline.get(pair_key(claimed)) or [one for one in others if one.claim is claimed]
        for name, claimed in made.items()
    }


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
    """Of the bottleneck of each configuration; NaN where its runs logged none, or several."""
    elements: pd.Series = map_shape(table[schema.BOTTLENECK_MEASURED]).prod(axis=1, skipna=False)
    return elements


def _learning(networks: Networks, say: Say, name: str) -> list[str]:
    """How many attempts got anywhere, and what it took."""
    if name not in networks.presets:
        return [f"{PRESETS[name]} has no run so far."]
    row, key = networks.presets[name], f"practical.{name}"
    runs = networks.efforts.runs[networks.efforts.runs[CONFIGURATION] == row[CONFIGURATION]]
    reached = say(f"{key}.reached", int(runs["epochs"].lt(math.inf).sum()))
    stuck, diverged = (say(f"{key}.{how}", int(runs[how].sum())) for how in ("stuck", "diverged"))
    attempts = say(f"{key}.attempts", len(runs), lambda count: counted(count, "attempt"))
    took = "the median attempt missed it"
    if math.isfinite(runs["epochs"].median()):
        epochs = say(f"{key}.epochs", float(runs["epochs"].median()), lambda count: f"{count:g}")
        seconds = say(f"{key}.seconds", float(runs["seconds"].median()), significant)
        took = f"the median attempt took {epochs} epochs and {seconds} s of training steps"
    return [
        f"{PRESETS[name]}: {reached} of {attempts} reached the target, {took}; {stuck} never got better than a "
        f"constant prediction, {diverged} diverged{_best(row, say, key)}."
    ]


def _best(row: pd.Series, say: Say, key: str) -> str:
    """The range of the best validation IoU of the complete attempts."""
    if not row[N]:
        return ""
    ends = (say(f"{key}.val_iou.{end}", row[statistic(schema.BEST_VAL_IOU, end)], digits) for end in ("min", "max"))
    return f"; best validation IoU {' to '.join(ends)}"


def _target(networks: Networks, say: Say) -> list[str]:
    if math.isnan(networks.efforts.target):
        return []
    return [f"The target here is a validation IoU of {say('target', networks.efforts.target, digits)}."]


def _costs(networks: Networks, say: Say, first: str, second: str) -> list[str]:
    """Ratios of what two presets cost."""
    if not {first, second} <= networks.complete:
        return []
    rows = networks.presets[first], networks.presets[second]
    key = f"practical.{first}.cost"
    ratios = []
    for name, metric in COSTS.items():
        ratios.append(f"{_ratio(say, f'{key}.{metric.name}', metric, *rows)} times the {name}")
    peaks = [
        say(f"practical.{name}.peak_bytes", row[statistic(schema.TENSOR_PEAK, "mean")], megabytes)
        for name, row in zip((first, second), rows, strict=True)
    ]
    return [
        f"{PRESETS[first]} takes {listed(ratios)} of {PRESETS[second]}, on average over the attempts ({peaks[0]} "
        f"against {peaks[1]} MB of tensor peak memory)."
    ]


def _ratio(say: Say, key: str, metric: schema.Metric, a: pd.Series, b: pd.Series) -> str:
    """Ratio of the means, with the range that the attempts leave to it where they differ."""
    mean, least, most = (
        float(a[statistic(metric, one)] / b[statistic(metric, other)])
        for one, other in (("mean", "mean"), ("min", "max"), ("max", "min"))
    )
    shown = say(key, mean, significant)
    if least == most:
        return shown
    return f"{shown} ({say(f'{key}.min', least, significant)} to {say(f'{key}.max', most, significant)})"


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
    sentences = []
    for number, judged in enumerate(by_pair(judge_headline(of)).values(), 1):
        equal = listed(list(dict.fromkeys(one.claim.matching for one in judged)))
        matchings = say(f"practical.pair{number}.matchings", equal, lambda text: text[:1].upper() + text[1:])
        (text,) = _claims(say, f"practical.pair{number}", judged[:1])
        sentences.append(f"{matchings}: {text}")
    return [*sentences, "The table of the first page has Boundary IoU as well."] if sentences else []
