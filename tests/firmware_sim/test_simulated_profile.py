"""The bytes of docs/ankle-profile.md, written out by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from firmware_sim import profile
from firmware_sim.scenario import Scenario
from firmware_sim.sensor import Sensor

SECOND = 1_000_000


def sensor(**night: float) -> Sensor:
    return Sensor(
        Scenario(duration_s=60.0, rate_error_percent=0.0, **night),  # type: ignore[arg-type]
        sensor_id=0x0102030405060708,
        first_stream=0xFFFF,
    )


def start(*, rate: int = 50, range_g: int = 4, batch: int = 0, tag: int = 1) -> bytes:
    return struct.pack("<BBHBB", 1, tag, rate, range_g, batch)


def test_section_3_frame() -> None:
    samples = np.array([[1, -2, 0x1234], [-32768, 32767, 0]], dtype=np.int16)
    assert profile.frame(
        stream=0x0201, first=0x06050403, t_us=0x0E0D0C0B0A090807, samples=samples
    ) == bytes.fromhex("11 02 0102 03040506 0708090a0b0c0d0e 0100 feff 3412 0080 ff7f 0000")


def test_section_5_capabilities() -> None:
    assert sensor().capabilities() == bytes.fromhex("01 00 0807060504030201 0f00 0f 01 00000000 0202 0600")


def test_section_6_status_when_idle() -> None:
    assert sensor().status(0) == bytes.fromhex("00 0000 00000000 00000000 00000000 1f 03")


def test_section_7_time() -> None:
    assert profile.time(tag=9, uptime_us=0x0807060504030201) == bytes.fromhex("09 0102030405060708")


def test_section_1_manufacturer_data() -> None:
    assert profile.manufacturer_data(side="right", battery=87, streaming=True) == bytes.fromhex("01 02 57 01")


def test_section_4_start_and_stop() -> None:
    firmware = sensor()
    answer = firmware.control(start(batch=255, tag=0x55), now_us=0, mtu=517)
    assert answer == bytes.fromhex("80 01 55 00 ffff 3200 04 53 7a00 01000000")
    # Sample 0 is taken at the moment of START, sample 50 a second later.
    assert firmware.control(b"\x02\x56", now_us=SECOND, mtu=517) == bytes.fromhex("80 02 56 00 ffff 33000000")
    again = firmware.control(start(), now_us=2 * SECOND, mtu=517)
    assert again[4:6] == b"\x00\x00", "a new stream number, past the end of u16"


@pytest.mark.parametrize(("mtu", "batch"), [(65, 7), (100, 13), (247, 38), (516, 82), (517, 83)])
def test_section_4_a_batch_fits_the_mtu(mtu: int, batch: int) -> None:
    answer = sensor().control(start(batch=200), now_us=0, mtu=mtu)
    assert answer[9] == batch
    assert 16 + 6 * batch <= mtu - 3


def test_section_4_start_again_changes_nothing() -> None:
    firmware = sensor()
    firmware.control(start(batch=25), now_us=0, mtu=517)
    again = firmware.control(start(batch=5), now_us=SECOND, mtu=517)
    assert struct.unpack("<HHBBHI", again[4:]) == (0xFFFF, 50, 4, 25, 122, 51)


@pytest.mark.parametrize(
    ("request_", "mtu", "status"),
    [
        (bytes([0x09, 1]), 517, 0x01),
        (bytes([0x81, 1]), 517, 0x01),
        (bytes([0x04, 1]), 517, 0x02),
        (bytes([0x05, 1, 0]), 517, 0x02),
        (start()[:-1], 517, 0x03),
        (start() + b"\0", 517, 0x03),
        (bytes([0x02, 1, 0]), 517, 0x03),
        (bytes([0x03, 1]), 517, 0x03),
        (start(rate=60), 517, 0x04),
        (start(range_g=3), 517, 0x04),
        (start(rate=100), 517, 0x05),
        (start(range_g=2), 517, 0x05),
        (bytes([0x06, 1]), 517, 0x02),
        (start(), 64, 0x08),
        (bytes([0x03, 1, 5]), 517, 0x00),
    ],
)
def test_section_4_statuses(request_: bytes, mtu: int, status: int) -> None:
    firmware = sensor()
    firmware.control(start(), now_us=0, mtu=517)
    assert firmware.control(request_, now_us=SECOND, mtu=mtu) == bytes(
        [0x80, request_[0], request_[1], status]
    )


def test_section_4_stop_when_idle_and_self_test() -> None:
    assert sensor().control(b"\x02\x01", now_us=0, mtu=517) == bytes.fromhex("80 02 01 06")
    assert sensor().control(b"\x08\x01", now_us=0, mtu=517) == bytes.fromhex("80 08 01 00 00")


def test_a_frame_is_due_when_its_last_sample_has_been_taken() -> None:
    firmware = sensor()
    firmware.control(start(batch=10), now_us=5 * SECOND, mtu=517)
    last = 5 * SECOND + 180_000
    assert firmware.next_due_us(mtu=517) == last
    assert firmware.due(last - 1, mtu=517) is None
    assert firmware.due(last, mtu=517) == (0, 10)
    assert firmware.due(last - 1, mtu=517, rest=True) == (0, 9)


def test_the_second_stream_goes_on_in_the_same_night() -> None:
    firmware = sensor()
    firmware.control(start(), now_us=0, mtu=517)
    firmware.control(b"\x02\x01", now_us=SECOND, mtu=517)
    firmware.control(start(), now_us=2 * SECOND + 1, mtu=517)
    stream = firmware.stream
    assert stream is not None
    assert stream.night_first == 101
    assert stream.time_us(0) == 2_020_000
    assert firmware.status(2_019_999)[3:7] == b"\0\0\0\0"
    assert firmware.status(2_020_000)[3:7] == b"\1\0\0\0"


def test_dropped_samples_are_told() -> None:
    firmware = sensor()
    firmware.control(start(batch=10), now_us=0, mtu=517)
    firmware.drop(10)
    assert firmware.status(SECOND) == struct.pack("<BHIIIbB", 1, 0xFFFF, 51, 51, 10, 31, 3)


def test_battery_drains_by_a_percent_in_half_an_hour() -> None:
    hour = 3600 * SECOND
    assert [sensor().battery(hours * hour) for hours in (0, 1, 8, 1000)] == [87, 85, 71, 1]
