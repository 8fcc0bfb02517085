"""The built-in data set: drawn people who dance in cluttered places, with exact masks.

Frames are drawn with Pillow from a skeleton in unit coordinates; nothing is downloaded. Distractors
(posters, coats, mannequins, statues, balls) wear the dancers' colours and are background in the masks.
"""

import numpy as np

from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.synthetic.scene import render_scene

__all__ = ["generate", "memory_needed"]

_SMALLEST = 16
_DRAWING = 300
"""Bytes for each pixel of a frame while it is drawn: 265 to 283 measured of frames of 1024 and 2048 pixels a side."""


def memory_needed(*, scenes: int, frames_per_scene: int, size: tuple[int, int]) -> int:
    """Bytes that `generate` takes: all images and masks, those of a scene once more, and a frame that is drawn."""
    return size[0] * size[1] * (4 * (scenes + 1) * frames_per_scene + _DRAWING)


def generate(*, scenes: int, frames_per_scene: int, size: tuple[int, int], seed: int, blend: float = 0.0) -> Frames:
    """Draw scenes x frames_per_scene frames of size (height, width) in pixels.

    A scene depends only on the seed and its number: asking for more scenes, for more frames or for another
    size shows the same dancers in the same places. Sensor noise alone is sampled anew for each size.

    Args:
        blend: how much of what is behind them the dancers show, in [0, 1): their pixels are blended with those that
            they cover, shadow included, so that colour and texture of both come together; masks stay as they are.
            The texture difficulty of Kamath et al. 2023 (MICCAI, LNCS 14223) and 2025 (Computers in Biology and
            Medicine).

    Raises ValueError if scenes, frames_per_scene or seed is too small, or a side is below 16 pixels.
    """
    for field, value, least in (("scenes", scenes, 1), ("frames_per_scene", frames_per_scene, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{field} must be at least {least}, got {value}.")
    if min(size) < _SMALLEST:
        raise ValueError(f"size must be at least {_SMALLEST} pixels on each side, got {size}.")
    images = np.empty((scenes * frames_per_scene, *size, 3), np.uint8)
    masks = np.empty((scenes * frames_per_scene, *size), np.uint8)
    for index in range(scenes):
        scene = slice(index * frames_per_scene, (index + 1) * frames_per_scene)
        images[scene], masks[scene] = render_scene(seed, index, frames_per_scene, size, blend)
    names = tuple(f"{index:05d}" for index in range(scenes) for _ in range(frames_per_scene))
    stems = tuple(f"{index:05d}_{frame:04d}" for index in range(scenes) for frame in range(frames_per_scene))
    return Frames(
        stems=stems,
        scenes=names,
        images=images,
        masks=masks,
        original_sizes=np.tile(np.array(size, np.int64), (len(stems), 1)),
    )
