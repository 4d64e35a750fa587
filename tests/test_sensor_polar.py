"""Polar's PMD service: frames and control point as its documents have them, and a conversation driven by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scripted import REQUEST, VERITY_SETTINGS, Hand, Notification, polar_script, started
from firmware_sim.families.polar import _compressed
from legmon.sensors.base import (
    Advertisement,
    Frame,
    FrameError,
    Pause,
    RefusedError,
    Stopped,
    StreamRequest,
    Subscribe,
)
from legmon.sensors.polar import control, driver
from legmon.sensors.polar.frames import decode_deltas, decode_frame, sample_times

FEATURES_VERITY, FEATURES_H10 = bytes.fromhex("0f0602"), bytes.fromhex("0f0500")
H10_SETTINGS = "0004190032006400c800010110000203020004000800"
SDK_TEST = bytes.fromhex("02650000000000000081f1ff1400f00306017b0f08")  # vendor unit test, compressed type 1
TYPE_0 = bytes.fromhex("02660000000000000080eaff08000d00")


def raw(stamp_ns: int, *samples: tuple[int, int, int]) -> bytes:
    content = np.array(samples, "<i2").tobytes()
    return b"\x02" + stamp_ns.to_bytes(8, "little") + b"\x01" + content


def verity(script: object = None, features: bytes = FEATURES_VERITY) -> Hand:
    return Hand(driver.DRIVER.converse(), script or polar_script(VERITY_SETTINGS), {driver.CONTROL: features})  # type: ignore[arg-type]


def test_a_compressed_frame_of_the_vendors_unit_test() -> None:
    frame = decode_frame(SDK_TEST)
    assert frame.time_ns == 101
    assert frame.sdk_mg(1.0).tolist() == [[-15, 20, 1008], [-20, 17, 1008]]


def test_type_0_is_times_the_factor_and_cut_off_towards_zero() -> None:
    assert decode_frame(TYPE_0).sdk_mg(0.5).tolist() == [[-11000, 4000, 6500]]
    assert decode_frame(TYPE_0).sdk_mg(0.000244140625).tolist() == [[-5, 1, 3]]


def test_three_byte_samples_are_signed() -> None:
    frame = decode_frame(b"\x02" + bytes(8) + b"\x02" + bytes.fromhex("000080 ffff7f 010000"))
    assert frame.raw.tolist() == [[-8388608, 8388607, 1]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "header"),
        (b"\x01" + bytes(15), "measurement 1"),
        (b"\x02" + bytes(8) + b"\x01" + bytes(5), "a sample has 6"),
        (b"\x02" + bytes(8) + b"\x01", "a sample has 6"),
        (b"\x02" + bytes(8) + b"\x82" + bytes(6), "frame type 0x82"),
        (b"\x02" + bytes(8) + b"\x81" + bytes(5), "reference"),
        (b"\x02" + bytes(8) + b"\x81" + bytes(6) + b"\x03", "cut short"),
        (b"\x02" + bytes(8) + b"\x81" + bytes(6) + b"\x03\x01\x00", "are left"),
        (b"\x02" + bytes(8) + b"\x81" + bytes(6) + b"\x21\x01" + bytes(13), "33 bits"),
        (b"\x02" + bytes(8) + b"\x81" + bytes(6) + b"\x00\xff" * 5, "1024"),
    ],
)
def test_a_frame_that_lies_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(FrameError, match=says):
        decode_frame(data)


@given(st.lists(st.tuples(*[st.integers(-32768, 32767)] * 3), min_size=1, max_size=120))
def test_what_the_simulated_sensor_compresses_comes_out_again(samples: list[tuple[int, int, int]]) -> None:
    values = np.array(samples, dtype=np.int64)
    assert decode_deltas(_compressed(values)).tolist() == values.tolist()


def test_times_end_with_the_frames_own() -> None:
    assert sample_times(2_000_000_000, 3, previous_ns=100, rate_hz=1) == [
        666666733,
        1333333367,
        2_000_000_000,
    ]
    assert sample_times(2_000_000_000, 2, previous_ns=None, rate_hz=52)[0] == 1980769231
    with pytest.raises(FrameError, match="before the sensor's clock"):
        sample_times(100_000, 100, previous_ns=None, rate_hz=52)


def test_a_verity_is_set_up_in_the_order_its_makers_ask_for() -> None:
    hand = verity()
    set_up = hand.carry_out(hand.conversation.start(REQUEST))
    assert hand.done[0] == Pause(0.5), "it is not ready as soon as it is connected"
    assert hand.done[1:3] == [Subscribe(driver.CONTROL), Subscribe(driver.DATA)]
    assert sum(isinstance(step, Subscribe) for step in hand.done) == 2  # its charge is asked for
    assert hand.written == ["05", "0209", "0402", "0202000134000101100002010400040103"]
    assert any(isinstance(step, Pause) and step.seconds >= 0.1 for step in hand.done)
    assert (set_up.format.rate_hz, set_up.format.range_g, set_up.format.scale_ug) == (52.0, 4, 1000)
    assert set_up.frame_s >= 2.0


def test_an_h10_gets_neither_sdk_mode_nor_channels_and_its_last_byte_means_nothing() -> None:
    def script(uuid: str, data: bytes) -> list[Notification]:
        if data == b"\x05":
            return [(driver.CONTROL, bytes.fromhex("f005000100"))]
        return polar_script(H10_SETTINGS, "f00202000001")(uuid, data)

    hand = verity(script, FEATURES_H10)
    set_up = hand.carry_out(hand.conversation.start(REQUEST))
    assert hand.written == ["05", "0302", "0102", "02020001320001011000" + "02010400"]
    assert {50.0, 52.0} <= set(
        driver.RATES_HZ
    )  # the family has both; which it is asked for, its settings say
    assert (set_up.format.rate_hz, set_up.format.scale_ug) == (50.0, 1000)


def test_a_factor_sets_the_scale() -> None:
    hand = verity(polar_script(VERITY_SETTINGS, "f0020200000501" + "00008039"))
    assert hand.carry_out(hand.conversation.start(REQUEST)).format.scale_ug == 244
    hand.notify(driver.DATA, bytes.fromhex("02" + "00" * 7 + "01" + "80" + "eaff08000d00"))
    (frame,) = hand.events
    assert isinstance(frame, Frame)
    assert frame.xyz.tolist() == [[-22, 8, 13]]


@pytest.mark.parametrize("answer", ["f002020000", "f00202000001", "f0020200000501" + "0000803f"])
def test_samples_without_the_factor_they_need_are_refused(answer: str) -> None:
    hand = verity(polar_script(VERITY_SETTINGS, answer))
    hand.carry_out(hand.conversation.start(REQUEST))
    with pytest.raises(FrameError, match="without the factor they need"):
        hand.notify(driver.DATA, bytes.fromhex("02" + "00" * 7 + "01" + "80" + "000000100000"))
    hand.notify(driver.DATA, bytes.fromhex("02" + "00" * 7 + "01" + "81" + "00000000e803"))
    (frame,) = hand.events
    assert isinstance(frame, Frame)
    assert frame.xyz.tolist() == [[0, 0, 1000]], "those of mg need none"


@pytest.mark.parametrize("bits", ["0000c07f", "0000807f", "00000000", "000080bf", "00007a44"])
def test_a_factor_that_is_none_is_refused(bits: str) -> None:
    hand = verity(polar_script(VERITY_SETTINGS, "f0020200000501" + bits))
    with pytest.raises(FrameError, match="factor"):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_a_stream_left_running_is_ended_before_sdk_mode() -> None:
    def script(uuid: str, data: bytes) -> list[Notification]:
        if data == b"\x05":
            return [
                (driver.CONTROL, bytes.fromhex("f005000000" + "42" + "81"))
            ]  # ACC to a client, PPG to its memory
        return polar_script(VERITY_SETTINGS)(uuid, data)

    hand = verity(script)
    hand.carry_out(hand.conversation.start(REQUEST))
    assert hand.written[:3] == ["05", "0302", "0209"]


@pytest.mark.parametrize("status", ["06", "0c"])
def test_already_in_state_means_stop_wait_start(status: str) -> None:
    refusals = iter([bytes.fromhex(f"f00202{status}00")])

    def script(uuid: str, data: bytes) -> list[Notification]:
        if data[:2] == b"\x02\x02" and (refusal := next(refusals, None)):
            return [(driver.CONTROL, refusal)]
        return polar_script(VERITY_SETTINGS)(uuid, data)

    hand = verity(script)
    hand.carry_out(hand.conversation.start(REQUEST))
    assert [w[:4] for w in hand.written[-3:]] == ["0202", "0302", "0202"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("f002020500", "settings; update its firmware"),
        ("f002020800", "this rate; ask for another one"),
        ("f002020a00", "packets are too small; another adapter"),
        ("f002020d00", "charger; take it out"),
        ("f002020e00", "memory is full; delete"),
        ("f002027f00", "status 127; switch it off and on"),
    ],
)
def test_a_refusal_says_what_to_do(answer: str, says: str) -> None:
    hand = verity(polar_script(VERITY_SETTINGS, answer))
    with pytest.raises(RefusedError, match=says):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_a_sensor_without_acceleration_is_refused() -> None:
    hand = verity(features=bytes.fromhex("0f0100"))
    with pytest.raises(RefusedError, match="not offer acceleration"):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_settings_that_come_in_two_parts_are_put_together() -> None:
    def script(uuid: str, data: bytes) -> list[Notification]:
        if data[0] == 4:
            parts = (VERITY_SETTINGS[:20], VERITY_SETTINGS[20:])
            return [
                (driver.CONTROL, bytes.fromhex(f"f0040200{m}{p}"))
                for m, p in zip(("01", "00"), parts, strict=True)
            ]
        return polar_script(VERITY_SETTINGS)(uuid, data)

    hand = verity(script)
    assert hand.carry_out(hand.conversation.start(REQUEST)).format.rate_hz == 52.0


def test_settings_that_never_end_are_given_up() -> None:
    def script(uuid: str, data: bytes) -> list[Notification]:
        if data[0] == 4:
            return [(driver.CONTROL, bytes.fromhex("f004020001") + bytes(200))] * 50
        return polar_script(VERITY_SETTINGS)(uuid, data)

    hand = verity(script)
    with pytest.raises(FrameError, match="never completes"):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_fields_that_are_unknown_end_the_list_and_leave_what_was_read() -> None:
    hand = verity(polar_script(VERITY_SETTINGS + "09020102"))
    assert hand.carry_out(hand.conversation.start(REQUEST)).format.rate_hz == 52.0
    assert control.decode_settings(bytes.fromhex("ff0000")) == {}
    with pytest.raises(FrameError, match="1 values of 2 bytes"):
        control.decode_settings(bytes.fromhex("01010e"))


def test_a_sensor_that_answers_twice() -> None:
    def script(uuid: str, data: bytes) -> list[Notification]:
        return polar_script(VERITY_SETTINGS)(uuid, data) * 2

    hand = verity(script)
    assert hand.carry_out(hand.conversation.start(REQUEST)).format.rate_hz == 52.0


def test_a_sensor_that_answers_only_when_asked_again() -> None:
    asked: list[bytes] = []

    def script(uuid: str, data: bytes) -> list[Notification]:
        asked.append(data)
        return polar_script(VERITY_SETTINGS)(uuid, data) if asked.count(data) > 1 else []

    hand = verity(script)
    assert hand.carry_out(hand.conversation.start(REQUEST)).format.rate_hz == 52.0


def test_a_sensor_that_never_answers() -> None:
    hand = verity(lambda _uuid, _data: [])
    with pytest.raises(TimeoutError):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_the_stream_ended_by_the_sensor() -> None:
    hand = started("polar")
    hand.notify(driver.CONTROL, bytes.fromhex("010102"))  # PPG and ACC, the vendor's unit test
    assert hand.events == [
        Stopped("The sensor ended the measurement by itself.")
    ]  # the link adds what it does
    hand.notify(driver.DATA, raw(10**9, (0, 0, 1000)))
    assert len(hand.events) == 1


def test_the_index_jumps_by_what_is_missing() -> None:
    hand = started("polar")
    period = 10**9 / 52 / 1.013  # 1.3 % faster than it says
    for last in (70, 141, 212, 354, 425):  # the frame before 354 is lost
        hand.notify(driver.DATA, raw(10**18 + round(last * period), *[(0, 0, 1000)] * 71))
    firsts = [f.first for f in hand.events if isinstance(f, Frame)]
    assert firsts == [0, 71, 142, 284, 355]
    assert all(f.stream == REQUEST.stream for f in hand.events if isinstance(f, Frame))


def test_a_time_that_goes_back_or_years_on_does_not_move_the_index() -> None:
    hand = started("polar")
    step = round(10 * 10**9 / 52)
    stamps = [10**18, 10**18 + step, 10**9, 10**9 + step, 2 * 10**18, 2 * 10**18 + step]
    for stamp in stamps:
        hand.notify(driver.DATA, raw(stamp, *[(0, 0, 1000)] * 10))
    frames = [f for f in hand.events if isinstance(f, Frame)]
    assert [f.first for f in frames] == [0, 10, 20, 30, 40, 50]
    assert np.diff([f.t_us for f in frames]) == pytest.approx(step / 1000, rel=0.05)


def test_a_frame_that_comes_twice_is_refused() -> None:
    hand = started("polar")
    hand.notify(driver.DATA, raw(10**18, (0, 0, 1000)))
    with pytest.raises(FrameError, match="the frame before it"):
        hand.notify(driver.DATA, raw(10**18, (0, 0, 1000)))


def test_a_level_of_the_battery() -> None:
    hand = Hand(
        driver.DRIVER.converse(), lambda _u, _d: [], {"00002a19-0000-1000-8000-00805f9b34fb": b"\x40"}
    )
    assert hand.carry_out(hand.conversation.battery()) == 64


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Polar Sense A1B2C3D4", True),
        ("Polar H10 1234567", True),
        ("Polar GritX Pro AA123459", False),
        (None, False),
    ],
)
def test_recognised_by_its_name(name: str | None, known: bool) -> None:
    assert driver.DRIVER.recognises(Advertisement(name, frozenset(), {0x006B: b""})) == known


def test_every_status_that_refuses_says_what_to_do() -> None:
    assert set(driver._WHY) == set(control.Status) - {control.Status.OK}
    assert all("; " in why and "error" not in why.lower() for why in driver._WHY.values())


@pytest.mark.parametrize(("wanted", "rate"), [(50.0, "3200"), (104.0, "6400"), (400.0, "c800")])
def test_the_rate_is_one_that_the_sensor_offers(wanted: float, rate: str) -> None:
    hand = verity(polar_script(H10_SETTINGS), FEATURES_H10)
    hand.carry_out(hand.conversation.start(StreamRequest(wanted, 16, 0.5, 1 << 16)))
    assert hand.written[-1] == f"02020001{rate}01011000" + "02010800"
    assert {float(int.from_bytes(bytes.fromhex(rate), "little"))} <= set(driver.RATES_HZ)


def test_a_sensor_that_says_nothing_of_its_state_is_stopped_and_started() -> None:
    def script(uuid: str, data: bytes) -> list[Notification]:
        return [] if data == b"\x05" else polar_script(VERITY_SETTINGS)(uuid, data)

    hand = verity(script)
    hand.carry_out(hand.conversation.start(REQUEST))
    assert hand.written[:3] == ["05", "0302", "0209"]
