"""Compute from the arrivals of frames: the true rate, how late frames are, and how many samples were lost.

A line of index against arrival is fitted along the earliest arrivals. A jump of the index is a loss. Where the index cannot jump
(it began again after a cut, or samples are only counted as they arrive), a lasting delay is a loss: frames that were only held
up catch up later.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.movement import NS
from legmon.sensors.base import Frame, Loss

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST_FRAMES, LEAST_S = 10, 5.0  # needed for a rate
ROUNDS, MOST_BLOCKS = 6, 60
PAUSE_FRAMES, LEAST_PAUSE_S = 1.5, 0.3  # after which frames may be missing
NEAR_S: Final = 20.0  # within which a frame that was not held up is found
GONE_S: Final = 10.0  # longer than a link takes to be set up again


class Frames:
    """Frames in the order of arrival, stored by columns, so that a night of single samples does not fill the memory.

    Parameters
    ----------
    frames : iterable of (Frame, int)
        Frames, and when each arrived, ns.
    """

    def __init__(self, frames: Iterable[tuple[Frame, int]] = ()) -> None:
        self._numbers, self._xyz = array("q"), array("h")
        for frame, arrival_ns in frames:
            self.append(frame, arrival_ns)

    def __len__(self) -> int:
        return len(self._numbers) // 4

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self._xyz) // 3

    def append(self, frame: Frame, arrival_ns: int) -> None:
        """Add a frame. A frame that was sent again is left out."""
        if not frame.late:
            self._numbers.extend((arrival_ns, frame.stream, frame.first, len(frame.xyz)))
            self._xyz.frombytes(np.ascontiguousarray(frame.xyz, dtype=np.int16).tobytes())

    def columns(self) -> tuple[Integers, Integers, Integers, Integers]:
        """Return four arrays with a value for each frame: arrival (ns), stream, index of the first sample, number of samples."""
        arrivals, streams, firsts, sizes = np.array(self._numbers, dtype=np.int64).reshape(-1, 4).T
        return arrivals, streams, firsts, sizes

    def xyz(self) -> NDArray[np.int16]:
        """Return the samples, shape (n, 3), in units of the sensor."""
        return np.array(self._xyz, dtype=np.int16).reshape(-1, 3)


@dataclass(frozen=True, slots=True)
class Arrived:
    """The results computed from the arrivals of frames.

    Parameters
    ----------
    true_hz : float or None
        Samples per second; None if too few arrived.
    late_s : (n,) array or None
        How late each frame was, by that rate, s.
    lost : int
        Samples lost between the first frame and the last.
    gone_s : float
        For how long nothing arrived at the end, s; 0 if the sensor stayed.
    """

    true_hz: float | None
    late_s: Floats | None
    lost: int
    gone_s: float = 0.0


def arrived(frames: Frames, declared_hz: float, loss: Loss, *, ended_ns: int | None = None) -> Arrived:
    """Return what arrivals show.

    Parameters
    ----------
    frames : Frames
        One or more.
    declared_hz : float
        Nominal rate.
    loss : {"index", "time", "arrival"}
        What reveals a loss while the link is up.
    ended_ns : int or None
        When the trial ended; None for the arrival of the last frame.
    """
    arrivals, streams, *rest = frames.columns()
    firsts, sizes = (column.astype(np.float64) for column in rest)
    at = (arrivals - arrivals[0]) / NS
    restarts = streams[1:] != streams[:-1]
    jumps = np.where(restarts, 0.0, firsts[1:] - firsts[:-1] - sizes[:-1])
    ends = np.concatenate([sizes[:1], sizes[0] + np.cumsum(jumps + sizes[1:])])

    pauses = np.diff(at)
    usual = max(float(np.median(pauses)), float(np.median(sizes)) / declared_hz) if len(pauses) else 0.0
    paused = (pauses > PAUSE_FRAMES * usual) & (pauses > LEAST_PAUSE_S) & (loss == "arrival")
    cuts, marks = _after(restarts), _after(restarts | paused)
    rate_hz = 1 / (_period(ends, at, marks) or _period(ends, at, cuts) or 1 / declared_hz)
    lost, gaps = int(np.maximum(jumps, 0.0).sum()), []
    for k in marks:
        missing = _missing(ends, at, k, rate_hz)
        if restarts[k - 1] or missing > usual * rate_hz / 2:
            ends[k:] += missing
            lost += missing
            gaps.append(k)
    gone_s = 0.0 if ended_ns is None else (ended_ns - int(arrivals[-1])) / NS
    if gone_s <= max(GONE_S, PAUSE_FRAMES * usual):
        gone_s = 0.0
    period = _period(ends, at, gaps)
    if period is None:
        return Arrived(None, None, lost, gone_s)
    late = at - period * ends
    return Arrived(1 / period, late - late.min(), lost, gone_s)


def _after(breaks: NDArray[np.bool_]) -> list[int]:
    """Return the frames that come after a break."""
    return [int(k) + 1 for k in np.flatnonzero(breaks)]


def _period(ends: Floats, at: Floats, marks: Sequence[int]) -> float | None:
    """Fit index against arrival along the earliest arrivals, with one slope for all stretches. Return seconds per sample."""
    stretches = [slice(a, b) for a, b in pairwise([0, *marks, len(at)]) if b - a >= LEAST_FRAMES]
    if sum(float(np.ptp(at[s])) for s in stretches) < LEAST_S:
        return None
    whole = [(ends[s], at[s]) for s in stretches]
    chosen, period = whole, 0.0
    for _ in range(ROUNDS):
        x = np.concatenate([e - e.mean() for e, _ in chosen])
        y = np.concatenate([a - a.mean() for _, a in chosen])
        if not x.any():
            return None
        period = float(x @ y / (x @ x))
        chosen = [_earliest(e, a, period) for e, a in whole]
    return period if period > 0 else None


def _earliest(ends: Floats, at: Floats, period: float) -> tuple[Floats, Floats]:
    """Return the earliest arrival of each block of a stretch."""
    late = at - period * ends
    blocks = np.array_split(np.arange(len(at)), max(5, min(MOST_BLOCKS, len(at) // 10)))
    first = np.array([block[np.argmin(late[block])] for block in blocks])
    return ends[first], at[first]


def _missing(ends: Floats, at: Floats, k: int, rate_hz: float) -> int:
    """Return how many samples are missing before frame `k`: the delay of the frames after it against those before it."""
    before, after = np.searchsorted(at, [at[k - 1] - NEAR_S, at[k] + NEAR_S])
    late = at[before:after] - ends[before:after] / rate_hz
    return max(0, round(float(late[k - before :].min() - late[: k - before].min()) * rate_hz))
