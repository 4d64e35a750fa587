"""Polar Verity Sense and H10, by Polar's Measurement Data Specification and SDK documents.

They have the quirks of the real sensors:

- A Verity sends about 71 samples at once.
- SDK mode can be set only while nothing runs, and at least 100 ms before a start.
- A running stream continues when the link is lost, so the next start is answered with *already in state*.
- A Verity outside SDK mode switches itself off after ten minutes without a heart beat. Some do so in SDK mode too.
- The H10 sends raw frames and ends its answer with a byte without meaning. Some computers have to pair with it first.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.firmware import Advertised, Characteristic, Firmware, Notice
from firmware_sim.families.worn import Worn, words
from firmware_sim.night import Night

_UUID = "fb005c{}-02e7-f387-1cad-8acd2d8df0c8"
CONTROL, DATA = _UUID.format("81"), _UUID.format("82")
_ACC, _SDK = 2, 9
_OK, _BAD_OP, _NOT_SUPPORTED, _LENGTH, _PARAMETER, _ALREADY, _RATE, _RANGE, _MTU, _STATE = (
    0,
    1,
    3,
    4,
    5,
    6,
    8,
    9,
    10,
    12,
)
_SIZES = {0: 2, 1: 2, 2: 2, 3: 4, 4: 1}
_SMALLEST_MTU = 232
_VERITY_SAMPLES, _H10_SAMPLES = 71, 36
_SETTLE_US = 100_000
_AUTO_OFF_US = 600_000_000
_NEVER_SET_NS = 599_616_000_000_000_000
"""The clock of a sensor that was never set begins in 2019."""
_FACTOR = 0.000244140625


class Polar(Firmware):
    """A Polar sensor.

    Models: "verity"; "verity-old", which answers with a factor and sends frames of type 0x80; "verity-idle", which switches
    itself off in SDK mode too; "h10"; "h10-paired", which has to be paired before any request; "h10-taken", which refuses
    to pair.
    """

    family = "polar"
    models = ("verity", "verity-old", "verity-idle", "h10", "h10-paired", "h10-taken")

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        super().__init__(night, model, stop_after_s=stop_after_s)
        self._is_h10 = model.startswith("h10")
        self.name = "Polar H10 A1B2C3D4" if self._is_h10 else "Polar Sense A1B2C3D4"
        self.advertised = Advertised(
            short_services=("180d",), company=(0x006B, b"\x72\x08\x97\xc9\xc3\x00\x00\x00\x00")
        )
        paired = model in {"h10-paired", "h10-taken"}
        self.refuses_pairing = model == "h10-taken"
        self.services = {
            _UUID.format("80"): (
                Characteristic(CONTROL, ("read", "write", "indicate"), encrypted=paired),
                Characteristic(DATA, ("notify",), encrypted=paired),
            )
        }
        self._sdk_since: int | None = None
        self._began_us = 0

    def read(self, uuid: str, now_us: int) -> bytes:
        """Return the features of the sensor."""
        if uuid == CONTROL:
            return bytes([0x0F, 0x05 if self._is_h10 else 0x06, 0 if self._is_h10 else 0x02]) + bytes(14)
        return super().read(uuid, now_us)

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:
        """Answer a request to the control point."""
        if uuid != CONTROL or not data:
            return []
        op, kind = data[0], data[1] if len(data) > 1 else 0
        status, parameters = self._carry_out(op, kind, data, now_us, mtu)
        return [Notice(CONTROL, bytes([0xF0, op, kind, status, 0]) + parameters)]

    def _carry_out(self, op: int, kind: int, data: bytes, now_us: int, mtu: int) -> tuple[int, bytes]:
        if op == 5:
            return (_BAD_OP, b"") if self._is_h10 else (_OK, bytes([_ACC | 0x40 if self.worn else _ACC]))
        if len(data) < 2:
            return _LENGTH, b""
        if kind == _SDK:
            return self._switch(on=op == 2, now_us=now_us) if op in {2, 3} else (_NOT_SUPPORTED, b"")
        if kind != _ACC:
            return 2, b""
        if op in {1, 4}:
            return (
                (_OK, self._settings(all_=op == 4)) if op == 1 or not self._is_h10 else (_NOT_SUPPORTED, b"")
            )
        if op == 2:
            return self._start(data[2:], now_us, mtu)
        if op == 3:
            ran, self.worn = self.worn is not None, None
            return (_OK if ran else _STATE), b""
        return _BAD_OP, b""

    def _switch(self, *, on: bool, now_us: int) -> tuple[int, bytes]:
        if self._is_h10:
            return _NOT_SUPPORTED, b""
        if self.worn is not None:
            return _STATE, b""
        if on == (self._sdk_since is not None):
            return _ALREADY, b""
        self._sdk_since = now_us if on else None
        return _OK, b""

    def _offered(self, *, all_: bool) -> Mapping[int, tuple[int, ...]]:
        if self._is_h10:
            return {0: (25, 50, 100, 200), 1: (16,), 2: (2, 4, 8)}
        if all_ or self._sdk_since is not None:
            return {0: (26, 52, 104, 208, 416), 1: (16,), 2: (2, 4, 8, 16), 4: (3,)}
        return {0: (52,), 1: (16,), 2: (8,), 4: (3,)}

    def _settings(self, *, all_: bool) -> bytes:
        return b"".join(
            bytes([kind, len(values)]) + b"".join(v.to_bytes(_SIZES[kind], "little") for v in values)
            for kind, values in self._offered(all_=all_).items()
        )

    def _start(self, tlv: bytes, now_us: int, mtu: int) -> tuple[int, bytes]:
        chosen, at = {}, 0
        while at + 2 <= len(tlv):
            size = _SIZES.get(tlv[at])
            if size is None or tlv[at + 1] != 1 or at + 2 + size > len(tlv):
                return _PARAMETER, b""
            chosen[tlv[at]] = int.from_bytes(tlv[at + 2 : at + 2 + size], "little")
            at += 2 + size
        if mtu < _SMALLEST_MTU:
            return _MTU, b""
        if self.worn is not None:
            return _ALREADY, b""
        if self._sdk_since is not None and now_us - self._sdk_since < _SETTLE_US:
            return _STATE, b""
        offered = self._offered(all_=False)
        if chosen.keys() != offered.keys():
            return _PARAMETER, b""
        for kind, code in ((0, _RATE), (1, 7), (2, _RANGE), (4, 11)):
            if kind in offered and chosen[kind] not in offered[kind]:
                return code, b""
        self.sample(chosen[0], chosen[2], now_us)
        self._began_us = now_us
        if self.model == "verity-old":
            return _OK, bytes([5, 1]) + struct.pack("<f", _FACTOR)
        return _OK, b"\x01" if self._is_h10 else b""

    def due(self, now_us: int, mtu: int) -> list[Notice] | None:
        """Return the next frame or the end of the stream, or switch the sensor off without notice."""
        can_idle = not self._is_h10 and (self._sdk_since is None or self.model == "verity-idle")
        if can_idle and self.worn is not None and now_us - self._began_us > _AUTO_OFF_US:
            self.worn, self._sdk_since, self.is_off = None, None, True
            return None
        ends = self.stop_after_s is not None and now_us - self._began_us > self.stop_after_s * 1e6
        if self.worn is not None and ends:
            self.worn = None
            self.stop_after_s = None
            return [Notice(CONTROL, bytes([0x01, _ACC]))]
        return super().due(now_us, mtu)

    def frame_samples(self, worn: Worn, mtu: int) -> int:
        """Return as many samples as the model sends at once, or as fit."""
        if self._is_h10:
            return min(_H10_SAMPLES, (mtu - 13) // 6)
        most = _VERITY_SAMPLES
        while most > 1 and 10 + len(_compressed(self._values(worn, worn.sent, most))) > mtu - 3:
            most -= 5
        return max(most, 1)

    def _values(self, worn: Worn, first: int, count: int) -> NDArray[np.int64]:
        unit_g = _FACTOR if self.model == "verity-old" else 0.001
        values: NDArray[np.int64] = np.clip(np.rint(worn.g(first, count) / unit_g), -32768, 32767).astype(
            np.int64
        )
        return values

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Return one frame with the time of its last sample, from a clock of 32768 Hz."""
        ticks = worn.time_us(first + count - 1) * 32768 // 1_000_000
        stamp = _NEVER_SET_NS + ticks * 1_000_000_000 // 32768
        values = self._values(worn, first, count)
        kind = 0x01 if self._is_h10 else 0x80 if self.model == "verity-old" else 0x81
        content = words(values.astype(np.float64)) if self._is_h10 else _compressed(values)
        data = bytes([_ACC]) + stamp.to_bytes(8, "little") + bytes([kind]) + content
        return [Notice(DATA, data, count, worn.loses(first, count))]


def _compressed(values: NDArray[np.int64]) -> bytes:
    """Return the first sample, and the differences in blocks of up to 59, each as few bits wide as possible."""
    out: bytes = values[0].astype("<i2").tobytes()
    steps = np.diff(values, axis=0)
    for at in range(0, len(steps), 59):
        block = steps[at : at + 59]
        width = max(2, int(max(block.max(), -block.min() - 1)).bit_length() + 1)
        bits = 0
        for i, value in enumerate(block.ravel().tolist()):
            bits |= (value & ((1 << width) - 1)) << (i * width)
        out += bytes([width, len(block)]) + bits.to_bytes((block.size * width + 7) // 8, "little")
    return out
