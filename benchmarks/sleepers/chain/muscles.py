"""How muscles and mattress carry out the commands of a night: one loop through time for many movements at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.sleepers.chain.commands import Command, LegMovement, draw_command
from benchmarks.sleepers.chain.person import Person
from benchmarks.sleepers.chain.signals import GRID_HZ, GRID_S, end_at, grid, smooth_step
from benchmarks.sleepers.night import Array

AT_ONCE = 80
LEG = np.array([0.0, 1.0, 0.0])
"""Of ankle, leg and rotation, only the leg lies on the mattress."""


def carry_out(rng: np.random.Generator, person: Person, movements: Sequence[LegMovement]) -> None:
    """Draw the commands of all movements and add the paths that the leg takes. Similar lengths go together."""
    order = np.argsort([m.duration_s for m in movements])
    for start in range(0, len(order), AT_ONCE):
        together = [movements[i] for i in order[start : start + AT_ONCE]]
        samples = int((max(m.duration_s for m in together) + 3.2) * GRID_HZ)
        times = grid(samples)
        commands = [draw_command(rng, person, m, times) for m in together]
        paths = simulate(person, commands, times)
        for i, movement in enumerate(together):
            movement.path = until_rest(paths[:, i, :], movement.end)


def simulate(person: Person, commands: Sequence[Command], times: Array) -> Array:
    """Return where ankle, leg and rotation are, of shape (times, movements, 3), by Euler's method."""
    pull = np.stack([c.pull for c in commands], axis=1)
    stiffness = np.stack([c.stiffness for c in commands], axis=1)
    omega, damping = np.array([c.omega for c in commands]), np.array([c.damping for c in commands])
    weight = np.array([c.weight for c in commands])
    rise, fall = (
        GRID_S / np.array([c.rise_s for c in commands]),
        GRID_S / np.array([c.fall_s for c in commands]),
    )
    mattress = np.array([0, 2 * np.pi * person.synergy.mattress_hz, 0])
    lies = mattress > 0
    sunk = np.where(lies, weight / np.maximum(mattress, 1) ** 2, 0)
    spring, friction = omega**2, 2 * damping * omega
    mattress_spring, mattress_friction = mattress**2, 2 * person.synergy.mattress_damping * mattress
    floor = floor_level(commands, times)
    first, muscle, place, speed = (np.zeros((len(commands), 3)) for _ in range(4))
    path = np.empty((len(times), len(commands), 3))
    for n in range(len(times)):
        follow = np.where(pull[n] > first, rise, fall)
        first += follow * (pull[n] - first)
        muscle += follow * 1.6 * (first - muscle)
        stiff = 1 - LEG * (1 - stiffness[n][:, None])
        ground = floor[n][:, None]
        depth = ground + sunk - place
        touching = lies & (depth > 0)
        soft = np.minimum(np.maximum(depth, 0) * 80, 1)
        # the muscle carries the weight as far as it is active, the mattress the rest
        carried = stiff * weight * np.minimum(np.maximum(muscle - ground, 0), 1)
        force = (
            stiff * spring * (muscle - place) + carried - friction * speed * np.maximum(stiff, 0.25) - weight
        )
        force += np.where(touching, mattress_spring * depth - mattress_friction * soft * speed, 0)
        speed += GRID_S * force
        place = place + GRID_S * speed
        path[n] = place
    return path


def floor_level(commands: Sequence[Command], times: Array) -> Array:
    """Return where the mattress is under each leg: it goes to where the leg will lie until the muscle lets go."""
    end, release = np.array([c.end for c in commands]), np.array([c.release_s for c in commands])
    way = np.clip((times[:, None] - 0.15) / np.maximum(release - 0.15, 0.1), 0, 1)
    return np.asarray(end * smooth_step(way))


def until_rest(path: Array, end: float) -> Array:
    """Cut a path where it has come to rest, and lead it to its end."""
    away = np.nonzero(np.abs(path - path[-1]).max(1) > 0.004)[0]
    samples = min(len(path), (away[-1] if len(away) else 100) + 60)
    path = path[:samples].copy()
    end_at(path, end, min(75, samples // 3))
    return path
