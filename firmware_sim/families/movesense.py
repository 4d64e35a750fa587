"""A Movesense sensor: with the firmware that it comes with now ("gsp"), or with the older open GATT SensorData app.

It has the quirks of the real sensor. Both kinds of firmware drop all subscriptions when the link is lost, send four samples
per packet at 52 Hz with the time of the first in whole ms, and allow four subscriptions. The old app drops all
subscriptions at any connection event. It does not know GET, and it does not answer a subscription, except for the error of
a fifth one, which is big endian. GSP answers every command except the greeting with a status.
"""

from __future__ import annotations

from typing import Literal

from firmware_sim.families.firmware import BATTERY_PERCENT, Advertised, Characteristic, Firmware, Notice
from firmware_sim.families.worn import G_MS2, Worn
from firmware_sim.night import Night

_UUID = "{}-7185-4d5d-b431-630e7050e8f0"
COMMANDS, EVENTS = _UUID.format("34800001"), _UUID.format("34800002")
_HELLO, _SUBSCRIBE, _UNSUBSCRIBE, _GET = 0, 1, 2, 4
_RATES = (13, 26, 52, 104, 208, 416, 833)
_RANGE_G = 8
_SLOTS = 4
_ABOUT = b"\x01174430000051\0Movesense Flash\x000C8CDC000051\0Default\x002.3.1\0"
"""Version of the protocol, serial number, product, address for updates, the app and its version."""


class Movesense(Firmware):
    """A Movesense sensor."""

    family = "movesense"
    models = ("old-app", "gsp")

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
        self._is_old = model == "old-app"
        self._references: list[int] = []

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Carry out a command."""
        if uuid != COMMANDS or len(data) < 2:
            return []
        code, reference, path = data[0], data[1], data[2:].split(b"\0")[0].decode("ascii", "replace")
        if code == _HELLO:
            return [Notice(EVENTS, bytes([1, reference]) + (b"Hello" if self._is_old else _ABOUT))]
        if code == _SUBSCRIBE:
            return self._subscribe(reference, path, now_us)
        if code == _UNSUBSCRIBE:
            if reference in self._references:
                self._references.remove(reference)
            if not self._references:
                self.worn = None
            return self._status(reference, 200)
        if code == _GET and path == "/System/Energy/Level":
            return self._status(reference, 200, bytes([BATTERY_PERCENT]))
        return self._status(reference, 404)

    def _status(self, reference: int, status: int, content: bytes = b"") -> list[Notice]:
        """Return the answer with a status. The old app sends none."""
        if self._is_old:
            return []
        return [Notice(EVENTS, bytes([1, reference]) + status.to_bytes(2, "little") + content)]

    def _subscribe(self, reference: int, path: str, now_us: int) -> list[Notice]:
        if len(self._references) == _SLOTS:
            order: Literal["big", "little"] = "big" if self._is_old else "little"
            return [Notice(EVENTS, bytes([1, reference]) + (507).to_bytes(2, order))]
        *where, rate = path.split("/")
        if where != ["", "Meas", "Acc"] or not rate.isdecimal() or int(rate) not in _RATES:
            return self._status(reference, 404)
        self._references.append(reference)
        if self.worn is None:
            self.sample(int(rate), _RANGE_G, now_us)
        return self._status(reference, 200)

    def _drop(self) -> None:
        self._references.clear()
        self.worn = None

    def client_came(self, now_us: int) -> None:
        """Drop every subscription, as the old app does at any connection event."""
        super().client_came(now_us)
        self._drop()

    def client_went(self, now_us: int) -> None:
        """Drop every subscription."""
        super().client_went(now_us)
        self._drop()

    def frame_samples(self, worn: Worn, mtu: int) -> int:
        """Return 4 at 52 Hz and below, 8 above, or as many as fit."""
        return max(1, min(4 if worn.rate_hz <= 52 else 8, (mtu - 9) // 12))

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Return one packet, for the first subscription."""
        ms = worn.time_us(first) // 1000 % (1 << 32)
        content = (worn.g(first, count) * G_MS2).astype("<f4").tobytes()
        data = bytes([2, self._references[0]]) + ms.to_bytes(4, "little") + content
        return [Notice(EVENTS, data, count, worn.loses(first, count))]
