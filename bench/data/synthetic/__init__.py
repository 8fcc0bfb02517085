"""The built-in data set: drawn people who dance in cluttered places, with exact masks.

Frames are drawn with Pillow from a skeleton in unit coordinates; nothing is downloaded. Distractors
(posters, coats, mannequins, statues, balls) wear the dancers' colours and are background in the masks.
"""

import numpy as np

from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.synthetic.scene import render_scene

__all__ = ["generate"]

_SMALLEST = 16


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
    shots = [render_scene(seed, index, frames_per_scene, size, blend) for index in range(scenes)]
    names = tuple(f"{index:05d}" for index in range(scenes) for _ in range(frames_per_scene))
    stems = tuple(f"{index:05d}_{frame:04d}" for index in range(scenes) for frame in range(frames_per_scene))
    return Frames(
        stems=stems,
        scenes=names,
        images=np.concatenate([images for images, _ in shots]),
        masks=np.concatenate([masks for _, masks in shots]),
        original_sizes=np.tile(np.array(size, np.int64), (len(stems), 1)),
    )
