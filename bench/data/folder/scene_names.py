"""Whether the scenes that names give can be meant; if not, which ones the names may mean."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.folder.scenes import PAGE, SceneRule, examples

EACH = "(.+)"
"""The pattern that makes each frame a scene of its own."""
REMEDY = (
    "say what belongs together by --scene-pattern REGEX (SCENES= of make sweep), by a table with the columns stem and "
    "scene (scenes.csv in the folder, or --scene-table FILE), or by one folder per scene"
)
LEAST_SCENES = 3
"""One trains, one chooses the epoch, one is tested."""

_COUNTED = re.compile(r"(slice|frame|page|layer)[\W_]?\d+$", re.IGNORECASE)  # what is numbered within a scene

_OF_ONE_FORM = 0.9  # share of the names
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]")  # a number, letters, or one mark between them


class Proposal(NamedTuple):
    """A pattern that the names fit."""

    pattern: str
    scenes: tuple[str, ...]
    """Of each frame."""

    @property
    def number(self) -> int:
        """Number of scenes."""
        return len(set(self.scenes))


def require_scenes(stems: Sequence[str], scenes: Sequence[str], rule: SceneRule, data: DataConfig) -> None:
    """Refuse scenes that nobody named and that cannot be meant: one for all, or one for each where names show groups.

    Raises:
        ValueError: they cannot be meant; it proposes others.
    """
    if rule.said or data.split in ("given", "random_frames"):
        return
    count = len(set(scenes))
    if count < LEAST_SCENES:
        raise ValueError(
            f"the frames of {data.path} must be of at least {LEAST_SCENES} scenes, got {len(stems):,} frames in "
            f"{count} ({examples(stems, scenes)}; the scene is {rule.text}); {_say(stems, propose(stems))}{REMEDY}."
        )
    grouped = propose_groups(stems) if count == len(stems) else None
    if grouped:
        raise ValueError(
            f"frames of one scene in {data.path} must stay together, got each of {count:,} frames as a scene of its "
            f"own (the scene is {rule.text}), although the names show groups; {_say(stems, grouped)}{REMEDY}; to keep "
            f"each frame a scene of its own, --scene-pattern '{EACH}'."
        )


def propose(stems: Sequence[str]) -> Proposal:
    """The scenes that names of too few scenes may mean: blocks of pages, groups, or each frame its own."""
    pages = all(PAGE.fullmatch(stem) for stem in stems)
    return (_propose_blocks(stems) if pages else propose_groups(stems)) or Proposal(EACH, tuple(stems))


def propose_groups(stems: Sequence[str]) -> Proposal | None:
    """Groups of similar size that all names show, by how they begin or else by a word in them; the most if several."""
    tokens = [_TOKEN.findall(stem) for stem in stems]
    if Counter("".join(map(_kind, name)) for name in tokens).most_common(1)[0][1] < _OF_ONE_FORM * len(stems):
        return None  # random names, whose beginnings fall together by chance
    columns: list[tuple[str, ...]] = list(
        takewhile(lambda column: len({_kind(token) for token in column}) == 1, zip(*tokens, strict=False))
    )
    starts = [(0, index + 1) for index, column in enumerate(columns) if len(set(column)) > 1]
    for spans in (starts, _words(columns)):
        counted = (_COUNTED.search(_join(columns, 0, end)[0]) for _, end in spans)
        kept = [span for span, number in zip(spans, counted, strict=True) if not number]
        found = [Proposal(_pattern(columns, *span), _join(columns, *span)) for span in kept]
        fitting = [proposal for proposal in found if _are_groups(proposal.scenes)]
        if fitting:
            return max(fitting, key=lambda proposal: proposal.number)
    return None


def _words(columns: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """From where to where the words go that stand between marks."""
    marks = [-1, *(index for index, column in enumerate(columns) if _kind(column[0]) not in "9a"), len(columns)]
    return [(before + 1, after) for before, after in pairwise(marks) if after > before + 1]


def _propose_blocks(stems: Sequence[str]) -> Proposal | None:
    """Blocks of a hundred or ten neighbouring pages of stacks."""
    for digits, least in ((r"\d\d", 5), (r"\d", LEAST_SCENES)):
        pattern = rf"^(.+#\d+){digits}$"
        blocks = Proposal(pattern, tuple(found[1] for stem in stems if (found := re.search(pattern, stem))))
        if blocks.number >= least:
            return blocks
    return None


def _say(stems: Sequence[str], proposal: Proposal) -> str:
    """The proposal as a part of a sentence; empty where it makes too few scenes."""
    if proposal.number < LEAST_SCENES:
        return ""
    text = f"--scene-pattern {shlex.quote(proposal.pattern)} makes {proposal.number:,} scenes of these names"
    if any(PAGE.fullmatch(stem) for stem in stems):
        text += ", though pages that neighbour in two of them are alike, which flatters the scores"
    return f"{text} ({examples(stems, proposal.scenes)}); or "


def _kind(token: str) -> str:
    return "9" if token.isdigit() else "a" if token.isalpha() else token


def _join(columns: Sequence[Sequence[str]], start: int, end: int) -> tuple[str, ...]:
    return tuple("".join(name) for name in zip(*columns[start:end], strict=True))


def _pattern(columns: Sequence[Sequence[str]], start: int, end: int) -> str:
    """The regular expression whose group is the tokens from `start` to `end`, with the mark behind them."""
    before, group = ("".join(_expressions(columns[part])) for part in (slice(start), slice(start, end)))
    after = columns[end][0] if end < len(columns) and _kind(columns[end][0]) not in "9a" else ""
    return f"^{before}({group}){_escape(after)}"


def _expressions(columns: Sequence[Sequence[str]]) -> Iterator[str]:
    for column in columns:
        if len(set(column)) == 1:
            yield _escape(column[0])
        else:
            yield r"\d+" if column[0].isdigit() else "[A-Za-z]+" if "".join(column).isascii() else r"[^\W\d_]+"


def _escape(text: str) -> str:
    return re.sub(r"([][.^$*+?{}\\|()])", r"\\\1", text)


def _are_groups(scenes: Sequence[str]) -> bool:
    """At least three, hardly any of a single frame, none with more than half of all frames."""
    sizes = Counter(scenes)
    single = sum(size == 1 for size in sizes.values())
    return len(sizes) >= LEAST_SCENES and single <= len(sizes) / 10 and 2 * max(sizes.values()) <= len(scenes)
