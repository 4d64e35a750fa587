"""Boards with an open service of their own, for the bench: micro:bit, Adafruit's, Thingy:52, and InfiniTime watches.

A notification holds one sample, without time or number, so a loss shows only as a pause. Layouts as published by
(lancaster-university/microbit-dal, adafruit/Adafruit_CircuitPython_BLE_Adafruit, NordicSemiconductor/Nordic-Thingy52-FW,
InfiniTimeOrg/InfiniTime).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from legmon.movement import Leg
from legmon.sensors import decode
from legmon.sensors.base import (
    Advertisement,
    Declaration,
    Frame,
    FrameError,
    Read,
    RefusedError,
    SensorEvent,
    Steps,
    StreamFormat,
    StreamRequest,
    StreamStart,
    Subscribe,
    Write,
)
from legmon.sensors.conversation import Unbuffered, battery_level
from legmon.sensors.values import G_MS2, counts, floats, nearest, words


@dataclass(frozen=True, slots=True)
class Layout:
    """How to set up one board and decode its accelerations.

    Parameters
    ----------
    data, period : str
        Characteristics of the samples and of the rate; `period` is None if the rate cannot be set.
    service : str or None
        The service of the period, if several services have one.
    size : int
        Bytes of a notification.
    g : callable
        Convert a notification to g, shape (n, 3).
    scale_ug, range_g : int
        µg per unit of a recorded sample, and the range, ± g.
    periods_ms : tuple of int
        Periods that the board offers.
    set_period : callable
        Return the bytes that set a period.
    get_period : callable or None
        Decode the period that the board uses.
    """

    data: str
    period: str | None
    size: int
    g: Callable[[bytes], NDArray[np.float64]]
    scale_ug: int
    range_g: int
    periods_ms: tuple[int, ...]
    set_period: Callable[[int], bytes] = lambda ms: ms.to_bytes(2, "little")
    get_period: Callable[[bytes], int] | None = None
    service: str | None = None

    def decode(self, notification: bytes) -> NDArray[np.float64]:
        """Read a notification, g.

        Raises
        ------
        FrameError
            If its length is not valid, or a value is not a number.
        """
        if len(notification) != self.size:
            raise FrameError(f"notification of {len(notification)} bytes; expected {self.size}")
        values = self.g(notification)
        counts(values)
        return values


def thingy_config(motion_hz: int) -> bytes:
    """Return the motion configuration: pedometer, temperature and compass as delivered, the rate of the raw data, no wake-up."""
    return b"".join(v.to_bytes(2, "little") for v in (100, 1000, 1000, motion_hz)) + b"\0"


MICROBIT = Layout(
    data="e95dca4b-251d-470a-a062-fa1922dfa9a8",
    period="e95dfb24-251d-470a-a062-fa1922dfa9a8",
    size=6,
    g=lambda data: words(data) / 1000.0,
    scale_ug=1000,
    range_g=2,
    periods_ms=(640, 160, 80, 20, 10, 5),
    get_period=lambda data: int.from_bytes(data[:2], "little"),
)
ADAFRUIT = Layout(
    data="adaf0201-c332-42a8-93bd-25e905756cb8",
    period="adaf0001-c332-42a8-93bd-25e905756cb8",
    size=12,
    g=lambda data: floats(data) / G_MS2,
    scale_ug=244,
    range_g=4,
    periods_ms=(1000, 100, 80, 40, 20),
    set_period=lambda ms: ms.to_bytes(4, "little"),
    service="adaf0200-c332-42a8-93bd-25e905756cb8",  # its thermometer and the others have a period of their own
)
THINGY52 = Layout(
    data="ef680406-9b35-4933-9b10-52ffa9740042",
    period="ef680401-9b35-4933-9b10-52ffa9740042",
    size=18,
    g=lambda data: words(data[:6]) / 1024.0,
    scale_ug=977,
    range_g=4,
    periods_ms=(100, 40, 20, 10, 5),
    set_period=lambda ms: thingy_config(1000 // ms),
)
INFINITIME = Layout(
    data="00030002-78fc-48fe-8e23-433b3a1942d0",
    period=None,
    size=6,
    g=lambda data: words(data) / 1024.0,
    scale_ug=977,
    range_g=2,
    periods_ms=(100,),
)


class OpenConversation(Unbuffered):
    """The conversation with one board."""

    def __init__(self, layout: Layout, title: str) -> None:
        self._layout = layout
        self._title = title
        self._stream = 0
        self._next: int | None = None

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Set the period and subscribe.

        Raises
        ------
        RefusedError
            If it uses a period that is not valid.
        """
        layout, self._next = self._layout, None
        rates = {1000 / ms: ms for ms in layout.periods_ms}
        ms = rates[nearest(wanted.rate_hz, tuple(rates))]
        if layout.period is not None:
            yield Write(layout.period, layout.set_period(ms), service=layout.service)
            if layout.get_period is not None:
                ms = layout.get_period((yield Read(layout.period, layout.service)))
        if not 1 <= ms <= 1000:
            raise RefusedError(
                f"the {self._title} says it measures every {ms} ms, which cannot be; switch it off and on"
            )
        self._stream, self._next = wanted.stream, 0
        yield Subscribe(layout.data)
        stream_format = StreamFormat(1000 / ms, layout.range_g, layout.scale_ug, "arrival")
        return StreamStart(stream_format, max(0.2, 3 * ms / 1000))

    def stop(self) -> Steps[None]:
        """Do nothing: the board notifies only clients that subscribed."""
        self._next = None
        yield from ()

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification."""
        if uuid != self._layout.data or self._next is None:
            return ()
        xyz = counts(self._layout.decode(data) * (1e6 / self._layout.scale_ug))
        frame = Frame(self._stream, self._next, 0, xyz)
        self._next += len(xyz)
        return (frame,)

    def battery(self) -> Steps[int | None]:
        """Read the battery service, if the board has one."""
        return battery_level()


class OpenDecoder:
    """Captured notifications of the samples."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def read(self, data: bytes, following: bytes | None) -> decode.Decoded:  # noqa: ARG002
        """Read one."""
        return decode.Decoded(self._layout.decode(data))


