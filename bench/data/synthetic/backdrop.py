"""What a place consists of, and the helpers all places share."""

from typing import NamedTuple

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Canvas
from hourglass_bench.bench.data.synthetic.furniture import Draw
from hourglass_bench.bench.data.synthetic.palette import Colour, mixed, scaled

REACH = 1.5
"""Places are furnished for |x| <= REACH units; very wide frames show bare ground beyond."""


class Layers(NamedTuple):
    """The two canvases a place is drawn on; the near one moves more with the camera."""

    far: Canvas
    """Opaque: wall or sky, and the ground."""
    near: Canvas
    """Clear: things that stand on the ground behind the dancers."""


def draw_row(
    canvas: Canvas, rng: np.random.Generator, things: tuple[Draw, ...], y: float, gap: float, spread: float
) -> None:
    """Draw random things from left to right, on average gap units apart, their y up to spread around y."""
    order = rng.permutation(len(things))
    for index, x in enumerate(np.arange(-REACH, REACH, gap)):
        thing = things[int(order[index % len(things)])]
        place = float(x + rng.uniform(-0.3, 0.3) * gap), float(y + rng.uniform(-spread, spread))
        thing(canvas, rng, *place)


def draw_boards(canvas: Canvas, rng: np.random.Generator, horizon: float, colour: Colour, width: float) -> None:
    """Cover the ground below the horizon with boards that run to a vanishing point."""
    vanish_x, vanish_y = float(rng.uniform(-0.5, 0.5)), horizon - float(rng.uniform(0.25, 0.6))
    for x in np.arange(-4.0, 4.0, width):
        corners = []
        for left, y in ((x, horizon), (x + width, horizon), (x + width, 1.6), (x, 1.6)):
            reach = (y - vanish_y) / (horizon - vanish_y)
            corners.append((vanish_x + (left - vanish_x) * reach, y))
        canvas.polygon(corners, scaled(colour, float(rng.uniform(0.8, 1.12))))


def draw_rows(canvas: Canvas, rng: np.random.Generator, top: float, first: Colour, last: Colour) -> None:
    """Cover the ground below top with rows that grow towards the viewer, alternating two colours."""
    y, step = top, float(rng.uniform(0.02, 0.05))
    light = True
    while y < 1.6:
        canvas.rect(-9.0, y, 9.0, y + step, first if light else last)
        y, step, light = y + step, step * 1.35, not light


def draw_rug(canvas: Canvas, rng: np.random.Generator, y: float, colours: tuple[Colour, Colour]) -> None:
    """An oval rug of rings around y."""
    x, wide = float(rng.uniform(-0.25, 0.25)), float(rng.uniform(0.35, 0.6))
    for index, share in enumerate((1.0, 0.85, 0.65, 0.4)):
        canvas.ellipse(x, y, wide * share, 0.13 * share, colours[index % 2])


def draw_blobs(
    canvas: Canvas, rng: np.random.Generator, centre: tuple[float, float], size: float, leaf: Colour
) -> None:
    """A crown or bush of leaves: many blobs, darker below and lighter above."""
    for lift in np.linspace(0.5, -0.6, 14):
        angle, reach = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.2, 0.8)) * size
        x, y = centre[0] + reach * np.cos(angle), centre[1] + 0.75 * lift * size + 0.3 * reach * np.sin(angle)
        radius = size * float(rng.uniform(0.22, 0.42))
        tone = scaled(mixed(leaf, (196, 184, 96), float(rng.uniform(0, 0.2))), 0.9 - 0.42 * float(lift))
        canvas.ellipse(float(x), float(y), radius, radius * 0.85, tone)
