"""The interface of sensor drivers: bytes in, samples out, and the steps of a conversation as values. No I/O."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from legmon.movement import Leg

T = TypeVar("T")

Loss = Literal["index", "time", "arrival"]

FOREIGN_STREAMS = 1 << 16
"""First number of the streams that the link numbers, for sensors that do not number their own."""


class FrameError(ValueError):
    """The bytes do not follow the sensor's protocol. The message says what was expected."""


class RefusedError(Exception):
    """The sensor refused a request. The message is a sentence that says what to do."""


class NeverTakenError(RefusedError):
    """The first `count` of the requested samples were never measured. The sensor numbers samples that it missed itself."""

    def __init__(self, count: int) -> None:
        super().__init__(f"the sensor never measured {count} of the missing samples")
        self.count = count


# events from a sensor


@dataclass(frozen=True, slots=True)
class Frame:
    """One notification of samples.

    Parameters
    ----------
    stream : int
        Number of this run of sampling. It changes whenever the sample count restarts.
    first : int
        Index of the first sample in the stream: the sensor's own if it counts, else made from its time or by counting.
    t_us : int
        The sensor's uptime at the first sample, µs; 0 for a sensor without a clock.
    xyz : (n, 3) int16 array
        Raw values. Multiplied by the scale they are acceleration.
    late : bool
        Whether it was fetched from the sensor's buffer. Its arrival then says nothing about its time.
    """

    stream: int
    first: int
    t_us: int
    xyz: NDArray[np.int16]
    late: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. It goes to the next `Await`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Battery:
    """The battery level, percent."""

    percent: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state that a sensor reports without a request. A value that it cannot detect is None."""

    charging: bool | None = None
    worn: bool | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The sensor ended the stream by itself. `reason` is a sentence."""

    reason: str


SensorEvent = Frame | Answer | Battery | Status | Stopped


# the steps of a conversation, which the link runs one at a time


@dataclass(frozen=True, slots=True)
class Read:
    """Read a characteristic. Result: its value. `service` is needed if several services have the UUID."""

    uuid: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """Write a characteristic. Result: b"". `service` is needed if several services have the UUID."""

    uuid: str
    data: bytes
    response: bool = True
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe to notifications or indications, which go to `Conversation.received`. Result: b"".

    `optional`: the sensor may lack this characteristic.
    """

    uuid: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for the next `Answer`. Result: its bytes. Without one, `TimeoutError` is raised inside the generator."""

    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait. Result: b""."""

    seconds: float


Step = Read | Write | Subscribe | Await | Pause
Steps = Generator[Step, bytes, T]
"""A generator that yields steps, receives the result of each, and returns the result of all."""


# a family of sensors, and one sensor of it


@dataclass(frozen=True, slots=True)
class Advertisement:
    """The advertisement of a sensor. UUIDs have lower case and 128 bits."""

    name: str | None
    services: frozenset[str]
    manufacturer: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class HeardSensor:
    """The last advertisement of a device. A value that it does not contain is None.

    Parameters
    ----------
    address : str
        Its address, as the system writes it.
    name : str or None
        The name that it advertises.
    rssi_dbm : float or None
        Signal strength, smoothed; None if it is not known.
    driver : str or None
        Name of the driver that fits; None for a device that is no known sensor.
    side : {"left", "right"} or None
        The leg that it claims to be on.
    heard_s : float
        Seconds since its last advertisement.
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


def strongest_first(sensor: HeardSensor) -> tuple[bool, float]:
    """Return a key that sorts devices by their strength, the strongest first and unknown strengths last."""
    return sensor.rssi_dbm is None, -(sensor.rssi_dbm or 0.0)


