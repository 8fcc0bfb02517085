"""Light in the room and the camera's sensor: what happens to a picture after it is drawn."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.synthetic.canvas import Array
from hourglass_bench.bench.data.synthetic.tube import Light

Pixels = NDArray[np.float32]


class View(NamedTuple):
    """How units map to the frame."""

    height: int
    width: int
    """Of the frame in pixels."""
    unit: float
    """Pixels per unit."""

    def grid(self) -> tuple[Pixels, Pixels]:
        """The x (1, W) and y (H, 1) of the pixel centres in units."""
        x = (np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / self.unit
        y = (np.arange(self.height, dtype=np.float32) + 0.5 - self.height / 2) / self.unit
        return x[None, :].astype(np.float32), y[:, None].astype(np.float32)


def view_of(size: tuple[int, int]) -> View:
    """The view of a frame (height, width).

    The unit is the square root of the area, so that a dancer covers the same share whatever the shape, but
    not so long that a dancer would leave a very flat or narrow frame.
    """
    height, width = size
    return View(height, width, min(float(np.sqrt(height * width)), 1.3 * min(height, width)))


def sample_light(rng: np.random.Generator) -> Light:
    """Sample where the light on the dancers comes from."""
    direction = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.0), rng.uniform(0.45, 0.9)])
    x, y, z = (direction / np.linalg.norm(direction)).tolist()
    return Light(x, y, z, float(rng.uniform(0.3, 0.6)))


def sample_glow(rng: np.random.Generator, view: View) -> Pixels:
    """Sample the light over the frame as factors (H, W, 3): a slope, a lamp's glow, a vignette and a tint."""
    x, y = view.grid()
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.75)
    glow = 1.0 + slope * (x * np.cos(angle) + y * np.sin(angle))
    lamp_x, lamp_y = rng.uniform(-0.5, 0.5, 2)
    glow += rng.uniform(0.0, 0.5) * np.exp(-((x - lamp_x) ** 2 + (y - lamp_y) ** 2) / 0.09)
    glow -= rng.uniform(0.0, 0.5) * (x**2 + y**2)
    tint = rng.uniform(0.88, 1.1, 3) * rng.uniform(0.8, 1.15)
    return np.asarray(np.clip(glow, 0.3, 1.7)[..., None] * tint, dtype=np.float32)


def shadow(view: View, x: float, y: float, radius: float) -> Pixels:
    """Factors (H, W, 1) of the soft shadow on the ground under a dancer at (x, y)."""
    grid_x, grid_y = view.grid()
    distance = ((grid_x - x) / radius) ** 2 + ((grid_y - y) / (0.28 * radius)) ** 2
    return np.asarray(1.0 - 0.45 * np.exp(-distance), dtype=np.float32)[..., None]


def add_grain(image: Image.Image, rng: np.random.Generator, half_width: float, half_height: float) -> Image.Image:
    """Roughen a drawn backdrop with stains and grain, the same in units at every size."""
    total = np.ones((image.height, image.width), dtype=np.float32)
    for cells, amount in ((6, 0.1), (24, 0.07), (72, 0.055)):
        total += _noise(rng, cells, amount, (half_width, half_height), image.size)
    textured = np.asarray(image, dtype=np.float32) * total[..., None]
    return Image.fromarray(np.clip(textured, 0, 255).astype(np.uint8))


def _noise(
    rng: np.random.Generator, cells: int, amount: float, half: tuple[float, float], size: tuple[int, int]
) -> Pixels:
    """Smooth noise (H, W) with this many cells per unit; the 2 x 2 units round the origin have their own."""
    field = Image.fromarray(rng.normal(0.0, amount, (2 * cells, 2 * cells)).astype(np.float32))
    box = None  # for a frame longer than the field, which is stretched over it
    if max(half) <= 1:
        box = (cells * (1 - half[0]), cells * (1 - half[1]), cells * (1 + half[0]), cells * (1 + half[1]))
    return np.asarray(field.resize(size, Image.Resampling.BICUBIC, box=box))


def expose(picture: Pixels, glow: Pixels, noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light the picture (H, W, 3), 0..255, and read it out with Gaussian sensor noise of this deviation."""
    grey = rng.standard_normal(picture.shape[:2], dtype=np.float32)[..., None]
    coloured = rng.standard_normal(picture.shape, dtype=np.float32)
    read = picture * glow + noise * (0.7 * grey + 0.6 * coloured)
    return np.clip(read + 0.5, 0, 255).astype(np.uint8)


def over(front: Image.Image, picture: Pixels, opacity: float = 1.0) -> tuple[Pixels, Pixels]:
    """Lay the image of a clear canvas over a picture (H, W, 3); also returns its alpha (H, W, 1) in 0..1.

    Below an opacity of 1 the picture shows through, which the alpha does not tell.
    """
    pixels = np.asarray(front, dtype=np.float32)
    alpha = pixels[..., 3:] / np.float32(255)
    return picture * (1 - opacity * alpha) + opacity * pixels[..., :3], alpha


def camera_path(rng: np.random.Generator, frames: int) -> Array:
    """The camera's pan in units and its zoom for each frame, (frames, 3)."""
    time = np.arange(frames)[:, None]
    rate, phase = rng.uniform(0.15, 0.5, 3), rng.uniform(0, 2 * np.pi, 3)
    reach = np.array([0.035, 0.018, 0.02]) * rng.uniform(0, 1)
    return np.asarray(np.array([0.0, 0.0, 1.03]) + reach * np.sin(rate * time + phase))
