"""Masks that mean nothing, or two things."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from tests.bench.data.kinds import drawn, grey, palette_of
from tests.bench.data.malformed.cases import DATA, case, made

Draw = Callable[[np.ndarray, int], object]
"""Mask of a frame and its number among all -> an image of Pillow's, or an array for a TIFF."""


def _values(*codes: int, dtype: type = np.uint8) -> Draw:
    """Bands of codes, in every mask."""

    def draw(mask: np.ndarray, number: int) -> np.ndarray:
        bands = np.array(codes, dtype)[np.arange(mask.shape[0]) * len(codes) // mask.shape[0]]
        return np.repeat(bands[:, None], mask.shape[1], axis=1)

    return draw


def _mixed(mask: np.ndarray, number: int) -> Image.Image:
    return grey(mask, 1 if number % 2 else 255)


SETS: dict[str, tuple[Draw, str]] = {
    "no foreground at all": (lambda mask, _: grey(mask, 0), "must have foreground"),
    "photographs": (lambda _, n: Image.fromarray(next(drawn(1, 1)).image), "near the ends|label map|photographs"),
    "noise": (
        lambda mask, n: Image.fromarray(np.random.default_rng(n).integers(0, 256, mask.shape, np.uint8)),
        "near the ends|label map|instance labels",
    ),
    "three classes": (_values(0, 1, 2), "label map"),
    "two values, none of them 0": (_values(1, 2), "of which none is 0"),
    "0 and 1 in some, 0 and 255 in others": (_mixed, "of two kinds"),
    "negative numbers": (_values(-1, 0, 1, dtype=np.int16), "label map"),
    "shares below 0": (
        lambda mask, _: np.where(mask, np.float32(0.7), np.float32(-0.2)),
        "must hold shares from 0 to 1",
    ),
    "colours of floating point": (
        lambda mask, _: np.repeat(mask.astype(np.float32)[..., None], 3, axis=-1),
        "of one channel",
    ),
    "no number at all": (lambda mask, _: np.full(mask.shape, np.nan, np.float32), "must have foreground"),
    "a palette whose index 0 is white": (
        lambda mask, _: palette_of(np.uint8(1) * ~mask, {0: (255, 255, 255), 1: (0, 0, 0)}),
        "palette's index 0 is not black",
    ),
    "two colours": (
        lambda mask, _: Image.fromarray(np.dstack([mask * np.uint8(200), ~mask * np.uint8(200), mask * np.uint8(0)])),
        "hold two colours",
    ),
    "half their image's size": (lambda mask, _: grey(mask[::2, ::2]), "must have the size of its image"),
    "one page more than their image": (
        lambda mask, _: np.stack([mask, mask]).astype(np.uint8),
        "must have as many pages",
    ),
}
"""What all masks of a set are -> how one is drawn, and what is said."""


def _write(root: Path, draw: Draw) -> None:
    folder = made(root) / "masks"
    for number, frame in enumerate(drawn()):
        mask = draw(frame.mask, number)
        (folder / f"{frame.stem}.png").unlink()
        if isinstance(mask, Image.Image):
            mask.save(folder / f"{frame.stem}.png")
        else:
            tifffile.imwrite(folder / f"{frame.stem}.tif", mask, photometric="rgb" if mask.shape[-1] == 3 else None)


for _kind, (_draw, _says) in SETS.items():
    case(f"masks: {_kind}", DATA, _says)(partial(_write, draw=_draw))


def _void(mask: np.ndarray, number: int) -> Image.Image:
    labels = mask.astype(np.uint8)
    labels[:2] = 255
    return Image.fromarray(labels)


case("masks: 255 among small numbers", DATA, warns="255 .*left out")(partial(_write, draw=_void))
case("masks: numbers of 64 bits", DATA)(partial(_write, draw=_values(0, 2**40, dtype=np.int64)))
case("masks: all foreground", DATA, warns="--invert|values 255; 255 is foreground")(
    partial(_write, draw=lambda mask, _: grey(mask | True))
)


def _turned(root: Path, kind: str, orientation: int, square: bool) -> None:
    """EXIF turns one file of each pair."""
    folder = made(root)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for frame in drawn():
        image, mask = (folder / name / f"{frame.stem}.png" for name in ("images", "masks"))
        for path in (image, mask):
            picture = Image.open(path)
            if square:
                picture = picture.crop((0, 0, 48, 48))
            stored = picture.transpose(Image.Transpose.ROTATE_90) if path.parent.name == kind else picture
            options = {"exif": exif} if path.parent.name == kind else {}
            stored.save(path, **options)


for _folder in ("images", "masks"):
    for _square, _orientation in ((True, 6), (True, 8), (False, 3)):
        case(f"EXIF {_orientation} of {_folder} alone, {'square' if _square else 'lying'}", DATA, "EXIF|must have")(
            partial(_turned, kind=_folder, orientation=_orientation, square=_square)
        )
case("EXIF 6 of images alone, whose size fits turned", DATA, warns="EXIF turns 12 ")(
    partial(_turned, kind="images", orientation=6, square=False)
)
case("EXIF 6 of masks alone, whose size fits turned", DATA, warns="EXIF turns 12 ")(
    partial(_turned, kind="masks", orientation=6, square=False)
)
