"""A clothed, articulated dancer: body parts from far to near."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Array, Canvas
from hourglass_bench.bench.data.synthetic.head import Head, draw_back_hair, draw_head
from hourglass_bench.bench.data.synthetic.outfit import Outfit
from hourglass_bench.bench.data.synthetic.palette import scaled
from hourglass_bench.bench.data.synthetic.skeleton import HEAD, Pose, Skeleton, solve
from hourglass_bench.bench.data.synthetic.tube import Light, Paint, capsule, draw_tube, plain


class Stand(NamedTuple):
    """Where a dancer stands: x and ground y in units, and the body height in units."""

    x: float
    ground: float
    height: float


class _Figure(NamedTuple):
    """What every part needs to draw itself."""

    canvas: Canvas
    body: Skeleton
    outfit: Outfit
    light: Light
    stand: Stand

    def flat(self, joints: Array) -> Array:
        """Project joints (..., 3) to canvas points (..., 2)."""
        height = self.stand.height
        origin = np.array([self.stand.x, self.stand.ground])
        return np.asarray(origin + joints[..., :2] * np.array([height, -height]))

    def tube(self, centres: Array, radii: Array, paint: Paint) -> None:
        """A tube on the canvas; the paint's step is in body heights."""
        draw_tube(self.canvas, centres, radii, paint._replace(step=paint.step * self.stand.height), self.light)

    def limb(self, start: Array, end: Array, radii: tuple[float, float], paint: Paint) -> None:
        """A tube with round ends between two joints; radii in body heights."""
        height = self.stand.height
        self.tube(*capsule(self.flat(start), self.flat(end), radii[0] * height, radii[1] * height), paint)

    def width(self, yaw: float, front: float, depth: float) -> float:
        """Half the projected width of an oval body section with this heading, in body heights."""
        return self.outfit.girth * float(np.hypot(front * np.cos(yaw), depth * np.sin(yaw)))


def draw_figure(canvas: Canvas, pose: Pose, outfit: Outfit, stand: Stand, light: Light, swing: float) -> None:
    """Draw a dancer; swing is the sideways drift of loose hair and hems in body heights."""
    figure = _Figure(canvas, solve(pose), outfit, light, stand)
    for _, draw in sorted(_parts(figure, swing), key=lambda part: part[0]):
        draw()


def _parts(figure: _Figure, swing: float) -> list[tuple[float, Callable[[], None]]]:
    """All parts with their depth: a part with a larger one hides the others."""
    body = figure.body
    facing = (float(np.sin(body.head_yaw)), float(np.cos(body.head_yaw)))
    centre, size = figure.flat(body.head), HEAD * figure.stand.height
    head = Head(figure.canvas, figure.outfit, figure.light, centre, size, body.head_tilt, facing)
    middle = float(body.spine[1, 2])
    parts: list[tuple[float, Callable[[], None]]] = [
        (middle, lambda: _draw_torso(figure)),
        (middle + 0.02, lambda: _draw_neck(figure)),
        (middle + 0.03, lambda: draw_head(head)),
        (middle + (0.035 if facing[1] < 0.0 else -0.03), lambda: draw_back_hair(head, 8 * swing)),
    ]
    if figure.outfit.bottom in ("skirt", "dress"):
        parts.append((middle + 0.01, lambda: _draw_skirt(figure, swing)))
    for leg in body.legs:
        lifted = float(leg[1, 1] - leg[0, 1]) > -0.08  # a knee near the hips covers or hides the torso
        depth = 0.3 * float(leg[1, 2]) + (0.03 if lifted and leg[1, 2] > 0.05 else -0.1)
        parts.append((depth, lambda leg=leg: _draw_leg(figure, leg)))  # type: ignore[misc]
    for arm in body.arms:
        depth = 0.5 * float(arm[1, 2] + arm[2, 2])
        parts.append((depth if abs(depth) > 0.02 else 0.05, lambda arm=arm: _draw_arm(figure, arm)))  # type: ignore[misc]
    return parts


def _draw_neck(figure: _Figure) -> None:
    top = figure.body.head - np.array([0.0, 0.035, 0.0])
    radius = 0.027 * figure.outfit.girth
    skin = plain(scaled(figure.outfit.skin, 0.82))
    figure.limb(figure.body.spine[2] - np.array([0, 0.01, 0]), top, (radius * 1.15, radius), skin)


def _torso_outline(figure: _Figure) -> tuple[Array, Array]:
    """Centres and half widths of the trunk, from the base of the neck to the crotch."""
    pelvis, waist, neck = figure.body.spine
    hips, chest = figure.body.hip_yaw, figure.body.chest_yaw
    shares = np.array([0.0, 0.04, 0.1, 0.2, 0.42, 0.7, 0.9, 1.03, 1.12])[:, None]
    line = (1 - shares) ** 2 * neck + 2 * shares * (1 - shares) * waist + shares**2 * pelvis
    at_chest = np.array([0.036, 0.075, 0.106, 0.113, 0.102])
    at_hips = np.array([0.084, 0.09, 0.094, 0.06])
    upper = [figure.width(chest, float(w), float(w) * 0.62) for w in at_chest]
    lower = [figure.width(hips, float(w), float(w) * 0.78) for w in at_hips]
    return figure.flat(line), np.array(upper + lower) * figure.stand.height


