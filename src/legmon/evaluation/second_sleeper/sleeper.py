"""How the sleeper moves: from a planned movement to angles of the leg, sample by sample.

A leg movement is the answer of muscle and limb to a nerve: the drive rises, holds (with beats, if it is clonic) and fades,
and is convolved with the limb's answer to one impulse. Each joint has its share and its delay. The angle is scaled until
the sensor feels the drawn amplitude; a movement of the ankle alone is not scaled. Large movements, turns and walks are
minimum-jerk courses between poses.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from legmon.evaluation.second_sleeper.leg import (
    BODY,
    CHANNELS,
    FOOT,
    ROLL,
    SHANK,
    SPREAD,
    STRAP,
    THIGH,
    Floats,
    G,
    Leg,
    felt,
    muscle,
    smooth,
)
from legmon.evaluation.second_sleeper.plan import TAIL_S, Planned
from legmon.evaluation.second_sleeper.structure import Structure, log_normal

LARGEST_RAD: Final = np.radians(40)
VISIBLE_MG: Final = 20.0
KIND: Final = {
    "leg": "leg", "jerk": "leg", "large": "long", "turn": "posture", "walk": "locomotion", "rub": "fidget", "tap": "tremor",
    "cross": "posture", "push": "bump",
}  # fmt: skip
"""What the yardstick calls each movement. An EMG scorer would count some fidgeting; the yardstick looks at the intent."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement as angles.

    Parameters
    ----------
    pose : (7, n) array
        The pose at each sample; the leg stays in the last one.
    parts : tuple of (first, end, kind)
        The true movements in it, in samples from its start.
    struck : (n, 3) array or None
        Heel strikes, g.
    """

    pose: Floats
    parts: tuple[tuple[int, int, str], ...]
    struck: Floats | None = None


class Sleeper:
    """The sleeper's leg; each call moves it from where it lies."""

    def __init__(self, rng: Generator, s: Structure, leg: Leg, rate_hz: float) -> None:
        self._rng, self._s, self._leg, self._rate = rng, s, leg, rate_hz
        self.pose = self._lying()
        self._home = self.pose
        self._answer = muscle(rate_hz, s.twitch_s, s.limb_hz, s.limb_damping)
        slide = -leg.thigh_m / leg.shank_m
        self._shares = np.zeros(len(CHANNELS))
        self._shares[THIGH] = rng.uniform(0.4, 1.0)
        self._shares[SHANK] = (
            rng.uniform(0.4, 1.1) if s.heel_lifts else slide * self._shares[THIGH] * rng.uniform(0.7, 1.1)
        )
        self._shares[FOOT] = rng.uniform(0.4, 1.8)
        self._shares[SPREAD], self._shares[ROLL] = rng.normal(0, 0.12), rng.normal(0, 0.3)
        self._coupling = float(rng.choice([-1.0, 1.0])) * rng.uniform(0.02, 0.2), rng.uniform(0, 0.06)
        self._toward = float(rng.choice([-1.0, 1.0]))

    def move(self, p: Planned) -> Moved:
        """Return the movement, and stay where it ends."""
        n = round(p.slot_s * self._rate)
        if p.what == "walk":
            moved = self._walk(n)
        elif p.what in {"leg", "jerk"}:
            moved = Moved(self._twitch(n, p), ((0, n, "leg"),))
        else:
            course = {
                "large": self._tossing, "turn": self._turning, "rub": self._rubbing, "tap": self._tapping,
                "cross": self._crossing, "push": self._pushed,
            }[p.what]  # fmt: skip
            moved = Moved(course(n), ((0, n, KIND[p.what]),))
        self.pose = moved.pose[:, -1].copy()
        if p.what in {"turn", "walk", "cross", "large", "push"}:
            self._home = self.pose
        return moved

    # leg movements

    def _twitch(self, n: int, p: Planned) -> Floats:
        rng, s = self._rng, self._s
        length = p.length_s
        t = np.arange(n) / self._rate
        alone = p.what == "leg" and rng.random() < s.ankle_only
        slow = p.what == "leg" and not alone and length > 2.5 and rng.random() < s.tonic
        up, down = (
            (rng.uniform(1, 3), rng.uniform(1, 3))
            if slow
            else (rng.uniform(0.05, 0.35), rng.uniform(0.2, 0.8))
        )
        share = min(1.0, (0.9 if slow else 0.7) * length / (up + down))
        up, down = up * share, down * share
        drive = self._drive(t, length, up, down, clonic=not slow and rng.random() < s.clonic)
        shares = self._joints(alone=alone)
        late = rng.uniform(0, 0.15, len(CHANNELS)) * (shares != 0)
        late[FOOT] = late[STRAP] = 0.0
        course = np.zeros((len(CHANNELS), n))
        for j in np.flatnonzero(shares):
            moved = np.convolve(np.interp(t - late[j], t, drive), self._answer)[:n]
            course[j] = shares[j] * moved / max(1e-9, np.abs(moved).max())
        fades = 1 - smooth((t - (p.slot_s - 0.35)) / 0.3)
        course *= fades
        size = (
            np.radians(rng.uniform(6, 25))
            if alone and not s.on_foot
            else self._size(course, jerk=p.what == "jerk")
        )
        course *= size
        course[SHANK] += (
            self._held_tremor(t, length) * np.abs(course[THIGH if shares[THIGH] else FOOT]) / size
        )
        rest = self._rest(course, size, alone=alone) if p.what == "leg" else np.zeros(len(CHANNELS))
        back = smooth((t - (length - down)) / (down + 0.4))
        course += rest[:, None] * back
        if s.creep_deg and p.slot_s > length + TAIL_S + 2.5:
            creep = min(np.radians(s.creep_deg) * abs(rng.standard_normal()), 0.3 * size) / rng.uniform(1, 2)
            course[SHANK] += creep * back * np.exp(-np.maximum(t - length, 0) / rng.uniform(0.3, 1.5)) * fades
        return np.asarray(self.pose[:, None] + course)

    def _drive(self, t: Floats, length: float, up: float, down: float, *, clonic: bool) -> Floats:
        """Return what the nerve does: rise, hold and fade, with beats if it is clonic."""
        rng, s = self._rng, self._s
        drive = smooth(t / up) - smooth((t - (length - down)) / down)
        drive *= 1 - rng.normal(0, 0.12) * (1 - np.exp(-t))
        hold = length - up - down
        if clonic and hold > 0.4:
            hz = max(rng.uniform(1, 4), 1.5 / hold)
            beats = np.arange(int(hold * hz) + 2)
            at = (beats + rng.normal(0, 0.08, len(beats))) / hz
            phase = np.interp(t - up, np.maximum.accumulate(at), 2 * np.pi * beats)
            depth = np.interp(t - up, at, rng.uniform(*s.beat_depth) * rng.uniform(0.7, 1.15, len(beats)))
            held = smooth((t - up) / 0.1) * (1 - smooth((t - (length - down)) / 0.15))
            drive *= 1 - depth * held * (0.5 - 0.5 * np.cos(phase))
        return np.asarray(drive * (1 + 0.08 * rng.standard_normal(len(t))))

    def _joints(self, *, alone: bool) -> Floats:
        rng = self._rng
        strap, shank = self._coupling
        shares = np.zeros(len(CHANNELS))
        if alone:
            shares[FOOT], shares[STRAP] = 1.0, strap * rng.uniform(0.7, 1.3)
            shares[SHANK], shares[ROLL] = shank * rng.uniform(0.5, 1.5), rng.normal(0, 0.03)
            return shares
        shares = self._shares * rng.normal(1, 0.15, len(CHANNELS))
        shares[STRAP] = 0.3 * strap * shares[FOOT]
        return np.asarray(shares)

    def _held_tremor(self, t: Floats, length: float) -> Floats:
        """Return the angle of a tremor of 4 to 12 Hz that the sensor feels as some mg, while the leg is held."""
        rng, leg = self._rng, self._leg
        hz = rng.uniform(4, 12) * rng.uniform(0.85, 1.15, 3)
        radius = leg.along_m + (leg.shank_m if leg.on_foot else 0.0)
        mg = self._s.hold_tremor_mg * rng.uniform(0.3, 1.5)
        size = mg / 1000 * G / (radius * (2 * np.pi * hz.mean()) ** 2)
        waves = np.sin(2 * np.pi * (hz[:, None] * t + rng.random((3, 1)))).mean(axis=0)
        return np.asarray(2 * size * waves * smooth(t / 0.5) * (1 - smooth((t - length + 0.3) / 0.3)))

    def _size(self, course: Floats, *, jerk: bool) -> float:
        """Return the angle with which the sensor feels the drawn amplitude, at most 40 degrees."""
        rng, s = self._rng, self._s
        if jerk:
            target = log_normal(rng, 500, 0.5)
        elif rng.random() < s.invisible:
            target = rng.uniform(3, 18)
        else:
            target = 0.0
            while not VISIBLE_MG <= target <= s.most_mg:
                target = log_normal(rng, s.amplitude_mg, s.amplitude_sigma)
        size = float(np.radians(4))
        for _ in range(5):
            peak = self._felt_peak(self.pose[:, None] + size * course)
            size = min(size * min(target / max(peak, 1e-6), 20.0), float(LARGEST_RAD))
        return size

    def _felt_peak(self, pose: Floats) -> float:
        own, _ = felt(self._leg, np.pad(pose, ((0, 0), (2, 1)), mode="edge"), self._rate)
        pairs = own[: len(own) // 2 * 2].reshape(-1, 2, 3).mean(axis=1)
        return float(1000 * np.sqrt(((pairs - own[0]) ** 2).sum(axis=1)).max())

    def _rest(self, course: Floats, size: float, *, alone: bool) -> Floats:
        """Return where the leg comes to rest, against where it lay: near home, but not at home."""
        rng, s = self._rng, self._s
        away = self.pose - self._home
        rest = -away * rng.uniform(0, 0.8) * (rng.random() < 0.6)
        miss = np.radians(s.residual_deg) * rng.standard_normal(len(CHANNELS))
        joints = [SHANK, ROLL] if not alone else [STRAP, ROLL]
        wobble = np.zeros(len(CHANNELS))
        wobble[joints] = np.clip(miss[joints], -0.5 * size, 0.5 * size)
        if s.strap_roll_deg:
            wobble[ROLL] += np.radians(s.strap_roll_deg) * rng.standard_normal() * min(1.0, 5 * size)
        if not alone and rng.random() < s.held:
            peak = course[:, np.abs(course[SHANK]).argmax()]
            wobble += rng.uniform(0.25, 0.8) * peak
        return np.asarray(rest + wobble)

    # everything else

    def _lying(self) -> Floats:
        """Return a pose in bed: on the back, on a side, or prone."""
        rng = self._rng
        body = float(rng.choice([0.0, 85.0, -85.0, 180.0], p=[0.4, 0.25, 0.25, 0.1])) + rng.normal(0, 10)
        side = 45 < abs(body) < 135
        thigh = rng.uniform(-5, 40) if side else rng.uniform(0, 15)
        shank = thigh - (rng.uniform(0, 70) if side else rng.uniform(3, 30))
        pose = np.zeros(len(CHANNELS))
        pose[:] = thigh, shank, rng.uniform(45, 85), rng.normal(0, 8), rng.normal(0, 25), body, 0.0
        return np.asarray(np.radians(pose))

    def _to(self, n: int, target: Floats, most_s: float) -> Floats:
        """Return courses from here to another pose, each joint in its own time."""
        t = np.arange(n) / self._rate
        end = n / self._rate - 0.4
        span = min(most_s, end) * self._rng.uniform(0.55, 1.0, len(CHANNELS))
        start = self._rng.uniform(0, 1, len(CHANNELS)) * (end - span)
        start[self._rng.integers(len(CHANNELS) - 1)] = 0.0
        steps = smooth((t - start[:, None]) / span[:, None])
        return np.asarray(self.pose[:, None] + (target - self.pose)[:, None] * steps)

    def _humps(self, n: int, count: int, degrees: float, shortest_s: float, longest_s: float) -> Floats:
        """Return movements there and back of several joints, one after the other or together."""
        rng = self._rng
        t = np.arange(n) / self._rate
        end = n / self._rate - 0.4
        course = np.zeros((len(CHANNELS), n))
        for k in range(count):
            span = min(rng.uniform(shortest_s, longest_s), end)
            start = (end - span) * (k + rng.uniform(0, 0.6)) / count if k else 0.0
            shape = smooth(2 * (t - start) / span) - smooth(2 * (t - start) / span - 1)
            for j, share in ((THIGH, 1.0), (SHANK, 1.2), (FOOT, 1.0), (SPREAD, 0.5), (ROLL, 0.8)):
                course[j] += share * np.radians(degrees) * rng.standard_normal() * shape
        return course

    def _tossing(self, n: int) -> Floats:
        target = self.pose + np.radians([4, 4, 4, 2, 6, 3, 0]) * self._rng.standard_normal(len(CHANNELS))
        count = int(n / self._rate / 1.6)
        return self._to(n, target, 4.0) + self._humps(n, count, self._rng.uniform(3, 15), 0.7, 3.0)

    def _turning(self, n: int) -> Floats:
        target = self._lying()
        while abs(target[BODY] - self.pose[BODY]) < np.radians(20) and abs(
            target[SHANK] - self.pose[SHANK]
        ) < np.radians(20):
            target = self._lying()
        return self._to(n, target, 5.0) + self._humps(n, 2, self._rng.uniform(5, 20), 0.5, 2.0)

    def _crossing(self, n: int) -> Floats:
        """Cross the legs, or put them side by side again."""
        self._toward = -self._toward
        change = self._toward * np.radians(
            [self._rng.uniform(3, 15), self._rng.uniform(5, 20), 0, 15, 25, 0, 0]
        )
        return self._to(n, self.pose + change, 2.5) + self._humps(n, 1, 6, 0.7, 2.0)

    def _rubbing(self, n: int) -> Floats:
        """Rub one leg against the other or the sheet, 0.7 to 2.5 times a second (A)."""
        rng = self._rng
        t = np.arange(n) / self._rate
        end = n / self._rate - 0.5
        phase = 2 * np.pi * (rng.uniform(0.7, 2.5) * t + 0.3 * np.sin(2 * np.pi * t / rng.uniform(3, 8)))
        strength = (
            smooth(t / 0.4)
            * (1 - smooth((t - end + 0.4) / 0.4))
            * (0.75 + 0.25 * np.sin(2 * np.pi * t / rng.uniform(2, 6)))
        )
        sizes = (
            np.radians(rng.uniform(0.7, 5))
            * np.array([0.6, 1.0, 0.8, 0.5, 1.0, 0, 0])
            * rng.standard_normal(len(CHANNELS))
        )
        course = sizes[:, None] * np.sin(phase + rng.uniform(0, 1, (len(CHANNELS), 1)))
        return np.asarray(self.pose[:, None] + course * strength)

    def _tapping(self, n: int) -> Floats:
        """Tap with the foot: bursts of 0.2 to 0.5 s, 1 to 4 a second, four or more (P)."""
        rng = self._rng
        t = np.arange(n) / self._rate
        end = n / self._rate - 0.5
        hz = max(rng.uniform(1, 4), 4.2 / end)
        shape = np.zeros(n)
        for beat in np.arange(0, end - 0.45, 1 / hz):
            span = min(rng.uniform(0.2, 0.5), 0.95 / hz)
            x = (t - beat - rng.uniform(0, 0.05)) / span
            shape += rng.uniform(0.5, 1.2) * (smooth(2 * x) - smooth(2 * x - 1))
        strap, shank = self._coupling
        sizes = np.zeros(len(CHANNELS))
        sizes[[FOOT, STRAP, SHANK, ROLL]] = 1.0, strap, shank + 0.03, rng.normal(0, 0.05)
        return np.asarray(self.pose[:, None] + np.radians(rng.uniform(4, 18)) * sizes[:, None] * shape)

    def _pushed(self, n: int) -> Floats:
        """Lie still while a pet lies down on the leg or leaves it."""
        target = self.pose + np.radians([1, 1.5, 3, 1, 3, 0, 0]) * self._rng.standard_normal(len(CHANNELS))
        return self._to(n, target, 1.5)

    def _walk(self, n: int) -> Moved:
        """Get up, walk, sit, walk back and lie down (C: 1.5 to 2.5 steps a second, strikes of 1 to 3 g)."""
        rng, rate = self._rng, self._rate
        total = n / rate
        rise, lie = rng.uniform(2, 4), rng.uniform(3, 5)
        there = min(rng.uniform(8, 40), 0.25 * total)
        stay = total - rise - lie - 2 * there - 2.4
        t = np.arange(n) / rate
        upright = np.radians([-90, -88, 80, 0, self._rng.normal(0, 10), 0, 0])
        seated = np.radians([-5, -88, 85, 8, self._rng.normal(0, 10), 0, 0])
        bed = self._lying()
        marks = np.cumsum([0, rise, there, 1.2, stay, 1.2, there, lie])
        course = np.repeat(self.pose[:, None], n, axis=1)
        before = self.pose
        for after, a, b in (
            (upright, marks[0], marks[1]), (seated, marks[2], marks[3]), (upright, marks[4], marks[5]),
            (bed, marks[6], marks[7] - 0.3),
        ):  # fmt: skip
            course += (after - before)[:, None] * smooth((t - a) / (b - a))
            before = after
        struck = np.zeros((n, 3))
        for a, b in ((marks[1], marks[2]), (marks[5], marks[6])):
            stride = rng.uniform(0.75, 1.25)
            phase = 2 * np.pi * stride * (t - a)
            env = smooth((t - a) / 0.6) * (1 - smooth((t - b + 0.6) / 0.6))
            course[THIGH] += np.radians(22) * env * np.sin(phase)
            course[SHANK] += env * (np.radians(25) * np.sin(phase - 0.9) - np.radians(8))
            course[FOOT] += np.radians(12) * env * np.sin(phase + 1.2)
            strength = rng.uniform(0.7, 2.0)
            for step in np.arange(a + 0.4, b - 0.6, 0.5 / stride):
                own = round((step - a) * 2 * stride) % 2
                at = round((step + rng.normal(0, 0.02)) * rate)
                pulse = (
                    (strength if own else 0.25)
                    * rng.uniform(0.7, 1.3)
                    * np.exp(-np.arange(round(0.25 * rate)) / (0.03 * rate))
                )
                swing = np.cos(2 * np.pi * 12 * np.arange(len(pulse)) / rate)
                struck[at : at + len(pulse), 2] += pulse * swing
                struck[at : at + len(pulse), 0] -= 0.4 * pulse * swing
        sits, stands = round(marks[3] * rate) + 1, round(marks[4] * rate) - 1
        return Moved(course, ((0, sits, "locomotion"), (stands, n, "locomotion")), struck)