@dataclass(frozen=True, slots=True)
class OpenService:
    """A family of boards with one layout."""

    name: str
    title: str
    layout: Layout
    service: str
    names: tuple[str, ...]
    company: tuple[int, bytes] | None = None
    idle: str = ""
    pairs: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def declares(self) -> Declaration:
        """The rates, ranges and features of the board."""
        return Declaration(
            rates_hz=tuple(1000 / ms for ms in self.layout.periods_ms),
            ranges_g=(self.layout.range_g,),
            device_time=False,
            loss="arrival",
            buffer=False,
            frame_s=0.3,
            idle=self.idle,
            bench=True,
        )

    def recognises(self, advertisement: Advertisement) -> bool:
        """Check the service, the beginning of the name, or the beginning of the company's data."""
        if self.service in advertisement.services or (advertisement.name or "").startswith(self.names):
            return True
        if self.company is None:
            return False
        number, begins = self.company
        return advertisement.manufacturer.get(number, b"").startswith(begins)

    def side(self, advertisement: Advertisement) -> Leg | None:  # noqa: ARG002
        """Return None: it does not say."""
        return None

    def converse(self) -> OpenConversation:
        """Return a new conversation with one board."""
        return OpenConversation(self.layout, self.title)

    def decoder(self, settings: Mapping[str, str]) -> OpenDecoder:
        """Return a decoder for captured notifications."""
        decode.check(settings, self.settings)
        return OpenDecoder(self.layout)


DRIVER_MICROBIT = OpenService(
    "microbit", "micro:bit", MICROBIT, "e95d0753-251d-470a-a062-fa1922dfa9a8", ("BBC micro:bit",), pairs=True
)
DRIVER_ADAFRUIT = OpenService(
    "adafruit",
    "Adafruit CLUE and others with its accelerometer service",
    ADAFRUIT,
    "adaf0200-c332-42a8-93bd-25e905756cb8",
    ("CLUE", "Adafruit"),
    company=(0x0822, b"\x04\x01\x00"),  # the board's server advertises this name, followed by a number
)
DRIVER_THINGY52 = OpenService(
    "thingy52", "Nordic Thingy:52", THINGY52, "ef680100-9b35-4933-9b10-52ffa9740042", ("Thingy",)
)
DRIVER_INFINITIME = OpenService(
    "infinitime",
    "PineTime with InfiniTime",
    INFINITIME,
    "00030000-78fc-48fe-8e23-433b3a1942d0",
    ("InfiniTime",),
    idle="Sends a value only when it differs from the one before, so that its samples cannot be counted: not for a night.",
)
