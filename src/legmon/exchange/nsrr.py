"""Reads scored nights in XML: those of the National Sleep Research Resource, and of the program that theirs come from."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from legmon.exchange.annotation import Annotation
from legmon.exchange.moments import EPOCH_S, parse_seconds
from legmon.quoting import shortened

MOST_EVENTS: Final = 250_000
DEEPEST: Final = 50
_STAGES: Final = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N4", "5": "R"}
"""Numbers of stages by epoch."""


@dataclass(frozen=True, slots=True)
class XmlFile:
    """The events of a file.

    Parameters
    ----------
    annotations : list of Annotation
        Seconds from the start of the recording.
    duration_s : float or None
        The length of the recording, where the file says it.
    unreadable : int
        Events without a start.
    """

    annotations: list[Annotation]
    duration_s: float | None
    unreadable: int


def read_xml(data: bytes) -> XmlFile:
    """Read the content of a file.

    Raises
    ------
    ValueError
        If it is no such XML. The message says why.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("it declares a document type, which files of scored events do not")
    night = _Night()
    depth = 0
    try:
        for what, element in ET.iterparse(io.BytesIO(data), events=("start", "end")):  # noqa: S314 (no entities)
            depth += 1 if what == "start" else -1
            if depth > DEEPEST:
                raise ValueError("it is nested too deep")
            if what == "end":
                night.add(element)
            else:
                night.is_scored = night.is_scored or element.tag in {"ScoredEvents", "SleepStages"}
    except ET.ParseError as e:
        raise ValueError(f"it is not XML: {shortened(str(e), 100)}") from e
    if not night.is_scored:
        raise ValueError("it holds no scored events")
    return night.whole()


class _Night:
    """The events so far."""

    def __init__(self) -> None:
        self.is_scored = False
        self._annotations: list[Annotation] = []
        self._stages: list[str] = []
        self._duration: float | None = None
        self._epoch_s = EPOCH_S
        self._unreadable = 0

    def add(self, element: ET.Element) -> None:
        """Add an element that has ended."""
        if element.tag == "EpochLength":
            self._epoch_s = _number(element.text) or EPOCH_S
        elif element.tag == "SleepStage":
            self._stages.append((element.text or "").strip())
        elif element.tag == "ScoredEvent":
            event = _event(element.findtext)
            if event is None:
                self._unreadable += 1
            elif event.text.lower().startswith("recording start time"):
                self._duration = event.length_s
            else:
                self._annotations.append(event)
            element.clear()
        if len(self._annotations) + len(self._stages) > MOST_EVENTS:
            raise ValueError(f"it has more than {MOST_EVENTS:,} events")

    def whole(self) -> XmlFile:
        """Return the file. Stages by epoch also say how long the recording was."""
        step = self._epoch_s
        staged = [Annotation(n * step, step, _STAGES.get(s, "unscored")) for n, s in enumerate(self._stages)]
        duration = len(staged) * step if staged and self._duration is None else self._duration
        return XmlFile(self._annotations + staged, duration, self._unreadable)


def _event(text_of: Callable[[str], str | None]) -> Annotation | None:
    """Return an event; None if it has no start."""
    onset = _number(text_of("Start"))
    if onset is None:
        return None
    text = text_of("EventConcept") or text_of("Name") or text_of("EventType") or ""
    return Annotation(
        onset, _number(text_of("Duration")), text, text_of("SignalLocation") or text_of("Input") or ""
    )


def _number(text: str | None) -> float | None:
    try:
        return parse_seconds((text or "").strip(), "a number")
    except ValueError:
        return None
