"""A MetaWear board with a BMI160 or a BMI270, as the vendor's SDK speaks to it.

"bmi160-old" has revision 0 of the accelerometer's module, without a register of packed samples.

It has the quirks of the real board. It does not answer settings. Samples come only when a register is subscribed, enabled
and started. A disconnect resets all of that.
"""

from __future__ import annotations

from firmware_sim.families.firmware import BATTERY_PERCENT, Advertised, Characteristic, Firmware, Notice
from firmware_sim.families.worn import Worn, words
from firmware_sim.night import Night
from firmware_sim.profile import SCALE_UG

_UUID = "326a{}-85cb-9195-d9dd-464cfbbae75a"
COMMANDS, EVENTS = _UUID.format("9001"), _UUID.format("9006")
_ODR = {5: 12.5, 6: 25, 7: 50, 8: 100, 9: 200}
_RANGES = {"bmi160": {3: 2, 5: 4, 8: 8, 12: 16}, "bmi270": {0: 2, 1: 4, 2: 8, 3: 16}}
_TOP = {"bmi160": 0x20, "bmi270": 0xA0}
_PACKED = {"bmi160": 0x1C, "bmi270": 0x05}
_CHIP = {"bmi160": 1, "bmi270": 4}
_OLD = "-old"


class MetaMotion(Firmware):
    """A MetaWear board."""

    family = "metamotion"
    models = ("bmi160", "bmi270", "bmi160-old")

    def __init__(self, night: Night, model: str, *, stop_after_s: float | None = None) -> None:
        super().__init__(night, model, stop_after_s=stop_after_s)
        self.name = "MetaWear"
        self.advertised = Advertised(services=(_UUID.format("9000"),))
        self.services = {
            _UUID.format("9000"): (
                Characteristic(COMMANDS, ("write", "write-no-response")),
                Characteristic(EVENTS, ("notify",)),
            )
        }
        self._chip = model.removesuffix(_OLD)
        self._revision = 0 if model.endswith(_OLD) else 1
        self._packed = _PACKED[self._chip] if self._revision else None
        self._set: tuple[float, int] = (50, 2)
        self._notifies: set[int] = set()
        self._enabled = self._started = False

    def written(self, uuid: str, data: bytes, now_us: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Carry out a message."""
        if uuid != COMMANDS or len(data) < 2:
            return []
        if data[0] == 0x11 and data[1] & ~0x40 == 0x8C:
            return [Notice(EVENTS, bytes([0x11, 0x8C, BATTERY_PERCENT]) + (3980).to_bytes(2, "little"))]
        if data[1] == 0x80:
            about = bytes([_CHIP[self._chip], self._revision]) if data[0] == 3 else b""
            return [Notice(EVENTS, bytes([data[0], 0x80]) + about)]
        if data[0] == 3 and len(data) >= 3:
            self._accelerometer(data, now_us)
        return []

    def _accelerometer(self, data: bytes, now_us: int) -> None:
        register, value = data[1], data[2]
        if register == 3 and len(data) == 4:
            rate, range_g = _ODR.get(value & 0x0F), _RANGES[self._chip].get(data[3])
            if rate and range_g and value & 0xF0 == _TOP[self._chip]:
                self._set = (rate, range_g)
        elif register == 1:
            self._started = value == 1
        elif register == 2 and len(data) == 4:
            self._enabled = (self._enabled or bool(value & 1)) and not data[3] & 1
        elif register in {4, self._packed}:
            (self._notifies.add if value else self._notifies.discard)(register)
        runs = self._started and self._enabled
        if runs and self.worn is None:
            self.sample(*self._set, now_us)
        elif not runs:
            self.worn = None

    def client_went(self, now_us: int) -> None:
        """Reset all settings."""
        super().client_went(now_us)
        self._notifies.clear()
        self._enabled = self._started = False
        self.worn = None

    def frame_samples(self, worn: Worn, mtu: int) -> int:  # noqa: ARG002
        """Return 3 if samples are packed, otherwise 1."""
        return 3 if self._packed in self._notifies else 1

    def frame(self, worn: Worn, first: int, count: int, mtu: int) -> list[Notice]:  # noqa: ARG002
        """Return one notification of the subscribed register."""
        register = self._packed if count == 3 else 4
        if register is None or register not in self._notifies:
            return []
        data = bytes([3, register]) + words(worn.g(first, count) / (SCALE_UG[worn.range_g] * 1e-6))
        return [Notice(EVENTS, data, count, worn.loses(first, count))]
