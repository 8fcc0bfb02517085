"""Facts of the questions of the practical, answered with the numbers of the study `practical`."""

import math
from typing import NamedTuple

from bench import schema
from reports.analysis.claims import Judged, by_pair, judge_headline, pair
from reports.analysis.practical import PRACTICAL, PRESETS, Networks, networks
from reports.analysis.summary import N, Summary, statistic
from reports.prose.claims import add_claim
from reports.prose.depth import add_bottleneck
from reports.prose.facts import Facts, counter
from reports.text import capitalised, digits, listed, megabytes, significant

COSTS = {"step": schema.STEP_SECONDS, "peak": schema.TENSOR_PEAK, "macs": schema.MACS}
COMPARED = [("simple_conv_deep", "simple_conv_shallow"), ("hourglass", "simple_conv_deep"), ("unet", "hourglass")]
"""Presets whose costs are compared, the dearer one first."""


class Answer(NamedTuple):
    """A question of the practical and what the study says."""

    question: str
    text: str


def answered(paragraph: str) -> Answer:
    """A paragraph of the template: a question, then its answer."""
    question, _, text = paragraph.partition("? ")
    return Answer(f"{question}?", text)


def gather(summary: Summary, facts: Facts) -> dict[str, object]:
    """The questions in the practical's order; none for other studies."""
    if summary.study.name != PRACTICAL:
        return {"asked": False}
    found = networks(summary)
    add_bottleneck(summary, facts)
    if math.isfinite(found.efforts.target):
        facts.add("target", found.efforts.target, digits)
    for name in found.presets:
        _add_learning(found, name, facts)
    for first, second in COMPARED:
        if {first, second} <= found.complete:
            _add_costs(found, first, second, facts)
    varied = {name: [one for one in judged if one.metric == schema.TEST_IOU] for name, judged in found.judged.items()}
    varied.pop("unet", None)
    return {
        "asked": True,
        "presets": PRESETS,
        "costs": {name: metric.name for name, metric in COSTS.items()},
        "unet": _claims({"unet": found.judged.get("unet", [])}, facts),
        "varied": _claims(varied, facts),
        "headline": _headline(summary, facts),
    }


def _add_learning(found: Networks, name: str, facts: Facts) -> None:
    """How many attempts got anywhere, what it took, and the range of the complete ones' best validation IoU."""
    runs, row, key = found.attempts(name), found.presets[name], f"practical.{name}"
    facts.add(f"{key}.reached", int(runs["epochs"].lt(math.inf).sum()))
    facts.add(f"{key}.attempts", len(runs), counter("attempt"))
    for how in ("stuck", "diverged"):
        facts.add(f"{key}.{how}", int(runs[how].sum()))
    if math.isfinite(runs["epochs"].median()):
        facts.add(f"{key}.epochs", float(runs["epochs"].median()), lambda count: f"{count:g}")
        facts.add(f"{key}.seconds", float(runs["seconds"].median()), significant)
    for end in ("min", "max") if row[N] else ():
        facts.add(f"{key}.val_iou.{end}", row[statistic(schema.BEST_VAL_IOU, end)], digits)


def _add_costs(found: Networks, first: str, second: str, facts: Facts) -> None:
    """Ratios of what two presets cost, with the range that the attempts leave where they differ."""
    for metric in COSTS.values():
        key = f"practical.{first}.cost.{metric.name}"
        mean, least, most = found.ratio(metric, first, second)
        facts.add(key, mean, significant)
        if least < most:
            facts.add(f"{key}.min", least, significant)
            facts.add(f"{key}.max", most, significant)
    for name in (first, second):
        facts.add(f"practical.{name}.peak_bytes", found.presets[name][statistic(schema.TENSOR_PEAK, "mean")], megabytes)


def _claims(made: dict[str, list[Judged]], facts: Facts) -> dict[str, list[tuple[str, str]]]:
    """The name of each pair's facts, with the names and the metrics of its claims."""
    shown = {}
    for name, judged in made.items():
        key = f"practical.{name}"
        for one in judged:
            facts.add(f"{key}.pair", pair(one.claim))
            add_claim(facts, f"{key}.{one.metric.column}", one)
        if judged:
            shown[key] = [(f"{key}.{one.metric.column}", one.metric.label) for one in judged]
    return shown


def _headline(summary: Summary, facts: Facts) -> dict[str, list[tuple[str, str]]]:
    """The claims of the first page in IoU, each pair once, with all that is equal in it."""
    pairs = {f"pair{number}": judged for number, judged in enumerate(by_pair(judge_headline(summary)).values(), 1)}
    for name, judged in pairs.items():
        equal = listed(list(dict.fromkeys(one.claim.matching for one in judged)))
        facts.add(f"practical.{name}.matchings", equal, capitalised)
    return _claims({name: judged[:1] for name, judged in pairs.items()}, facts)
