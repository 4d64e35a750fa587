"""Why the detector decided as it did: for every bout the signals, their thresholds at that moment, and the rule.

A trace is made while a detector runs with a `Tracer`. The kernel then runs by `kernel.probe`, which feeds the same samples to
`kernel.run` one at a time and writes what was compared. The detector finds the same movements, and one without a tracer does
nothing of all this.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from legmon.detection import kernel as k
from legmon.detection.bed import leg_chance
from legmon.detection.bout import Bout
from legmon.messages import WHY_SENTENCES, DetectorRule, Message, why_message
from legmon.movement import LegMovement

Signal = Literal["motion", "turn", "back"]
OPENINGS: Final[tuple[tuple[Signal, int, int, int, DetectorRule], ...]] = (
    ("motion", k.BY_MOTION, k.T_MOTION, k.T_MOTION_ON, DetectorRule.BY_MOTION),
    ("turn", k.BY_TURN, k.T_TURN, k.T_TURN_ON, DetectorRule.BY_TURN),
    ("back", k.BY_BACK, k.T_BACK, k.T_BACK_ON, DetectorRule.BY_BACK),
)
"""Name, bit, value and threshold of each signal that opens a bout, and the rule."""
SHOWN: Final = (k.T_MOTION, k.T_MOTION_ON, k.T_TURN, k.T_TURN_ON, k.T_STATE)
"""What is kept of every sample."""
MOTION, MOTION_ON, TURN, TURN_ON, STATE = range(len(SHOWN))


@dataclass(frozen=True, slots=True)
class Compared:
    """A signal beside its threshold, in thousandths of g."""

    signal: Signal
    value_mg: float
    threshold_mg: float
    opened: bool


@dataclass(slots=True)
class BoutTrace:
    """One bout: how it opened, what it was like, how it ended and what became of it.

    Parameters
    ----------
    first, end : int
        Sample indices of its edges, `end` exclusive.
    opened, closed : int
        Samples at which a signal rose above its threshold, and at which all had been low for 1 s.
    compared : list of Compared
        The signals at the sample that opened it, beside their thresholds then.
    ended : Message or None
        How it ended; None for a hum, whose end is what was decided.
    features : dict of str to float or None
        What the rules look at: see `FEATURES`. Empty for a hum.
    decisions : list of Message
        What the detector decided of it, in that order. The last one counts.
    into : BoutTrace or None
        The bout that it was joined to.
    movement : LegMovement or None
        The movement that it became, alone or with others. None where it was left out.
    """

    first: int
    end: int
    opened: int
    closed: int
    compared: list[Compared]
    ended: Message | None
    features: dict[str, float] = field(default_factory=dict)
    decisions: list[Message] = field(default_factory=list)
    into: "BoutTrace | None" = None
    movement: LegMovement | None = None

    @property
    def rule(self) -> DetectorRule | None:
        """The rule that decided last about this bout itself; None while nothing is decided."""
        return DetectorRule(self.decisions[-1].code) if self.decisions else None

    @property
    def whole(self) -> "BoutTrace":
        """The bout that stands for the movement: itself, or the one that it was joined to in the end."""
        found = self
        while found.into is not None:
            found = found.into
        return found

    def reasons(self) -> list[Message]:
        """Return everything that was decided of it, in order: opened, ended, joined or left out, and the kind of the whole."""
        opened = [
            why_message(rule, value=c.value_mg, threshold=c.threshold_mg)
            for c in self.compared
            for name, _, _, _, rule in OPENINGS
            if c.opened and name == c.signal
        ]
        found = [*opened, *([self.ended] if self.ended else []), *self.decisions]
        if self.whole is not self:
            found += [m for m in self.whole.decisions if m not in found]
        return found


FEATURES: Final = {
    "peak_mg": "largest acceleration beyond rest",
    "turn_mg": "farthest turn of gravity",
    "displaced_mg": "how far gravity at rest differs before and after",
    "seconds": "length",
    "hz": "frequency of its shaking",
    "returns": "how often it comes back to rest",
    "swings": "how often it swings to the other side of rest",
    "one_sided": "how much it lies to one side of rest, 0 to 1",
    "held": "share of its farthest turn that is kept; below 0 beyond rest",
    "leg_chance": "chance that the leg moved, and not the bed",
}


@dataclass(frozen=True, slots=True)
class Rest:
    """The motion and the turn that came nearest to their thresholds in a stretch, where no bout was open."""

    motion: Compared
    turn: Compared
    relaxes: bool

    @property
    def reason(self) -> Message:
        """Why no bout opened."""
        if self.relaxes:
            return why_message(DetectorRule.RELAXES, turn=self.turn.value_mg)
        return why_message(
            DetectorRule.NOTHING,
            motion=self.motion.value_mg,
            motion_on=self.motion.threshold_mg,
            turn=self.turn.value_mg,
            turn_on=self.turn.threshold_mg,
        )


class Trace:
    """What a detector did with a recording.

    Attributes
    ----------
    bouts : list of BoutTrace
        Every bout in order of time, hums among them.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.bouts: list[BoutTrace] = []
        self._parts: list[tuple[int, NDArray[np.float32]]] = []

    def keep(self, first: int, signals: NDArray[np.float64]) -> None:
        """Keep the signals of a stretch that begins at a sample."""
        self._parts.append((first, signals[:, SHOWN].astype(np.float32)))

    def between(self, first: int, end: int) -> list[BoutTrace]:
        """Return the bouts that a stretch of samples touches, by themselves or by the movement that they became."""
        found = []
        for b in self.bouts:
            spans = [(b.first, b.end), (b.opened, b.opened + 1)]
            m = b.whole.movement
            if m is not None and m.first is not None and m.end is not None:
                spans.append((m.first, m.end))
            if any(a < end and z > first for a, z in spans):
                found.append(b)
        return found

    def at(self, seconds: float, within_s: float = 1.0) -> list[Message]:
        """Return what was decided about a moment: of each bout there, or why there is none.

        Parameters
        ----------
        seconds : float
            From the first sample, at the declared rate.
        within_s : float
            How far around it to look.
        """
        first = math.floor((seconds - within_s) * self.rate_hz)
        end = math.ceil((seconds + within_s) * self.rate_hz)
        if bouts := self.between(first, end):
            return [m for b in bouts for m in b.reasons()]
        rest = self.rest(first, end)
        return [] if rest is None else [rest.reason]

    def signals(self, first: int, end: int) -> NDArray[np.float32]:
        """Return motion, its threshold, turn, its threshold (g) and the state of each sample; NaN where there is none."""
        found = np.full((max(end - first, 0), len(SHOWN)), np.nan, dtype=np.float32)
        for at, part in self._parts:
            a, b = max(at, first), min(at + len(part), end)
            if a < b:
                found[a - first : b - first] = part[a - at : b - at]
        return found

    def rest(self, first: int, end: int) -> Rest | None:
        """Return what came nearest to a threshold outside of bouts; None where there are no such samples."""
        x = self.signals(first, end)
        x = x[(x[:, STATE] == k.RESTS) | (x[:, STATE] == k.RELAXES)]
        if not len(x):
            return None
        found = []
        for name, value, threshold in (("motion", MOTION, MOTION_ON), ("turn", TURN, TURN_ON)):
            row = x[np.argmax(x[:, value] / x[:, threshold])]
            signal: Signal = "motion" if name == "motion" else "turn"
            found.append(Compared(signal, _mg(row[value]), _mg(row[threshold]), opened=False))
        return Rest(found[0], found[1], bool((x[:, STATE] == k.RELAXES).any()))