def _draw_torso(figure: _Figure) -> None:
    """Hips, then the top over them, then what shows at the neck and the waist."""
    outfit = figure.outfit
    centres, radii = _torso_outline(figure)
    figure.tube(centres[4:], radii[4:], outfit.bottom_paint._replace(pattern="plain"))
    bare = outfit.top == "crop top" and outfit.bottom != "dress"
    if bare:
        figure.tube(centres[4:7], radii[4:7] * 0.93, plain(outfit.skin))
    last = 5 if bare else {"jacket": 8, "sweater": 8}.get(outfit.top, 7)
    figure.tube(centres[:last], radii[:last], outfit.top_paint)
    _draw_opening(figure, centres[:last], radii[:last])
    if outfit.top == "t-shirt" and outfit.bottom != "dress":
        figure.tube(centres[6:8], radii[6:8] * 1.02, plain(scaled(outfit.accent, 0.7)))


def _draw_opening(figure: _Figure, centres: Array, radii: Array) -> None:
    """The shirt under an open jacket, or the skin in a neckline, where the chest faces the viewer."""
    outfit = figure.outfit
    sideways, facing = float(np.sin(figure.body.chest_yaw)), float(np.cos(figure.body.chest_yaw))
    if outfit.top == "jacket" and facing > 0.2:
        front = centres + np.array([0.6 * sideways, 0.0]) * radii[:, None]
        figure.tube(front, radii * 0.34 * facing, plain(outfit.under))
    elif outfit.top in ("t-shirt", "tank top", "crop top") and facing > 0.0:
        x, y = centres[0].tolist()
        size = 0.034 * figure.stand.height * (1.5 if outfit.top == "tank top" else 1.0)
        figure.canvas.ellipse(x, y, size, size * 0.8, scaled(outfit.skin, 0.9))


def _draw_skirt(figure: _Figure, swing: float) -> None:
    """From the waist to the hem; the hem follows the legs and the swing."""
    body, outfit = figure.body, figure.outfit
    height = figure.stand.height
    waist = body.spine[0] + 0.25 * (body.spine[1] - body.spine[0])
    knees = np.stack([leg[0] + outfit.hem * (leg[1] - leg[0]) for leg in body.legs])
    hem = knees.mean(axis=0) + np.array([swing, -0.02, 0.0])
    spread = abs(float(knees[0, 0] - knees[1, 0])) / 2 + 0.05
    lowest = float(np.min(knees[:, 1])) - 0.02
    hem[1] = min(hem[1], body.spine[0, 1] - 0.1)
    hem[1] = 0.5 * (hem[1] + min(lowest, hem[1]))
    width = max(outfit.flare, spread)
    shares = np.array([0.0, 0.3, 0.65, 1.0])
    line = figure.flat(waist + shares[:, None] * (hem - waist))
    start = figure.width(body.hip_yaw, 0.082, 0.066)
    radii = (start + (width - start) * shares**0.8) * height
    figure.tube(line, radii, outfit.bottom_paint)
    normal = np.array([1.0, 0.0])
    for fold in (-0.62, -0.25, 0.2, 0.58):  # folds widen towards the hem
        tips = line[-1] + normal * radii[-1] * np.array([[fold - 0.07], [fold + 0.07]])
        top = line[1] + normal * radii[1] * fold
        figure.canvas.polygon(np.concatenate([top[None], tips]), scaled(outfit.bottom_paint.colour, 0.55))


def _draw_leg(figure: _Figure, leg: Array) -> None:
    outfit = figure.outfit
    girth = outfit.girth
    hip, knee, ankle, toe = leg
    covered = outfit.bottom in ("trousers", "wide trousers", "leggings")
    tight = 0.9 if outfit.bottom in ("leggings", "skirt", "dress", "shorts") else 1.0
    cloth = outfit.bottom_paint._replace(step=0.05)
    paint = cloth if covered else plain(outfit.skin)
    hem = {"trousers": 0.04, "wide trousers": 0.064}.get(outfit.bottom, 0.026) * girth
    figure.limb(ankle, toe, (0.032, 0.026), plain(outfit.shoes))
    sole = np.array([0.0, -0.022, 0.0])
    figure.limb(ankle + sole, toe + 0.6 * sole, (0.012, 0.011), plain(outfit.accent))
    calf = knee + 0.3 * (ankle - knee)
    figure.limb(knee, calf, (0.045 * girth * tight, 0.046 * girth * tight), paint)
    stop = ankle + (0.02 if covered else 0.0) * (knee - ankle)
    figure.limb(calf, stop, (0.046 * girth * tight, hem), paint)
    figure.limb(hip, knee, (0.066 * girth * tight, 0.047 * girth * tight), paint)
    if outfit.bottom == "shorts":
        end = hip + min(0.85, outfit.hem) * (knee - hip)
        figure.limb(hip, end, (0.07 * girth, 0.066 * girth), cloth)


def _draw_arm(figure: _Figure, arm: Array) -> None:
    outfit = figure.outfit
    girth = outfit.girth
    shoulder, elbow, wrist, tips = arm
    sleeve = {"t-shirt": 0.6, "crop top": 0.45, "tank top": 0.0}.get(outfit.top, 2.0)
    cloth = outfit.top_paint
    skin = plain(outfit.skin)
    lower = cloth if sleeve > 1.0 else skin
    loose = 1.22 if sleeve > 1.0 else 1.0
    figure.limb(wrist, wrist + 0.55 * (tips - wrist), (0.021, 0.024), skin)
    figure.limb(wrist, tips, (0.018, 0.012), skin)
    figure.limb(elbow, wrist, (0.031 * girth * loose, 0.022 * girth * loose), lower)
    figure.limb(shoulder, elbow, (0.039 * girth * loose, 0.032 * girth * loose), lower)
    if 0.0 < sleeve < 1.0:
        figure.limb(shoulder, shoulder + sleeve * (elbow - shoulder), (0.044 * girth, 0.047 * girth), cloth)
