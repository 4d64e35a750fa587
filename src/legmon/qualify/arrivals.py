"""When frames arrived: how fast a sensor measures by this computer's clock, how late its frames were, what was lost on the way.

The line of index against arrival lies along the earliest arrivals. Indices that jump tell a loss. Where they cannot (the count
began anew after a cut, or the samples are merely counted as they come), frames that are later for good than those before tell
it; frames that were only held up are caught up with.
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

LEAST_FRAMES, LEAST_S = 10, 5.0  # of which a rate can be told
ROUNDS, MOST_BLOCKS = 6, 60
PAUSE_FRAMES, LEAST_PAUSE_S = 1.5, 0.3  # after which frames may be missing
NEAR_S: Final = 20.0  # within which a frame that was not held up is found
GONE_S: Final = 10.0  # longer than a link takes to be set up again


class Frames:
    """Frames that were sent once, in the order they came, by columns: a night of single samples must not fill the memory.

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
        """How many samples they hold."""
        return len(self._xyz) // 3

    def append(self, frame: Frame, arrival_ns: int) -> None:
        """Take a frame; not one that was sent again."""
        if not frame.late:
            self._numbers.extend((arrival_ns, frame.stream, frame.first, len(frame.xyz)))
            self._xyz.frombytes(np.ascontiguousarray(frame.xyz, dtype=np.int16).tobytes())

    def columns(self) -> tuple[Integers, Integers, Integers, Integers]:
        """Return of each frame when it arrived, ns; its stream; its first sample's index; how many it has."""
        arrivals, streams, firsts, sizes = np.array(self._numbers, dtype=np.int64).reshape(-1, 4).T
        return arrivals, streams, firsts, sizes

    def xyz(self) -> NDArray[np.int16]:
        """Return the samples, shape (n, 3), in units of the sensor."""
        return np.array(self._xyz, dtype=np.int16).reshape(-1, 3)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What arrivals tell.

    Parameters
    ----------
    true_hz : float or None
        Samples a second; None where too few came.
    late_s : (n,) array or None
        How late each frame was, by that rate.
    lost : int
        Samples between the first frame and the last.
    gone_s : float
        For how long nothing came any more at the end; 0 where the sensor stayed.
    """

    true_hz: float | None
    late_s: Floats | None
    lost: int
    gone_s: float = 0.0


def arrived(frames: Frames, declared_hz: float, loss: Loss, *, ended_ns: int | None = None) -> Arrived:
    """Say what arrivals tell.

    Parameters
    ----------
    frames : Frames
        One or more.
    declared_hz : float
        Nominal rate.
    loss : {"index", "time", "arrival"}
        By what a loss shows while the link is up.
    ended_ns : int or None
        Until when frames were waited for; None for until the last one.
    """
    arrivals, streams, *rest = frames.columns()
    firsts, sizes = (column.astype(np.float64) for column in rest)
    at = (arrivals - arrivals[0]) / NS
    anew = streams[1:] != streams[:-1]
    jumps = np.where(anew, 0.0, firsts[1:] - firsts[:-1] - sizes[:-1])
    ends = np.concatenate([sizes[:1], sizes[0] + np.cumsum(jumps + sizes[1:])])

    pauses = np.diff(at)
    usual = max(float(np.median(pauses)), float(np.median(sizes)) / declared_hz) if len(pauses) else 0.0
    paused = (pauses > PAUSE_FRAMES * usual) & (pauses > LEAST_PAUSE_S) & (loss == "arrival")
    cuts, marks = _after(anew), _after(anew | paused)
    rate_hz = 1 / (_period(ends, at, marks) or _period(ends, at, cuts) or 1 / declared_hz)
    lost, gaps = int(np.maximum(jumps, 0.0).sum()), []
    for k in marks:
        missing = _missing(ends, at, k, rate_hz)
        if anew[k - 1] or missing > usual * rate_hz / 2:
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
    """Which frames come after a break."""
    return [int(k) + 1 for k in np.flatnonzero(breaks)]


def _period(ends: Floats, at: Floats, marks: Sequence[int]) -> float | None:
    """Fit index against arrival along the earliest arrivals: one slope for all unbroken stretches; gives s a sample."""
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
    """Of each block of a stretch, what came earliest."""
    late = at - period * ends
    blocks = np.array_split(np.arange(len(at)), max(5, min(MOST_BLOCKS, len(at) // 10)))
    first = np.array([block[np.argmin(late[block])] for block in blocks])
    return ends[first], at[first]


def _missing(ends: Floats, at: Floats, k: int, rate_hz: float) -> int:
    """How many samples are missing before frame `k`: by as much those after it are later than those before it."""
    before, after = np.searchsorted(at, [at[k - 1] - NEAR_S, at[k] + NEAR_S])
    late = at[before:after] - ends[before:after] / rate_hz
    return max(0, round(float(late[k - before :].min() - late[: k - before].min()) * rate_hz))