class Tracer:
    """Collects a `Trace` while a detector runs.

    Parameters
    ----------
    window : (int, int), optional
        Sample indices between which the signals of every sample are kept. Left out, those of the whole recording are.
    """

    def __init__(self, window: tuple[int, int] | None = None) -> None:
        self._window = window
        self._rate = 0.0
        self._trace = Trace(0.0)
        self._opened: deque[tuple[int, NDArray[np.float64]]] = deque()
        self._closed: deque[tuple[int, NDArray[np.float64]]] = deque()
        self._known: dict[int, tuple[Bout, BoutTrace]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """Return None: what a copy of a detector decides, looking ahead, is none of the recording's decisions."""

    def begin(self, rate_hz: float) -> None:
        """Begin a recording."""
        self._rate, self._trace = rate_hz, Trace(rate_hz)

    @property
    def trace(self) -> Trace:
        """What was traced so far, in order of time."""
        self._trace.bouts.sort(key=lambda b: (b.first, b.opened))
        return self._trace

    def saw(self, first: int, signals: NDArray[np.float64]) -> None:
        """Note the signals of a stretch: where bouts open and close, and where a hum ends."""
        state = signals[:, k.T_STATE]
        for at in np.flatnonzero((signals[:, k.T_OPENED] > 0) | (state >= k.CLOSES)):
            here = (first + int(at), signals[at].copy())
            if state[at] == k.HUMS:
                self._hum(*self._opened.pop(), here[0])
            else:
                (self._closed if state[at] == k.CLOSES else self._opened).append(here)
        a, b = self._window or (first, first + len(signals))
        begin, end = max(a, first), min(b, first + len(signals))
        if begin < end:
            self._trace.keep(begin, signals[begin - first : end - first])

    def _hum(self, opened: int, row: NDArray[np.float64], at: int) -> None:
        decisions = [why_message(DetectorRule.HUM)]
        self._trace.bouts.append(BoutTrace(opened, at, opened, at, _compared(row), None, {}, decisions))

    def took(self, b: Bout, cut_off: int | None = None) -> None:
        """Note a bout that the kernel has described, and where the samples end if it ends there."""
        opened, row = self._opened.popleft()
        if cut_off is not None:
            closed, ended = cut_off, why_message(DetectorRule.CUT_OFF)
        else:
            closed, low = self._closed.popleft()
            limits = {"motion": _mg(low[k.T_MOTION_LOW]), "turning": _mg(low[k.T_SPEED_LOW])}
            ended = why_message(DetectorRule.ENDED, **limits)
        traced = BoutTrace(b.first, b.end, opened, closed, _compared(row), ended, self._features(b))
        self._trace.bouts.append(traced)
        self._known[id(b)] = (b, traced)

    def _features(self, b: Bout) -> dict[str, float]:
        values = (
            1000.0 * b.peak,
            1000.0 * b.turn,
            1000.0 * b.displaced,
            (b.end - b.first) / self._rate,
            b.hz,
            b.returns,
            b.swings,
            b.sided,
            b.held,
            leg_chance(b, self._rate),
        )
        return {name: round(float(value), 3) for name, value in zip(FEATURES, values, strict=True)}

    def decided(self, rule: DetectorRule, b: Bout, into: Bout | None = None, **values: float) -> None:
        """Note what is decided of a bout.

        Parameters
        ----------
        rule : DetectorRule
            The rule.
        b : Bout
            The bout as it is now, with what was joined to it.
        into : Bout, optional
            The bout that it is joined to, before it is.
        **values : float
            Limits and counts of the rule.
        """
        traced = self._known[id(b)][1]
        to = b if into is None else into
        numbers = values | {
            "peak": 1000.0 * b.peak,
            "seconds": (b.end - b.first) / self._rate,
            "turned": 1000.0 * b.displaced,
            "hz": b.hz,
            "swings": b.swings,
            "returns": b.returns,
            "chance": leg_chance(b, self._rate),
            "since": (b.first - to.first) / self._rate,
            "gap": (b.first - to.end) / self._rate,
        }
        sentence = WHY_SENTENCES[rule]
        shown = {n: _read(n, value) for n, value in numbers.items() if f"{{{n}:g}}" in sentence}
        traced.decisions.append(why_message(rule, **shown))
        if to is not b:
            traced.into = self._known[id(to)][1]

    def became(self, b: Bout, movement: LegMovement) -> None:
        """Note the movement that a bout became."""
        traced = self._known[id(b)][1]
        traced.movement = movement
        if movement.kind == DetectorRule.ARTEFACT:
            traced.decisions.append(why_message(DetectorRule.ARTEFACT))


def _compared(row: NDArray[np.float64]) -> list[Compared]:
    """Return the signals at the sample that opens a bout. `back` is compared only while a displaced leg may come back."""
    found = []
    for name, bit, value, threshold, _ in OPENINGS:
        if math.isfinite(row[threshold]):
            is_open = bool(int(row[k.T_OPENED]) & bit)
            found.append(Compared(name, _mg(row[value]), _mg(row[threshold]), is_open))
    return found


def _read(name: str, value: float) -> float:
    """Round a number as it is read."""
    return round(float(value), 2 if name in {"chance", "least"} else 1)


def _mg(g: float) -> float:
    """Return thousandths of g, rounded as they are read."""
    return round(1000.0 * float(g), 1)
