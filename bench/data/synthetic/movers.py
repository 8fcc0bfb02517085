"""Things that move behind the dancers, and things that stand between them and the camera."""

from collections.abc import Callable

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Canvas
from hourglass_bench.bench.data.synthetic.furniture import draw_chair, draw_plant, draw_table
from hourglass_bench.bench.data.synthetic.lookalikes import LAMP, draw_coat_stand, draw_mannequin
from hourglass_bench.bench.data.synthetic.outdoors import draw_bush, draw_car, draw_lamp_post
from hourglass_bench.bench.data.synthetic.palette import CLOTH, SKIN, pick, pick_thing
from hourglass_bench.bench.data.synthetic.tube import capsule, draw_tube, plain

Mover = Callable[[Canvas, float, float], None]
"""(canvas, shift, frame): draws itself at a frame number, moved to the right by shift units."""

_IN_FRONT = (
    (draw_chair, draw_plant, draw_table, draw_coat_stand, draw_mannequin),
    (draw_bush, draw_bush, draw_plant),
    (draw_lamp_post, draw_plant, draw_bush),
)


def sample_movers(rng: np.random.Generator, place: int, horizon: float) -> tuple[Mover, ...]:
    """Sample what moves in a place (0 room, 1 garden, 2 street)."""
    movers = [
        _sample_balloon(rng) if rng.random() < 0.5 else _sample_ball(rng, horizon)
        for _ in range(int(rng.integers(1, 3)))
    ]
    if place == 2:
        movers.append(_sample_car(rng, horizon))
    elif place == 0:
        movers.append(_sample_pendant(rng))
    return tuple(movers)


def draw_front(canvas: Canvas, rng: np.random.Generator, place: int, ground: float) -> None:
    """Put something near a side of the picture, in front of the dancers."""
    things = _IN_FRONT[place]
    side = float(rng.choice([-1.0, 1.0]))
    draw = things[int(rng.integers(len(things)))]
    draw(canvas, rng, side * float(rng.uniform(0.24, 0.42)), ground + float(rng.uniform(0.06, 0.14)))


def _sample_balloon(rng: np.random.Generator) -> Mover:
    colour, radius = pick(rng, CLOTH + SKIN), float(rng.uniform(0.035, 0.075))
    left, top, phase = (float(rng.uniform(*ends)) for ends in ((-0.5, 0.5), (-0.45, 0.1), (0, 6.28)))

    def draw(canvas: Canvas, shift: float, frame: float) -> None:
        x = left + shift + 0.03 * np.sin(0.5 * frame + phase)
        y = top - 0.008 * frame + 0.02 * np.sin(0.7 * frame)
        canvas.line([(x, y), (x - 0.02, y + 4 * radius)], 0.005, (70, 66, 64))
        canvas.ball(float(x), float(y), radius, colour)

    return draw


def _sample_ball(rng: np.random.Generator, horizon: float) -> Mover:
    colour, radius = pick_thing(rng), float(rng.uniform(0.04, 0.08))
    start, speed, phase = (float(rng.uniform(*ends)) for ends in ((-0.5, 0.5), (-0.03, 0.03), (0, 3.14)))

    def draw(canvas: Canvas, shift: float, frame: float) -> None:
        y = horizon + 0.1 - radius - 0.3 * abs(float(np.sin(0.45 * frame + phase)))
        canvas.ball(start + speed * frame + shift, y, radius, colour)

    return draw


def _sample_car(rng: np.random.Generator, horizon: float) -> Mover:
    start, speed = float(rng.uniform(-0.6, 0.6)), float(rng.choice([-0.05, 0.05]))
    looks = int(rng.integers(2**31))

    def draw(canvas: Canvas, shift: float, frame: float) -> None:
        draw_car(canvas, np.random.default_rng(looks), start + speed * frame + shift, horizon + 0.16)

    return draw


def _sample_pendant(rng: np.random.Generator) -> Mover:
    colour, x, length = pick(rng, CLOTH + SKIN), float(rng.uniform(-0.4, 0.4)), float(rng.uniform(0.1, 0.3))

    def draw(canvas: Canvas, shift: float, frame: float) -> None:
        tip = np.array([x + shift + 0.05 * np.sin(0.6 * frame), -0.6 + length])
        canvas.line([(x + shift, -1.0), (float(tip[0]), float(tip[1]))], 0.006, (50, 46, 44))
        draw_tube(canvas, *capsule(tip, tip + np.array([0.0, 0.06]), 0.03, 0.075), plain(colour), LAMP)

    return draw
