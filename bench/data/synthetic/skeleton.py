"""Forward kinematics: from joint angles to joint positions of a body one unit tall."""

from typing import NamedTuple

import numpy as np

from hourglass_bench.bench.data.synthetic.canvas import Array

# Lengths as shares of the body height.
THIGH, SHIN, FOOT = 0.25, 0.235, 0.11
UPPER_ARM, FOREARM, HAND = 0.165, 0.145, 0.06
SPINE, NECK, HEAD = 0.29, 0.05, 0.07
SHOULDER, HIP = 0.1, 0.052
_UP = np.array([0.0, 1.0, 0.0])


class Arm(NamedTuple):
    """Angles of an arm in degrees.

    lift: 0 hangs down, 180 points up; swing: 0 to the side, 90 to the front; bend: of the elbow;
    turn: where the forearm bends to, 0 to the front, 90 up.
    """

    lift: float
    swing: float
    bend: float
    turn: float


class Leg(NamedTuple):
    """Angles of a leg in degrees. lift: 0 hangs down; swing: 0 to the side, 90 to the front; bend: of the knee."""

    lift: float
    swing: float
    bend: float


class Pose(NamedTuple):
    """All joint angles in degrees; yaw 0 faces the viewer. Index 0 of a pair is on the viewer's left."""

    yaw: float
    twist: float
    """Turn of the chest against the hips."""
    lean: float
    """Of the spine, to the viewer's right at yaw 0."""
    bow: float
    """Of the spine, to the front."""
    shift: float
    """Of the whole body to the right, in body heights."""
    jump: float
    """Height of the lower foot above the ground in body heights."""
    look: float
    """Turn of the head against the chest."""
    tilt: float
    """Of the head, to the right."""
    arms: tuple[Arm, Arm]
    legs: tuple[Leg, Leg]


class Skeleton(NamedTuple):
    """Joint positions: x right, y up from the ground, z to the viewer, in body heights."""

    spine: Array
    """(3, 3): pelvis, waist, base of the neck."""
    head: Array
    """(3,): its centre."""
    arms: tuple[Array, Array]
    """Each (4, 3): shoulder, elbow, wrist, finger tips."""
    legs: tuple[Array, Array]
    """Each (4, 3): hip, knee, ankle, toes."""
    hip_yaw: float
    chest_yaw: float
    head_yaw: float
    """Radians."""
    head_tilt: float
    """Radians."""


def _unit(vector: Array) -> Array:
    length = max(float(np.sqrt(vector @ vector)), 1e-9)
    return vector / length


def _frame(yaw: float, up: Array) -> tuple[Array, Array]:
    """The right and front axes of a body part with this heading and up axis."""
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    right = _unit(right - (right @ up) * up)
    return right, np.array([
        right[1] * up[2] - right[2] * up[1],
        right[2] * up[0] - right[0] * up[2],
        right[0] * up[1] - right[1] * up[0],
    ])  # fmt: skip


def _direction(lift: float, swing: float, side: Array, front: Array, up: Array) -> Array:
    outward = np.cos(swing) * side + np.sin(swing) * front
    return np.asarray(-np.cos(lift) * up + np.sin(lift) * outward)


def _arm(arm: Arm, shoulder: Array, side: Array, front: Array, up: Array) -> Array:
    lift, swing, bend, turn = np.radians(arm)
    upper = _direction(lift, swing, side, front, up)
    # The small inward share keeps the bending direction defined when the arm points straight to it.
    hint = np.cos(turn) * front + np.sin(turn) * up - 0.25 * side
    lower = np.cos(bend) * upper + np.sin(bend) * _unit(hint - (hint @ upper) * upper)
    elbow = shoulder + UPPER_ARM * upper
    wrist = elbow + FOREARM * lower
    return np.stack([shoulder, elbow, wrist, wrist + HAND * lower])


def _leg(leg: Leg, hip: Array, side: Array, right: Array, front: Array) -> Array:
    lift, swing, bend = np.radians(leg)
    thigh = _direction(lift, swing, side, front, _UP)
    back = _unit(np.cross(right, thigh))
    shin = np.cos(bend) * thigh + np.sin(bend) * back
    knee = hip + THIGH * thigh
    ankle = knee + SHIN * shin
    # Toes point to the front and a little outwards; on a lifted leg they droop along the shin.
    toe = _unit(front + 0.35 * side + 0.75 * min(1.0, float(leg.lift + leg.bend) / 120.0) * shin)
    return np.stack([hip, knee, ankle, ankle + FOOT * toe])


def solve(pose: Pose) -> Skeleton:
    """The joints of a body in this pose; its lower foot stands on the ground unless it jumps."""
    hip_yaw = float(np.radians(pose.yaw))
    chest_yaw = hip_yaw + float(np.radians(pose.twist))
    right, front = _frame(hip_yaw, _UP)
    up = _unit(_UP + np.tan(np.radians(pose.lean)) * right + np.tan(np.radians(pose.bow)) * front)
    chest_right, chest_front = _frame(chest_yaw, up)
    waist = 0.45 * SPINE * _unit(_UP + 0.35 * (up - _UP))
    neck = waist + 0.55 * SPINE * up
    spine = np.stack([np.zeros(3), waist, neck])
    tilt = float(np.radians(pose.tilt + 0.6 * pose.lean))
    head = neck + (NECK + HEAD) * _unit(up + np.tan(np.radians(pose.tilt)) * chest_right)
    sides = (-1.0, 1.0)
    arms = [
        _arm(arm, neck - 0.03 * up + s * SHOULDER * chest_right, s * chest_right, chest_front, up)
        for arm, s in zip(pose.arms, sides, strict=True)
    ]
    legs = [
        _leg(leg, s * HIP * right - 0.01 * _UP, s * right, right, front)
        for leg, s in zip(pose.legs, sides, strict=True)
    ]
    lowest = min(float(leg[2:, 1].min()) for leg in legs)
    move = np.array([pose.shift, pose.jump - lowest + 0.018, 0.0])
    return Skeleton(
        spine + move, head + move, (arms[0] + move, arms[1] + move), (legs[0] + move, legs[1] + move),
        hip_yaw, chest_yaw, chest_yaw + float(np.radians(pose.look)), tilt,
    )  # fmt: skip
