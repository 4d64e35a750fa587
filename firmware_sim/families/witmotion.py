"""WitMotion's BT50 sensors by the data sheet WT901BLECL v23-0420: "wt901" (frames of 20 bytes) and "sdcl" (28, with the time).

It has the quirks of the real sensor. It streams to every subscribed client, without a start. Notifications do not follow the
frames: one frame may come in two notifications, and two frames in one. A new rate is accepted only within 10 s of an
unlock, and takes effect a few frames later.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle

import numpy as np

from firmware_sim.families.firmware import Advertised, Characteristic, Firmware, Notice
from firmware_sim.families.worn import Worn, words
from firmware_sim.night import Night

_UUID = "0000{}-0000-1000-8000-00805f9a34fb"
EVENTS, COMMANDS = _UUID.format("ffe4"), _UUID.format("ffe9")
_RATES = {6: 10, 7: 20, 8: 50, 9: 100, 10: 200}
_UNLOCKED_US = 10_000_000
_TAKES_US = 250_000
_BATTERY_CENTIVOLT = 390
_SWITCHED_ON = datetime(2026, 6, 22, 22, 0, tzinfo=UTC)
_CUTS = (20, 40, 33, 7, 20, 53, 11, 29)


class WitMotion(Firmware):
    """A WitMotion sensor."""

    family = "witmotion"
    models = ("wt901", "sdcl")

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        super().__init__(night, model, stop_after_s=stop_after_s)
        self.name = "WT901SDCL" if model == "sdcl" else "WT901BLE67"
        self.advertised = Advertised(services=(_UUID.format("ffe5"),))
        self.services = {
            _UUID.format("ffe5"): (
                Characteristic(EVENTS, ("notify",)),
                Characteristic(COMMANDS, ("write", "write-no-response")),
            )
        }
        self._rate = 6
        self._was_set = False
        self._taken_us: int | None = None  # when the rate that was written last takes effect
        self._unlocked_us = -_UNLOCKED_US
        self._waiting = b""
        self._uncounted = 0  # samples among what waits
        self._cuts = cycle(_CUTS)
        self._cut = next(self._cuts)

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Carry out a command of 5 bytes."""
        if uuid != COMMANDS or len(data) != 5 or data[:2] != b"\xff\xaa":
            return []
        register, value = data[2], int.from_bytes(data[3:], "little")
        if register == 0x27:
            out, self._waiting = self._waiting + self._answer(data[3], now_us), b""
            return [Notice(EVENTS, out)]
        if register == 0x69:
            self._unlocked_us = now_us
        elif register == 3 and now_us - self._unlocked_us < _UNLOCKED_US and value in _RATES:
            self._rate, self._taken_us = value, now_us + _TAKES_US
        return []

    def due(self, now_us: int, mtu: int) -> list[Notice] | None:
        """Return the next frame. Apply a new rate first if its time has come."""
        if self._taken_us is not None and now_us >= self._taken_us:
            if not self._was_set:
                self._was_set, self._night_us = (
                    True,
                    None,
                )  # the first setting of a rate: the night begins now
            if self.worn is not None:
                self._stream(self._taken_us)
            self._taken_us = None
        return super().due(now_us, mtu)

    def _answer(self, register: int, now_us: int) -> bytes:
        time = _SWITCHED_ON + timedelta(microseconds=now_us)
        values = {0x03: self._rate, 0x64: _BATTERY_CENTIVOLT, 0x30: time.year - 2000 + (time.month << 8)}
        return b"\x55\x71" + bytes([register, 0]) + values.get(register, 0).to_bytes(2, "little") + bytes(14)

    def subscribed(self, uuid: str, now_us: int) -> None:
        """Begin to stream."""
        if uuid == EVENTS and self.worn is None:
            self._stream(now_us)

    def _stream(self, now_us: int) -> None:
        self.sample(_RATES[self._rate], 16, now_us)
        self._waiting, self._uncounted = b"", 0

    def client_went(self, now_us: int) -> None:
        """Stop measuring."""
        super().client_went(now_us)
        self.worn = None

    def frame_samples(self, worn: Worn, mtu: int) -> int:  # noqa: ARG002
        """Return 1."""
        return 1

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:
        """Write one frame into the byte stream and return what is sent now."""
        if worn.loses(first, count):
            return [Notice(EVENTS, b"", count, lost=True)]
        self._uncounted += count
        acceleration = worn.g(first, 1)[0] / 16 * 32768
        self._waiting += b"\x55\x61" + words(np.concatenate([acceleration, np.zeros(6)]))
        if self.model == "sdcl":
            # Its own clock: a sample's time is its number, however fast the chip really is.
            time = _SWITCHED_ON + timedelta(
                milliseconds=round((worn.clock_first + first) * 1000 / worn.rate_hz)
            )
            self._waiting += bytes(
                [time.year - 2000, time.month, time.day, time.hour, time.minute, time.second]
            )
            self._waiting += (time.microsecond // 1000).to_bytes(2, "little")
        notices = []
        while len(self._waiting) >= (cut := min(self._cut, mtu - 3)):
            piece, self._waiting, self._cut = self._waiting[:cut], self._waiting[cut:], next(self._cuts)
            notices.append(Notice(EVENTS, piece, self._uncounted))
            self._uncounted = 0
        return notices
