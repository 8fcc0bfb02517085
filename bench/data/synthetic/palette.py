"""Colours: clothes, skin and things share their palettes, so that colour alone tells nothing."""

import numpy as np

Colour = tuple[int, int, int]

CLOTH: tuple[Colour, ...] = (
    (196, 42, 48), (140, 26, 44), (226, 110, 48), (214, 164, 58), (238, 214, 112), (128, 164, 70),
    (56, 120, 74), (34, 72, 56), (44, 134, 138), (118, 178, 206), (58, 104, 178), (32, 44, 92),
    (108, 70, 146), (176, 150, 204), (226, 144, 168), (190, 58, 118), (104, 72, 52), (196, 172, 140),
    (236, 234, 228), (186, 188, 190), (122, 126, 130), (66, 68, 74), (30, 30, 34), (84, 108, 144),
)  # fmt: skip
SKIN: tuple[Colour, ...] = (
    (246, 212, 190), (234, 190, 160), (220, 170, 134), (198, 144, 106),
    (170, 116, 80), (136, 90, 62), (104, 66, 46), (76, 50, 38),
)  # fmt: skip
HAIR: tuple[Colour, ...] = (
    (24, 20, 20), (46, 32, 26), (84, 54, 36), (128, 84, 48),
    (190, 148, 86), (222, 194, 136), (146, 62, 34), (150, 148, 146),
)  # fmt: skip
LEAF: tuple[Colour, ...] = (
    (66, 104, 48), (88, 132, 56), (50, 84, 50), (112, 144, 70), (130, 128, 60), (74, 110, 84),
)  # fmt: skip


def scaled(colour: Colour, factor: float) -> Colour:
    """The colour with its brightness multiplied by a factor of at least 0, clipped to 255."""
    red, green, blue = (int(channel * factor) for channel in colour)
    return (red if red < 255 else 255, green if green < 255 else 255, blue if blue < 255 else 255)


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """The blend of two colours; share 0 is the first, 1 the second."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def pick(rng: np.random.Generator, palette: tuple[Colour, ...], spread: float = 14.0) -> Colour:
    """A random colour of the palette, each channel moved by up to spread."""
    base = palette[int(rng.integers(len(palette)))]
    red, green, blue = (
        int(max(0.0, min(255.0, c + d))) for c, d in zip(base, rng.uniform(-spread, spread, 3), strict=True)
    )
    return red, green, blue


def pick_thing(rng: np.random.Generator) -> Colour:
    """A random colour for an object: from the palettes of clothes, skin and hair alike."""
    sampled = rng.random()
    if sampled < 0.60:
        return pick(rng, CLOTH)
    return pick(rng, SKIN) if sampled < 0.85 else pick(rng, HAIR)


def pick_surface(rng: np.random.Generator) -> Colour:
    """A random colour for a large surface (wall, floor): a thing's colour, part of it faded to grey."""
    grey = int(rng.integers(50, 235))
    return mixed(pick_thing(rng), (grey, grey, grey), float(rng.uniform(0.0, 0.55)))
