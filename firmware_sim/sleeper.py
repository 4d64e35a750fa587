"""One leg during a night, and what a sensor on it feels. Both follow from a scenario and its seed.

`firmware_sim.plan` makes a list of movements with quiet between them. `firmware_sim.performance` turns each into a motion,
and `firmware_sim.surroundings` adds the disturbances.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmware_sim.blocks import BLOCK, Blocks
from firmware_sim.kinematics import Motion
from firmware_sim.lifts import Lift
from firmware_sim.mattress import SwayKind, sways_of
from firmware_sim.performance import perform, worn
from firmware_sim.plan import Kind, plan_night
from firmware_sim.rows import Array, empty
from firmware_sim.spring import Spring
from firmware_sim.surroundings import Surroundings, bumps_of, rolled
from firmware_sim.vocabulary import Scenario


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement as it is performed.

    Attributes
    ----------
    start_s : float
        When it begins, seconds of true time.
    kind : {"leg", "posture", "long", "locomotion", "tremor", "jerk", "fidget", "bump", "sway", "gasp", "partner", "pet"}
        What it is.
    motion : Motion
        The motion that the sensor feels.
    """

    start_s: float
    kind: Kind | SwayKind | Literal["bump"]
    motion: Motion

    @property
    def end_s(self) -> float:
        """When the movement ends, s."""
        return self.start_s + self.motion.duration_s


class Sleeper:
    """The night of one leg.

    Parameters
    ----------
    scenario : Scenario
        The night asked for; the same scenario gives the same night.
    declared_rate_hz : int, optional
        Sample rate that the sensor declares, if not the scenario's. The movements do not depend on it.
    """

    def __init__(self, scenario: Scenario, declared_rate_hz: int | None = None) -> None:
        self.scenario = scenario
        self.declared_rate_hz = declared_rate_hz or scenario.rate_hz
        self.rate_hz = scenario.true_rate_hz(self.declared_rate_hz)
        self.leg: Literal["left", "right"] = scenario.leg
        plan = plan_night(scenario)
        wears = worn(scenario.seed)
        self._rest, self._shank = wears.rest, wears.shank
        self.movements = [
            Movement(planned.start_s, planned.kind, motion)
            for planned, motion in zip(plan, perform(scenario, plan, wears), strict=True)
        ]
        self.bumps = [Movement(at, "bump", bump) for at, bump in bumps_of(scenario)]
        self._body, self._mattress = _Times(self.movements), _Times(self.bumps)
        self._slack = _Added(list(_relaxations(self.movements)))
        self.sways = [Movement(at, kind, sway) for at, kind, sway in sways_of(scenario)]
        self._swaying = _Added(self.sways)
        self._spring = Spring(scenario, self.rate_hz)
        self._surroundings = Surroundings(scenario, self.rate_hz)
        self._blocks = Blocks(self._compute)

    def acceleration(self, first: int, count: int) -> Array:
        """Return what the sensor feels at samples `first` to `first + count - 1`, without the chip's noise.

        Sample k is taken at k / `rate_hz` seconds. The numbers do not depend on the size of the pieces in
        which they are read. The leg lies still before the night and after it.

        Returns
        -------
        ndarray of float64, shape (count, 3)
            x, y, z in g.
        """
        return self._blocks.read(first, count)

    def _compute(self, block: int) -> Array:
        before = self._spring.remembers
        t = np.arange(block * BLOCK - before, (block + 1) * BLOCK) / self.rate_hz
        felt, t = self._spring.follow(self._moved(t)), t[before:]
        self._surroundings.add_to(felt, t)
        return rolled(felt, t, self.scenario.disturb.strap, self._shank)

    def _moved(self, t: Array) -> Array:
        """Return what the leg and the mattress do at the times `t`, in g."""
        felt = empty(len(t))
        begin, end = self._body.within(t)
        felt[:] = self.movements[begin - 1].motion.up_after if begin else self._rest
        for movement in self.movements[begin:end]:
            low, high = np.searchsorted(t, (movement.start_s, movement.end_s))
            felt[low:high] = movement.motion.felt(t[low:high] - movement.start_s)
            felt[high:] = movement.motion.up_after
        begin, end = self._mattress.within(t)
        for bump in self.bumps[begin:end]:
            low, high = np.searchsorted(t, (bump.start_s, bump.end_s))
            felt[low:high] += bump.motion.felt(t[low:high] - bump.start_s)
        self._slack.add_to(felt, t)
        self._swaying.add_to(felt, t)
        return felt


class _Times:
    """Finds the movements of a stretch of time, in an ordered list without overlaps."""

    def __init__(self, movements: list[Movement]) -> None:
        self._starts = np.array([movement.start_s for movement in movements])
        self._ends = np.array([movement.end_s for movement in movements])

    def within(self, t: Array) -> tuple[int, int]:
        """Return begin and end, in the list, of the movements that overlap with the time from t[0] to t[-1]."""
        begin, end = np.searchsorted(self._ends, t[0]), np.searchsorted(self._starts, t[-1], side="right")
        return int(begin), int(end)


class _Added:
    """Adds to the signal what overlaps with anything, and with each other."""

    def __init__(self, movements: list[Movement]) -> None:
        self._movements = sorted(movements, key=lambda movement: movement.start_s)
        self._starts = np.array([movement.start_s for movement in self._movements])
        self._longest = max((movement.motion.duration_s for movement in self._movements), default=0.0)
        turns = [movement.motion.up_after for movement in self._movements]
        self._turned = np.concatenate((np.zeros((1, 3)), np.cumsum(turns, axis=0).reshape(-1, 3)))

    def add_to(self, felt: Array, t: Array) -> None:
        """Add them at the times `t` (s) to `felt`, in g, shape (len(t), 3)."""
        begin = np.searchsorted(self._starts, t[0] - self._longest)
        end = np.searchsorted(self._starts, t[-1], side="right")
        if self._turned.any():
            felt += self._turned[begin]
        for movement in self._movements[int(begin) : int(end)]:
            low, high = np.searchsorted(t, (movement.start_s, movement.end_s))
            felt[high:] += movement.motion.up_after
            if low < high:
                felt[low:high] += movement.motion.felt(t[low:high] - movement.start_s)


def _relaxations(movements: list[Movement]) -> Iterator[Movement]:
    """Yield how the leg relaxes after each movement."""
    for movement in movements:
        relaxation = movement.motion.relaxation() if isinstance(movement.motion, Lift) else None
        if relaxation is not None:
            yield Movement(movement.end_s, "leg", relaxation)
