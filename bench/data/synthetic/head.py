"""Head, face and hair of a dancer."""

from typing import NamedTuple

import numpy as np

from bench.data.synthetic.canvas import Array, Canvas
from bench.data.synthetic.outfit import Outfit
from bench.data.synthetic.palette import Colour, mixed, scaled
from bench.data.synthetic.tube import Light, capsule, draw_tube, plain

_CIRCLE = np.linspace(0, 2 * np.pi, 25)[:-1]


class Head(NamedTuple):
    """Where a head is on the canvas, in units."""

    centre: Array
    """(2,)"""
    size: float
    """Half its height."""
    tilt: float
    """Radians, to the right."""
    facing: tuple[float, float]
    """Sine and cosine of its yaw: (0, 1) looks at the viewer, (1, 0) to the right."""

    def at(self, right: float, up: float) -> Array:
        """The canvas point at this place on the head, in half head heights from its centre."""
        sin, cos = np.sin(self.tilt), np.cos(self.tilt)
        return self.centre + self.size * np.array([right * cos + up * sin, right * sin - up * cos])


def _oval(canvas: Canvas, head: Head, place: tuple[float, float], radii: tuple[float, float], ink: Colour) -> None:
    sin, cos = np.sin(head.tilt), np.cos(head.tilt)
    x, y = radii[0] * np.cos(_CIRCLE), radii[1] * np.sin(_CIRCLE)
    points = np.stack([x * cos + y * sin, x * sin - y * cos], axis=1) * head.size
    canvas.polygon(head.at(*place) + points, ink)


def _ball(
    canvas: Canvas,
    head: Head,
    place: tuple[float, float],
    radii: tuple[float, float],
    ink: Colour,
    light: Light,
) -> None:
    """An oval with a lit side."""
    _oval(canvas, head, place, radii, scaled(ink, light.on(-light.x, -light.y, 0.2)))
    for share, lift in ((0.86, 0.55), (0.6, 0.85)):
        move = (1 - share) * 0.9
        centre = (place[0] + move * light.x * radii[0], place[1] - move * light.y * radii[1])
        shade = scaled(ink, light.on(light.x * (1 - lift), light.y * (1 - lift), lift))
        _oval(canvas, head, centre, (radii[0] * share, radii[1] * share), shade)


def draw_back_hair(canvas: Canvas, head: Head, outfit: Outfit, light: Light, swing: float) -> None:
    """The hair that hangs behind the neck; swing is how far its ends have drifted to the right."""
    ends = head.at(-0.5 * head.facing[0] + swing, 0.0)
    if outfit.cut == "long":
        tip = ends + np.array([0.0, 2.5 * head.size])
        tube = capsule(head.at(-0.3 * head.facing[0], 0.2), tip, 0.9 * head.size, 0.62 * head.size)
        draw_tube(canvas, *tube, plain(scaled(outfit.hair, 0.85)), light)
    elif outfit.cut == "bob":
        _ball(canvas, head, (-0.25 * head.facing[0], -0.15), (0.98, 1.0), scaled(outfit.hair, 0.8), light)
    elif outfit.cut == "ponytail":
        start = head.at(-0.8 * head.facing[0], 0.55)
        tip = head.at(-1.5 * head.facing[0] + 1.6 * swing, -1.3)
        draw_tube(canvas, *capsule(start, tip, 0.34 * head.size, 0.2 * head.size), plain(outfit.hair), light)


def draw_head(canvas: Canvas, head: Head, outfit: Outfit, light: Light) -> None:
    """Skull, hair, face and cap."""
    sin, cos = head.facing
    if outfit.cut == "afro":
        _ball(canvas, head, (-0.15 * sin, 0.25), (1.2, 1.15), outfit.hair, light)
    elif outfit.cut == "bun":
        _ball(canvas, head, (-0.7 * sin, 1.05 - 0.3 * abs(sin)), (0.42, 0.4), outfit.hair, light)
    _ball(canvas, head, (0.0, 0.0), (0.76 + 0.08 * abs(sin), 1.0), outfit.skin, light)
    if outfit.cut != "bald":
        _draw_shell(canvas, head, outfit, light)
    if cos > -0.35:
        _draw_face(canvas, head, outfit, light)
    if outfit.cut == "cap":
        _draw_cap(canvas, head, outfit, light)


def _draw_shell(canvas: Canvas, head: Head, outfit: Outfit, light: Light) -> None:
    """The hair on the skull; the face is drawn over it."""
    sin, cos = head.facing
    hangs = outfit.cut in ("bob", "long")
    reach = 0.95 if hangs or cos < -0.35 else 0.68
    _ball(canvas, head, (-0.2 * sin, 1.1 - reach), (0.88, reach), outfit.hair, light)


def _draw_face(canvas: Canvas, head: Head, outfit: Outfit, light: Light) -> None:
    sin, cos = head.facing
    skin = outfit.skin
    if outfit.cut != "bald":
        turned = 0.3 * sin
        _ball(canvas, head, (turned, -0.22), (0.64 - 0.1 * abs(sin), 0.76), skin, light)
    _oval(canvas, head, (0.52 * sin + 0.12 * sin, -0.18), (0.1, 0.17), scaled(skin, 0.82))
    dark = mixed(scaled(skin, 0.35), (20, 16, 18), 0.6)
    for side in (-1, 1):
        spot = 0.5 * sin + side * 0.27 * max(cos, 0.25)
        if abs(spot) < 0.78:
            _oval(canvas, head, (spot, 0.03), (0.1, 0.09), dark)
            _oval(canvas, head, (spot, 0.22), (0.14, 0.05), mixed(outfit.hair, skin, 0.3))
    _oval(canvas, head, (0.48 * sin, -0.55), (0.2 * max(cos, 0.4), 0.07), mixed(skin, (150, 40, 50), 0.6))


def _draw_cap(canvas: Canvas, head: Head, outfit: Outfit, light: Light) -> None:
    sin, cos = head.facing
    _ball(canvas, head, (-0.04 * sin, 0.6), (0.86, 0.52), outfit.accent, light)
    if cos > -0.35:
        brim = (0.75 * sin, 0.34)
        _oval(canvas, head, brim, (0.5 + 0.2 * abs(cos), 0.12 + 0.08 * max(cos, 0)), scaled(outfit.accent, 0.62))
