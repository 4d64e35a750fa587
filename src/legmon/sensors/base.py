"""What every sensor driver is: bytes in, samples out, and the steps of a conversation as values. No I/O in here."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from legmon.movement import Leg

T = TypeVar("T")

Loss = Literal["index", "time", "arrival"]

FOREIGN_STREAMS = 1 << 16
"""Streams that the link numbers, for sensors that do not number their own, begin here."""


class FrameError(ValueError):
    """Bytes that do not keep to the sensor's protocol; says what was expected."""


class RefusedError(Exception):
    """The sensor answered that it will not do what it was asked; a sentence that says what to do."""


class NeverTakenError(RefusedError):
    """The first `count` of the samples that were asked for again were never measured: the sensor numbers those it missed."""

    def __init__(self, count: int) -> None:
        super().__init__(f"the sensor never measured {count} of the samples that are missing")
        self.count = count


# what a driver gives


@dataclass(frozen=True, slots=True)
class Frame:
    """One notification of samples.

    Parameters
    ----------
    stream : int
        Number of this run of sampling; another one wherever the count of samples begins anew.
    first : int
        Index of the first sample in the stream: the sensor's own where it counts, else made from its time or by counting.
    t_us : int
        The sensor's uptime at the first sample, µs; 0 where it has no time.
    xyz : (n, 3) int16 array
        Raw values; times the scale they are acceleration.
    late : bool
        Sent again out of the sensor's buffer: says nothing about when it was taken.
    """

    stream: int
    first: int
    t_us: int
    xyz: NDArray[np.int16]
    late: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes that a request is waiting for; goes to the next `Await`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Battery:
    """The charge, percent."""

    percent: int


@dataclass(frozen=True, slots=True)
class Status:
    """What a sensor says of itself, unasked. None where it cannot tell."""

    charging: bool | None = None
    worn: bool | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The sensor ended the stream by itself, and why, in a sentence."""

    reason: str


SensorEvent = Frame | Answer | Battery | Status | Stopped


# the steps of a conversation, carried out by the link one at a time


@dataclass(frozen=True, slots=True)
class Read:
    """Read a characteristic; gives its value. `service` says which one where several services have it."""

    uuid: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """Write a characteristic; gives b"". `service` says which one where several services have it."""

    uuid: str
    data: bytes
    response: bool = True
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask for a characteristic's notifications or indications, which go to `Conversation.received`; gives b"".

    `optional`: a sensor without it is as good.
    """

    uuid: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for the next `Answer`; gives its bytes, or fails with `TimeoutError` inside the generator."""

    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; gives b""."""

    seconds: float


Step = Read | Write | Subscribe | Await | Pause
Steps = Generator[Step, bytes, T]
"""Yields steps, is sent what each gave, returns the result."""


