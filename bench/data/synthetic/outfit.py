"""What a dancer looks like: build, skin, hair and clothes."""

from typing import Literal, NamedTuple

import numpy as np

from hourglass_bench.bench.data.synthetic.palette import CLOTH, HAIR, SKIN, Colour, pick
from hourglass_bench.bench.data.synthetic.tube import Paint

Top = Literal["t-shirt", "tank top", "sweater", "jacket", "crop top"]
Bottom = Literal["trousers", "wide trousers", "leggings", "shorts", "skirt", "dress"]
HairCut = Literal["short", "bob", "long", "ponytail", "bun", "afro", "bald", "cap"]

_TOPS: tuple[Top, ...] = ("t-shirt", "t-shirt", "tank top", "sweater", "jacket", "jacket", "crop top")
_BOTTOMS: tuple[Bottom, ...] = (
    "trousers", "trousers", "wide trousers", "leggings", "shorts", "skirt", "dress",
)  # fmt: skip
_CUTS: tuple[HairCut, ...] = ("short", "short", "bob", "long", "ponytail", "bun", "afro", "bald", "cap")
_PATTERNS = ("plain", "plain", "plain", "bands", "stripes", "plaid", "dots")


class Outfit(NamedTuple):
    """Everything about a dancer's looks that stays the same over a scene."""

    skin: Colour
    hair: Colour
    cut: HairCut
    top: Top
    bottom: Bottom
    top_paint: Paint
    bottom_paint: Paint
    under: Colour
    """Of the shirt under a jacket."""
    shoes: Colour
    accent: Colour
    """Of belt, cap and soles."""
    girth: float
    """Width of the body, 1 is average."""
    flare: float
    """Half width of a skirt's hem in body heights."""
    hem: float
    """Length of a skirt or of shorts, as a share of the thigh."""


def sample_paint(rng: np.random.Generator) -> Paint:
    """Sample a cloth: two colours and a pattern."""
    first, second = pick(rng, CLOTH), pick(rng, CLOTH)
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
    return Paint(first, second, pattern, float(rng.uniform(0.045, 0.085)))


def sample_outfit(rng: np.random.Generator) -> Outfit:
    """Sample a dancer's looks."""
    bottom = _BOTTOMS[int(rng.integers(len(_BOTTOMS)))]
    top_paint, bottom_paint = sample_paint(rng), sample_paint(rng)
    if bottom != "skirt" and rng.random() < 0.7:
        bottom_paint = bottom_paint._replace(pattern="plain")
    shoes = pick(rng, CLOTH)
    return Outfit(
        skin=pick(rng, SKIN, 8.0),
        hair=pick(rng, HAIR, 8.0),
        cut=_CUTS[int(rng.integers(len(_CUTS)))],
        top=_TOPS[int(rng.integers(len(_TOPS)))],
        bottom=bottom,
        top_paint=top_paint,
        bottom_paint=top_paint if bottom == "dress" else bottom_paint,
        under=pick(rng, CLOTH),
        shoes=shoes if rng.random() < 0.85 else pick(rng, SKIN, 8.0),
        accent=pick(rng, CLOTH),
        girth=float(rng.uniform(0.92, 1.28)),
        flare=float(rng.uniform(0.12, 0.2)),
        hem=float(rng.uniform(0.55, 1.05)),
    )
