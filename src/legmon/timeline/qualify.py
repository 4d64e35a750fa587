"""What some minutes with a sensor show: its true rate, how late frames come, what is lost, noise, scale, battery.

Noise and scale come from the seconds in which it lay still. One side up tells only how far gravity is from 1 g; where
it was turned to four sides or more, a sphere through what it felt (least squares) tells scale and offset apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from legmon.movement import NS
from legmon.sensors.base import Frame

STILL_G = 0.02
WINDOW_S: Final = 1.0
SIDE_DEGREES, SIDES = 25.0, 4
NIGHT_H = 8.0
PAUSE_FRAMES, LEAST_PAUSE_S, NEIGHBOURS = 2.5, 0.3, 60
SURE_H = 0.5  # of battery; percents are whole


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame and when it arrived."""

    frame: Frame
    arrival_ns: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was recorded of a sensor.

    Parameters
    ----------
    declared_hz : float
        Nominal rate.
    scale_ug : int
        µg per unit.
    loss : {"index", "time", "arrival"}
        By what a loss shows.
    frames : sequence of Heard
        In the order they came.
    battery : sequence of (int, int)
        Times, ns, and percents.
    refused, cuts : int
        Frames that did not keep to the protocol, and how often the link failed.
    """

    declared_hz: float
    scale_ug: int
    loss: Literal["index", "time", "arrival"]
    frames: Sequence[Heard]
    battery: Sequence[tuple[int, int]] = ()
    refused: int = 0
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a sensor now; None where it could not be told.

    Parameters
    ----------
    minutes : float
        How long samples came.
    true_hz, rate_error_percent : float
        Samples a second of this computer's clock, against the nominal rate.
    frame_s, longest_pause_s : float
        Between two frames, the median and the longest.
    late_ms : tuple of float
        How late frames came: half of them, 95 % of them, all.
    lost, lost_percent : float
        Samples.
    still_s : float
        Seconds in which it lay still.
    noise_mg : float
        Standard deviation of an axis while still, root mean square over axes.
    noise_ug_rthz : float
        The same by root hertz, if it is white.
    gravity_g : float
        What it felt while still.
    scale_error_percent, offset_mg : float
        Of all axes together.
    sides : int
        How many sides it lay on.
    battery_percent_night : float
        For 8 hours.
    warnings : list of str
        What does not fit a night's recording, in sentences.
    """

    minutes: float
    true_hz: float | None = None
    rate_error_percent: float | None = None
    frame_s: float | None = None
    longest_pause_s: float | None = None
    late_ms: tuple[float, float, float] | None = None
    lost: int = 0
    lost_percent: float = 0.0
    still_s: float = 0.0
    noise_mg: float | None = None
    noise_ug_rthz: float | None = None
    gravity_g: float | None = None
    scale_error_percent: float | None = None
    offset_mg: float | None = None
    sides: int = 0
    battery_percent_night: float | None = None
    refused: int = 0
    cuts: int = 0
    warnings: list[str] = field(default_factory=list)


def qualify(evidence: Evidence) -> Card:
    """Draw the card."""
    live = [h for h in evidence.frames if not h.frame.late]
    if not live:
        return Card(0.0, warnings=["No samples came."], refused=evidence.refused, cuts=evidence.cuts)
    arrivals = np.array([h.arrival_ns for h in live], dtype=np.int64)
    span_s = float(arrivals[-1] - arrivals[0]) / NS
    known: dict[str, Any] = {
        "minutes": round(span_s / 60, 2),
        "refused": evidence.refused,
        "cuts": evidence.cuts,
    }
    pauses = np.diff(arrivals) / NS
    if len(pauses):
        known |= {"frame_s": _round(np.median(pauses)), "longest_pause_s": _round(pauses.max())}
    run = _longest_run(live)
    true_hz, late = _rate(run, evidence.declared_hz)
    if true_hz is not None and late is not None:
        quantiles = np.percentile(late * 1000, [50, 95, 100])
        known |= {
            "true_hz": _round(true_hz),
            "rate_error_percent": _round(100 * (true_hz / evidence.declared_hz - 1)),
            "late_ms": tuple(_round(q, 1) for q in quantiles),
        }
    samples = sum(len(h.frame.xyz) for h in live)
    lost = _lost(evidence, run, live)
    known |= {"lost": lost, "lost_percent": _round(100 * lost / (samples + lost))}
    known |= _still(live, evidence)
    known["battery_percent_night"] = _battery(evidence.battery)
    return Card(**known, warnings=list(_warnings(known, evidence)))


def _round(value: Any, digits: int = 3) -> float:
    return round(float(value), digits)


def _longest_run(live: Sequence[Heard]) -> list[Heard]:
    """Frames of the stream that most of them are of."""
    streams = [h.frame.stream for h in live]
    most = max(set(streams), key=streams.count)
    return [h for h in live if h.frame.stream == most]