@dataclass(frozen=True, slots=True)
class Declaration:
    """The abilities of a family of sensors.

    Parameters
    ----------
    rates_hz : tuple of float
        Nominal rates it offers.
    ranges_g : tuple of int
        Ranges it offers, ± g.
    device_time : bool
        Whether frames carry the sensor's own time.
    loss : {"index", "time", "arrival"}
        What shows that samples were lost: the sensor's sample count (exactly), its frame times (to a sample), or only pauses
        between arrivals (to about a frame).
    buffer : bool
        Whether lost samples can be fetched.
    frame_s : float
        Longest time from one frame to the next at 25 Hz or more, unless longer frames were requested, s.
    idle : str
        A sentence on what it does when it lies still, or when the link is lost; empty for nothing.
    idle_s : float or None
        After how long without movement it may switch itself off, s; None if it is not known to do so.
    bench : bool
        Whether it is a board for the bench, not to be worn for a night. It is used only if asked for by name.
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
    """A request to start a stream. The sensor uses the nearest values that it offers.

    Parameters
    ----------
    rate_hz : float
        Samples a second.
    range_g : int
        Range, ± g.
    frame_s : float
        Time between frames, s, for sensors that let the client choose.
    stream : int
        Number for the stream if the sensor does not number it; new for each connection.
    last : int or None
        The stream that was recorded last. If another one runs now, the sensor is asked what it still holds of this one.
    """

    rate_hz: float
    range_g: int
    frame_s: float
    stream: int
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The part of a stream that a sensor's buffer holds: indices `oldest` … `next` - 1."""

    stream: int
    oldest: int
    next: int


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How a sensor measures.

    Parameters
    ----------
    rate_hz : float
        Nominal rate, samples a second.
    range_g : int
        Range, ± g.
    scale_ug : int
        µg per unit of `Frame.xyz`.
    loss : {"index", "time", "arrival"}
        What shows that samples were lost (see `Declaration`).
    """

    rate_hz: float
    range_g: int
    scale_ug: int
    loss: Loss


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The result of starting a stream.

    Parameters
    ----------
    format : StreamFormat
        How the sensor measures.
    frame_s : float
        Longest time between two frames in normal operation, s of the sensor's time.
    side : {"left", "right"} or None
        The leg that the sensor is set up for.
    stream, next : int or None
        The running stream and the index of its next sample, if the sensor reports them.
    before : Held or None
        What the sensor still holds of the stream that was recorded last, if another one runs now.
    """

    format: StreamFormat
    frame_s: float
    side: Leg | None = None
    stream: int | None = None
    next: int | None = None
    before: Held | None = None


class Conversation(Protocol):
    """A conversation with one sensor for one night, over any number of connections. It keeps state for decoding; no I/O."""

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Set the sensor up after a connect, in whatever state it is, and start the stream.

        Raises
        ------
        RefusedError, FrameError
            If the sensor refuses, or its answer is not valid.
        """

    def stop(self) -> Steps[None]:
        """End the stream, so that the sensor does not empty its battery."""

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification.

        Raises
        ------
        FrameError
            If it does not follow the protocol. The next notification is decoded all the same.
        """

    def battery(self) -> Steps[int | None]:
        """Request the battery level, percent; None if it is not available."""

    def held(self, stream: int) -> Steps[Held | None]:
        """Request what the buffer holds of a stream; None for nothing. Only if `Declaration.buffer`."""

    def fetch(self, stream: int, first: int, count: int) -> Steps[int]:
        """Fetch samples, which come as late frames. Return how many the sensor sent. Only if `Declaration.buffer`.

        Raises
        ------
        RefusedError
            If it does not hold the first of them; `NeverTakenError` if it never measured it.
        """


class Driver(Protocol):
    """A family of sensors with one protocol. It has no state. The entry point group ``legmon.sensors`` lists all drivers."""

    name: str
    """One word, as `legmon sensors` lists it."""
    title: str
    """Its name for people."""
    declares: Declaration
    pairs: bool
    """Whether it has to be paired before anything else."""

    def recognises(self, advertisement: Advertisement) -> bool:
        """Whether an advertisement is of this family."""

    def side(self, advertisement: Advertisement) -> Leg | None:
        """Return the leg that the sensor is set up for."""

    def converse(self) -> Conversation:
        """Return a new conversation with one sensor."""
