"""Things that stand in a room or hang on its walls."""

from collections.abc import Callable

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Canvas
from hourglass_bench.bench.data.synthetic.lookalikes import LAMP, draw_coat_stand, draw_mannequin, draw_poster
from hourglass_bench.bench.data.synthetic.outfit import sample_paint
from hourglass_bench.bench.data.synthetic.palette import CLOTH, LEAF, SKIN, pick, pick_surface, pick_thing, scaled
from hourglass_bench.bench.data.synthetic.tube import capsule, draw_tube, plain

Draw = Callable[[Canvas, np.random.Generator, float, float], None]
"""(canvas, rng, x, y): y is the ground for furniture, the middle for things on a wall."""


def draw_sofa(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A sofa with cushions."""
    cloth, half = pick_thing(rng), float(rng.uniform(0.17, 0.26))
    canvas.block(x - half, ground - 0.3, x + half, ground - 0.1, cloth)
    canvas.block(x - half, ground - 0.16, x + half, ground - 0.02, scaled(cloth, 0.9))
    for side in (-1.0, 1.0):
        arm = np.array([x + side * half, ground - 0.2]), np.array([x + side * half, ground - 0.03])
        draw_tube(canvas, *capsule(*arm, 0.036, 0.036), plain(cloth), LAMP)
        pillow = np.array([x + side * half * 0.55, ground - 0.21])
        tube = capsule(pillow, pillow + np.array([0.03, 0.03]), 0.05, 0.05)
        draw_tube(canvas, *tube, sample_paint(rng), LAMP)


def draw_chair(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A wooden chair with clothes over its back."""
    wood = pick(rng, SKIN)
    for side in (-0.075, 0.075):
        top = ground - (0.38 if side < 0 else 0.17)
        ends = np.array([x + side, ground]), np.array([x + side, top])
        draw_tube(canvas, *capsule(*ends, 0.013, 0.015), plain(wood), LAMP)
    canvas.block(x - 0.09, ground - 0.19, x + 0.1, ground - 0.155, wood)
    coat = np.array([x - 0.075, ground - 0.37]), np.array([x - 0.07, ground - 0.2])
    draw_tube(canvas, *capsule(*coat, 0.04, 0.055), sample_paint(rng), LAMP)


def draw_table(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A table with balls, a vase and a lamp on it."""
    wood, half = pick_thing(rng), float(rng.uniform(0.12, 0.22))
    for side in (-1.0, 1.0):
        canvas.block(x + side * half * 0.85 - 0.014, ground - 0.22, x + side * half * 0.85 + 0.014, ground, wood)
    canvas.block(x - half, ground - 0.25, x + half, ground - 0.21, wood)
    for place in (-0.6, -0.1, 0.4):
        tall = float(rng.uniform(0.03, 0.12))
        ends = np.array([x + place * half, ground - 0.27]), np.array([x + place * half, ground - 0.26 - tall])
        draw_tube(canvas, *capsule(*ends, 0.026, 0.014), plain(pick_thing(rng)), LAMP)


def draw_floor_lamp(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A lamp as tall as a person."""
    height = float(rng.uniform(0.55, 0.8))
    canvas.line([(x, ground), (x, ground - height)], 0.014, scaled(pick_thing(rng), 0.6))
    canvas.ellipse(x, ground, 0.06, 0.016, (46, 42, 40))
    line = np.array([[x, ground - height - 0.06], [x, ground - height + 0.07]])
    draw_tube(canvas, line, np.array([0.045, 0.09]), plain(scaled(pick(rng, SKIN + CLOTH), 1.25)), LAMP)


def draw_plant(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A potted plant with arching leaves."""
    pot, leaf = pick(rng, SKIN + CLOTH), pick(rng, LEAF)
    line = np.array([[x, ground - 0.13], [x, ground]])
    for angle in np.linspace(-1.25, 1.25, 11) + rng.normal(0, 0.1, 11):
        length = float(rng.uniform(0.18, 0.36))
        root = np.array([x, ground - 0.12])
        tip = root + length * np.array([np.sin(angle), -np.cos(angle)])
        draw_tube(canvas, *capsule(root, tip, 0.008, 0.022), plain(scaled(leaf, float(rng.uniform(0.7, 1.2)))), LAMP)
    draw_tube(canvas, line, np.array([0.07, 0.05]), plain(pot), LAMP)


def draw_cabinet(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A chest of drawers."""
    wood, half, height = pick_thing(rng), float(rng.uniform(0.1, 0.2)), float(rng.uniform(0.2, 0.42))
    canvas.block(x - half, ground - height, x + half, ground, wood)
    for row in np.arange(ground - height + 0.02, ground - 0.06, 0.09):
        canvas.block(x - half + 0.015, float(row), x + half - 0.015, float(row) + 0.075, scaled(wood, 1.08))
        canvas.ellipse(x, float(row) + 0.036, 0.012, 0.008, scaled(wood, 0.4))
    canvas.ball(x - 0.4 * half, ground - height - 0.035, 0.04, pick_thing(rng))


def draw_window(canvas: Canvas, rng: np.random.Generator, x: float, y: float) -> None:
    """A window with a view and curtains in the colours of clothes."""
    half_w, half_h = float(rng.uniform(0.12, 0.17)), float(rng.uniform(0.14, 0.21))
    canvas.block(x - half_w, y - half_h, x + half_w, y + half_h, (222, 216, 206))
    sky = scaled((170, 205, 232), float(rng.uniform(0.25, 1.15)))
    for side in (-1.0, 1.0):
        middle = x + side * half_w / 2
        canvas.rect(middle - half_w * 0.42, y - half_h * 0.9, middle + half_w * 0.42, y + half_h * 0.9, sky)
        canvas.ellipse(middle, y + half_h * 0.6, half_w * 0.4, half_h * 0.3, scaled(pick(rng, LEAF), 0.9))
    paint = sample_paint(rng)
    for side in (-1.0, 1.0):
        ends = np.array([[x + side * half_w, y - half_h - 0.02], [x + side * half_w * 1.06, y + half_h + 0.04]])
        draw_tube(canvas, ends, np.array([0.04, 0.055]), paint, LAMP)


def draw_shelf(canvas: Canvas, rng: np.random.Generator, x: float, y: float) -> None:
    """Shelves full of books and things."""
    half, wood = float(rng.uniform(0.11, 0.17)), pick(rng, SKIN + CLOTH)
    canvas.block(x - half, y - 0.2, x + half, y + 0.22, scaled(wood, 0.55))
    for row in (-0.19, -0.055, 0.08):
        at = x - half + 0.012
        while at < x + half - 0.03:
            wide, tall = float(rng.uniform(0.014, 0.034)), float(rng.uniform(0.06, 0.112))
            canvas.block(at, y + row + 0.12 - tall, at + wide, y + row + 0.12, pick_thing(rng))
            at += wide + 0.002
        canvas.rect(x - half, y + row + 0.12, x + half, y + row + 0.135, wood)


def draw_mirror(canvas: Canvas, rng: np.random.Generator, x: float, y: float) -> None:
    """An oval mirror."""
    tall = float(rng.uniform(0.1, 0.18))
    canvas.ellipse(x, y, tall * 0.62, tall, pick_thing(rng))
    canvas.ellipse(x, y, tall * 0.5, tall * 0.87, pick_surface(rng))
    shine = scaled(pick_surface(rng), 1.2)
    canvas.polygon([(x - 0.03, y + 0.05), (x + 0.03, y - 0.06), (x + 0.045, y - 0.05), (x - 0.015, y + 0.06)], shine)


def draw_door(canvas: Canvas, rng: np.random.Generator, x: float, y: float) -> None:
    """A door with panels that reaches below the middle of the wall."""
    wood = pick_thing(rng)
    canvas.block(x - 0.13, y - 0.26, x + 0.13, y + 0.6, scaled(wood, 0.75))
    canvas.block(x - 0.11, y - 0.24, x + 0.11, y + 0.6, wood)
    for top, bottom in ((-0.2, -0.02), (0.03, 0.22)):
        for side in (-0.05, 0.05):
            canvas.block(x + side - 0.035, y + top, x + side + 0.035, y + bottom, scaled(wood, 0.86))
    canvas.ball(x + 0.09, y + 0.03, 0.012, (214, 180, 90))


STANDING: tuple[Draw, ...] = (
    draw_sofa, draw_chair, draw_table, draw_floor_lamp, draw_plant, draw_cabinet, draw_coat_stand, draw_mannequin,
)  # fmt: skip
HANGING: tuple[Draw, ...] = (
    draw_window, draw_shelf, draw_poster, draw_poster, draw_mirror, draw_door,
)  # fmt: skip