# a family of sensors, and one sensor of it


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What a sensor advertises: UUIDs in lower case and 128 bit."""

    name: str | None
    services: frozenset[str]
    manufacturer: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class HeardSensor:
    """A device that advertises, as it was last heard. None where it does not tell.

    Parameters
    ----------
    address : str
        Its address, as the system writes it.
    name : str or None
        The name that it advertises.
    rssi_dbm : float or None
        Signal strength, smoothed; None where only a connection to it is known.
    driver : str or None
        Name of the driver that fits; None for a device that is no known sensor.
    side : {"left", "right"} or None
        The leg that it claims to be on.
    heard_s : float
        How many seconds ago it was heard.
    leg : {"left", "right"} or None
        The leg for which legmon is connected to it.
    battery_percent : int or None
        The charge that it advertises.
    """

    address: str
    name: str | None
    rssi_dbm: float | None
    driver: str | None
    side: Leg | None
    heard_s: float = 0.0
    leg: Leg | None = None
    battery_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a family of sensors can do.

    Parameters
    ----------
    rates_hz : tuple of float
        Nominal rates it can be asked for.
    ranges_g : tuple of int
        Ranges it can be asked for.
    device_time : bool
        Whether frames carry the sensor's own time.
    loss : {"index", "time", "arrival"}
        By what a loss shows: the sensor's count of samples (exactly), its frame times (to a sample), or only arrivals (to about
        a frame).
    buffer : bool
        Whether what was lost can be asked for again.
    frame_s : float
        Longest time from one frame to the next at 25 Hz or more, unless it was asked for longer ones, s.
    idle : str
        What it does when nothing moves, in a sentence; empty when nothing.
    idle_s : float or None
        After how long without movement it may switch itself off, s; None where nothing is known of that.
    bench : bool
        Whether it is a board for the bench, only taken when asked for by name: none to wear for a night.
    """

    rates_hz: tuple[float, ...]
    ranges_g: tuple[int, ...]
    device_time: bool
    loss: Loss
    buffer: bool
    frame_s: float
    idle: str = ""
    idle_s: float | None = None
    bench: bool = False


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What is asked of a sensor: the nearest it can do is taken.

    Parameters
    ----------
    rate_hz : float
        Samples a second.
    range_g : int
        Range, ± g.
    frame_s : float
        Time between frames, where the sensor lets one choose, s.
    stream : int
        Number for the stream where the sensor has none of its own; fresh for each connection.
    last : int or None
        The stream that was recorded last: what the sensor still holds of it is asked for where another one runs now.
    """

    rate_hz: float
    range_g: int
    frame_s: float
    stream: int
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What a sensor's buffer holds of one stream: indices `oldest` … `next` - 1."""

    stream: int
    oldest: int
    next: int


@dataclass(frozen=True, slots=True)
class Started:
    """How a sensor measures.

    Parameters
    ----------
    rate_hz : float
        Nominal rate.
    range_g : int
        Range, ± g.
    scale_ug : int
        µg per unit of `Frame.xyz`.
    frame_s : float
        Longest time between two frames while all is well, s of the sensor's time.
    side : {"left", "right"} or None
        Which leg it says it is for.
    stream, next : int or None
        The stream that runs and the index its next sample will get, where the sensor tells.
    before : Held or None
        What the sensor holds of the stream that was recorded last, where another one runs now.
    loss : {"index", "time", "arrival"} or None
        By what a loss shows (`Declaration`), where this sensor differs from its family.
    """

    rate_hz: float
    range_g: int
    scale_ug: int
    frame_s: float
    side: Leg | None = None
    stream: int | None = None
    next: int | None = None
    before: Held | None = None
    loss: Loss | None = None


class Conversation(Protocol):
    """One sensor for one night, over as many connections as it takes. Keeps what decoding needs; does no I/O."""

    def start(self, wanted: StreamRequest) -> Steps[Started]:
        """Set everything up after a connect, whatever state the sensor was left in, and start the stream.

        Raises
        ------
        RefusedError, FrameError
            If the sensor will not, or answers what it should not.
        """

    def stop(self) -> Steps[None]:
        """End the stream, so that the sensor does not run down its battery."""

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Read a notification.

        Raises
        ------
        FrameError
            If it does not keep to the protocol; the next one is read all the same.
        """

    def battery(self) -> Steps[int | None]:
        """Ask for the charge, percent; None where it cannot be had."""

    def held(self, stream: int) -> Steps[Held | None]:
        """Ask what the buffer holds of a stream; None for nothing. Only where `Declaration.buffer`."""

    def fetch(self, stream: int, first: int, count: int) -> Steps[int]:
        """Ask for samples again; they come as late frames. Gives how many the sensor sent. Only where `Declaration.buffer`.

        Raises
        ------
        RefusedError
            If it does not hold the first of them; `NeverTakenError` where it never did.
        """


class Driver(Protocol):
    """A family of sensors that speak one protocol. Has no state; entry point group ``legmon.sensors``."""

    name: str
    """One word, as `legmon sensors` lists it."""
    title: str
    """As a person calls it."""
    declares: Declaration
    pairs: bool
    """Whether it has to be paired with before anything else."""

    def recognises(self, advertisement: Advertisement) -> bool:
        """Whether a sensor that advertises this is of the family."""

    def side(self, advertisement: Advertisement) -> Leg | None:
        """Which leg it claims to be on."""

    def converse(self) -> Conversation:
        """Begin with one sensor."""
