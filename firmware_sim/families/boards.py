"""Boards with an open service: micro:bit, Adafruit CLUE, Thingy:52 and InfiniTime, one sample a notification.

Layouts are those that the projects publish. A micro:bit asks for a bonded client. An Adafruit board begins at one sample
per second, a Thingy at ten. The other sensors of an Adafruit board have a period under the same UUID as its accelerometer.
InfiniTime notifies nothing while the value stays the same.
"""

from __future__ import annotations

from firmware_sim.families.firmware import Advertised, Characteristic, Firmware, Notice, RefusedError
from firmware_sim.families.worn import G_MS2, Worn, words
from firmware_sim.night import Night


class Board(Firmware):
    """A board that notifies its samples one by one."""

    models = ("board",)
    data: str
    period: str | None = None
    range_g = 4

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        super().__init__(night, model, stop_after_s=stop_after_s)
        self._rate = 10.0

    def set_rate(self, rate_hz: float, now_us: int) -> None:
        """Measure at another rate."""
        self._rate = rate_hz
        if self.worn is not None:
            self.sample(rate_hz, self.range_g, now_us)

    def subscribed(self, uuid: str, now_us: int) -> None:
        """Begin to notify."""
        if uuid == self.data and self.worn is None:
            self.sample(self._rate, self.range_g, now_us)

    def client_went(self, now_us: int) -> None:
        """Stop measuring."""
        super().client_went(now_us)
        self.worn = None

    def frame_samples(self, worn: Worn, mtu: int) -> int:  # noqa: ARG002
        """Return 1."""
        return 1


class Microbit(Board):
    """A micro:bit with its accelerometer service."""

    family = "microbit"
    data = "e95dca4b-251d-470a-a062-fa1922dfa9a8"
    period = "e95dfb24-251d-470a-a062-fa1922dfa9a8"
    range_g = 2
    name = "BBC micro:bit [zuvot]"
    advertised = Advertised()
    services = {  # noqa: RUF012
        "e95d0753-251d-470a-a062-fa1922dfa9a8": (
            Characteristic(data, ("read", "notify"), encrypted=True),
            Characteristic(period, ("read", "write"), encrypted=True),
        )
    }
    _ms = 20

    def read(self, uuid: str, now_us: int) -> bytes:
        """Return the current period."""
        return self._ms.to_bytes(2, "little") if uuid == self.period else super().read(uuid, now_us)

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Set the next longer period that the board supports."""
        if uuid != self.period:
            return []
        if len(data) != 2:
            raise RefusedError(0x0D)
        asked = int.from_bytes(data, "little")
        self._ms = next((ms for ms in (5, 10, 20, 80, 160, 640) if ms >= asked), 640)
        self.set_rate(1000 / self._ms, now_us)
        return []

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Notify three axes in mg."""
        return [Notice(self.data, words(worn.g(first, 1) * 1000), 1, worn.loses(first, 1))]


class Adafruit(Board):
    """An Adafruit CLUE with the accelerometer service."""

    family = "adafruit"
    data = "adaf0201-c332-42a8-93bd-25e905756cb8"
    period = "adaf0001-c332-42a8-93bd-25e905756cb8"
    name = "CLUE"
    advertised = Advertised(company=(0x0822, bytes.fromhex("0401007280")))  # what board it is, and no service
    services = {  # noqa: RUF012
        "adaf0100-c332-42a8-93bd-25e905756cb8": (  # the thermometer: every sensor has a period under the same UUID
            Characteristic("adaf0101-c332-42a8-93bd-25e905756cb8", ("read", "notify"), inert=True),
            Characteristic(period, ("read", "write"), inert=True),
        ),
        "adaf0200-c332-42a8-93bd-25e905756cb8": (
            Characteristic(data, ("read", "notify")),
            Characteristic(period, ("read", "write")),
        ),
    }

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        super().__init__(night, model, stop_after_s=stop_after_s)
        self._rate = 1.0

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Set a period in ms."""
        if uuid == self.period and len(data) == 4 and (ms := int.from_bytes(data, "little", signed=True)) > 0:
            self.set_rate(1000 / ms, now_us)
        return []

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Notify three floats in m/s²."""
        data = (worn.g(first, 1) * G_MS2).astype("<f4").tobytes()
        return [Notice(self.data, data, 1, worn.loses(first, 1))]


class Thingy52(Board):
    """A Nordic Thingy:52."""

    family = "thingy52"
    data = "ef680406-9b35-4933-9b10-52ffa9740042"
    period = "ef680401-9b35-4933-9b10-52ffa9740042"
    name = "Thingy"
    advertised = Advertised(services=("ef680100-9b35-4933-9b10-52ffa9740042",))
    services = {  # noqa: RUF012
        "ef680400-9b35-4933-9b10-52ffa9740042": (
            Characteristic(data, ("notify",)),
            Characteristic(period, ("read", "write")),
        )
    }

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Set a configuration of 9 bytes."""
        if uuid != self.period:
            return []
        rate = int.from_bytes(data[6:8], "little")
        if len(data) != 9 or not 5 <= rate <= 200:
            raise RefusedError(0x13)
        self.set_rate(rate, now_us)
        return []

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Notify acceleration in 1/1024 g, then rotation and magnetic field."""
        data = words(worn.g(first, 1) * 1024) + bytes(12)
        return [Notice(self.data, data, 1, worn.loses(first, 1))]


class InfiniTime(Board):
    """A PineTime with InfiniTime."""

    family = "infinitime"
    data = "00030002-78fc-48fe-8e23-433b3a1942d0"
    range_g = 2
    name = "InfiniTime"
    advertised = Advertised(services=("00030000-78fc-48fe-8e23-433b3a1942d0",))
    services = {  # noqa: RUF012
        "00030000-78fc-48fe-8e23-433b3a1942d0": (Characteristic(data, ("read", "notify")),)
    }
    _before = b""

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Ignore the write: this watch has no settings."""
        return []

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Notify acceleration in 1/1024 g, but nothing while the value stays the same."""
        data = words(worn.g(first, 1) * 1024)
        same, self._before = data == self._before, data
        return [] if same else [Notice(self.data, data, 1, worn.loses(first, 1))]