def _rate(run: Sequence[Heard], declared_hz: float) -> tuple[float | None, NDArray[np.float64] | None]:
    """Fit index against arrival along the earliest arrivals; gives the rate, and how late each frame was, s."""
    ends = np.array([h.frame.first + len(h.frame.xyz) for h in run], dtype=np.float64)
    at = np.array([h.arrival_ns - run[0].arrival_ns for h in run], dtype=np.float64) / NS
    if len(run) < 10 or at[-1] < 5.0:
        return None, None
    period, level = 1 / declared_hz, 0.0
    chosen = np.ones(len(run), dtype=bool)
    for _ in range(6):
        period, level = np.polyfit(ends[chosen], at[chosen], 1)
        late = at - (period * ends + level)
        blocks = np.array_split(np.arange(len(run)), max(5, min(60, len(run) // 10)))
        chosen = np.zeros(len(run), dtype=bool)
        for block in blocks:
            chosen[block[np.argmin(late[block])]] = True
    late = at - (period * ends + level)
    if period <= 0:
        return None, None
    return 1 / float(period), late - late.min()


def _lost(evidence: Evidence, run: Sequence[Heard], live: Sequence[Heard]) -> int:
    if evidence.loss == "arrival":
        return _lost_by_arrival(run, evidence.declared_hz)
    return sum(
        max(0, after.frame.first - before.frame.first - len(before.frame.xyz))
        for before, after in pairwise(live)
        if before.frame.stream == after.frame.stream
    )


def _lost_by_arrival(run: Sequence[Heard], declared_hz: float) -> int:
    """Where frames come later for good after a pause, samples are missing; where they catch up none are."""
    at = np.array([h.arrival_ns - run[0].arrival_ns for h in run], dtype=np.float64) / NS
    pauses = np.diff(at)
    if not len(pauses):
        return 0
    usual = float(np.median(pauses))
    breaks = np.flatnonzero((pauses > PAUSE_FRAMES * usual) & (pauses > LEAST_PAUSE_S)) + 1
    cuts = [0, *breaks.tolist(), len(run)]
    longest = max(pairwise(cuts), key=lambda c: c[1] - c[0])
    rate = _rate(run[slice(*longest)], declared_hz)[0] or declared_hz
    ends = np.array([h.frame.first + len(h.frame.xyz) for h in run], dtype=np.float64)
    level = at - ends / rate
    lost = 0
    for k in breaks:
        jump = float(level[k : k + NEIGHBOURS].min() - level[max(0, k - NEIGHBOURS) : k].min())
        lost += round(jump * rate) if jump > usual / 2 else 0
    return lost


def _still(live: Sequence[Heard], evidence: Evidence) -> dict[str, Any]:
    g = np.concatenate([h.frame.xyz for h in live]).astype(np.float64) * (evidence.scale_ug * 1e-6)
    size = max(8, round(evidence.declared_hz * WINDOW_S))
    count = len(g) // size
    if not count:
        return {}
    windows = g[: count * size].reshape(count, size, 3)
    spread = windows.std(axis=1)
    still = spread.max(axis=1) < STILL_G
    if still.sum() < 3:
        return {"still_s": float(still.sum()) * size / evidence.declared_hz}
    noise_g = float(np.sqrt(np.median(np.mean(spread[still] ** 2, axis=1))))
    felt = windows[still].mean(axis=1)
    norms = np.linalg.norm(felt, axis=1)
    known = {
        "still_s": _round(still.sum() * size / evidence.declared_hz, 1),
        "noise_mg": _round(noise_g * 1000),
        "noise_ug_rthz": _round(noise_g * 1e6 / np.sqrt(evidence.declared_hz / 2), 1),
        "gravity_g": _round(np.median(norms), 4),
    }
    sides = _sides(felt, norms)
    known["sides"] = len(sides)
    sphere = _sphere(np.array(sides)) if len(sides) >= SIDES else None
    if sphere is not None:
        known |= {
            "scale_error_percent": _round(100 * (sphere[0] - 1), 2),
            "offset_mg": _round(1000 * sphere[1], 1),
        }
    return known


def _sides(felt: NDArray[np.float64], norms: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Directions that differ from each other."""
    near = np.cos(np.radians(SIDE_DEGREES))
    sides: list[NDArray[np.float64]] = []
    for vector, norm in zip(felt, norms, strict=True):
        if norm > 0.2 and all(vector @ s / (norm * np.linalg.norm(s)) < near for s in sides):
            sides.append(vector)
    return sides


def _sphere(points: NDArray[np.float64]) -> tuple[float, float] | None:
    """Radius of the sphere through points, and how far its middle is from zero; None where they lie too flat."""
    left = np.column_stack([2 * points, np.ones(len(points))])
    if np.linalg.svd(left - left.mean(axis=0), compute_uv=False)[2] < 0.3:
        return None
    solved, *_ = np.linalg.lstsq(left, np.sum(points**2, axis=1), rcond=None)
    middle = solved[:3]
    radius = float(np.sqrt(max(0.0, solved[3] + middle @ middle)))
    return radius, float(np.linalg.norm(middle))


def _battery(levels: Sequence[tuple[int, int]]) -> float | None:
    if len(levels) < 2:
        return None
    hours = (levels[-1][0] - levels[0][0]) / NS / 3600
    return _round((levels[0][1] - levels[-1][1]) / hours * NIGHT_H, 1) if hours >= SURE_H else None


def _warnings(known: dict[str, Any], evidence: Evidence) -> Sequence[str]:
    says = []
    off = known.get("rate_error_percent")
    if off is not None and abs(off) > 10:
        says.append(
            f"It measures at {known['true_hz']:.1f} Hz, not {evidence.declared_hz:.1f}: movements seem longer or shorter."
        )
    if known["lost_percent"] > 1:
        says.append(
            f"{known['lost_percent']:.1f} % of samples were lost: move the receiver nearer, to the foot of the bed."
        )
    if (known.get("noise_mg") or 0) > 8:
        says.append(f"Its noise of {known['noise_mg']:.1f} mg hides small movements.")
    gravity = known.get("gravity_g")
    if gravity is not None and abs(gravity - 1) > 0.05:
        says.append(
            f"Lying still it feels {gravity:.2f} g instead of 1: its range or scale may be set wrongly."
        )
    if evidence.cuts:
        says.append(f"The link failed {evidence.cuts} times.")
    if (known.get("battery_percent_night") or 0) > 80:
        says.append("Its battery hardly lasts a night.")
    if known.get("still_s", 0.0) < 10:
        says.append("It hardly lay still, so that noise and scale are not known: put it on a table.")
    return says
