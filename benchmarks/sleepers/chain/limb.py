"""From the angles of the joints to the force that the sensor feels: a rigid chain of hip, knee and ankle."""

from __future__ import annotations

import numpy as np

from benchmarks.sleepers.chain.person import Limb
from benchmarks.sleepers.night import Array

G = 9.80665
HIP, KNEE, ANKLE, ROLL, YAW, STRAP, TRUNK = range(7)
"""The columns of an array of angles. Roll and yaw turn the leg at the hip, the strap tilts, the trunk rolls."""


def resting_force(limb: Limb, angles: Array) -> Array:
    """Return what the sensor feels if the leg rests in each of these poses: gravity alone, in mg."""
    return in_sensor(limb, angles, *gravity(limb, angles))


def moving_force(limb: Limb, angles: Array, step_s: float) -> Array:
    """Return what the sensor feels if the leg goes through these poses, `step_s` apart, in mg."""
    x, y, z = gravity(limb, angles)
    acceleration = np.diff(positions(limb, angles), 2, axis=0) / (step_s * step_s)
    return in_sensor(limb, angles, x + acceleration[:, 0], y + acceleration[:, 1], z + acceleration[:, 2])


def gravity(limb: Limb, angles: Array) -> tuple[Array, Array, Array]:
    """Return the specific force of rest in the frame of the trunk, in m/s²."""
    cos, sin = np.cos(limb.incline), np.sin(limb.incline)
    trunk = angles[:, TRUNK]
    return np.full(len(angles), G * sin), G * cos * np.sin(trunk), G * cos * np.cos(trunk)


def positions(limb: Limb, angles: Array) -> Array:
    """Return where the sensor is, in metres, with one more position at each end."""
    hip, shank = angles[:, HIP], angles[:, HIP] - angles[:, KNEE]
    if limb.on_foot:
        foot = shank + angles[:, ANKLE] + 1.4
        x = limb.thigh_m * np.cos(hip) + limb.shank_m * np.cos(shank) + limb.heel_to_sensor_m * np.cos(foot)
        z = limb.thigh_m * np.sin(hip) + limb.shank_m * np.sin(shank) + limb.heel_to_sensor_m * np.sin(foot)
    else:
        x = limb.thigh_m * np.cos(hip) + limb.knee_to_sensor_m * np.cos(shank)
        z = limb.thigh_m * np.sin(hip) + limb.knee_to_sensor_m * np.sin(shank)
        x = x + 0.03 * angles[:, STRAP]
    # where the whole limb turns with the trunk, it goes sideways a little, too
    about = angles[:, ROLL] + 0.5 * angles[:, TRUNK] + limb.angle_about_axis
    places = np.empty((len(angles) + 2, 3))
    places[1:-1, 0] = x * np.cos(angles[:, YAW])
    places[1:-1, 1] = x * np.sin(angles[:, YAW]) + limb.axis_to_sensor_m * np.cos(about)
    places[1:-1, 2] = z + limb.axis_to_sensor_m * np.sin(about)
    places[0], places[-1] = places[1], places[-2]
    return places


def in_sensor(limb: Limb, angles: Array, x: Array, y: Array, z: Array) -> Array:
    """Turn a force from the frame of the trunk, in m/s², to the frame of the sensor, in mg."""
    shank = angles[:, HIP] - angles[:, KNEE]
    pitch = shank + angles[:, ANKLE] if limb.on_foot else shank + angles[:, STRAP]
    cos, sin = np.cos(angles[:, YAW]), np.sin(angles[:, YAW])
    x, y = cos * x + sin * y, -sin * x + cos * y
    cos, sin = np.cos(pitch), np.sin(pitch)
    x, z = cos * x + sin * z, -sin * x + cos * z
    cos, sin = np.cos(angles[:, ROLL]), np.sin(angles[:, ROLL])
    y, z = cos * y + sin * z, -sin * y + cos * z
    return np.asarray(np.stack([x, y, z], 1) @ limb.mounting * (1000 / G))
