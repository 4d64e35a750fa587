"""A Movesense sensor with the older open GATT SensorData app.

Quirks that are kept: every connection event drops all subscriptions; a subscription that succeeds is not answered; the
error of a third one is written big endian; four samples a packet at 52 Hz, stamped with the time of the first in whole
ms.
"""

from __future__ import annotations

from firmware_sim.families.firmware import BATTERY_PERCENT, Advertised, Characteristic, Firmware, Notice
from firmware_sim.families.worn import G_MS2, Worn
from firmware_sim.night import Night

_UUID = "{}-7185-4d5d-b431-630e7050e8f0"
COMMANDS, EVENTS = _UUID.format("34800001"), _UUID.format("34800002")
_RATES = (13, 26, 52, 104, 208, 416, 833)
_RANGE_G = 8


class Movesense(Firmware):
    """A Movesense sensor."""

    family = "movesense"
    models = ("old-app",)

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        super().__init__(night, model, stop_after_s=stop_after_s)
        self.name = "Movesense 174430000051"
        self.advertised = Advertised(short_services=("fdf3",))
        self.services = {
            _UUID.format("34802252"): (
                Characteristic(COMMANDS, ("write", "write-no-response")),
                Characteristic(EVENTS, ("notify",)),
            )
        }
        self._reference = 0

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Carry out a command."""
        if uuid != COMMANDS or len(data) < 2:
            return []
        code, reference, path = data[0], data[1], data[2:].split(b"\0")[0].decode("ascii", "replace")
        if code == 0:
            return [Notice(EVENTS, bytes([1, reference]) + b"174430000051\0Movesense\0")]
        if code == 1:
            return self._subscribe(reference, path, now_us)
        if code == 2:
            if reference == self._reference:
                self.worn = None
            return []
        if code == 4 and path == "/System/Energy/Level":
            return [Notice(EVENTS, bytes([1, reference, 200, 0, BATTERY_PERCENT]))]
        return [Notice(EVENTS, bytes([1, reference]) + (404).to_bytes(2, "little"))]

    def _subscribe(self, reference: int, path: str, now_us: int) -> list[Notice]:
        if self.worn is not None:
            return [Notice(EVENTS, bytes([1, reference]) + (507).to_bytes(2, "big"))]
        *where, rate = path.split("/")
        if where != ["", "Meas", "Acc"] or not rate.isdecimal() or int(rate) not in _RATES:
            return [Notice(EVENTS, bytes([1, reference]) + (404).to_bytes(2, "little"))]
        self._reference = reference
        self.sample(int(rate), _RANGE_G, now_us)
        return []

    def client_came(self, now_us: int) -> None:
        """Drop every subscription: the app takes any event of a peer for its end."""
        super().client_came(now_us)
        self.worn = None

    def client_went(self, now_us: int) -> None:
        """Drop every subscription."""
        super().client_went(now_us)
        self.worn = None

    def frame_samples(self, worn: Worn, mtu: int) -> int:
        """Four at 52 Hz and below, eight above, if they fit."""
        return max(1, min(4 if worn.rate_hz <= 52 else 8, (mtu - 9) // 12))

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """One packet."""
        ms = worn.time_us(first) // 1000 % (1 << 32)
        content = (worn.g(first, count) * G_MS2).astype("<f4").tobytes()
        data = bytes([2, self._reference]) + ms.to_bytes(4, "little") + content
        return [Notice(EVENTS, data, count, worn.loses(first, count))]
