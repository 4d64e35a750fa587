"""The bytes of docs/ankle-profile.md, written out by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from firmware_sim import profile
from firmware_sim.sensor import Flashed, Sensor
from firmware_sim.vocabulary import Scenario

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
    assert sensor().capabilities() == bytes.fromhex("01 01 0807060504030201 0f00 0f 01 00000000 0202 0600")


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


# Section 4: the buffer.


def filled(depth: int = 1000, seconds: float = 30.0) -> Sensor:
    """A sensor that has sampled for a while and framed all of it, with a buffer."""
    s = Sensor(Scenario(600.0), sensor_id=1, first_stream=7, depth=depth)
    s.control(start(), now_us=0, mtu=517)
    while (due := s.due(round(seconds * 1e6), mtu=517)) is not None:
        s.sent(due[1])
    return s


def answered(s: Sensor, request: bytes) -> tuple[int, bytes]:
    answer = s.control(request, now_us=30_000_000, mtu=517)
    return answer[3], answer[4:]


def backfill(stream: int, first: int, count: int) -> bytes:
    return struct.pack("<BBHII", 0x05, 9, stream, first, count)


def test_section_4_get_buffer_tells_what_is_kept() -> None:
    s = filled()
    status, results = answered(s, bytes([0x04, 1]))
    assert (status, struct.unpack("<HII", results)) == (0, (7, s.framed - 1000, s.framed))
    assert answered(s, struct.pack("<BBH", 0x04, 1, 7)) == (0, results), "of a stream by its number"
    assert answered(s, struct.pack("<BBH", 0x04, 1, 8))[0] == 0x09


def test_section_4_backfill_sends_the_same_samples_again_as_kind_0x12() -> None:
    s = filled()
    assert s.stream is not None
    assert answered(s, backfill(7, 600, 100))[0] == 0
    assert answered(s, backfill(7, 600, 100))[0] == 0x05, "one at a time"
    at, sent = 600, b""
    while (late := s.late_frame(7, at, 700, mtu=517)) is not None:
        frame, size = late
        assert frame is not None
        assert frame[0] == 0x12
        assert frame[1:] == s.stream.frame(at, size)[1:]
        at, sent = at + size, sent + frame[16:]
    assert at == 700
    assert sent == s.stream.accelerometer.samples(600, 100).tobytes()
    assert answered(s, bytes([0x06, 1]))[0] == 0
    assert answered(s, bytes([0x06, 1]))[0] == 0x06


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (backfill(8, 600, 10), 0x09),
        (backfill(7, 100, 10), 0x0A),
        (backfill(7, 1400, 1000), 0x0A),
        (backfill(7, 600, 0), 0x04),
        (backfill(7, 600, 10)[:-1], 0x03),
        (bytes([0x04, 1, 7]), 0x03),
    ],
)
def test_section_4_what_the_buffer_does_not_hold_is_refused(request_: bytes, status: int) -> None:
    assert answered(filled(), request_) == (status, b"")


def test_a_backfill_that_the_buffer_overtakes_ends_early() -> None:
    s = filled(depth=500)
    assert answered(s, backfill(7, s.framed - 500, 400))[0] == 0
    first = s.framed - 500
    while (due := s.due(60_000_000, mtu=517)) is not None:
        s.sent(due[1])
    assert s.late_frame(7, first, first + 400, mtu=517) is None


def test_after_a_reboot_the_buffer_is_there_and_sampling_goes_on_as_a_new_stream() -> None:
    before = filled(depth=10_000)
    assert before.stream is not None
    f = Flashed(7, 50, 4, before.stream.batch, 0, 0, before.framed, sampling=True)
    after = Sensor(Scenario(600.0), sensor_id=1, first_stream=99, depth=10_000)
    after.reboot([f], now_us=500_000, night_us=-32_000_000)
    assert after.stream is not None
    assert after.stream.number == 8
    assert after.stream.night_first == pytest.approx(32.5 * after.stream.true_rate_hz, abs=1)
    status, results = answered(after, struct.pack("<BBH", 0x04, 1, 7))
    assert (status, struct.unpack("<HII", results)) == (0, (7, 0, before.framed))
    assert answered(after, backfill(7, 0, 50))[0] == 0
    late = after.late_frame(7, 0, 50, mtu=517)
    assert late is not None
    assert late[0] is not None
    assert late[0][1:] == before.stream.frame(0, 50)[1:]
