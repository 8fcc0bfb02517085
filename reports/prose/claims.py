"""Facts of intervals and of judged claims. Only the words of `statistics.verdict` say that something is better."""

import math
from collections.abc import Callable

from reports.analysis.claims import Judged, word
from reports.prose.facts import Facts, counter
from reports.text import p_value, signed


def add_interval(facts: Facts, name: str, low: float, high: float, show: Callable[[float], str]) -> None:
    """NAME.low and NAME.high, unless the interval has no bounds."""
    if math.isfinite(low):
        facts.add(f"{name}.low", low, show)
        facts.add(f"{name}.high", high, show)


def add_claim(facts: Facts, name: str, one: Judged) -> None:
    """What the macro `claim` prints. p is adjusted for the claims made together; a refused verdict has none."""
    found = one.comparison
    facts.add(f"{name}.difference", found.difference, signed)
    add_interval(facts, name, *found.interval, signed)
    facts.add(f"{name}.n", found.n, counter(found.over[:-1]))
    facts.add(f"{name}.repeats", found.repeats, counter("repeat"))
    facts.add(f"{name}.verdict", word(one))
    if one.verdict != "refused":
        facts.add(f"{name}.p", one.p, _p)


def _p(p: float) -> str:
    shown = p_value(p)
    return f"p {shown.replace('<', '< ')}" if shown.startswith("<") else f"p = {shown}"
