"""Dance: every joint angle is a smooth periodic function of time."""

from typing import NamedTuple

import numpy as np

from hourglass_bench.bench.data.synthetic.skeleton import Arm, Leg, Pose

Wave = tuple[float, float, int, float]
"""(middle, swing, beats per cycle, phase in degrees): middle + swing * sin(beats * time + phase)."""


class Style(NamedTuple):
    """A way to dance. Pairs of waves belong to the viewer's left and right; angles as in Pose."""

    arm_lift: tuple[Wave, Wave]
    arm_swing: tuple[Wave, Wave]
    arm_bend: tuple[Wave, Wave]
    arm_turn: tuple[Wave, Wave]
    leg_lift: tuple[Wave, Wave]
    leg_swing: tuple[Wave, Wave]
    leg_bend: tuple[Wave, Wave]
    yaw: Wave = (0, 15, 1, 0)
    twist: Wave = (0, 10, 1, 90)
    lean: Wave = (0, 6, 1, 0)
    bow: Wave = (4, 4, 2, 0)
    shift: Wave = (0, 0.05, 1, 0)
    jump: Wave = (0, 0, 1, 0)


def _same(middle: float, swing: float = 0.0, beats: int = 1, phase: float = 0.0) -> tuple[Wave, Wave]:
    """Both sides move together."""
    wave = (middle, swing, beats, phase)
    return wave, wave


def _turns(middle: float, swing: float, beats: int = 1, phase: float = 0.0) -> tuple[Wave, Wave]:
    """The sides take turns."""
    return (middle, swing, beats, phase), (middle, swing, beats, phase + 180.0)


STYLES: dict[str, Style] = {
    "bounce": Style(
        _turns(42, 26), _same(55, 20, 2), _same(95, 28, 2), _same(55, 40),
        _turns(26, 14), _same(42), _same(48, 22, 2), bow=(9, 7, 2, 0),
    ),
    "disco": Style(
        ((85, 62, 1, 0), (38, 12, 1, 0)), _same(18, 22), ((14, 12, 2, 0), (112, 10, 1, 0)), _same(15, 20),
        _turns(20, 9), _same(22), _turns(26, 20), lean=(0, 13, 1, 180), twist=(0, 18, 1, 0),
    ),
    "wave": Style(
        _turns(92, 34), _same(12, 14, 1, 90), _same(32, 26, 2), _same(70, 80, 1, 90),
        _turns(16, 8), _same(25), _same(24, 16, 2), lean=(0, 12, 1, 90),
    ),
    "ballet": Style(
        ((132, 30, 1, 0), (100, 44, 1, 60)), _same(28, 16), _same(34, 14), _same(60, 30),
        ((6, 4, 1, 0), (52, 42, 1, 0)), ((20, 10, 1, 0), (35, 50, 1, 90)), ((6, 5, 2, 0), (26, 24, 1, 90)),
        yaw=(0, 50, 1, 40), bow=(0, 4, 1, 0),
    ),
    "kick": Style(
        _same(72, 22, 2), _same(12, 15), _same(48, 18, 2), _same(50, 30),
        _turns(40, 40), _same(62), _turns(36, 30, 1, 90), yaw=(10, 32, 1, 0), bow=(-3, 6, 2, 0),
    ),
    "twist": Style(
        _same(46, 14, 2), _turns(40, 42), _same(92, 14), _same(35, 25),
        _same(32, 6, 2), _same(32), _same(58, 14, 2), yaw=(0, 42, 1, 0), twist=(0, 48, 1, 180),
    ),
    "star jump": Style(
        _same(96, 66), _same(8), _same(14, 10, 2), _same(40),
        _same(22, 18), _same(6, 5), _same(16, 14, 2, 90), jump=(0.045, 0.045, 1, -60), yaw=(0, 9, 1, 0),
    ),
    "folk": Style(
        _same(50, 5), _same(-6, 5), _same(104, 6), _same(-60),
        _turns(24, 26), _same(105, 50), _turns(32, 34, 1, 40), yaw=(0, 22, 1, 0), jump=(0.015, 0.015, 2, 0),
    ),
    "salsa": Style(
        _turns(34, 14), _same(62, 22), _turns(98, 26), _same(18, 30, 1, 90),
        _turns(17, 13), _same(70, 60, 1, 90), _turns(26, 20), yaw=(0, 34, 1, 45), twist=(0, 26, 1, 225),
        lean=(0, 8, 1, 0), shift=(0, 0.07, 1, 0),
    ),
    "running man": Style(
        _turns(42, 34), _turns(70, 30), _same(88, 16), _same(42),
        _turns(38, 34), _same(82), _turns(58, 42, 1, 30), yaw=(38, 12, 1, 0), bow=(8, 5, 2, 0),
    ),
    "vogue": Style(
        ((118, 36, 1, 0), (84, 48, 1, 120)), ((40, 30, 1, 50), (28, 30, 1, 0)), ((96, 36, 1, 0), (70, 44, 1, 60)),
        ((60, 60, 1, 0), (40, 80, 1, 70)), ((24, 8, 1, 0), (12, 6, 1, 0)), _same(14), _turns(16, 12),
        lean=(0, 11, 1, 30), yaw=(0, 24, 1, 20),
    ),
}  # fmt: skip


