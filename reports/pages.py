"""Which blocks of the report start a page: no page, nor the last, is to be less than half full.

Lengths are shares of a page.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

ENOUGH = 0.55
"""More than half by what the place of a break within a block is uncertain."""
BREAK = 0.05
"""What a break within a block costs at most: the row that did not fit and the head of the next page."""
POOR = 100.0
"""Badness of a page that is not full enough, more than that of all others together."""


class Piece(NamedTuple):
    """A block with its heading, if all blocks stood on one long page."""

    top: float
    bottom: float
    breakable: bool
    """May go on on the next page."""


def page_starts(pieces: list[Piece], answer: int) -> list[int]:
    """The pieces that start a page; the first `answer` pieces have page 1 to themselves.

    They do not if a page would be less than half full for that. As lines are broken into a paragraph by Knuth and Plass
    (Breaking paragraphs into lines, 1981), pages are chosen together: by the least sum of their squared empty shares.
    """
    plans: dict[int, tuple[float, list[int]]] = {len(pieces): (0.0, [])}
    for first in reversed(range(len(pieces))):
        plans[first] = min(
            (badness + plans[last][0], [first, *plans[last][1]]) for last, badness in _runs(pieces, first)
        )
    alone = dict(_runs(pieces, 0)).get(answer, POOR) + plans[answer][0]
    return [0, *plans[answer][1]] if alone < POOR else plans[0][1]


def _runs(pieces: list[Piece], first: int) -> Iterator[tuple[int, float]]:
    """Where what starts a page with piece `first` may end, before another starts one, and how bad that is.

    A run of pieces is longer than a page only where the page ends within a piece that can be broken.
    """
    for last in range(first + 1, len(pieces) + 1):
        run = pieces[first:last]
        length = run[-1].bottom - run[0].top
        more = max(0, math.ceil((length - 1) / (1 - BREAK)))
        ends = [run[0].top + page * (1 - BREAK) for page in range(1, more + 1)]
        if last == first + 1 or all(any(_breaks(piece, end) for piece in run) for end in ends):
            filled = length - more * (1 - BREAK)
            yield last, (1 - filled) ** 2 + (POOR if filled < ENOUGH else 0)


def _breaks(piece: Piece, end: float) -> bool:
    """Whether the page that ends there ends within the piece, behind enough of it to hold caption, head and a row."""
    return piece.breakable and piece.top + 2 * BREAK < end < piece.bottom
