"""Things of gardens and streets."""

import numpy as np

from hourglass_bench.bench.data.synthetic.backdrop import REACH, draw_blobs, draw_boards, draw_rows
from hourglass_bench.bench.data.synthetic.canvas import Canvas
from hourglass_bench.bench.data.synthetic.furniture import Draw
from hourglass_bench.bench.data.synthetic.lookalikes import LAMP, draw_laundry, draw_mannequin, draw_poster, draw_statue
from hourglass_bench.bench.data.synthetic.palette import (
    CLOTH,
    HAIR,
    LEAF,
    SKIN,
    Colour,
    mixed,
    pick,
    pick_surface,
    pick_thing,
    scaled,
)
from hourglass_bench.bench.data.synthetic.tube import capsule, draw_tube, plain


def draw_clouds(canvas: Canvas, rng: np.random.Generator) -> None:
    """Soft white heaps in the sky."""
    for _ in range(9):
        x, y = float(rng.uniform(-REACH, REACH)), float(rng.uniform(-0.7, -0.2))
        for step in range(4):
            radius = float(rng.uniform(0.05, 0.1))
            canvas.ellipse(x + 0.07 * step, y, radius * 1.4, radius * 0.6, (240, 238, 234, 120))


def draw_tree(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A trunk with branches, in the colours of skin and hair, below a crown."""
    bark = mixed(pick(rng, SKIN), pick(rng, HAIR), 0.45)
    height = float(rng.uniform(0.35, 0.7))
    top = np.array([x + float(rng.uniform(-0.06, 0.06)), ground - height])
    draw_tube(canvas, *capsule(np.array([x, ground + 0.03]), top, 0.042, 0.024), plain(bark), LAMP)
    for side in (-1.0, 1.0):
        root = np.array([x, ground - 0.6 * height])
        tip = root + np.array([side * float(rng.uniform(0.08, 0.16)), -0.17])
        draw_tube(canvas, *capsule(root, tip, 0.017, 0.01), plain(bark), LAMP)
    draw_blobs(canvas, rng, (float(top[0]), float(top[1]) - 0.06), float(rng.uniform(0.14, 0.24)), pick(rng, LEAF))


def draw_hedge(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """A row of bushes along the horizon."""
    leaf = scaled(pick(rng, LEAF), 0.8)
    for x in np.arange(-REACH, REACH, 0.14):
        draw_blobs(canvas, rng, (float(x), horizon - 0.04), float(rng.uniform(0.09, 0.14)), leaf)


def draw_fence(canvas: Canvas, rng: np.random.Generator, ground: float) -> None:
    """Pickets with rails."""
    wood, step, tall = pick_thing(rng), float(rng.uniform(0.06, 0.1)), float(rng.uniform(0.16, 0.3))
    for rail in (0.3, 0.75):
        canvas.rect(-9.0, ground - tall * rail, 9.0, ground - tall * rail + 0.02, scaled(wood, 0.7))
    for x in np.arange(-REACH, REACH, step):
        left, right = float(x), float(x) + 0.6 * step
        outline = [
            (left, ground), (left, ground - tall), ((left + right) / 2, ground - tall - 0.03),
            (right, ground - tall), (right, ground),
        ]  # fmt: skip
        canvas.polygon(outline, scaled(wood, float(rng.uniform(0.85, 1.1))))


def draw_grass(canvas: Canvas, rng: np.random.Generator, horizon: float, leaf: Colour) -> None:
    """A lawn of blades that grow towards the viewer."""
    canvas.rect(-9.0, horizon, 9.0, 9.0, leaf)
    dry = mixed(leaf, pick(rng, SKIN), 0.45)
    spots = rng.uniform((-1.0, 0.0), (1.0, 1.0), (420, 2))
    tones = rng.uniform(0.65, 1.25, 420)
    for (x, depth), tone in zip(spots.tolist(), tones.tolist(), strict=True):
        y = horizon + 0.65 * depth**1.4
        size = 0.015 + 0.04 * depth
        ink = scaled(dry if tone > 1.0 else leaf, tone)
        canvas.polygon([(x - 0.2 * size, y), (x + 0.2 * size, y), (x + (tone - 0.95) * size, y - size)], ink)


def draw_path(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """A winding path of flagstones in the colours of skin."""
    start, drift = float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.6, 0.6))
    for depth in np.linspace(0.03, 1.3, 14):
        y = horizon + 0.6 * float(depth) ** 1.3
        x = start + drift * float(depth)
        canvas.ellipse(x, y, 0.05 + 0.11 * depth, 0.01 + 0.024 * depth, scaled(pick(rng, SKIN), 0.85))


def draw_flowers(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """A bed of flowers in the colours of clothes."""
    for x in np.arange(-REACH, REACH, 0.035):
        y = horizon + float(rng.uniform(-0.01, 0.09))
        canvas.line([(float(x), y), (float(x), y - 0.05)], 0.008, pick(rng, LEAF))
        canvas.ball(float(x), y - 0.055, float(rng.uniform(0.01, 0.022)), pick(rng, CLOTH + SKIN))


def draw_bush(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A bush with blossoms."""
    size = float(rng.uniform(0.1, 0.17))
    draw_blobs(canvas, rng, (x, ground - 0.6 * size), size, pick(rng, LEAF))
    blossom = pick(rng, CLOTH + SKIN)
    for _ in range(9):
        dx, dy = rng.uniform(-0.8, 0.8, 2)
        canvas.ball(x + float(dx) * size, ground - (0.7 + 0.8 * float(dy)) * size, 0.016, blossom)


def draw_bench(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A garden bench of slats."""
    wood = pick_thing(rng)
    for row in (0.3, 0.24, 0.15):
        canvas.block(x - 0.19, ground - row, x + 0.19, ground - row + 0.04, wood)
    for side in (-0.15, 0.15):
        canvas.block(x + side - 0.012, ground - 0.3, x + side + 0.012, ground, scaled(wood, 0.7))


def draw_washing(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A washing line on two poles."""
    for side in (-0.45, 0.45):
        canvas.line([(x + side, ground), (x + side, ground - 0.62)], 0.016, scaled(pick(rng, SKIN), 0.6))
    draw_laundry(canvas, rng, x, ground - 0.58)


def draw_house(canvas: Canvas, rng: np.random.Generator, left: float, ground: float) -> float:
    """A house front with windows, a shop and an awning; returns the x where the next house begins."""
    wide, tall = float(rng.uniform(0.34, 0.6)), float(rng.uniform(0.5, 1.1))
    wall = pick_surface(rng)
    canvas.block(left, ground - tall, left + wide, ground, wall)
    trim = mixed(wall, pick_thing(rng), 0.7)
    columns = max(2, int(wide / 0.15))
    for y in np.arange(ground - 0.42, ground - tall + 0.08, -0.2):
        for column in range(columns):
            x = left + wide * (column + 0.5) / columns
            pane = scaled((150, 174, 190), float(rng.uniform(0.25, 1.3)))
            canvas.block(x - 0.045, float(y) - 0.065, x + 0.045, float(y) + 0.065, trim)
            canvas.rect(x - 0.034, float(y) - 0.054, x + 0.034, float(y) + 0.054, pane)
    _draw_shop(canvas, rng, left, wide, ground)
    return left + wide


def _draw_shop(canvas: Canvas, rng: np.random.Generator, left: float, wide: float, ground: float) -> None:
    canvas.block(left + 0.14, ground - 0.27, left + wide - 0.02, ground - 0.02, scaled(pick_surface(rng), 0.6))
    if rng.random() < 0.6:
        draw_mannequin(canvas, rng, left + 0.14 + 0.5 * (wide - 0.16), ground)
    door = pick_thing(rng)
    canvas.block(left + 0.02, ground - 0.26, left + 0.12, ground, door)
    canvas.block(left, ground - 0.33, left + wide, ground - 0.27, pick_thing(rng))
    first, second = pick_thing(rng), pick_thing(rng)
    for index, x in enumerate(np.arange(left, left + wide - 0.03, 0.045)):
        edges = [(float(x), ground - 0.28), (float(x) + 0.045, ground - 0.28)]
        canvas.polygon([*edges, (edges[1][0], ground - 0.22), (edges[0][0], ground - 0.22)], (first, second)[index % 2])


def draw_kerb(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Pavement and road with a marking."""
    stone, tar = pick_surface(rng), scaled(mixed(pick_surface(rng), (92, 92, 96), 0.7), 0.9)
    if rng.random() < 0.5:
        draw_boards(canvas, rng, horizon, stone, 0.12)
    else:
        draw_rows(canvas, rng, horizon, stone, scaled(stone, 0.9))
    top = horizon + float(rng.uniform(0.08, 0.24))
    canvas.rect(-9.0, top, 9.0, top + 0.02, scaled(stone, 0.6))
    canvas.rect(-9.0, top + 0.02, 9.0, 9.0, tar)
    for x in np.arange(-REACH, REACH, 0.3):
        canvas.polygon(
            [(x, top + 0.13), (x + 0.15, top + 0.13), (x + 0.12, top + 0.16), (x - 0.03, top + 0.16)],
            (224, 216, 190),
        )


def draw_car(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A parked or passing car, seen from the side."""
    paint = pick(rng, CLOTH)
    cabin = [(-0.17, -0.14), (-0.1, -0.25), (0.08, -0.25), (0.17, -0.14)]
    window = [(-0.13, -0.15), (-0.08, -0.23), (-0.01, -0.23), (-0.01, -0.15)]
    back_window = [(0.01, -0.15), (0.01, -0.23), (0.07, -0.23), (0.13, -0.15)]
    for corners, ink in ((cabin, scaled(paint, 0.85)), (window, (90, 110, 124)), (back_window, (70, 88, 104))):
        canvas.polygon([(x + right, ground + down) for right, down in corners], ink)
    body = np.array([x - 0.24, ground - 0.1]), np.array([x + 0.24, ground - 0.1])
    draw_tube(canvas, *capsule(*body, 0.055, 0.05), plain(paint), LAMP)
    for side in (-0.15, 0.15):
        canvas.ball(x + side, ground - 0.045, 0.048, (40, 40, 44))
        canvas.ball(x + side, ground - 0.045, 0.02, (160, 160, 164))


def draw_lamp_post(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A lamp post with a sign."""
    iron = scaled(pick_thing(rng), 0.6)
    ends = np.array([x, ground]), np.array([x, ground - 0.85])
    draw_tube(canvas, *capsule(*ends, 0.02, 0.013), plain(iron), LAMP)
    canvas.ball(x, ground - 0.88, 0.045, (246, 226, 176))
    canvas.block(x - 0.075, ground - 0.62, x + 0.075, ground - 0.5, pick_thing(rng))


def draw_bin(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A round bin with bags beside it."""
    line = np.array([[x, ground - 0.2], [x, ground]])
    draw_tube(canvas, line, np.array([0.07, 0.055]), plain(pick_thing(rng)), LAMP)
    canvas.ball(x + 0.09, ground - 0.05, 0.06, pick_thing(rng))


def draw_billboard(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A poster on two legs."""
    for leg in (x - 0.06, x + 0.06):
        canvas.line([(leg, ground), (leg, ground - 0.4)], 0.016, (60, 56, 54))
    draw_poster(canvas, rng, x, ground - 0.32)


IN_GARDEN: tuple[Draw, ...] = (draw_bush, draw_bench, draw_washing, draw_tree, draw_statue, draw_bush)
BESIDE_ROAD: tuple[Draw, ...] = (draw_car, draw_lamp_post, draw_bin, draw_billboard, draw_car, draw_tree)
