"""The base of all simulated commodity sensors: characteristics, their answers, and notifications.

The protocols are written from the vendors' documents and the sources that docs/sensors.md names. There is no radio and no
clock in here: callers pass the uptime in, µs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from firmware_sim.families.worn import Worn
from firmware_sim.night import Night

BATTERY_SERVICE, BATTERY_LEVEL = "180f", "2a19"
BATTERY_PERCENT = 81


def long_uuid(short: str) -> str:
    """Return the 128-bit form of a 16-bit Bluetooth UUID."""
    return f"0000{short}-0000-1000-8000-00805f9b34fb"


class RefusedError(Exception):
    """The sensor refuses a read or a write. `code` is the ATT error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ATT error 0x{code:02x}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One characteristic: its UUID, and its properties out of "read", "write", "write-no-response", "notify", "indicate".

    An `inert` characteristic has no effect. It belongs to another sensor on the same board and may have the same UUID in
    another service.
    """

    uuid: str
    properties: tuple[str, ...]
    encrypted: bool = False
    inert: bool = False


@dataclass(frozen=True, slots=True)
class Advertised:
    """The advertisement: 128-bit services, 16-bit services, and manufacturer data."""

    services: tuple[str, ...] = ()
    short_services: tuple[str, ...] = ()
    company: tuple[int, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification, or an indication if the characteristic has that.

    `samples` is the number of samples that it carries. `lost` is true if the radio loses it.
    """

    uuid: str
    data: bytes
    samples: int = 0
    lost: bool = False


class Firmware(ABC):
    """One sensor.

    Parameters
    ----------
    night : Night
        The night to measure. Its time 0 is the first sample.
    model : str
        Model of the family.
    stop_after_s : float or None
        A stream ends by itself after this time, in families that are known for it.
    """

    family: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    name: str
    advertised: Advertised
    services: Mapping[str, Sequence[Characteristic]]
    refuses_pairing = False
    public: ClassVar[Mapping[str, Sequence[Characteristic]]] = {
        BATTERY_SERVICE: (Characteristic(BATTERY_LEVEL, ("read", "notify")),)
    }

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        self.night = night
        self.model = model
        self.stop_after_s = stop_after_s
        self.worn: Worn | None = None
        self.connected = False
        self.is_off = False  # with its radio
        self._night_us: int | None = None

    def sample(self, rate_hz: float, range_g: int, now_us: int) -> Worn:
        """Start to sample. The night begins with the first start and continues through later ones."""
        if self._night_us is None:
            self._night_us = now_us
        self.worn = Worn(self.night, rate_hz, range_g, night_us=self._night_us, now_us=now_us)
        return self.worn

    def read(self, uuid: str, now_us: int) -> bytes:  # noqa: ARG002
        """Return the value of a characteristic.

        Raises
        ------
        RefusedError
            If it has no value.
        """
        if uuid == BATTERY_LEVEL:
            return bytes([BATTERY_PERCENT])
        raise RefusedError(0x02)

    @abstractmethod
    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:
        """Carry out a write. Return the notifications that answer it, after the response to the write.

        Raises
        ------
        RefusedError
            If the write itself is refused.
        """

    @abstractmethod
    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:
        """Return the notifications with the samples `first` to `first + count - 1`."""

    @abstractmethod
    def frame_samples(self, worn: Worn, mtu: int) -> int:
        """Return how many samples the next frame holds."""

    def due(self, now_us: int, mtu: int) -> list[Notice] | None:
        """Return the notifications of the next frame that is due. The list may be empty.

        Return None if no frame is due, and after the night.
        """
        worn = self.worn
        if worn is None or worn.over:
            return None
        count = self.frame_samples(worn, mtu)
        if worn.time_us(worn.sent + count - 1) > now_us:
            return None
        first, worn.sent = worn.sent, worn.sent + count
        return self.frame(worn, first, count, mtu)

    def next_due_us(self, mtu: int) -> int | None:
        """Return the uptime at which the next frame is due; None while the sensor does not measure, and after the night."""
        if self.worn is None or self.worn.over:
            return None
        return self.worn.time_us(self.worn.sent + self.frame_samples(self.worn, mtu) - 1)

    def client_came(self, now_us: int) -> None:  # noqa: ARG002
        """Note a connection."""
        self.connected = True

    def client_went(self, now_us: int) -> None:  # noqa: ARG002
        """Note a disconnection."""
        self.connected = False

    def subscribed(self, uuid: str, now_us: int) -> None:  # noqa: B027
        """Note that a client has subscribed."""
