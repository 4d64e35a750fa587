"""What a link tells whoever records: the sensor, its samples, and what becomes of the link."""

from dataclasses import dataclass
from typing import Literal, Protocol

from legmon.messages import GapCause, Message
from legmon.sensors.base import Declaration, Frame, Loss, Started, Status

State = Literal["off", "searching", "connecting", "streaming", "silent"]


@dataclass(frozen=True, slots=True)
class Identity:
    """The sensor that answered, and how it measures."""

    name: str
    address: str
    driver: str
    declares: Declaration
    started: Started

    @property
    def loss(self) -> Loss:
        """By what a loss of its samples shows."""
        return self.started.loss or self.declares.loss


@dataclass(frozen=True, slots=True)
class Missing:
    """Samples that a sensor may still hold: indices `first` … `first + count - 1` of a stream."""

    stream: int
    first: int
    count: int


class Listener(Protocol):
    """What a session tells and asks, in the event loop's thread."""

    def link_changed(self, state: State, message: Message) -> None:
        """Take the state of the link, and what to say of it."""

    def link_down(self, cause: GapCause) -> None:
        """Note why a link that streamed is gone."""

    def sensor_started(self, identity: Identity) -> None:
        """Take the sensor, each time it was started; its frames come afterwards."""

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Take samples."""

    def refused(self, reason: str) -> None:
        """Count a frame that did not keep to the protocol."""

    def battery(self, percent: int) -> None:
        """Take the battery level."""

    def status(self, status: Status) -> None:
        """Take what the sensor says of itself."""

    def signal(self, rssi_dbm: int) -> None:
        """Take the signal strength of an advertisement."""

    def last_stream(self) -> int | None:
        """Say which stream was recorded last."""

    def missing(self) -> Missing | None:
        """Say what is to be fetched out of the sensor's buffer next."""

    def unavailable(self, missing: Missing, cause: GapCause | None) -> None:
        """Give up samples: the sensor does not hold them; `cause` where it is not why they did not come at first."""
