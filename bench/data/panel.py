"""Prediction pictures: the fixed frames of a run, and overlays on single images."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_erosion

PANEL_FRAMES = 24
"""Frames whose arrays are kept: the scenes of a test fold, unless it has more."""

MISSED = np.array([213, 94, 0])
"""Okabe-Ito vermilion: person that was not found."""
INVENTED = np.array([86, 180, 233])
"""Okabe-Ito sky blue: background taken for a person."""
FOUND = np.array([0, 158, 115])
"""Okabe-Ito bluish green: person that was found."""
IGNORED = 128
"""Grey: where nothing counts."""


def choose_frames(scenes: list[str], count: int = PANEL_FRAMES) -> list[int]:
    """Positions of the middle frame of up to `count` scenes, in the scenes' sorted order."""
    names = sorted(set(scenes))
    chosen = [names[i * len(names) // min(count, len(names))] for i in range(min(count, len(names)))]
    members = {name: [i for i, scene in enumerate(scenes) if scene == name] for name in chosen}
    return [frames[len(frames) // 2] for frames in members.values()]


def draw_rows(
    images: NDArray[np.uint8],
    truth: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    probability: NDArray[np.float16],
) -> list[Image.Image]:
    """A row for each frame: image, truth, probability, errors; what is ignored is grey but in the image.

    Images are (F, H, W, 3), the others (F, H, W).
    """
    rows = []
    for image, mask, hole, chance in zip(images, truth, ignored, probability, strict=True):
        judged = [_grey(mask), _grey(chance), paint(image, mask, chance > 0.5)]
        for part in judged:
            part[hole] = IGNORED
        row = Image.fromarray(np.concatenate((image, *judged), axis=1))
        scale = max(1, 128 // row.height)
        rows.append(row.resize((row.width * scale, row.height * scale), Image.Resampling.NEAREST))
    return rows


def paint(image: NDArray[np.uint8], truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Image (H, W, 3) with found, missed and false pixels tinted."""
    tinted = image.astype(np.float64)
    for where, colour in ((truth & prediction, FOUND), (truth & ~prediction, MISSED), (prediction & ~truth, INVENTED)):
        tinted[where] = 0.4 * tinted[where] + 0.6 * colour
    return tinted.astype(np.uint8)


def overlay(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Image (H, W, 3) with the mask tinted and its boundary drawn."""
    levels = 0.6 * np.arange(256)[:, None] + 0.4 * FOUND
    tinted = np.empty_like(image)
    for channel in range(3):  # by a table, since images may be so large that no copy as numbers fits
        level = levels[:, channel].astype(np.uint8)[image[..., channel]]
        tinted[..., channel] = np.where(mask, level, image[..., channel])
    width = max(1, round(max(mask.shape) / 200))
    tinted[mask & ~binary_erosion(mask, iterations=width)] = FOUND
    return tinted


def _grey(values: NDArray[np.bool_] | NDArray[np.float16]) -> NDArray[np.uint8]:
    grey = (values.astype(np.float64) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
