"""Why the detector and the rules decided as they did, around one moment of a night or a file.

The detector runs again over the whole recording, from its beginning, because its thresholds follow the noise of the recording.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from legmon.catalog.derived import DerivedData
from legmon.catalog.state import ApiValue, ListedMovement, NightInfo, about
from legmon.catalog.store import Catalog
from legmon.detection.detector import NAME, VERSION
from legmon.detection.trace import BoutTrace, Compared, Rest, Signal, Trace, Tracer
from legmon.messages import DetectorRule, Message, ScoringRule, gap_sentence
from legmon.movement import NS, Leg, LegMovement
from legmon.night.leg import analyse
from legmon.night.track import LegTrack
from legmon.nights import answers
from legmon.nights.custody import check_legs
from legmon.nights.postures import Postures
from legmon.nights.report import report
from legmon.recording.files import read_segment
from legmon.scoring.events import ScoredMovement
from legmon.scoring.reasons import reasons, too_short
from legmon.scoring.result import Scored
from legmon.scoring.rules import Rules
from legmon.timeline.clock import TimeMap

LONGEST_S: Final = 600.0
"""The longest stretch that is explained at once."""
KEPT_BYTES: Final = 64_000_000
"""A longer trace is not kept: 64 MB are two legs of 8 h at 50 Hz."""
SAMPLE_BYTES: Final = 20
"""What a trace keeps of a sample."""


@dataclass(frozen=True, slots=True)
class Reason(ApiValue):
    """A rule that decided, and its sentence."""

    rule: DetectorRule | ScoringRule = field(metadata=about("of a closed list, which pages translate"))
    sentence: str
    values: dict[str, float] = field(metadata=about("the numbers in the sentence"))

    @classmethod
    def of(cls, message: Message) -> "Reason":
        """Return the reason that a message stands for."""
        known = DetectorRule if message.code in set(DetectorRule) else ScoringRule
        return cls(known(message.code), message.sentence, dict(message.values))


@dataclass(frozen=True, slots=True)
class ComparedSignal(ApiValue):
    """A signal beside its threshold then, in thousandths of g."""

    signal: Signal
    value_mg: float
    threshold_mg: float
    opened: bool = field(metadata=about("whether it opened the bout"))

    @classmethod
    def of(cls, c: Compared) -> "ComparedSignal":
        """Return what a trace compared."""
        return cls(c.signal, c.value_mg, c.threshold_mg, c.opened)


@dataclass(frozen=True, slots=True)
class ExplainedMovement(ApiValue):
    """The movement that a bout became, alone or with others, and what the rules made of it."""

    id: str | None = field(
        metadata=about("as `ListedMovement.id`; null if the rules do not list it. Movements are found anew")
    )
    onset: float
    offset: float
    kind: str
    peak_mg: float | None
    confidence: float | None = field(metadata=about("as `ListedMovement.confidence`"))
    verdict: Reason = field(metadata=about("what the rules made of it"))


@dataclass(frozen=True, slots=True)
class ExplainedBout(ApiValue):
    """A stretch in which the signals rose above their thresholds: how it opened and ended, and what became of it."""

    start: float
    end: float
    opened: float = field(metadata=about("when a signal rose above its threshold"))
    closed: float = field(metadata=about("when all signals had been low for a second"))
    signals: list[ComparedSignal] = field(
        metadata=about("when it opened; `back` only while a displaced leg may come back")
    )
    features: dict[str, float] = field(
        metadata=about(
            "what the rules look at: `peak_mg`, `turn_mg`, `displaced_mg`, `seconds`, `hz`, `returns`, `swings`, `one_sided`, "
            "`held`, `leg_chance`; empty for a hum"
        )
    )
    reasons: list[Reason] = field(metadata=about("what was decided, in that order; the last one counts"))
    movement: ExplainedMovement | None = field(metadata=about("null where it was left out"))


@dataclass(frozen=True, slots=True)
class ExplainedRest(ApiValue):
    """The motion and the turn that came nearest to their thresholds where no bout was open, and why none opened."""

    signals: list[ComparedSignal]
    reason: Reason


@dataclass(frozen=True, slots=True)
class ExplainedLeg(ApiValue):
    """What one leg's detector decided between two times."""

    leg: Leg
    bouts: list[ExplainedBout]
    rest: ExplainedRest | None = field(
        metadata=about("null where every sample belongs to a bout, or none is there")
    )
    gaps: list[answers.Gap]


@dataclass(frozen=True, slots=True)
class DetectorVersion(ApiValue):
    """A detector."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Why(ApiValue):
    """What was decided between two times, and why. Times are Unix seconds; of a file without a date, its own seconds."""

    night: str | None
    simulated: bool
    detector: DetectorVersion
    rules: Rules
    start: float
    end: float
    legs: list[ExplainedLeg]


class LastTrace:
    """The night that was traced last, in memory: who asks about one movement asks about the next.

    It counts while the files and the time axis of a closed night stay as they were.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: object = None
        self._legs: list[tuple[LegTrack, Trace]] = []

    def legs(
        self, catalog: Catalog, info: NightInfo, window_ns: tuple[int, int]
    ) -> list[tuple[LegTrack, Trace]]:
        """Return the legs of a night as a traced detector found them, with the signals of a window at least."""
        with self._lock:
            anchors = catalog.anchors(info.id)
            files = Postures(catalog, DerivedData(catalog, "")).files(info.id, info.legs)
            key = (info.id, files, anchors)
            if key == self._key:
                return self._legs
            end_ns = info.started_ns + info.duration_ns
            samples = sum(TimeMap(a).index(end_ns) for a in anchors.values())
            is_kept = info.state == "closed" and samples * SAMPLE_BYTES <= KEPT_BYTES
            if not is_kept:
                return _traced(catalog, info, window_ns)
            self._key = None  # the one before goes before the next one comes
            self._legs = []
            self._legs = _traced(catalog, info, None)
            self._key = key
            return self._legs


