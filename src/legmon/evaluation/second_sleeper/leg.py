"""What an accelerometer on a leg feels: a thigh, a shank and a foot that turn about their joints, on a bed that moves.

A pose is seven angles in radians, one row of `CHANNELS`. The leg lies along x (toward the feet), y is to the left, z is
up. Hip, knee and ankle turn in one plane, which the body turns with it when it lies on a side. The sensor feels gravity,
the acceleration of its place (tangential and centripetal, from the second difference of the place) and that of the bed.

Lengths of the segments are means of adults; they and the place of the sensor are assumed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHANNELS: Final = ("thigh", "shank", "foot", "spread", "roll", "body", "strap")
"""Elevation of thigh and shank above the horizontal, foot against shank, leg to the side, leg about its own axis, body
about its long axis, and the tilt of the strap against the segment that it is on."""
THIGH, SHANK, FOOT, SPREAD, ROLL, BODY, STRAP = range(len(CHANNELS))
G: Final = 9.80665


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg and the place of the sensor on it; lengths in metres.

    Parameters
    ----------
    thigh_m, shank_m : float
        Lengths of the segments.
    on_foot : bool
        Whether the sensor is on the back of the foot rather than above the ankle.
    along_m : float
        From the joint above (knee or ankle) to the sensor, along the segment.
    off_m : float
        From the axis of the segment to the sensor.
    mount : (3, 3) array
        The sensor's axes in those of the segment: a rotation.
    """

    thigh_m: float
    shank_m: float
    on_foot: bool
    along_m: float
    off_m: float
    mount: Floats


def felt(
    leg: Leg, pose: Floats, rate_hz: float, *, struck: Floats | None = None, bed: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return what the sensor feels of the leg, and of the bed, in g and in the sensor's axes.

    Parameters
    ----------
    leg : Leg
        The leg and the sensor's place.
    pose : (7, n + 2) array
        Angles, with one sample more at either end for the second difference.
    rate_hz : float
        Samples per second of `pose`.
    struck, bed : (n, 3) array, optional
        Acceleration of the leg as a whole (heel strikes) and of the bed, in g, in the axes of the room.

    Returns
    -------
    (n, 3) array, (n, 3) array
        The first has gravity and the leg's own movement, the second the bed's. Their sum is the signal without noise.
    """
    thigh, shank = pose[THIGH], pose[SHANK]
    x, z = leg.thigh_m * np.cos(thigh), leg.thigh_m * np.sin(thigh)
    cos_s, sin_s = np.cos(shank), np.sin(shank)
    if leg.on_foot:
        x, z = x + leg.shank_m * cos_s, z + leg.shank_m * sin_s
        segment = shank + pose[FOOT]
        cos_s, sin_s = np.cos(segment), np.sin(segment)
    else:
        segment = shank
    x = x + leg.along_m * cos_s - leg.off_m * sin_s
    z = z + leg.along_m * sin_s + leg.off_m * cos_s
    tilt = (segment + pose[STRAP])[1:-1]
    cos_y, sin_y = np.cos(pose[SPREAD]), np.sin(pose[SPREAD])
    x, y = x * cos_y, x * sin_y
    cos_b, sin_b = np.cos(pose[BODY]), np.sin(pose[BODY])
    y, z = y * cos_b - z * sin_b, y * sin_b + z * cos_b
    place = np.stack([x, y, z])
    force = np.diff(place, 2, axis=1) * (rate_hz * rate_hz / G)
    force[2] += 1.0
    if struck is not None:
        force += struck.T
    turns = (cos_b[1:-1], sin_b[1:-1], cos_y[1:-1], sin_y[1:-1], np.cos(tilt), np.sin(tilt))
    rolled = (np.cos(pose[ROLL][1:-1]), np.sin(pose[ROLL][1:-1]))
    own = _in_sensor(force, turns, rolled, leg.mount)
    if bed is None:
        return own, np.zeros_like(own)
    return own, _in_sensor(bed.T, turns, rolled, leg.mount)


def _in_sensor(
    room: Floats, turns: tuple[Floats, ...], rolled: tuple[Floats, Floats], mount: Floats
) -> Floats:
    """Return a vector of the room, (3, n), in the axes of the sensor, (n, 3)."""
    cos_b, sin_b, cos_y, sin_y, cos_t, sin_t = turns
    x, y, z = room
    y, z = y * cos_b + z * sin_b, z * cos_b - y * sin_b
    x, y = x * cos_y + y * sin_y, y * cos_y - x * sin_y
    x, z = x * cos_t + z * sin_t, z * cos_t - x * sin_t
    y, z = y * rolled[0] + z * rolled[1], z * rolled[0] - y * rolled[1]
    return np.stack([x, y, z], axis=1) @ mount


def smooth(x: Floats) -> Floats:
    """Return the minimum-jerk course from 0 at x = 0 to 1 at x = 1."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * x * (10.0 + x * (6.0 * x - 15.0)))


def oscillator(rate_hz: float, hz: float, damping: float, length_s: float) -> Floats:
    """Return the displacement of an underdamped mass on a spring after one unit impulse; the sum is 1."""
    t = np.arange(max(2, round(length_s * rate_hz))) / rate_hz
    w = 2 * np.pi * hz
    kernel = np.exp(-damping * w * t) * np.sin(w * np.sqrt(1 - damping * damping) * t)
    return np.asarray(kernel / kernel.sum())


def muscle(
    rate_hz: float, twitch_s: float, limb_hz: float, limb_damping: float, length_s: float = 0.8
) -> Floats:
    """Return how a limb answers one impulse of its nerve: a critically damped twitch that moves a damped mass; the sum is 1.

    Times of a twitch and the stiffness of a limb are assumed (30 to 80 ms, 1 to 2.5 Hz): with them a rise lasts 0.15 to
    0.5 s, as clinical descriptions have it.
    """
    t = np.arange(max(2, round(length_s * rate_hz))) / rate_hz
    kernel = np.convolve(t * np.exp(-t / twitch_s), oscillator(rate_hz, limb_hz, limb_damping, length_s))[
        : len(t)
    ]
    return np.asarray(kernel / kernel.sum())
