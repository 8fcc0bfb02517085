"""Things that look like people or their clothes but are background."""

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Canvas
from hourglass_bench.bench.data.synthetic.figure import Stand, draw_figure
from hourglass_bench.bench.data.synthetic.motion import pose_at, sample_dance
from hourglass_bench.bench.data.synthetic.outfit import sample_outfit, sample_paint
from hourglass_bench.bench.data.synthetic.palette import (
    CLOTH,
    HAIR,
    SKIN,
    mixed,
    pick,
    pick_surface,
    pick_thing,
    scaled,
)
from hourglass_bench.bench.data.synthetic.tube import Light, capsule, draw_tube, plain

LAMP = Light(-0.5, -0.6, 0.62, 0.45)


def draw_poster(canvas: Canvas, rng: np.random.Generator, x: float, y: float) -> None:
    """A framed picture of a person, a shape or stripes, its centre at (x, y)."""
    half_w, half_h = float(rng.uniform(0.07, 0.13)), float(rng.uniform(0.1, 0.17))
    canvas.rect(x - half_w, y - half_h, x + half_w, y + half_h, pick_thing(rng))
    inner = Canvas(half_w - 0.012, half_h - 0.012, canvas.scale, opaque=True)
    inner.rect(-1.0, -1.0, 1.0, 1.0, pick_surface(rng))
    kind = rng.random()
    if kind < 0.45:
        height = half_h * float(rng.choice([1.75, 3.2]))
        stand = Stand(0.0, height - half_h * 0.85, height)
        draw_figure(inner, pose_at(sample_dance(rng), 0.0), sample_outfit(rng), stand, LAMP, 0.0)
    elif kind < 0.75:
        for _ in range(5):
            spot = rng.uniform(-1, 1, 2)
            size = float(rng.uniform(0.1, 0.4)) * half_w
            inner.ball(float(spot[0]) * half_w, float(spot[1]) * half_h, size, pick_thing(rng))
    else:
        for row in np.arange(-half_h, half_h, 0.03):
            inner.rect(-1.0, float(row), 1.0, float(row) + 0.016, pick_thing(rng))
    canvas.paste(inner, x, y)


def draw_mannequin(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A tailor's dummy: a clothed trunk without limbs on a pole."""
    height = float(rng.uniform(0.5, 0.72))
    wood = pick(rng, SKIN)
    canvas.line([(x, ground), (x, ground - height)], 0.02, scaled(wood, 0.6))
    canvas.line([(x - 0.07, ground), (x, ground - 0.05), (x + 0.07, ground)], 0.016, scaled(wood, 0.5))
    line = np.stack([np.full(5, x), ground - height * np.array([0.98, 0.93, 0.76, 0.6, 0.42])], axis=1)
    radii = height * np.array([0.05, 0.15, 0.14, 0.1, float(rng.uniform(0.14, 0.24))])
    draw_tube(canvas, line, radii, sample_paint(rng), LAMP)
    canvas.ball(x, ground - height * 1.03, 0.07 * height, wood)


def draw_coat_stand(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A stand with coats whose sleeves hang down, and a hat on top."""
    height = float(rng.uniform(0.6, 0.8))
    canvas.line([(x, ground), (x, ground - height)], 0.018, scaled(pick(rng, SKIN), 0.6))
    canvas.line([(x - 0.08, ground), (x, ground - 0.06), (x + 0.08, ground)], 0.016, (50, 40, 34))
    for side in (-1.0, 1.0):
        _draw_hung_coat(canvas, rng, x + 0.06 * side, ground - height * 0.94)
    canvas.ball(x, ground - height, 0.045, pick(rng, CLOTH + HAIR))


def _draw_hung_coat(canvas: Canvas, rng: np.random.Generator, x: float, top: float) -> None:
    paint = sample_paint(rng)
    length = float(rng.uniform(0.22, 0.38))
    trunk = np.stack([np.full(4, x), top + length * np.array([0.0, 0.12, 0.6, 1.0])], axis=1)
    draw_tube(canvas, trunk, np.array([0.02, 0.065, 0.07, 0.085]), paint, LAMP)
    for side in (-1.0, 1.0):
        shoulder = np.array([x + side * 0.06, top + 0.04])
        cuff = shoulder + np.array([side * 0.025, 0.75 * length])
        draw_tube(canvas, *capsule(shoulder, cuff, 0.028, 0.022), paint, LAMP)


def draw_laundry(canvas: Canvas, rng: np.random.Generator, x: float, y: float) -> None:
    """A line with shirts and trousers that spans 0.8 units around x."""
    canvas.line([(x - 0.45, y - 0.02), (x, y + 0.02), (x + 0.45, y - 0.02)], 0.006, (60, 58, 56))
    for place in np.arange(-0.34, 0.4, 0.19):
        at = x + float(place)
        if rng.random() < 0.5:
            _draw_hung_coat(canvas, rng, at, y)
            continue
        paint = sample_paint(rng)
        for side in (-0.026, 0.026):
            ends = np.array([at + side, y + 0.03]), np.array([at + 1.3 * side, y + 0.3])
            draw_tube(canvas, *capsule(*ends, 0.036, 0.03), paint, LAMP)


def draw_statue(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A stone or bronze figure on a plinth, in one colour from head to foot."""
    stone = mixed(pick(rng, SKIN + CLOTH), (150, 146, 138), 0.45)
    canvas.block(x - 0.09, ground - 0.16, x + 0.09, ground, scaled(stone, 0.8))
    outfit = sample_outfit(rng)
    bare = outfit._replace(
        skin=stone, hair=scaled(stone, 0.9), shoes=stone, accent=stone, under=stone,
        top_paint=plain(stone), bottom_paint=plain(stone),
    )  # fmt: skip
    height = float(rng.uniform(0.4, 0.6))
    draw_figure(canvas, pose_at(sample_dance(rng), 0.0), bare, Stand(x, ground - 0.15, height), LAMP, 0.0)
