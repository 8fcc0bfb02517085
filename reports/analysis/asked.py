"""The pairs that whoever builds a report asks for: what may be written for an architecture or a configuration."""

from collections import Counter

import pandas as pd

from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.choices import alike, tested
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, Summary, highest, keys
from hourglass_bench.reports.store.load import ARCHITECTURE

Named = dict[str, pd.DataFrame]
"""Name -> the rows of `Summary.configurations` that are called so, of which the best by validation is meant."""


def asked_pairs(summary: Summary) -> list[tuple[pd.Series, pd.Series]]:
    """Both rows of every pair `A:B` of `Summary.asked`.

    A and B are an architecture, which stands for its best configuration, or a configuration: `unet/3/12`, `ResUNet`,
    `ResUNet/width=24`, or as the tables call it. One from elsewhere is called by its whole reference, or by what
    stands after its colon where no other architecture of the study is called so.

    Raises:
        ValueError: something is not there or ambiguous, or the two cannot be compared.
    """
    if not summary.asked:
        return []
    table = tested(summary)
    short = table[CONFIGURATION].map(keys(summary))
    named = _named(table, short)
    return [_pair(asked, named, _choices(named, short)) for asked in summary.asked]


def _pair(asked: str, named: Named, choices: list[str]) -> tuple[pd.Series, pd.Series]:
    first, second = _split(asked, named, choices)
    a = highest(named[first])
    rivals = alike(named[second], a)
    b = None if rivals.empty else highest(rivals)
    if b is None or b[CONFIGURATION] == a[CONFIGURATION]:
        raise ValueError(
            f"compare must be of two configurations of equal split, folds and epochs, got {asked!r}, which differ in "
            "them or are one."
        )
    return a, b


def _split(asked: str, named: Named, choices: list[str]) -> tuple[str, str]:
    """Both names, at the one colon that leaves a name on either side: references have colons themselves."""
    colons = [place for place, letter in enumerate(asked) if letter == ":"]
    splits = [(asked[:place], asked[place + 1 :]) for place in colons]
    found = [split for split in splits if set(split) <= set(named)]
    if len(found) == 1:
        return found[0]
    if found:
        readings = " or ".join(f"{first!r} with {second!r}" for first, second in found)
        raise ValueError(f"compare must be one pair A:B, got {asked!r}, which is {readings}.")
    unknown = [name for split in splits if len(set(split) - set(named)) == 1 for name in split if name not in named]
    fault = f"{unknown[0]!r} in {asked!r}" if unknown else repr(asked)
    raise ValueError(
        "compare must be A:B, each an architecture or a configuration that was tested, which are "
        f"{', '.join(choices)}; got {fault}."
    )


def _named(table: pd.DataFrame, short: pd.Series) -> Named:
    """Everything that has a name of its own in this study."""
    called = {str(name): _called(str(name)) for name in table[ARCHITECTURE].unique()}
    shared = Counter(spelled for names in called.values() for spelled in names)
    named: Named = {}
    for name, rows in table.groupby(ARCHITECTURE, sort=False):
        for spelled in (one for one in called[str(name)] if one == name or shared[one] == 1):
            named[spelled] = rows
            named |= {f"{spelled}/{key!s}": own for key, own in rows.groupby(short) if key}
            named |= {f"{spelled} {label!s}": own for label, own in rows.groupby(LABEL) if label}
    return named


def _called(architecture: str) -> list[str]:
    """By which names it may go, the plainest first."""
    return list(dict.fromkeys((architecture.rpartition(":")[2], architecture, style.look(architecture).label)))


def _choices(named: Named, short: pd.Series) -> list[str]:
    """Architectures and configurations, each by its plainest name."""
    plainest: dict[tuple[str, str], str] = {}
    for name, rows in named.items():
        key = short[rows.index[0]]
        plainest.setdefault((rows[ARCHITECTURE].iloc[0], key if name.endswith(f"/{key}") else ""), name)
    return sorted(plainest.values())
