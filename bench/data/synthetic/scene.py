"""One scene: a place, its dancers and the camera, rendered frame by frame."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hourglass_bench.bench.data.synthetic.backdrop import Layers
from hourglass_bench.bench.data.synthetic.canvas import Array, Canvas
from hourglass_bench.bench.data.synthetic.figure import Stand, draw_figure
from hourglass_bench.bench.data.synthetic.motion import Dance, pose_at, sample_dance
from hourglass_bench.bench.data.synthetic.movers import Mover, draw_front, sample_movers
from hourglass_bench.bench.data.synthetic.outfit import Outfit, sample_outfit
from hourglass_bench.bench.data.synthetic.places import PLACES
from hourglass_bench.bench.data.synthetic.sensor import (
    Pixels,
    View,
    add_grain,
    camera_path,
    expose,
    over,
    sample_glow,
    sample_light,
    shadow,
    view_of,
)
from hourglass_bench.bench.data.synthetic.tube import Light

_MARGIN = 0.12  # units drawn beyond the frame for the camera to move in
_LAYER_FINE = 2  # drawn pixels per pixel of the frame for what stands still
_FAR, _NEAR, _FRONT = 0.5, 0.8, 1.2  # how much layers follow the camera; dancers follow it by 1


class Dancer(NamedTuple):
    """A person of a scene."""

    outfit: Outfit
    dance: Dance
    stand: Stand


class Stage(NamedTuple):
    """Everything of a scene that is drawn once, and what is needed to draw the rest."""

    view: View
    fine: int
    """Drawn pixels per pixel of the frame for what moves, for soft edges."""
    layers: tuple[Image.Image, Image.Image, Image.Image]
    """Far, near and front."""
    movers: tuple[Mover, ...]
    dancers: tuple[Dancer, ...]
    """From far to near."""
    light: Light
    glow: Pixels
    noise: float


def render_scene(
    seed: int, index: int, frames: int, size: tuple[int, int], blend: float = 0.0
) -> tuple[NDArray[np.uint8], ...]:
    """Images (frames, H, W, 3) and masks (frames, H, W) of scene number index of a seed."""
    # Separate streams, so that neither the number of frames nor their size can change what is shown.
    plan, sensor = (np.random.default_rng(s) for s in np.random.SeedSequence([seed, index]).spawn(2))
    stage = _build(plan, index, view_of(size))
    path = camera_path(plan, frames)
    images, masks = np.empty((frames, *size, 3), np.uint8), np.empty((frames, *size), np.uint8)
    for frame in range(frames):
        images[frame], masks[frame] = _shoot(stage, path[frame], frame, sensor, 1.0 - blend)
    return images, masks


def _build(rng: np.random.Generator, index: int, view: View) -> Stage:
    fine = 4 if min(view.height, view.width) <= 160 else 2
    place = index % len(PLACES)
    horizon = float(rng.uniform(0.14, 0.27))
    dancers = _sample_dancers(rng)
    return Stage(
        view=view,
        fine=fine,
        layers=_draw_layers(rng, place, horizon, view),
        movers=sample_movers(rng, place, horizon),
        dancers=dancers,
        light=sample_light(rng),
        glow=sample_glow(rng, view),
        noise=float(rng.uniform(2.0, 9.0)),
    )


def _sample_dancers(rng: np.random.Generator) -> tuple[Dancer, ...]:
    """One dancer, at times two; mostly whole, at times cut by the edge of the picture."""
    kind = rng.random()
    if kind < 0.16:  # a couple
        heights, places = rng.uniform(0.68, 0.82, 2), np.array([-0.22, 0.22]) + rng.uniform(-0.05, 0.05, 2)
        grounds = rng.uniform(0.38, 0.46, 2)
    elif kind < 0.36:  # close to the camera: the legs leave the picture
        heights, places, grounds = rng.uniform(1.15, 1.45, 1), rng.uniform(-0.12, 0.12, 1), np.zeros(1)
        grounds = heights - rng.uniform(0.4, 0.45, 1)
    elif kind < 0.46:  # cut by a side
        heights, grounds = rng.uniform(0.95, 1.1, 1), rng.uniform(0.52, 0.62, 1)
        places = rng.choice([-1.0, 1.0], 1) * rng.uniform(0.24, 0.32, 1)
    else:
        heights, places = rng.uniform(0.82, 0.98, 1), rng.uniform(-0.15, 0.15, 1)
        grounds = np.minimum(0.48, heights * 0.5 + rng.uniform(-0.03, 0.04, 1))
    spots = np.stack([places, grounds, heights], axis=1)[np.argsort(grounds)].tolist()
    return tuple(Dancer(sample_outfit(rng), sample_dance(rng), Stand(*spot)) for spot in spots)


def _draw_layers(
    rng: np.random.Generator, place: int, horizon: float, view: View
) -> tuple[Image.Image, Image.Image, Image.Image]:
    half_width = view.width / view.unit / 2 + _MARGIN
    half_height = view.height / view.unit / 2 + _MARGIN
    scale = view.unit * _LAYER_FINE
    far = Canvas(half_width, half_height, scale, opaque=True)
    near = Canvas(half_width, half_height, scale)
    front = Canvas(half_width, half_height, scale)
    PLACES[place](Layers(far, near), rng, horizon)
    if rng.random() < 0.3:
        draw_front(front, rng, place, 0.46)
    rough = add_grain(far.image, rng, half_width, half_height)
    blur = max(0.0, float(rng.uniform(-0.006, 0.008))) * scale
    return rough.filter(ImageFilter.GaussianBlur(blur)), near.image, front.image


def _shoot(
    stage: Stage, camera: Array, frame: int, rng: np.random.Generator, opacity: float
) -> tuple[NDArray[np.uint8], ...]:
    """One frame, with dancers of this opacity: its image (H, W, 3) and its mask (H, W)."""
    view, (far, near, front) = stage.view, stage.layers
    picture = np.asarray(_crop(stage, far, camera, _FAR), dtype=np.float32)
    picture, _ = over(_crop(stage, near, camera, _NEAR), picture)
    moving = _sheet(stage)
    for mover in stage.movers:
        mover(moving, float(camera[0]) * _NEAR, frame)
    picture, _ = over(moving.image.reduce(stage.fine), picture)
    mask = np.zeros((view.height, view.width, 1), dtype=np.float32)
    for dancer in stage.dancers:
        stand = _place(dancer.stand, camera)
        picture = picture * shadow(view, stand.x, stand.ground, 0.3 * stand.height)
        sheet = _sheet(stage)
        swing = 0.03 * float(np.sin(2 * np.pi * dancer.dance.cycles_per_frame * frame + dancer.dance.start - 0.9))
        draw_figure(sheet, pose_at(dancer.dance, frame), dancer.outfit, stand, stage.light, swing)
        picture, alpha = over(sheet.image.reduce(stage.fine), picture, opacity)
        mask = np.maximum(mask, alpha)
    if front.getbbox() is not None:
        picture, hidden = over(_crop(stage, front, camera, _FRONT), picture)
        mask = mask * (1.0 - hidden)
    return expose(picture, stage.glow, stage.noise, rng), np.rint(mask[..., 0] * 255).astype(np.uint8)


def _sheet(stage: Stage) -> Canvas:
    view = stage.view
    return Canvas(view.width / view.unit / 2, view.height / view.unit / 2, view.unit * stage.fine)


def _place(stand: Stand, camera: Array) -> Stand:
    """Where a dancer appears to the camera."""
    pan_x, pan_y, zoom = camera.tolist()
    return Stand((stand.x + pan_x) * zoom, (stand.ground + pan_y) * zoom, stand.height * zoom)


def _crop(stage: Stage, layer: Image.Image, camera: Array, follow: float) -> Image.Image:
    """The part of a layer that the camera sees, at the size of the frame."""
    pan_x, pan_y, zoom = camera.tolist()
    view = stage.view
    scale = view.unit * _LAYER_FINE
    middle_x, middle_y = layer.width / 2 - pan_x * follow * scale, layer.height / 2 - pan_y * follow * scale
    reach_x, reach_y = view.width * _LAYER_FINE / zoom / 2, view.height * _LAYER_FINE / zoom / 2
    box = (middle_x - reach_x, middle_y - reach_y, middle_x + reach_x, middle_y + reach_y)
    return layer.resize((view.width, view.height), Image.Resampling.BOX, box=box)
