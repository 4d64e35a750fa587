"""Define what a session reports to its listener (a recorder or a trial): the sensor, its samples, the state of the link."""

from dataclasses import dataclass
from typing import Literal, Protocol

from legmon.messages import GapCause, Message
from legmon.sensors.base import Declaration, Frame, Status, StreamFormat, StreamStart

LinkState = Literal["off", "searching", "connecting", "streaming", "silent"]


@dataclass(frozen=True, slots=True)
class ConnectedSensor:
    """A sensor that has started to stream.

    Parameters
    ----------
    name, address : str
        As the operating system's Bluetooth has them.
    driver : str
        Name of its driver.
    declares : Declaration
        What sensors of its family can do.
    start : StreamStart
        How this one answered when it was started.
    """

    name: str
    address: str
    driver: str
    declares: Declaration
    start: StreamStart

    @property
    def format(self) -> StreamFormat:
        """How it measures."""
        return self.start.format


@dataclass(frozen=True, slots=True)
class SampleRange:
    """Samples of one stream: indices `first` … `first + count - 1`."""

    stream: int
    first: int
    count: int


class LinkListener(Protocol):
    """The interface between a session and the code that uses its samples. All calls come in the event loop's thread."""

    def link_changed(self, state: LinkState, message: Message) -> None:
        """Note the new state of the link, and the message for the person."""

    def link_down(self, cause: GapCause) -> None:
        """Note why a link that streamed is down."""

    def sensor_started(self, sensor: ConnectedSensor) -> None:
        """Note the sensor. Called each time it is started, before its frames.

        Raises
        ------
        RefusedError
            If this sensor cannot be used.
        """

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Process samples, either live or fetched later."""

    def refused(self, reason: str) -> None:
        """Count a notification that does not follow the sensor's protocol."""

    def battery(self, percent: int) -> None:
        """Note the battery level."""

    def status(self, status: Status) -> None:
        """Note whether the sensor is worn and charging."""

    def signal(self, rssi_dbm: int) -> None:
        """Note the signal strength of an advertisement."""

    def last_stream(self) -> int | None:
        """Return the stream that was recorded last."""

    def next_to_fetch(self) -> SampleRange | None:
        """Return the samples to fetch next from the sensor's buffer, None for nothing."""

    def unavailable(self, samples: SampleRange, cause: GapCause | None) -> None:
        """Stop waiting for samples that the sensor does not hold. `cause` is None to keep the cause noted before."""
