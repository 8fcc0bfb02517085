"""A drawing surface in unit coordinates, so that the same drawing serves every frame size."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hourglass_bench.bench.data.synthetic.palette import Colour, scaled

Array = NDArray[np.float64]
Ink = Colour | tuple[int, int, int, int]


class Canvas:
    """An image addressed in units: origin in its centre, x to the right, y down.

    An opaque canvas is RGB and blends inks that have an alpha. A clear one starts transparent and takes
    opaque inks only, so that its four channels are premultiplied colour and alpha; its mode is RGBX, as
    Pillow would convert RGBA there and back for every resize.
    """

    def __init__(self, half_width: float, half_height: float, scale: float, *, opaque: bool = False) -> None:
        """Cover +-half_width x +-half_height units at scale pixels per unit."""
        self.half_width, self.half_height, self.scale = half_width, half_height, scale
        width, height = max(1, round(2 * half_width * scale)), max(1, round(2 * half_height * scale))
        mode, ground = ("RGB", (0, 0, 0)) if opaque else ("RGBX", (0, 0, 0, 0))
        self.image = Image.new(mode, (width, height), ground)
        self._draw = ImageDraw.Draw(self.image, "RGBA" if opaque else "RGBX")
        # Pillow addresses pixel centres, units address pixel edges: hence the half pixel.
        self._shift = np.array([width / 2 - 0.5, height / 2 - 0.5])

    def polygon(self, points: Array | Sequence[tuple[float, float]], ink: Ink) -> None:
        """Fill the polygon with these corners (N, 2)."""
        pixels = np.asarray(points, dtype=np.float64) * self.scale + self._shift
        self._draw.polygon(pixels.ravel().tolist(), fill=ink)

    def polygons(self, outlines: Array, inks: Sequence[Ink]) -> None:
        """Fill several polygons with equally many corners, (K, N, 2), each with its own ink."""
        pixels = (outlines * self.scale + self._shift).reshape(len(outlines), -1).tolist()
        for corners, ink in zip(pixels, inks, strict=True):
            self._draw.polygon(corners, fill=ink)

    def rect(self, left: float, top: float, right: float, bottom: float, ink: Ink) -> None:
        """Fill an upright rectangle."""
        self._draw.rectangle(self._corners(left, top, right, bottom), fill=ink)

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float, ink: Ink) -> None:
        """Fill an upright ellipse around (x, y)."""
        self._draw.ellipse(self._corners(x - radius_x, y - radius_y, x + radius_x, y + radius_y), fill=ink)

    def line(self, points: Array | Sequence[tuple[float, float]], width: float, ink: Ink) -> None:
        """Stroke an open line of the given width in units, never thinner than one drawn pixel."""
        pixels = np.asarray(points, dtype=np.float64) * self.scale + self._shift
        self._draw.line(pixels.ravel().tolist(), fill=ink, width=max(1, round(width * self.scale)), joint="curve")

    def block(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle that is lit from the left and has a dark rim, as a piece of furniture is."""
        self.rect(left, top, right, bottom, scaled(colour, 0.62))
        rim = min(0.008, (right - left) / 6, (bottom - top) / 6)
        edges = np.linspace(left + rim, right - rim, 5)
        for index in range(4):
            ink = scaled(colour, 1.1 - 0.09 * index)
            self.rect(float(edges[index]), top + rim, float(edges[index + 1]), bottom - rim, ink)

    def ball(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle that is shaded like a ball lit from the upper left."""
        for share, factor in ((1.0, 0.62), (0.86, 0.85), (0.62, 1.05), (0.3, 1.25)):
            shift = (1.0 - share) * radius * 0.55
            self.ellipse(x - shift, y - shift, radius * share, radius * share, scaled(colour, factor))

    def ramp(self, top: float, bottom: float, first: Colour, last: Colour) -> None:
        """Fill the full width from top to bottom with a gradient between two colours."""
        edges = np.linspace(top, bottom, 13)
        for index in range(12):
            ink = tuple(int(a + (b - a) * index / 11) for a, b in zip(first, last, strict=True))
            self.rect(-9.0, float(edges[index]), 9.0, float(edges[index + 1]), (ink[0], ink[1], ink[2]))

    def paste(self, other: "Canvas", x: float, y: float) -> None:
        """Put an opaque canvas of the same scale here, its centre at (x, y)."""
        left = round(x * self.scale + self._shift[0] - other.image.width / 2)
        top = round(y * self.scale + self._shift[1] - other.image.height / 2)
        self.image.paste(other.image.convert(self.image.mode), (left, top))

    def _corners(self, left: float, top: float, right: float, bottom: float) -> list[float]:
        dx, dy = self._shift
        left, right = sorted((left * self.scale + dx, right * self.scale + dx))
        top, bottom = sorted((top * self.scale + dy, bottom * self.scale + dy))
        return [left, top, right, bottom]
