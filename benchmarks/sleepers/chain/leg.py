"""The leg of a night: one movement after the other, the rest between them, and the truth about each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.sleepers.chain.limb import moving_force, resting_force
from benchmarks.sleepers.chain.paths import (
    COLUMNS,
    Path,
    crossing_path,
    leg_path,
    long_path,
    posture_path,
    resting_pose,
    rubbing_path,
    stretched,
    twitches_path,
    walking_path,
)
from benchmarks.sleepers.chain.person import Person
from benchmarks.sleepers.chain.plan import Planned
from benchmarks.sleepers.chain.sensor import as_worn
from benchmarks.sleepers.chain.signals import GRID_S, grid
from benchmarks.sleepers.night import DEGREE, Array, Movement

EDGE_MG = 5.0
VISIBLE_MG = 20.0
STILL = 50
"""Samples of rest on the grid before each path."""


class Creep(NamedTuple):
    """A pose that the leg slowly gives up after a movement."""

    way: Array
    since_s: float
    slow_s: float


class Span(NamedTuple):
    """Where a force on the grid leaves its rest and is back at rest, and what it does between."""

    first: int
    end: int
    peak_mg: float
    turned_deg: float

    @property
    def seconds(self) -> float:
        """Return the length."""
        return (self.end - self.first) * GRID_S


def measured(force: Array) -> Span | None:
    """Measure the truth of a noise-free force, or return None if it never leaves its rest."""
    gone = np.sqrt(((force - force[0]) ** 2).sum(1))
    left = np.nonzero(gone > EDGE_MG)[0]
    if not len(left):
        return None
    away = np.nonzero(np.sqrt(((force - force[-1]) ** 2).sum(1)) > EDGE_MG)[0]
    cos = force[0] @ force[-1] / (np.linalg.norm(force[0]) * np.linalg.norm(force[-1]))
    turned = float(np.degrees(np.arccos(np.clip(cos, -1, 1))))
    return Span(int(left[0]), int(away[-1] if len(away) else left[-1]) + 1, float(gone.max()), turned)


class Leg:
    """The noise-free signal of a leg, in mg at the rate of the chip, as far as the night has come."""

    def __init__(self, rng: np.random.Generator, person: Person, hours: float) -> None:
        self.rng, self.person = rng, person
        self.end_s = hours * 3600
        self.rate_hz = person.chip.rate_hz
        self.signal = np.empty((int(self.end_s * self.rate_hz), 3))
        self.movements: list[Movement] = []
        self.pose = resting_pose(rng)
        self.creeps: list[Creep] = []
        self.filled = 0
        self.free_s = 5.0

    def act(self, plan: list[Planned]) -> Array:
        """Do what the plan says, as far as there is time, and return the signal of the whole night."""
        for planned in plan:
            onset = max(planned.at_s, self.free_s)
            if onset - planned.at_s > (1.5 if planned.what == "leg" else 20):
                continue
            if not self.perform(planned, onset - STILL * GRID_S):
                break
        self.rest_until(len(self.signal))
        return self.signal

    def perform(self, planned: Planned, start_s: float) -> bool:
        """Move the leg, and return whether the night had room for it."""
        self.rest_until(int(np.ceil(start_s * self.rate_hz)))
        pose = self.pose + self.crept(np.array([start_s]))[0]
        path = self.path_of(planned, pose)
        for attempt in range(3):
            angles, force = self.felt(path, pose)
            span = measured(force)
            if span is None or planned.what != "leg" or span.seconds >= 0.5 or attempt == 2:
                break
            path = stretched(path, 0.56 / max(span.seconds, 0.15))
        if span is None:
            return True
        end_s = start_s + len(force) * GRID_S
        if end_s > self.end_s - 2:
            return False
        offset_s = start_s + span.end * GRID_S
        self.movements.append(
            {
                "onset_s": float(start_s + span.first * GRID_S),
                "offset_s": float(offset_s),
                "leg": "left",
                "kind": kind_of(planned, span),
                "visible": span.peak_mg >= VISIBLE_MG,
                "peak_mg": span.peak_mg,
            }
        )
        self.add(start_s, end_s, angles, force, pose, self.new_creep(planned, path, offset_s))
        self.pose = self.pose + path.end
        self.free_s = max(offset_s + 0.6, end_s) + 0.12
        return True

    def path_of(self, planned: Planned, pose: Array) -> Path:
        """Draw the path of something that is planned, from a pose on."""
        rng, person = self.rng, self.person
        if planned.leg is not None:
            return leg_path(rng, person, planned.leg, pose)
        if planned.twitches is not None:
            t = planned.twitches
            return twitches_path(rng, person, t.count, t.per_second, t.width_s, t.degrees)
        match planned.what:
            case "long":
                return long_path(rng, person, pose, planned.seconds)
            case "posture":
                return posture_path(rng, pose)
            case "rubbing":
                return rubbing_path(rng, person, planned.seconds)
            case "crossing":
                return crossing_path(rng)
            case _:
                return walking_path(rng, pose)

    def felt(self, path: Path, pose: Array) -> tuple[Array, Array]:
        """Return the angles of a path between two rests, and the force that a worn sensor feels."""
        rest = 100 if self.person.strap is None else 350
        angles = np.concatenate([
            np.zeros((STILL, COLUMNS)), path.angles, np.repeat(path.end[None], rest, 0),
        ])  # fmt: skip
        force = moving_force(self.person.limb, pose + angles, GRID_S)
        if path.knocks is not None:
            force[STILL : STILL + len(path.knocks), :] += path.knocks[:, None] * np.array([0.8, 0.3, 0.5])
        return angles, as_worn(self.person, force)

    def new_creep(self, planned: Planned, path: Path, offset_s: float) -> list[Creep]:
        """Return what the leg begins to give up after a movement: nothing, or one creep."""
        if planned.leg is None or path.creep is None or not planned.leg.creep:
            return []
        if np.abs(path.creep).max() <= 0.05 * DEGREE:
            return []
        return [Creep(path.creep, offset_s, planned.leg.creep_s)]

    def add(
        self, start_s: float, end_s: float, angles: Array, force: Array, pose: Array, new_creep: list[Creep]
    ) -> None:
        """Add the force of a movement, with what still creeps from before, and with a new creep."""
        times = start_s + grid(len(angles))
        self.creeps += new_creep
        if self.creeps:
            # a creep is slow: it only turns the leg against gravity
            limb = self.person.limb
            creeping = resting_force(limb, self.pose + self.crept(times) + angles)
            force = force + (creeping - resting_force(limb, pose + angles))
        last = min(int(end_s * self.rate_hz), len(self.signal))
        samples = np.arange(self.filled, last) / self.rate_hz
        for axis in range(3):
            self.signal[self.filled : last, axis] = np.interp(samples, times, force[:, axis])
        self.filled = last

    def crept(self, times: Array) -> Array:
        """Return how far the leg has crept at some times."""
        angles = np.zeros((len(times), COLUMNS))
        for creep in self.creeps:
            since = np.maximum(times - creep.since_s, 0) / creep.slow_s
            angles -= (1 - (1 + since) * np.exp(-since))[:, None] * creep.way
        return angles

    def rest_until(self, sample: int) -> None:
        """Fill the signal with the pose of rest, which creeps where something still gives way."""
        limb = self.person.limb
        sample = min(sample, len(self.signal))
        if sample <= self.filled:
            return
        if self.creeps:
            still = max(c.since_s + 12 * c.slow_s for c in self.creeps)
            creeping = min(sample, int(still * self.rate_hz) + 1)
            if creeping > self.filled:
                times = np.arange(self.filled, creeping) / self.rate_hz
                self.signal[self.filled : creeping] = resting_force(limb, self.pose + self.crept(times))
                self.filled = creeping
            self.end_creeps(self.filled / self.rate_hz)
        if sample > self.filled:
            now = np.array([self.filled / self.rate_hz])
            self.signal[self.filled : sample] = resting_force(limb, self.pose + self.crept(now))
            self.filled = sample

    def end_creeps(self, now_s: float) -> None:
        """Make the pose of what has crept all the way."""
        for creep in self.creeps:
            if now_s > creep.since_s + 12 * creep.slow_s:
                self.pose = self.pose - creep.way
        self.creeps = [c for c in self.creeps if now_s <= c.since_s + 12 * c.slow_s]


def kind_of(planned: Planned, span: Span) -> str:
    """Return the kind of a movement, by its plan, its turn and its length."""
    if planned.what == "walk":
        return "locomotion"
    if span.turned_deg > 17:
        return "posture"
    if planned.twitches is not None and planned.twitches.count >= 4:
        return "tremor"
    return "long" if span.seconds > 10 else "leg"
