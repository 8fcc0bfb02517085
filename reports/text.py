"""Numbers as people read them: three digits, decimal prefixes, spread beside the mean."""

import math
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from hourglass_bench.bench import schema, terminal

DASH = "–"
NBSP = "\u00a0"
"""Keeps what it stands between on one line."""
MEGABYTE = 1e6
UNSHOWN = re.compile(r"[\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff]")
"""Of private use and no characters at all: neither PDF/A nor XML may have them."""
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def printable(value: Any) -> Any:
    """A value from outside whose texts PDF, page, figures and terminals can show: what they may not obey or hold is an
    escape, such as `\\x1b`.

    Args:
        value: a text, or lists and dicts of such, as JSON has them; all else stays as it is.
    """
    if isinstance(value, dict):
        return {printable(key): printable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [printable(one) for one in value]
    if not isinstance(value, str) or value.isascii() and value.isprintable():
        return value
    shown = terminal.printable(value, keep="\n\t")
    return UNSHOWN.sub(lambda found: found[0].encode("ascii", "backslashreplace").decode(), shown)


def digits(value: float, places: int = 3) -> str:
    """Fixed decimals, or a dash for a value that is missing or infinite."""
    return DASH if not math.isfinite(value) else f"{value:.{places}f}"


def signed(value: float, places: int = 3) -> str:
    """`+0.012` or `−0.012`, for differences; zero is never negative."""
    return f"{value:+z.{places}f}".replace("-", "−")


def with_sd(mean: float, sd: float) -> str:
    """`0.834 ± 0.012`, kept on one line; a single run has no standard deviation."""
    return digits(mean) if math.isnan(sd) else f"{digits(mean)}{NBSP}±{NBSP}{digits(sd)}"


def with_interval(mean: float, low: float, high: float) -> str:
    """`0.834 [0.801, 0.867]`, kept on one line; without the interval where there is none."""
    return digits(mean) if math.isnan(low) else unbroken(f"{digits(mean)} [{digits(low)}, {digits(high)}]")


def bounds(low: float, high: float) -> str:
    """`[−0.020, +0.044]` of a difference, kept on one line; a dash without bounds."""
    return DASH if math.isinf(high) else f"[{signed(low)},{NBSP}{signed(high)}]"


def unbroken(text: str) -> str:
    """Kept on one line."""
    return text.replace(" ", NBSP)


def parted(label: str) -> str:
    """A label of configurations that may break at its commas only, and in no list."""
    return ", ".join(map(unbroken, re.split(r", (?![^\[]*\])", label)))


def significant(value: float) -> str:
    """Three significant digits without exponent: 0.0213, 21.3, 2,130."""
    if math.isnan(value) or value == 0:
        return DASH if math.isnan(value) else "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def round_number(value: float) -> str:
    """A value that is round, as it is: 0.5, 20, 2,000."""
    return f"{value:,g}"


def percent(share: float) -> str:
    """A share of 1 with three significant digits: 80 %, 0.213 %."""
    return f"{share * 100:.3g} %"


def prefixed(value: float) -> str:
    """Three significant digits with a decimal prefix: 482 k, 1.93 M."""
    for scale, prefix in PREFIXES:
        if value >= scale:
            return f"{significant(value / scale)} {prefix}"
    return significant(value)


def megabytes(count: float) -> str:
    """Bytes in MB of a million bytes, without the unit."""
    return significant(count / MEGABYTE)


def duration(seconds: float) -> str:
    """`12 minutes`, `1.5 hours`, `120 hours`: rounded up below one and a half hours, to tenths below ten."""
    minutes, hours = math.ceil(seconds / 60), seconds / 3600
    if minutes < 90:
        return counted(minutes, "minute")
    return f"{hours:.1f} hours" if hours < 10 else f"{hours:,.0f} hours"


def counted(number: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def counted_range(numbers: Iterable[int], noun: str) -> str:
    """`3 repeats`, or `1 to 3 repeats` where the numbers differ."""
    every = list(numbers)
    low, high = min(every), max(every)
    return counted(high, noun) if low == high else f"{low} to {high} {noun}s"


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def capitalised(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def states(counts: pd.Series) -> str:
    """`2 complete, 1 diverged` from a row with a count per state."""
    return ", ".join(f"{counts[state]} {state.replace('_', ' ')}" for state in schema.STATES if counts[state])
