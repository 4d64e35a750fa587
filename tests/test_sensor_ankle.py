"""The ankle profile (docs/ankle-profile.md): bytes written by hand from the page, section by section."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from firmware_sim import profile
from legmon.sensors.ankle import profile as ankle
from legmon.sensors.ankle.profile import Capabilities, Op, RefusedStatusError, SensorStatus, Streaming
from legmon.sensors.base import FrameError

# kind 0x11, n 2, stream 0x1234, first 0x00010002, t_us 0x0000000102030405,
# and two samples
FRAME = bytes.fromhex("11 02 3412 02000100 0504030201000000 0100 ffff 0020 0080 ff7f 0001")
# major 1, minor 0, id 0x0102030405060708, rates 25|50|100|200, ranges 2|4|8|16, side 1, depth 0, longest 514, features 6
CAPABILITIES = bytes.fromhex("01 00 0807060504030201 0f00 0f 01 00000000 0202 0600")
# sampling, stream 7, next 1000, oldest 1000, dropped 3, 31 °C, worn and can tell
STATUS = bytes.fromhex("01 0700 e8030000 e8030000 03000000 1f 03")
# stream 7, 50 Hz, ±4 g, batch 12, 122 µg, next 258
STARTED = bytes.fromhex("0700 3200 04 0c 7a00 02010000")


def replaced(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


# Section 2.


def test_2_the_characteristics_have_their_uuids() -> None:
    uuids = [ankle.SERVICE, ankle.LIVE, ankle.CONTROL, ankle.CAPABILITIES, ankle.STATUS]
    assert uuids == [f"7c9e{n}-5b1d-4c37-9a86-3f0c6d2b8e11" for n in ("0100", "0101", "0102", "0103", "0104")]


# Section 3.


def test_3_a_frame() -> None:
    frame = ankle.decode_frame(FRAME)
    assert (frame.stream, frame.first, frame.t_us) == (0x1234, 65538, 0x0102030405)
    assert frame.xyz.tolist() == [[1, -1, 8192], [-32768, 32767, 256]]
    assert frame.xyz.dtype == np.int16


def test_3_a_frame_in_a_buffer_that_is_used_again_keeps_its_samples() -> None:
    data = bytearray(FRAME)
    frame = ankle.decode_frame(data)
    data[16:] = bytes(12)
    assert frame.xyz.tolist() == [[1, -1, 8192], [-32768, 32767, 256]]


def test_3_the_largest_numbers() -> None:
    frame = ankle.decode_frame(bytes([0x11, 1]) + b"\xff" * 14 + b"\xff" * 6)
    assert (frame.stream, frame.first, frame.t_us) == (2**16 - 1, 2**32 - 1, 2**64 - 1)
    assert frame.xyz.tolist() == [[-1, -1, -1]]


@pytest.mark.parametrize("n", [1, 2, 83])
def test_3_a_frame_holds_1_to_83_samples(n: int) -> None:
    assert ankle.decode_frame(replaced(FRAME[:16], 1, n) + bytes(6 * n)).xyz.shape == (n, 3)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 21])
def test_3_a_frame_shorter_than_22_bytes_is_refused(length: int) -> None:
    with pytest.raises(FrameError, match=f"frame of {length} bytes; the shortest has 22"):
        ankle.decode_frame(FRAME[:length])


@pytest.mark.parametrize("kind", [0x00, 0x01, 0x21, 0x91, 0xFF])
def test_3_another_version_is_refused(kind: int) -> None:
    with pytest.raises(FrameError, match=f"kind 0x{kind:02x}; expected 0x11"):
        ankle.decode_frame(replaced(FRAME, 0, kind))


@pytest.mark.parametrize("kind", [0x10, 0x13, 0x1F])
def test_3_another_kind_is_refused(kind: int) -> None:
    with pytest.raises(FrameError, match=f"kind 0x{kind:02x}; expected 0x11"):
        ankle.decode_frame(replaced(FRAME, 0, kind))


@pytest.mark.parametrize("n", [0, 84, 255])
def test_3_no_samples_or_more_than_83_are_refused(n: int) -> None:
    with pytest.raises(FrameError, match=f"frame of {n} samples; expected 1 to 83"):
        ankle.decode_frame(replaced(FRAME[:16], 1, n) + bytes(max(6 * n, 6)))


@pytest.mark.parametrize("data", [FRAME[:-1], FRAME + b"\x00", FRAME[:22], FRAME + bytes(6)])
def test_3_another_length_than_the_samples_need_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match=f"frame of {len(data)} bytes; 2 samples need 28"):
        ankle.decode_frame(data)


# Section 4.


def test_4_a_request_to_start() -> None:
    request = ankle.request(Op.START, 0xAB, ankle.start_arguments(200, 16, 83))
    assert request == bytes.fromhex("01 ab c800 10 53")


def test_4_a_request_to_stop() -> None:
    assert ankle.request(Op.STOP, 3) == bytes.fromhex("02 03")


def test_4_the_answer_to_a_request() -> None:
    assert ankle.decode_answer(bytes.fromhex("80 01 ab 00") + STARTED, Op.START, 0xAB) == STARTED
    assert ankle.decode_answer(bytearray.fromhex("80 02 03 00"), Op.STOP, 3) == b""


@pytest.mark.parametrize(
    "other",
    ["80 01 ac 00", "80 02 ab 00", "81 01 ab 00", "81 05 ab 00 0700 00000000 00000000", "80 01 aa 05"],
)
def test_4_an_answer_to_something_else_is_not_the_answer(other: str) -> None:
    assert ankle.decode_answer(bytes.fromhex(other), Op.START, 0xAB) is None


@pytest.mark.parametrize("length", range(4))
def test_4_an_answer_shorter_than_4_bytes_is_refused(length: int) -> None:
    with pytest.raises(FrameError, match=f"answer of {length} bytes; expected 4"):
        ankle.decode_answer(bytes.fromhex("80 01 ab")[:length], Op.START, 0xAB)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (0x01, "it does not know this operation"),
        (0x02, "it does not support this operation"),
        (0x03, "the request had the wrong length"),
        (0x04, "it cannot measure at this rate or range"),
        (0x05, "it is already measuring in another way"),
        (0x06, "it is not measuring"),
        (0x07, "it is on the charger"),
        (0x08, "the Bluetooth packets are too small"),
        (0x09, "it does not know this stream"),
        (0x0A, "its buffer no longer holds these samples"),
        (0x7F, "status 0x7f"),
    ],
)
def test_4_a_refusal_says_why_in_plain_words(status: int, sentence: str) -> None:
    with pytest.raises(RefusedStatusError) as error:
        ankle.decode_answer(bytes([0x80, 0x01, 0xAB, status]), Op.START, 0xAB)
    assert str(error.value) == f"the sensor refused: {sentence}"
    assert error.value.status == status


def test_4_what_start_answered() -> None:
    started = Streaming(stream=7, rate_hz=50, range_g=4, batch=12, scale_ug=122, next=258)
    assert ankle.decode_started(STARTED) == started


@pytest.mark.parametrize("length", [0, 11])
def test_4_results_of_start_that_are_too_short_are_refused(length: int) -> None:
    with pytest.raises(FrameError, match=f"answer to START of {length} bytes; expected 12"):
        ankle.decode_started(STARTED[:length])


# Section 5.


def test_5_capabilities() -> None:
    assert ankle.decode_capabilities(CAPABILITIES) == Capabilities(
        sensor_id=0x0102030405060708,
        rates_hz=(25, 50, 100, 200),
        ranges_g=(2, 4, 8, 16),
        side="left",
        buffer=0,
    )


@pytest.mark.parametrize(
    ("bits", "rates", "ranges"),
    [(1, (25,), (2,)), (2, (50,), (4,)), (4, (100,), (8,)), (8, (200,), (16,)), (0xF0, (), ())],
)
def test_5_rates_and_ranges_in_the_order_of_their_bits(
    bits: int, rates: tuple[int, ...], ranges: tuple[int, ...]
) -> None:
    found = ankle.decode_capabilities(replaced(replaced(CAPABILITIES, 10, bits), 12, bits))
    assert (found.rates_hz, found.ranges_g) == (rates, ranges)


@pytest.mark.parametrize(("side", "leg"), [(0, None), (1, "left"), (2, "right"), (3, None)])
def test_5_the_side(side: int, leg: str | None) -> None:
    assert ankle.decode_capabilities(replaced(CAPABILITIES, 13, side)).side == leg


def test_5_a_later_minor_version_only_adds_fields() -> None:
    later = replaced(CAPABILITIES, 1, 9) + b"more"
    assert ankle.decode_capabilities(later) == ankle.decode_capabilities(CAPABILITIES)


@pytest.mark.parametrize("major", [0, 2, 255])
def test_5_another_major_version_is_refused(major: int) -> None:
    with pytest.raises(FrameError, match=f"speaks version {major} of the ankle profile"):
        ankle.decode_capabilities(replaced(CAPABILITIES, 0, major))


@pytest.mark.parametrize("length", [0, 21])
def test_5_capabilities_that_are_too_short_are_refused(length: int) -> None:
    with pytest.raises(FrameError, match=f"capabilities of {length} bytes; expected 22"):
        ankle.decode_capabilities(CAPABILITIES[:length])


# Section 6.


def test_6_status() -> None:
    expected = SensorStatus(
        state="sampling", stream=7, next=1000, dropped=3, temperature_c=31, worn=True, charging=False
    )
    assert ankle.decode_status(STATUS) == expected


def test_6_idle_cold_or_of_unknown_temperature() -> None:
    assert ankle.decode_status(replaced(STATUS, 0, 0)).state == "idle"
    assert ankle.decode_status(replaced(STATUS, 15, 0xFB)).temperature_c == -5
    assert ankle.decode_status(replaced(STATUS, 15, 0x80)).temperature_c is None


@pytest.mark.parametrize("length", [0, 16])
def test_6_a_status_that_is_too_short_is_refused(length: int) -> None:
    with pytest.raises(FrameError, match=f"status of {length} bytes; expected 17"):
        ankle.decode_status(STATUS[:length])


# Whatever comes.


def read_everything(data: bytes) -> None:
    """Feed bytes to every decoder; a refusal is right, anything else that is raised is not."""
    for decode in (ankle.decode_frame, ankle.decode_capabilities, ankle.decode_status, ankle.decode_started):
        with contextlib.suppress(FrameError):
            decode(data)
    with contextlib.suppress(FrameError, RefusedStatusError):
        ankle.decode_answer(data, Op.START, 0xAB)


@settings(deadline=None)
@given(st.binary(max_size=530))
def test_random_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    read_everything(data)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([FRAME, CAPABILITIES, STATUS, STARTED, b"\x80\x01\xab\x00" + STARTED]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), max_size=4),
    st.integers(-5, 5),
)
def test_mutated_bytes_are_read_or_refused_and_nothing_else(
    data: bytes, changes: list[tuple[int, int]], longer: int
) -> None:
    mutated = bytearray(data)
    for at, value in changes:
        if at < len(mutated):
            mutated[at] = value
    read_everything(bytes(mutated) + bytes(longer) if longer >= 0 else bytes(mutated[:longer]))


@settings(deadline=None)
@given(st.binary(min_size=22, max_size=530).map(lambda b: b"\x11" + b[1:]))
def test_a_frame_that_is_taken_has_the_length_it_says(data: bytes) -> None:
    try:
        frame = ankle.decode_frame(data)
    except FrameError:
        assert not (1 <= data[1] <= 83 and len(data) == 16 + 6 * data[1])
    else:
        assert len(data) == 16 + 6 * len(frame.xyz) == 16 + 6 * data[1]


# What the firmware writes is what is read here.


@settings(deadline=None)
@given(
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    arrays.arrays(np.int16, st.tuples(st.integers(1, 83), st.just(3))),
)
def test_frames_of_the_firmware_hold_the_same_samples_here(
    stream: int, first: int, t_us: int, xyz: NDArray[np.int16]
) -> None:
    frame = ankle.decode_frame(profile.frame(stream=stream, first=first, t_us=t_us, samples=xyz))
    assert (frame.stream, frame.first, frame.t_us) == (stream, first, t_us)
    assert frame.xyz.tolist() == xyz.tolist()


def test_answers_of_the_firmware_say_the_same_here() -> None:
    results = profile.start_results(stream=9, rate_hz=100, range_g=8, batch=30, next_index=2**32 - 1)
    answer = ankle.decode_answer(profile.answer(1, 77, profile.Answer.OK, results), Op.START, 77)
    assert answer is not None
    assert ankle.decode_started(answer) == Streaming(9, 100, 8, 30, 244, 2**32 - 1)
    with pytest.raises(RefusedStatusError, match="already measuring"):
        ankle.decode_answer(profile.answer(1, 77, profile.Answer.BUSY, results), Op.START, 77)
    asked = ankle.request(Op.START, 77, ankle.start_arguments(100, 8, 30))
    assert profile.parse_start(asked[2:]) == profile.StartRequest(100, 8, 30)


def test_what_the_firmware_says_of_itself_is_the_same_here() -> None:
    capabilities = ankle.decode_capabilities(profile.capabilities(sensor_id=2**64 - 1, side="right"))
    assert capabilities == Capabilities(2**64 - 1, (25, 50, 100, 200), (2, 4, 8, 16), "right", 0)
    status = profile.status(sampling=True, stream=3, next_index=99, dropped=4, temperature_c=-7)
    assert ankle.decode_status(status) == SensorStatus("sampling", 3, 99, 4, -7, worn=True, charging=False)
    uuids = (profile.SERVICE, profile.LIVE_DATA, profile.CONTROL_POINT, profile.CAPABILITIES, profile.STATUS)
    assert uuids == (ankle.SERVICE, ankle.LIVE, ankle.CONTROL, ankle.CAPABILITIES, ankle.STATUS)
