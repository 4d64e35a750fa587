"""One night of the second sleeper: what the chip sends, and what is true."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from legmon.evaluation.second_sleeper.bed import Bed, Disturbance
from legmon.evaluation.second_sleeper.leg import Floats, Leg, felt, oscillator
from legmon.evaluation.second_sleeper.plan import Planned, plan
from legmon.evaluation.second_sleeper.sleeper import VISIBLE_MG, Moved, Sleeper
from legmon.evaluation.second_sleeper.structure import Structure, draw_structure

REST_MG: Final = 5.0
"""A movement has begun when the signal has left rest by so much."""
BEFORE_S: Final = 0.2
NEAREST_S: Final = 0.5
LEAST_HZ: Final = 100.0
"""The leg is moved at this rate or faster, and the chip averages."""
BLOCK: Final = 16384
SHORTEST_HOURS: Final = 0.25


@dataclass(frozen=True, slots=True)
class TrueMovement:
    """What is true of one movement, by the yardstick of `legmon.agreement`.

    Parameters
    ----------
    onset_s, offset_s : float
        When the noise-free signal has left rest by 5 mg, and when it is back within 5 mg of where it stays. A movement that
        never leaves rest by 5 mg keeps the times at which it was drawn.
    kind : str
        ``"leg"``, or ``"posture"``, ``"locomotion"``, ``"tremor"``, ``"long"``, ``"fidget"``, ``"bump"``, ``"vibration"``.
    visible : bool
        Whether the noise-free signal leaves its value of the 0.2 s before by 20 mg or more.
    peak_mg : float
        The furthest that it goes from there.
    series : int or None
        The periodic series that a leg movement was drawn in.
    """

    onset_s: float
    offset_s: float
    kind: str
    visible: bool
    peak_mg: float
    series: int | None = None

    def to_dict(self, leg: str = "left") -> dict[str, Any]:
        """Return the movement as `legmon.agreement` and ``truth.json`` have it."""
        return {
            "onset_s": self.onset_s, "offset_s": self.offset_s, "leg": leg, "kind": self.kind, "visible": self.visible,
            "peak_mg": self.peak_mg,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class SecondNight:
    """A night of the second sleeper.

    Parameters
    ----------
    xyz : (n, 3) array
        What the chip sends, g: with noise, offset, wrong scale, drift, steps and limits.
    rate_hz : float
        Samples per second, exact: the clock of this chip is right.
    truth : list of TrueMovement
        Every movement of the sleeper and every disturbance, in order of onset.
    structure : dict
        What was drawn for this night.
    leg_g, bed_g : (n, 3) array
        The noise-free signal in the sensor's axes: of the sleeper with gravity, and of everything else. Onset, offset and
        visibility of the sleeper's movements are those of `leg_g`.
    """

    xyz: Floats
    rate_hz: float
    truth: list[TrueMovement]
    structure: dict[str, Any]
    leg_g: Floats
    bed_g: Floats


def draw_night(
    seed: int, *, kind: str | None = None, hours: float = 4.0, rate_hz: float = 50.0
) -> SecondNight:
    """Return one night. The same arguments return the same bytes in the same environment.

    Parameters
    ----------
    seed : int
        Not negative.
    kind : str, optional
        One of `KINDS`. Without it the night is ``"mixed"``: everything is drawn by chance.
    hours : float
        Length, at least a quarter of an hour.
    rate_hz : float
        Samples per second.

    Raises
    ------
    ValueError
        If the kind is unknown, or the night is too short.

    Examples
    --------
    >>> from legmon.evaluation.second_sleeper import draw_night
    >>> night = draw_night(1, kind="plain", hours=0.5)
    >>> night.xyz.shape
    (90000, 3)
    """
    if hours < SHORTEST_HOURS:
        raise ValueError(f"a night of {hours} h is too short; draw at least {SHORTEST_HOURS} h")
    kind = kind or "mixed"
    seeds = SeedSequence([seed, zlib.crc32(kind.encode())]).spawn(5)
    for_structure, for_plan, for_sleeper, for_bed, for_chip = (Generator(PCG64(s)) for s in seeds)
    s = draw_structure(for_structure, kind)
    finer = int(np.ceil(LEAST_HZ / rate_hz))
    rate, n = rate_hz * finer, round(hours * 3600 * rate_hz)
    leg = _leg(for_structure, s)
    sleeper = Sleeper(for_sleeper, s, leg, rate)
    lying = sleeper.pose
    planned = plan(for_plan, s, n / rate_hz / 3600)
    moved = [(round(p.at_s * rate_hz) * finer, p, sleeper.move(p)) for p in planned]
    bed = Bed(for_bed, s, n / rate_hz, rate)
    pushed = _pushed(bed, n * finer)
    leg_g, bed_g = np.empty((n, 3)), np.empty((n, 3))
    at = 0
    for own, foreign in _worn(s, rate, _blocks(leg, lying, moved, pushed, rate, finer)):
        m = len(own) // finer
        leg_g[at : at + m] = own.reshape(m, finer, 3).mean(axis=1)
        bed_g[at : at + m] = foreign.reshape(m, finer, 3).mean(axis=1)
        at += m
    truth = _own_truth(leg_g, moved, rate_hz, finer) + [
        _foreign_truth(d, rate_hz, finer) for d in bed.disturbances
    ]
    return SecondNight(
        xyz=_chip(for_chip, s, leg_g + bed_g, rate_hz),
        rate_hz=rate_hz,
        truth=sorted(truth, key=lambda m: (m.onset_s, m.offset_s)),
        structure=s.to_dict(),
        leg_g=leg_g,
        bed_g=bed_g,
    )


def _leg(rng: Generator, s: Structure) -> Leg:
    mount, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    if np.linalg.det(mount) < 0:
        mount[:, 0] = -mount[:, 0]
    shank = rng.uniform(0.36, 0.46)
    return Leg(
        thigh_m=rng.uniform(0.38, 0.48),
        shank_m=shank,
        on_foot=s.on_foot,
        along_m=rng.uniform(0.06, 0.14) if s.on_foot else shank - rng.uniform(0.04, 0.10),
        off_m=rng.uniform(0.02, 0.05),
        mount=mount,
    )


def _pushed(bed: Bed, n: int) -> Floats:
    """Return the acceleration of the bed all night."""
    pushed = bed.background(n)
    tilts = np.zeros((n + 1, 3))
    for d in bed.disturbances:
        end = d.first + len(d.pushed)
        pushed[d.first : end] += d.pushed
        tilts[end] += d.pushed[-1]
    for j in range(3):
        pushed[:, j] += np.cumsum(tilts[:-1, j])
    return pushed


def _blocks(
    leg: Leg, lying: Floats, moved: list[tuple[int, Planned, Moved]], pushed: Floats, rate: float, finer: int
) -> Iterator[tuple[Floats, Floats]]:
    """Yield what the sensor feels, of the sleeper and of the bed, some minutes at a time."""
    n, at, pose = len(pushed), 0, lying
    for first in range(0, n, BLOCK * finer):
        end = min(first + BLOCK * finer, n)
        poses = np.empty((len(pose), end - first + 2))
        struck = np.zeros((end - first, 3))
        filled = first - 1
        if at and moved[at - 1][0] + moved[at - 1][2].pose.shape[1] > filled:
            at -= 1
        while filled < end + 1:
            begins = moved[at][0] if at < len(moved) else n + 2
            stop = min(max(begins, filled), end + 1)
            poses[:, filled - first + 1 : stop - first + 1] = pose[:, None]
            filled = stop
            if filled == end + 1:
                break
            course = moved[at][2]
            a, b = filled - begins, min(course.pose.shape[1], end + 1 - begins)
            poses[:, filled - first + 1 : begins + b - first + 1] = course.pose[:, a:b]
            if course.struck is not None:
                low, high = max(begins, first), min(begins + b, end)
                struck[low - first : high - first] += course.struck[low - begins : high - begins]
            filled = begins + b
            pose = course.pose[:, -1]
            if b == course.pose.shape[1]:
                at += 1
        yield felt(leg, poses, rate, struck=struck, bed=pushed[first:end])


def _worn(
    s: Structure, rate: float, blocks: Iterator[tuple[Floats, Floats]]
) -> Iterator[tuple[Floats, Floats]]:
    """Yield the same through the strap: a loose one is a spring on which the sensor rings."""
    if not s.strap_hz:
        yield from blocks
        return
    swing = oscillator(rate, s.strap_hz, s.strap_damping, 2.0)
    push = 2 * s.strap_damping / (2 * np.pi * s.strap_hz) * rate
    kernel = swing + push * np.diff(swing, prepend=0.0)
    kernel /= kernel.sum()
    before: list[Floats] = []
    for pair in blocks:
        if not before:
            before = [np.repeat(x[:1], len(kernel), axis=0) for x in pair]
        longer = [np.concatenate([old, x]) for old, x in zip(before, pair, strict=True)]
        before = [x[-len(kernel) :] for x in longer]
        size = 1 << int(np.ceil(np.log2(len(longer[0]) + len(kernel))))
        answer = np.fft.rfft(kernel, size)[:, None]
        rung = [np.fft.irfft(np.fft.rfft(x, size, axis=0) * answer, size, axis=0) for x in longer]
        yield rung[0][len(kernel) : len(longer[0])], rung[1][len(kernel) : len(longer[1])]


def _own_truth(
    leg_g: Floats, moved: list[tuple[int, Planned, Moved]], rate_hz: float, finer: int
) -> list[TrueMovement]:
    truth: list[TrueMovement] = []
    before = round(BEFORE_S * rate_hz)
    for first, p, m in moved:
        for a, b, kind in m.parts:
            begin, end = (first + a) // finer, -(-(first + b) // finer)
            rest = leg_g[begin - before : begin].mean(axis=0)
            stays = leg_g[end : end + before].mean(axis=0)
            away = 1000 * np.sqrt(((leg_g[begin:end] - rest) ** 2).sum(axis=1))
            short = 1000 * np.sqrt(((leg_g[begin:end] - stays) ** 2).sum(axis=1))
            new = _true(away, short, begin, rate_hz, kind, p.series)
            old = truth[-1] if truth else None
            if (
                old and old.visible and new.visible and old.kind == new.kind == "leg"
                and new.onset_s - old.offset_s < NEAREST_S
            ):  # fmt: skip
                truth[-1] = TrueMovement(
                    old.onset_s, new.offset_s, "leg", visible=True, peak_mg=max(old.peak_mg, new.peak_mg),
                    series=old.series if old.series is not None else new.series,
                )  # fmt: skip
            else:
                truth.append(new)
    return truth


def _foreign_truth(d: Disturbance, rate_hz: float, finer: int) -> TrueMovement:
    n = len(d.pushed) // finer
    pushed = d.pushed[: n * finer].reshape(n, finer, 3).mean(axis=1)
    away = 1000 * np.sqrt((pushed**2).sum(axis=1))
    short = 1000 * np.sqrt(((pushed - pushed[-1]) ** 2).sum(axis=1))
    return _true(away, short, d.first // finer, rate_hz, d.kind, None)


def _true(
    away: Floats, short: Floats, begin: int, rate_hz: float, kind: str, series: int | None
) -> TrueMovement:
    """Return a movement from its distance to rest and to where it stays, in mg, sample by sample."""
    left, not_back = np.flatnonzero(away >= REST_MG), np.flatnonzero(short >= REST_MG)
    onset, offset = 0, len(away)
    if len(left):
        onset = int(left[0])
        offset = max(int(not_back[-1]) if len(not_back) else 0, onset) + 1
    peak = float(away.max())
    return TrueMovement(
        onset_s=(begin + onset) / rate_hz,
        offset_s=(begin + offset) / rate_hz,
        kind=kind,
        visible=peak >= VISIBLE_MG,
        peak_mg=peak,
        series=series,
    )


def _chip(rng: Generator, s: Structure, force: Floats, rate_hz: float) -> Floats:
    """Return what the chip makes of a force: offset, scale, crossed axes, drift, noise, steps and limits."""
    scale = np.eye(3) + np.diag(rng.normal(0, 0.008, 3)) + rng.normal(0, 0.004, (3, 3)) * (1 - np.eye(3))
    offset = rng.normal(0, 0.025, 3)
    warm = np.exp(-np.arange(len(force)) / (rate_hz * 60 * rng.uniform(4, 12)))
    out = force @ scale + offset
    out += warm[:, None] * (s.drift_mg / 1000 * rng.uniform(-1, 1, 3))
    out += s.noise_mg / 1000 * rng.standard_normal(out.shape)
    step = s.step_mg / 1000
    counts = np.clip(np.round(out / step), -np.floor(s.range_g / step), np.floor(s.range_g / step))
    return np.asarray(counts * step)
