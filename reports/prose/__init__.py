"""From numbers to sentences: a module of this room gathers a section's values, the template of its name prints them."""

from collections.abc import Callable

from hourglass_bench.reports.analysis.claims import Judged, pair
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.prose import answer, depth, generative, outcomes, practical, protocol, search, tuning
from hourglass_bench.reports.prose.claims import claim_values
from hourglass_bench.reports.prose.facts import Facts, paragraphs

SECTIONS: dict[str, Callable[[Summary], dict[str, object]]] = {
    "answer": answer.gather,
    "search": search.gather,
    "generative": generative.gather,
    "practical": practical.gather,
    "protocol": protocol.gather,
    "depth": depth.gather,
    "tuning": tuning.gather,
    "outcomes": outcomes.gather,
    "provenance": protocol.gather_provenance,
}
"""Sections of `reports.document` that have sentences, and what gathers the values of their templates."""


def write(section: str, summary: Summary, facts: Facts) -> list[str]:
    """The paragraphs of a section, whose facts are added; none if it has nothing to say."""
    return paragraphs(section, facts, SECTIONS[section](summary)) if section in SECTIONS else []


def sentence(one: Judged) -> str:
    """What is said of one pair in one metric: the difference, its interval and the verdict."""
    values: dict[str, object] = {"pair": pair(one.claim), "column": one.metric.column, "found": claim_values(one)}
    return " ".join(paragraphs("comparison", Facts(), values))
