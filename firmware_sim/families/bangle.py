"""A Bangle.js 2 that runs the legmon app, by the protocol of docs/sensors/bangle.md.

It has the quirks of the real watch. Bytes leave the UART in pieces that do not follow the frames. With power saving on
(model "forgetful": an app that did not switch it off), the watch measures 1.25 times per second after a minute without
movement. A watch whose JavaScript is busy (model "busy") misses samples: it counts them but does not have them. The stream
and its numbers go on while the link is down. The buffer holds 4096 samples, and the latest 4056 can be fetched again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from itertools import cycle
from typing import ClassVar

import numpy as np

from firmware_sim.families.firmware import BATTERY_PERCENT, Advertised, Characteristic, Firmware, Notice
from firmware_sim.families.worn import Worn, words
from firmware_sim.night import Night
from firmware_sim.profile import SCALE_UG

_UUID = "6e40000{}-b5a3-f393-e0a9-e50e24dcca9e"
COMMANDS, EVENTS = _UUID.format(2), _UUID.format(3)
_PERIODS_MS = {"12.5": 80, "25": 40, "50": 20, "100": 10}
_KEPT = 4096
_MOST = 40
_BUSY_EVERY, _BUSY_FOR = 1009, 3  # samples
_STILL_US = 60_000_000
_MOVED_G = 0.03
_CUTS = (20, 128, 53, 97, 244, 31)
_SIDES = {"left": 1, "right": 2}


class Bangle(Firmware):
    """A watch."""

    family = "bangle"
    models = ("app", "forgetful", "busy")
    public: ClassVar[dict[str, tuple[Characteristic, ...]]] = {}  # the watch has no battery service

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        super().__init__(night, model, stop_after_s=stop_after_s)
        self.name = "Bangle.js 7f3a"
        self.advertised = Advertised(services=(_UUID.format(1),))
        self.services = {
            _UUID.format(1): (
                Characteristic(COMMANDS, ("write", "write-no-response")),
                Characteristic(EVENTS, ("notify",)),
            )
        }
        self._stream = 0x0300
        self._period_ms = 20
        self._line = b""
        self._cuts = cycle(_CUTS)
        self._moved_us = 0

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:
        """Receive bytes of command lines."""
        if uuid != COMMANDS:
            return []
        *lines, self._line = (self._line + data).split(b"\n")
        self._line = self._line[-64:]
        out = b"".join(self._carry_out(line.decode("ascii", "replace"), now_us) for line in lines if line)
        return self._pieces(out, mtu)

    def _carry_out(self, line: str, now_us: int) -> bytes:
        op, *arguments = line.split(",")
        known: dict[str, Callable[[list[str], int], bytes]] = {
            "S": self._start,
            "X": self._stop,
            "B": lambda _arguments, _now: b"\0" + bytes([BATTERY_PERCENT]),
            "H": self._holds,
        }
        if op == "F":
            return self._fetch(arguments, now_us)
        answer = known[op](arguments, now_us) if op in known else b"\x01"
        return _frame(3, op[:1].encode("ascii", "replace") + answer)

    def _start(self, arguments: list[str], now_us: int) -> bytes:
        if len(arguments) != 2 or arguments[0] not in _PERIODS_MS or arguments[1] not in {"4", "8"}:
            return b"\x02"
        period, range_g = _PERIODS_MS[arguments[0]], int(arguments[1])
        if self.worn is not None and (self._period_ms, self.worn.range_g) != (period, range_g):
            return b"\x03"
        if self.worn is None:
            self._stream += 1
            self._period_ms = period
            self._moved_us = now_us
            self.sample(1000 / period, range_g, now_us)
        assert self.worn is not None  # noqa: S101
        return (
            b"\0\x01"
            + self._stream.to_bytes(2, "little")
            + period.to_bytes(2, "little")
            + SCALE_UG[range_g].to_bytes(2, "little")
            + bytes([range_g])
            + self.worn.taken(now_us).to_bytes(4, "little")
            + bytes([_SIDES[self.night.leg]])
        )

    def _stop(self, _arguments: list[str], _now_us: int) -> bytes:
        ran, self.worn = self.worn is not None, None
        return b"\0" if ran else b"\x03"

    def _holds(self, _arguments: list[str], now_us: int) -> bytes:
        if self.worn is None:
            return b"\x03"
        taken = self.worn.taken(now_us)
        return b"\0" + b"".join(
            v.to_bytes(n, "little") for v, n in ((self._stream, 2), (_oldest(taken), 4), (taken, 4))
        )

    def _fetch(self, arguments: list[str], now_us: int) -> bytes:
        worn = self.worn
        if worn is None or len(arguments) != 2 or not all(a.isdecimal() for a in arguments):
            return _frame(3, b"F\x02" if worn else b"F\x03")
        first, count = (int(a) for a in arguments)
        taken = worn.taken(now_us)
        if first < _oldest(taken) or first >= taken:
            return _frame(3, b"F\x04")
        if not self._runs(first, 1):
            following = next(k for k in range(first, first + _BUSY_FOR + 1) if self._runs(k, 1))
            return _frame(3, b"F\x05" + (following - first).to_bytes(4, "little"))
        end = min(first + count, taken)
        has = [
            (at, min(_MOST, b - at)) for a, b in self._runs(first, end - first) for at in range(a, b, _MOST)
        ]
        out = b"".join(self._samples(2, worn, at, n) for at, n in has)
        return out + _frame(3, b"F\0" + (end - first).to_bytes(4, "little"))

    def _runs(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return the runs of samples that were not missed, as first index and end."""
        end = first + count
        if self.model != "busy":
            return [(first, end)]
        begins = range(first // _BUSY_EVERY * _BUSY_EVERY + _BUSY_FOR, end + _BUSY_EVERY, _BUSY_EVERY)
        runs = [(max(first, b), min(end, b + _BUSY_EVERY - _BUSY_FOR)) for b in begins]
        return [(a, b) for a, b in runs if a < b]

    def _samples(self, kind: int, worn: Worn, first: int, count: int) -> bytes:
        ms = worn.time_us(first) // 1000
        content = words(worn.g(first, count) / (SCALE_UG[worn.range_g] * 1e-6))
        head = self._stream.to_bytes(2, "little") + first.to_bytes(4, "little") + ms.to_bytes(4, "little")
        return _frame(kind, head + content)

    def frame_samples(self, worn: Worn, mtu: int) -> int:  # noqa: ARG002
        """Return the samples of half a second."""
        return min(_MOST, max(1, int(worn.rate_hz / 2)))

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:
        """Write one frame into the UART and return the pieces that leave it."""
        if self.model == "forgetful" and self._sleeps(worn, first, count):
            return []
        lost = worn.loses(first, count)
        if lost:
            return [Notice(EVENTS, b"", count, lost=True)]
        out: list[Notice] = []
        at = first
        for a, b in self._runs(first, count):
            *notices, last = self._pieces(self._samples(1, worn, a, b - a), mtu)
            out += [*_missed(a - at), *notices, Notice(EVENTS, last.data, b - a)]
            at = b
        return [*out, *_missed(first + count - at)]

    def _sleeps(self, worn: Worn, first: int, count: int) -> bool:
        """Whether the chip is polled too rarely to fill a frame: samples in between are never taken."""
        g = worn.g(first, count)
        if np.ptp(g, axis=0).max() > _MOVED_G:
            self._moved_us = worn.time_us(first + count)
        return worn.time_us(first) - self._moved_us > _STILL_US and (first // count) % 40 != 0

    def _pieces(self, data: bytes, mtu: int) -> list[Notice]:
        notices = []
        while data:
            cut = min(next(self._cuts), mtu - 3)
            notices.append(Notice(EVENTS, data[:cut]))
            data = data[cut:]
        return notices

    def client_went(self, now_us: int) -> None:
        """Go on measuring. Forget an unfinished line."""
        super().client_went(now_us)
        self._line = b""


def _oldest(taken: int) -> int:
    return max(0, taken - _KEPT + _MOST)


def _missed(count: int) -> list[Notice]:
    return [Notice(EVENTS, b"", count, lost=True)] if count else []


def _frame(kind: int, payload: bytes) -> bytes:
    body = bytes([kind, len(payload)]) + payload
    return b"LM" + body + zlib.crc32(body).to_bytes(4, "little")
