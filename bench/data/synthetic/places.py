"""The places people dance in: a room, a garden, a street."""

from collections.abc import Callable

import numpy as np

from hourglass_bench.bench.data.synthetic.backdrop import REACH, Layers, draw_boards, draw_row, draw_rows, draw_rug
from hourglass_bench.bench.data.synthetic.canvas import Canvas
from hourglass_bench.bench.data.synthetic.furniture import HANGING, STANDING
from hourglass_bench.bench.data.synthetic.outdoors import (
    BESIDE_ROAD,
    IN_GARDEN,
    draw_clouds,
    draw_fence,
    draw_flowers,
    draw_grass,
    draw_hedge,
    draw_house,
    draw_kerb,
    draw_path,
    draw_tree,
)
from hourglass_bench.bench.data.synthetic.palette import LEAF, mixed, pick, pick_surface, pick_thing, scaled

Place = Callable[[Layers, np.random.Generator, float], None]
"""(layers, rng, horizon): draws the place; the ground begins at y = horizon."""


def draw_room(layers: Layers, rng: np.random.Generator, horizon: float) -> None:
    """Wallpaper with pictures, windows and shelves; furniture on a floor."""
    far = layers.far
    wall = pick_surface(rng)
    far.ramp(-1.6, horizon, scaled(wall, 0.8), scaled(wall, 1.12))
    _draw_wallpaper(far, rng, wall, horizon)
    floor = pick_surface(rng)
    if rng.random() < 0.6:
        far.rect(-9.0, horizon, 9.0, 9.0, floor)
        draw_boards(far, rng, horizon, floor, float(rng.uniform(0.05, 0.14)))
    else:
        draw_rows(far, rng, horizon, floor, mixed(floor, pick_surface(rng), 0.35))
    far.rect(-9.0, horizon - 0.03, 9.0, horizon, scaled(pick_surface(rng), 0.8))
    if rng.random() < 0.6:
        draw_rug(far, rng, horizon + 0.2, (pick_thing(rng), pick_thing(rng)))
    draw_row(far, rng, HANGING, -0.2, 0.36, 0.06)
    draw_row(layers.near, rng, STANDING, horizon + 0.06, 0.36, 0.04)


def _draw_wallpaper(far: Canvas, rng: np.random.Generator, wall: tuple[int, int, int], horizon: float) -> None:
    kind = int(rng.integers(4))
    other = mixed(wall, pick_surface(rng), 0.5)
    step = float(rng.uniform(0.06, 0.16))
    if kind == 0:
        for x in np.arange(-REACH, REACH, step):
            far.rect(float(x), -1.6, float(x) + 0.4 * step, horizon, other)
    elif kind == 1:
        for row, y in enumerate(np.arange(-0.9, horizon, step)):
            for x in np.arange(-REACH, REACH, step):
                far.ellipse(float(x) + step / 2 * (row % 2), float(y), step * 0.2, step * 0.2, other)
    elif kind == 2:
        draw_bricks(far, rng, horizon, wall)


def draw_bricks(far: Canvas, rng: np.random.Generator, bottom: float, colour: tuple[int, int, int]) -> None:
    """Cover everything above bottom with bricks of slightly different tones."""
    for row, y in enumerate(np.arange(bottom, -0.9, -0.055)):
        for x in np.arange(-REACH, REACH, 0.13):
            left = float(x) + 0.065 * (row % 2)
            tone = scaled(colour, float(rng.uniform(0.75, 1.15)))
            far.rect(left, float(y) - 0.048, left + 0.12, float(y), tone)


def draw_garden(layers: Layers, rng: np.random.Generator, horizon: float) -> None:
    """Sky, hedge, fence and lawn; trees, bushes, flowers, laundry and statues."""
    far = layers.far
    bright = float(rng.uniform(0.6, 1.1))
    far.ramp(-1.6, horizon, scaled((116, 158, 206), bright), scaled((226, 218, 206), bright))
    draw_clouds(far, rng)
    for x in np.arange(-REACH, REACH, 0.34):
        draw_tree(far, rng, float(x + rng.uniform(-0.1, 0.1)), horizon)
    draw_hedge(far, rng, horizon)
    if rng.random() < 0.6:
        draw_fence(far, rng, horizon + 0.03)
    draw_grass(far, rng, horizon, pick(rng, LEAF))
    draw_path(far, rng, horizon)
    draw_flowers(far, rng, horizon)
    draw_row(layers.near, rng, IN_GARDEN, horizon + 0.07, 0.36, 0.05)


def draw_street(layers: Layers, rng: np.random.Generator, horizon: float) -> None:
    """Houses and shops behind a pavement; cars, lamp posts, signs and bins."""
    far = layers.far
    bright = float(rng.uniform(0.45, 1.1))
    far.ramp(-1.6, horizon, scaled((126, 156, 196), bright), scaled((220, 206, 196), bright))
    x = -REACH
    while x < REACH:
        x = draw_house(far, rng, x, horizon)
    draw_kerb(far, rng, horizon)
    draw_row(layers.near, rng, BESIDE_ROAD, horizon + 0.06, 0.36, 0.04)


PLACES: tuple[Place, ...] = (draw_room, draw_garden, draw_street)