class Dance(NamedTuple):
    """One dancer's own way to dance a style."""

    style: Style
    cycles_per_frame: float
    start: float
    """Radians into the cycle at frame 0."""
    wobble: tuple[float, ...]
    """Personal offsets in degrees, one for each angle."""
    facing: float
    """Degrees added to the yaw."""
    turning: float
    """Degrees added to the yaw with each frame."""
    mirrored: bool


_WOBBLES = 16


def sample_dance(rng: np.random.Generator) -> Dance:
    """Sample a style, a tempo and a personal touch."""
    names = sorted(STYLES)
    return Dance(
        style=STYLES[names[int(rng.integers(len(names)))]],
        cycles_per_frame=float(rng.uniform(0.035, 0.085)),
        start=float(rng.uniform(0, 2 * np.pi)),
        wobble=tuple(rng.normal(0.0, 7.0, _WOBBLES).tolist()),
        facing=float(rng.normal(0.0, 28.0)) + (180.0 if rng.random() < 0.08 else 0.0),
        turning=float(rng.choice([0.0, 0.0, 0.0, 9.0, -12.0])),
        mirrored=bool(rng.random() < 0.5),
    )


def pose_at(dance: Dance, frame: float) -> Pose:
    """The dancer's pose at a frame number; neighbouring frames give neighbouring poses."""
    style, extra = dance.style, dance.wobble
    theta = dance.start + 2 * np.pi * dance.cycles_per_frame * frame

    def at(wave: Wave) -> float:
        middle, swing, beats, phase = wave
        return float(middle + swing * np.sin(beats * theta + np.radians(phase)))

    arms = [
        Arm(
            max(4.0, at(style.arm_lift[k]) + extra[k]),
            at(style.arm_swing[k]) + extra[2 + k],
            max(4.0, at(style.arm_bend[k]) + extra[4 + k]),
            at(style.arm_turn[k]) + extra[6 + k],
        )
        for k in (0, 1)
    ]
    legs = [
        Leg(
            max(3.0, at(style.leg_lift[k]) + 0.5 * extra[8 + k]),
            at(style.leg_swing[k]) + extra[10 + k],
            max(3.0, at(style.leg_bend[k]) + 0.5 * extra[12 + k]),
        )
        for k in (0, 1)
    ]
    pose = Pose(
        yaw=at(style.yaw) + (dance.facing + dance.turning * frame),
        twist=at(style.twist) + 0.5 * extra[14],
        lean=at(style.lean),
        bow=at(style.bow),
        shift=at(style.shift),
        jump=max(0.0, at(style.jump)),
        look=-0.5 * at(style.twist) + extra[15],
        tilt=0.6 * at(style.lean),
        arms=(arms[0], arms[1]),
        legs=(legs[0], legs[1]),
    )
    return _mirror(pose) if dance.mirrored else pose


def _mirror(pose: Pose) -> Pose:
    return pose._replace(
        yaw=-pose.yaw, twist=-pose.twist, lean=-pose.lean, shift=-pose.shift, look=-pose.look,
        tilt=-pose.tilt, arms=pose.arms[::-1], legs=pose.legs[::-1],
    )  # fmt: skip
