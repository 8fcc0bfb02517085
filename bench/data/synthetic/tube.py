"""The one solid everything soft is made of: a shaded, patterned tube around a line."""

from typing import NamedTuple

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Array, Canvas
from hourglass_bench.bench.data.synthetic.palette import Colour, mixed, scaled

_EDGES = np.array([-1.0, -0.78, -0.4, 0.0, 0.4, 0.78, 1.0])  # borders of the strips across a tube
_MIDDLES = (_EDGES[1:] + _EDGES[:-1]) / 2
_DEPTHS = np.sqrt(1.0 - _MIDDLES**2).tolist()  # how much each strip faces the viewer
# The sections of a tube with round ends: where each lies between start (0) and end (1), how far beyond it in
# radii of the start and of the end, and how wide it is in those radii.
_SHARE = np.array([[0.0], [0.0], [0.0], [0.0], [1.0], [1.0], [1.0], [1.0]])
_BEYOND_START = np.array([[-1.0], [-0.87], [-0.5], [0.0], [0.0], [0.0], [0.0], [0.0]])
_BEYOND_END = -_BEYOND_START[::-1]
_WIDE_START = np.array([0.05, 0.5, 0.87, 1.0, 0.0, 0.0, 0.0, 0.0])
_WIDE_END = _WIDE_START[::-1]


class Light(NamedTuple):
    """A lamp far away: the unit vector to it (x right, y down, z to the viewer) and the ambient share."""

    x: float
    y: float
    z: float
    ambient: float

    def on(self, normal_x: float, normal_y: float, normal_z: float) -> float:
        """The brightness factor of a surface with this unit normal."""
        facing = max(0.0, normal_x * self.x + normal_y * self.y + normal_z * self.z)
        return self.ambient + (1.22 - self.ambient) * facing


class Paint(NamedTuple):
    """What a tube is covered with."""

    colour: Colour
    second: Colour
    pattern: str = "plain"
    """"plain", "bands" (across), "stripes" (along), "plaid" or "dots"."""
    step: float = 0.05
    """Distance between two bands or rows of dots in units."""


def plain(colour: Colour) -> Paint:
    """A paint of one colour."""
    return Paint(colour, colour)


def capsule(start: Array, end: Array, start_radius: float, end_radius: float) -> tuple[Array, Array]:
    """Centres (8, 2) and radii (8,) of a straight tube with round ends."""
    axis = end - start
    length = float(np.hypot(axis[0], axis[1]))
    along = axis / length if length > 1e-6 else np.array([0.0, 1.0])
    beyond = _BEYOND_START * start_radius + _BEYOND_END * end_radius
    return start + _SHARE * axis + beyond * along, _WIDE_START * start_radius + _WIDE_END * end_radius


def draw_tube(canvas: Canvas, centres: Array, radii: Array, paint: Paint, light: Light) -> None:
    """Draw the tube around centres (n, 2) with radii (n,) in units."""
    normals = _normals(centres)
    across = normals[:, None, :] * radii[:, None, None]
    grid = centres[:, None, :] + across * _EDGES[None, :, None]  # (n, 7, 2)
    middle = normals[len(normals) // 2]
    shades = _shades(light, float(middle[0]), float(middle[1]))
    colours = [paint.second if paint.pattern == "stripes" and k % 2 else paint.colour for k in range(6)]
    outlines = np.concatenate([grid[:, :-1], grid[::-1, 1:]]).transpose(1, 0, 2)
    canvas.polygons(outlines, [scaled(c, shade) for c, shade in zip(colours, shades, strict=True)])
    if paint.pattern in ("bands", "plaid"):
        _draw_bands(canvas, centres, across, paint, shades)
    elif paint.pattern == "dots":
        _draw_dots(canvas, centres, across, paint, shades)


def _normals(centres: Array) -> Array:
    """Unit vectors (n, 2) across a line, at each of its points."""
    steps = centres[1:] - centres[:-1]
    tangents = np.concatenate([steps[:1], steps[1:] + steps[:-1], steps[-1:]])
    lengths = np.maximum(np.hypot(tangents[:, 0], tangents[:, 1]), 1e-9)
    return np.asarray(tangents[:, ::-1] * np.array([-1.0, 1.0]) / lengths[:, None])


def _shades(light: Light, normal_x: float, normal_y: float) -> list[float]:
    """The brightness factor of each strip of a tube whose sides face along this normal."""
    return [light.on(u * normal_x, u * normal_y, z) for u, z in zip(_MIDDLES.tolist(), _DEPTHS, strict=True)]


def _steps(centres: Array, across: Array, step: float) -> tuple[Array, Array]:
    """Centres and across vectors (m, 2) at even distances of half a step along the line."""
    pieces = np.hypot(*np.diff(centres, axis=0).T)
    travelled = np.concatenate([[0.0], np.cumsum(pieces)])
    at = np.arange(step / 2, travelled[-1], step / 2)
    flat = across[:, 0]
    return (
        np.stack([np.interp(at, travelled, centres[:, k]) for k in (0, 1)], axis=1),
        np.stack([np.interp(at, travelled, flat[:, k]) for k in (0, 1)], axis=1),
    )


def _draw_bands(canvas: Canvas, centres: Array, across: Array, paint: Paint, shades: list[float]) -> None:
    """Bands of the second colour across the tube; for plaid also darker lines along it."""
    spots, sides = _steps(centres, across, paint.step)
    blend = 0.6 if paint.pattern == "plaid" else 1.0
    colour = mixed(paint.colour, paint.second, blend)
    if len(spots) < 2:
        return
    grid = spots[:, None, :] + sides[:, None, :] * _EDGES[None, :, None]
    rows = len(spots) // 2
    near, far = grid[0 : 2 * rows : 2], grid[1 : 2 * rows : 2]
    corners = np.stack([near[:, :-1], near[:, 1:], far[:, 1:], far[:, :-1]], axis=2)
    crossed = [paint.second if paint.pattern == "plaid" and k % 2 else colour for k in range(6)]
    inks = [scaled(c, shade) for c, shade in zip(crossed, shades, strict=True)]
    canvas.polygons(corners.reshape(-1, 4, 2), inks * rows)


def _draw_dots(canvas: Canvas, centres: Array, across: Array, paint: Paint, shades: list[float]) -> None:
    """Dots of the second colour, every other row moved by half a dot."""
    spots, sides = _steps(centres, across, paint.step)
    radius = paint.step * 0.24
    for row in range(0, len(spots), 2):
        columns = (-0.6, 0.0, 0.6) if row % 4 else (-0.3, 0.3)
        for u in columns:
            x, y = spots[row] + sides[row] * u
            shade = shades[int(np.searchsorted(_EDGES, u, side="right")) - 1]
            canvas.ellipse(float(x), float(y), radius * (1 - 0.4 * abs(u)), radius, scaled(paint.second, shade))
