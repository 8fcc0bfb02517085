"""Head, face and hair of a dancer."""

from typing import NamedTuple

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Array, Canvas
from hourglass_bench.bench.data.synthetic.outfit import Outfit
from hourglass_bench.bench.data.synthetic.palette import Colour, mixed, scaled
from hourglass_bench.bench.data.synthetic.tube import Light, capsule, draw_tube, plain

_CIRCLE = np.linspace(0, 2 * np.pi, 25)[:-1]

Pair = tuple[float, float]


class Head(NamedTuple):
    """Where a head is on the canvas, in units, and what it looks like."""

    canvas: Canvas
    outfit: Outfit
    light: Light
    centre: Array
    """(2,)"""
    size: float
    """Half its height."""
    tilt: float
    """Radians, to the right."""
    facing: Pair
    """Sine and cosine of its yaw: (0, 1) looks at the viewer, (1, 0) to the right."""

    def at(self, right: float, up: float) -> Array:
        """The canvas point at this place on the head, in half head heights from its centre."""
        sin, cos = np.sin(self.tilt), np.cos(self.tilt)
        return self.centre + self.size * np.array([right * cos + up * sin, right * sin - up * cos])

    def oval(self, place: Pair, radii: Pair, ink: Colour) -> None:
        """A flat oval; place and radii in half head heights."""
        sin, cos = np.sin(self.tilt), np.cos(self.tilt)
        x, y = radii[0] * np.cos(_CIRCLE), radii[1] * np.sin(_CIRCLE)
        points = np.stack([x * cos + y * sin, x * sin - y * cos], axis=1) * self.size
        self.canvas.polygon(self.at(*place) + points, ink)

    def ball(self, place: Pair, radii: Pair, ink: Colour) -> None:
        """An oval with a lit side."""
        light = self.light
        self.oval(place, radii, scaled(ink, light.on(-light.x, -light.y, 0.2)))
        for share, lift in ((0.86, 0.55), (0.6, 0.85)):
            move = (1 - share) * 0.9
            centre = (place[0] + move * light.x * radii[0], place[1] - move * light.y * radii[1])
            shade = scaled(ink, light.on(light.x * (1 - lift), light.y * (1 - lift), lift))
            self.oval(centre, (radii[0] * share, radii[1] * share), shade)

    def lock(self, start: Array, end: Array, radii: Pair, ink: Colour) -> None:
        """A tube of hair between two points of the canvas; radii in half head heights."""
        tube = capsule(start, end, radii[0] * self.size, radii[1] * self.size)
        draw_tube(self.canvas, *tube, plain(ink), self.light)


def draw_back_hair(head: Head, swing: float) -> None:
    """The hair that hangs behind the neck; swing is how far its ends have drifted to the right."""
    sin, outfit = head.facing[0], head.outfit
    if outfit.cut == "long":
        tip = head.at(-0.5 * sin + swing, 0.0) + np.array([0.0, 2.5 * head.size])
        head.lock(head.at(-0.3 * sin, 0.2), tip, (0.9, 0.62), scaled(outfit.hair, 0.85))
    elif outfit.cut == "bob":
        head.ball((-0.25 * sin, -0.15), (0.98, 1.0), scaled(outfit.hair, 0.8))
    elif outfit.cut == "ponytail":
        head.lock(head.at(-0.8 * sin, 0.55), head.at(-1.5 * sin + 1.6 * swing, -1.3), (0.34, 0.2), outfit.hair)


def draw_head(head: Head) -> None:
    """Skull, hair, face and cap."""
    (sin, cos), outfit = head.facing, head.outfit
    if outfit.cut == "afro":
        head.ball((-0.15 * sin, 0.25), (1.2, 1.15), outfit.hair)
    elif outfit.cut == "bun":
        head.ball((-0.7 * sin, 1.05 - 0.3 * abs(sin)), (0.42, 0.4), outfit.hair)
    head.ball((0.0, 0.0), (0.76 + 0.08 * abs(sin), 1.0), outfit.skin)
    if outfit.cut != "bald":  # the hair on the skull; the face is drawn over it
        reach = 0.95 if outfit.cut in ("bob", "long") or cos < -0.35 else 0.68
        head.ball((-0.2 * sin, 1.1 - reach), (0.88, reach), outfit.hair)
    if cos > -0.35:
        _draw_face(head)
    if outfit.cut == "cap":
        _draw_cap(head)


def _draw_face(head: Head) -> None:
    (sin, cos), outfit = head.facing, head.outfit
    skin = outfit.skin
    if outfit.cut != "bald":
        head.ball((0.3 * sin, -0.22), (0.64 - 0.1 * abs(sin), 0.76), skin)
    head.oval((0.52 * sin + 0.12 * sin, -0.18), (0.1, 0.17), scaled(skin, 0.82))
    dark = mixed(scaled(skin, 0.35), (20, 16, 18), 0.6)
    for side in (-1, 1):
        spot = 0.5 * sin + side * 0.27 * max(cos, 0.25)
        if abs(spot) < 0.78:
            head.oval((spot, 0.03), (0.1, 0.09), dark)
            head.oval((spot, 0.22), (0.14, 0.05), mixed(outfit.hair, skin, 0.3))
    head.oval((0.48 * sin, -0.55), (0.2 * max(cos, 0.4), 0.07), mixed(skin, (150, 40, 50), 0.6))


def _draw_cap(head: Head) -> None:
    (sin, cos), accent = head.facing, head.outfit.accent
    head.ball((-0.04 * sin, 0.6), (0.86, 0.52), accent)
    if cos > -0.35:
        head.oval((0.75 * sin, 0.34), (0.5 + 0.2 * abs(cos), 0.12 + 0.08 * max(cos, 0)), scaled(accent, 0.62))