def _traced(
    catalog: Catalog, info: NightInfo, window_ns: tuple[int, int] | None
) -> list[tuple[LegTrack, Trace]]:
    """Detect a night again with a trace, which keeps the signals of a window, or of the whole night."""
    anchors = catalog.anchors(info.id)
    found = []
    for side in info.legs:
        clock = TimeMap(anchors[side]) if side in anchors else None
        window = (clock.index(window_ns[0]), clock.index(window_ns[1]) + 1) if clock and window_ns else None
        tracer = Tracer(window)
        track = analyse(read_segment(catalog.segment(info.id, side)), tracer).track()
        found.append((track, tracer.trace))
    return found


def explain_night(
    catalog: Catalog,
    info: NightInfo,
    rules: Rules,
    start_ns: int,
    end_ns: int,
    leg: Leg | None = None,
    *,
    last: LastTrace | None = None,
) -> Why:
    """Explain a stretch of a recorded night. The person's marks count, as on the pages.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    info : NightInfo
        The night.
    rules : str
        The rule set.
    start_ns, end_ns : int
        The stretch, ns UTC.
    leg : {"left", "right"}, optional
        Only this leg. The rules look at both.
    last : LastTrace, optional
        The night that was traced last; this one becomes it.

    Raises
    ------
    ValueError
        If the recording has no description that can be read.
    """
    info = check_legs(catalog, info, info.legs)
    window = (start_ns, end_ns)
    traced = last.legs(catalog, info, window) if last else _traced(catalog, info, window)
    traces = [trace for _, trace in traced]
    r = report(catalog, info, [track for track, _ in traced], rules)
    if r.scored is None:
        raise ValueError("this night holds no samples")
    legs = [(t, trace) for t, trace in zip(r.tracks, traces, strict=True) if leg in (None, t.leg)]
    return explain(legs, r.scored, start_ns, end_ns, night=info.id)


def explain(
    legs: Sequence[tuple[LegTrack, Trace]],
    scored: Scored,
    start_ns: int,
    end_ns: int,
    *,
    night: str | None = None,
) -> Why:
    """Explain a stretch.

    Parameters
    ----------
    legs : sequence of (LegTrack, Trace)
        The legs to explain, as the traced detectors found them.
    scored : Scored
        The recording with all its legs.
    start_ns, end_ns : int
        The stretch, ns on the clock of the legs.
    night : str, optional
        The id of the night.
    """
    verdicts = list(zip(scored.movements, reasons(scored), strict=True))
    found = []
    for track, trace in legs:
        if not (track.end and track.anchors):
            continue
        time = track.time
        first, end = time.index(start_ns), max(time.index(end_ns), time.index(start_ns) + 1)
        found.append(
            ExplainedLeg(
                leg=track.leg,
                bouts=[
                    _bout(b, time, _movement(b.whole.movement, time, scored, verdicts))
                    for b in trace.between(first, end)
                ],
                rest=_rest(trace.rest(first, end)),
                gaps=[
                    answers.Gap(
                        track.leg,
                        time.utc(g.first) / NS,
                        time.utc(g.first + g.count) / NS,
                        g.cause,
                        gap_sentence(g.cause),
                    )
                    for g in track.gaps
                    if g.first < end and g.first + g.count > first
                ],
            )
        )
    return Why(
        night=night,
        simulated=scored.simulated,
        detector=DetectorVersion(NAME, VERSION),
        rules=scored.rules,
        start=start_ns / NS,
        end=end_ns / NS,
        legs=found,
    )


def _bout(b: BoutTrace, time: TimeMap, movement: ExplainedMovement | None) -> ExplainedBout:
    return ExplainedBout(
        start=time.utc(b.first) / NS,
        end=time.end_utc(b.end) / NS,
        opened=time.utc(b.opened) / NS,
        closed=time.utc(b.closed) / NS,
        signals=[ComparedSignal.of(c) for c in b.compared],
        features=b.features,
        reasons=[Reason.of(m) for m in b.reasons()],
        movement=movement,
    )


def _rest(rest: Rest | None) -> ExplainedRest | None:
    if rest is None:
        return None
    signals = [ComparedSignal.of(rest.motion), ComparedSignal.of(rest.turn)]
    return ExplainedRest(signals, Reason.of(rest.reason))


def _movement(
    m: LegMovement | None, time: TimeMap, scored: Scored, verdicts: Sequence[tuple[ScoredMovement, Message]]
) -> ExplainedMovement | None:
    """Return a movement as the rules list it: those of one leg that are less than 0.5 s apart are one for them."""
    if m is None or m.first is None or m.end is None:
        return None
    for s, message in verdicts:
        for part in s.movement.parts:
            if part.leg == m.leg and part.first is not None and part.first <= m.first < (part.end or 0):
                listed = ListedMovement.of(s, scored.origin_ns)
                return ExplainedMovement(
                    listed.id,
                    listed.onset,
                    listed.offset,
                    listed.kind,
                    listed.peak_mg,
                    listed.confidence,
                    Reason.of(message),
                )
    onset, offset = time.utc(m.first), time.end_utc(m.end)
    verdict = Reason.of(too_short((offset - onset) / NS))
    return ExplainedMovement(None, onset / NS, offset / NS, m.kind, m.peak_mg, m.confidence, verdict)
