"""How this sleeper's leg beats, trembles and comes back: turn exact leg movements into those of a real leg.

Every draw stands in a random stream of its own, with one row for each movement. So a night without any of this is the same,
to the byte, as before there was any.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from firmware_sim.bodily import Shift, Walk
from firmware_sim.bursts import Bursts
from firmware_sim.fidgets import Fidget
from firmware_sim.kinematics import Flexion, Motion
from firmware_sim.lifts import Lift
from firmware_sim.plan import Planned
from firmware_sim.rows import Array, cross, length, lengths, turned, unit
from firmware_sim.streams import stream
from firmware_sim.vocabulary import Beats, Body, Return, Scenario

_MOST_CREPT = np.radians(15.0)
"""The rest of a leg wanders by no more than this between two changes of posture."""
_MOST_LEFT = np.radians(12.0)
"""A leg that stays displaced stays by no more than this."""
_TREMOR_WAVES = 4
_NONE = np.zeros(0)


def exact(body: Body) -> bool:
    """Whether all leg movements of a sleeper are exact ones."""
    return (
        body.come_back == Return()
        and not body.hold.share
        and not body.two_step_share
        and (body.beats.most == 0 or not body.clonic_share)
    )


def loosened(
    scenario: Scenario, plan: list[Planned], motions: list[Motion], shank: Array, clonic: set[int]
) -> list[Motion]:
    """Return the motions of a night with each leg movement as this leg makes it.

    Parameters
    ----------
    scenario : Scenario
        The night.
    plan : list of Planned
        The movements, in order of time.
    motions : list of Motion
        The motion of each; its leg movements are exact.
    shank : ndarray, shape (3,)
        Unit vector along the shank.
    clonic : set of int
        Numbers of the leg movements that beat.
    """
    numbers = [planned.number for planned in plan if planned.kind == "leg"]
    if not numbers:
        return motions
    u = stream(scenario.seed, "leg habits").random((max(numbers) + 1, 24))
    z = stream(scenario.seed, "leg rests").normal(size=(max(numbers) + 1, 3))
    leg = _Leg(scenario, shank)
    made: list[Motion] = []
    for planned, motion in zip(plan, motions, strict=True):
        if isinstance(motion, Flexion):
            n = planned.number
            moved: Motion = leg.moves(motion, n, u[n], z[n], beats=n in clonic)
        else:
            moved = leg.carried(motion)
        made.append(moved)
    return made


class _Leg:
    """Where the leg lies, movement after movement."""

    def __init__(self, scenario: Scenario, shank: Array) -> None:
        self._body, self._seed, self._shank = scenario.body, scenario.seed, shank
        self._base: Array | None = None
        self._rest = self._lies = np.zeros(3)

    def carried(self, motion: Motion) -> Motion:
        """Return a movement of the body, or a twitch, that begins where the leg lies."""
        if self._base is None:
            self._lie(motion.up_before)
        up = self._lies
        if isinstance(motion, (Bursts, Fidget)):
            return replace(motion, up=up)
        if isinstance(motion, Shift):
            moved: Motion = replace(motion, up_from=up)
        elif isinstance(motion, Walk):
            moved = replace(motion, rising=replace(motion.rising, up_from=up))
        else:
            raise TypeError(motion)
        self._lie(motion.up_after)
        return moved

    def _lie(self, up: Array) -> None:
        self._base = self._rest = self._lies = up

    def moves(self, flexion: Flexion, number: int, u: Array, z: Array, *, beats: bool) -> Lift:
        """Return one leg movement, and remember where the leg comes to lie."""
        if self._base is None:
            self._lie(flexion.up)
        back = self._body.come_back
        start = self._lies
        reach, tilt = (
            _reach(flexion),
            abs(flexion.angle) * length(cross(flexion.axis, flexion.up)),
        )
        overshoot = min(0.7, back.overshoot * 2.0 * float(u[0]))
        settle_s = 0.2 + 0.4 * float(u[1])
        hold_s = flexion.hold_s
        if overshoot and hold_s > settle_s:
            hold_s -= settle_s
        else:
            overshoot = 0.0
        flexion = replace(flexion, up=start, hold_s=hold_s)
        creep = float(np.clip(back.creep * 2.0 * u[2], -0.7, 0.7)) if hold_s > 0.3 else 0.0
        left = np.clip(flexion.angle * (0.2 + 0.5 * u[4]), -_MOST_LEFT, _MOST_LEFT)
        away = turned(start, flexion.axis, np.array([left]))[0]
        if u[3] < back.stays and away @ self._rest > np.cos(_MOST_LEFT):
            self._lies = away
        else:
            self._rest = self._lies = self._returned(z, 0.8 * tilt)
        at, lasting, depth = _NONE, _NONE, _NONE
        if beats and self._body.beats.most:
            flexion = replace(flexion, tremor_hz=0.0)
            rng = stream(self._seed, "leg beats", number)
            at, lasting, depth = _beats(self._body.beats, rng, hold_s, min(flexion.rise_s, flexion.fall_s))
            at = at + flexion.rise_s
        trembles = u[5] < self._body.hold.share and hold_s > 0.3
        tremor, hz, phase = self._tremor(number, flexion, 0.5 * reach) if trembles else (
            np.zeros((0, 3)), _NONE, _NONE,
        )  # fmt: skip
        return Lift(
            exact=flexion,
            second_step=_second_step(flexion, u[6:10]) if u[10] < self._body.two_step_share else (0.0, 0.0, 1.0),
            beat_at=at,
            beat_s=lasting,
            beat_depth=depth,
            tremor=tremor,
            tremor_hz=hz,
            tremor_phase=phase,
            creep=creep,
            overshoot=overshoot,
            relax=min(0.8, back.relax * 2.0 * float(u[11])),
            settle_s=settle_s,
            relax_s=back.relax_s.median * float(np.exp(back.relax_s.sigma * (u[12:18].sum() - 3.0) * np.sqrt(2.0))),
            lies=self._lies,
        )  # fmt: skip

    def _returned(self, z: Array, most: float) -> Array:
        """Return up where the leg comes to lie, at most `most` radians from where it lay, after the rest wandered on."""
        assert self._base is not None  # noqa: S101
        back = self._body.come_back
        anchor = unit(back.adds_up * self._rest + (1.0 - back.adds_up) * self._base)
        if not back.residual_deg:
            return anchor
        size = float(np.clip(np.radians(back.residual_deg) * z[0], -most, most))
        axis = cross(self._shank, self._base) + z[1] * self._shank + 0.3 * z[2] * self._base
        lies = turned(anchor, unit(axis), np.array([size]))[0]
        if lies @ self._base < np.cos(_MOST_CREPT):
            lies = unit(lies + self._base)
        wandered: Array = lies
        return wandered

    def _tremor(self, number: int, flexion: Flexion, most_g: float) -> tuple[Array, Array, Array]:
        asked, rng = self._body.hold, stream(self._seed, "leg tremor", number)
        size = min(1e-3 * asked.mg.median * float(np.exp(asked.mg.sigma * rng.normal())), most_g)
        across = unit(unit(cross(flexion.axis, flexion.arm)) + 0.4 * rng.normal(size=3))
        shares = rng.uniform(0.3, 1.0, _TREMOR_WAVES)
        hz = rng.uniform(asked.slowest_hz, max(asked.fastest_hz, asked.slowest_hz))
        waves = hz * rng.uniform(0.88, 1.12, _TREMOR_WAVES)
        push = size * np.outer(shares / np.sqrt((shares**2).sum()), across)
        return push, waves, rng.uniform(0.0, 2.0 * np.pi, _TREMOR_WAVES)


def _reach(flexion: Flexion) -> float:
    """Return about how far the signal of an exact movement leaves rest, g."""
    t = np.linspace(0.0, flexion.rise_s, 17)
    return float(lengths(flexion.felt(t) - flexion.up).max())


def _second_step(flexion: Flexion, u: Array) -> tuple[float, float, float]:
    """Return share, begin and duration of the second step of a rise; no step if there is no time for one."""
    length = min(0.2 + 0.5 * float(u[0]), 0.8 * flexion.hold_s)
    latest = flexion.hold_s - length
    if latest <= 0.05:
        return 0.0, 0.0, 1.0
    return 0.2 + 0.5 * float(u[1]), flexion.rise_s + min(0.8 * float(u[2]), latest), length


def _beats(
    asked: Beats, rng: np.random.Generator, hold_s: float, stroke_s: float
) -> tuple[Array, Array, Array]:
    """Return begin, duration and depth of the beats of one movement; none if it is held for less than two."""
    fastest = max(asked.fastest_hz, asked.slowest_hz)
    hz = max(rng.uniform(asked.slowest_hz, fastest), 2.0 / hold_s)
    count = min(int(rng.integers(2, max(asked.most, 2) + 1)), int(hold_s * hz + 1e-9))
    if hz > fastest or count < 2:
        return _NONE, _NONE, _NONE
    slots = 1.0 + asked.irregular * rng.uniform(-0.6, 0.6, count)
    slots *= min(count / hz, hold_s) / slots.sum()
    lasting = slots * rng.uniform(0.75, 1.0, count)
    at = np.concatenate(([0.0], np.cumsum(slots)[:-1]))
    size = asked.depth * rng.uniform(0.6, 1.4)
    depth = np.minimum(0.8, size * (1.0 + asked.irregular * rng.uniform(-1.0, 1.0, count)))
    # A beat is hardly three times as strong as the stroke that lifted the leg.
    depth = np.minimum(depth, np.maximum(0.1, 0.7 * (lasting / stroke_s) ** 2))
    if rng.random() < asked.about:
        depth = depth * np.where(np.arange(count) % 2, -1.0, 1.0)
    return at, lasting, depth
