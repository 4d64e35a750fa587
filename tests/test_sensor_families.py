"""Movesense, WitMotion, MetaMotion, Bangle.js and the open services: literal bytes, and conversations driven by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scripted import REQUEST, SCRIPTS, Hand, Notification, bangle_frame, started
from legmon.sensors import bangle, metamotion, movesense, open_services
from legmon.sensors.base import Frame, FrameError, Held, NeverTakenError, RefusedError, StreamRequest, Write
from legmon.sensors.decode import SettingError
from legmon.sensors.registry import registry
from legmon.sensors.witmotion import driver as witmotion
from legmon.sensors.witmotion.stream import LONGEST_HELD, ByteStream

# captured from a Movesense sensor: 122371 ms and four samples
ACC_52 = bytes.fromhex(
    "03de010055ab8bbf69f78d4081dd0a412b1387bf975a8d4020840b41e79190bf076d8e401bf10a412b1387bf316e8d40b9660b41"
)
# captured from a WT901SDCL, 2026-06-22T14:41:01.793 and .843
SDCL = [
    bytes.fromhex("5561d8fd3905de05bb01ff00fbffab0fb1ed808a1a06160e29011903"),
    bytes.fromhex("55615afd2605250686001fffcd003910e1ed8c8a1a06160e29014b03"),
]
SHORT = b"\x55\x61" + struct.pack("<9h", 0, 0, 2048, *[0] * 6)
PACKED = bytes.fromhex("031c62b7530de9fd16d04d0e57028affa1050a01")  # vendor unit test, ± 8 g


def frames(hand: Hand) -> list[Frame]:
    return [event for event in hand.events if isinstance(event, Frame)]


# Movesense


def test_movesense_captured_payload_is_metres_per_second_squared() -> None:
    decoded = movesense.DRIVER.decoder({}).read(ACC_52, None)
    assert (decoded.samples_g[0] * 9.80665).tolist() == pytest.approx(
        [-1.0911661386, 4.4364514350, 8.6790781021]
    )
    assert decoded.time_ns is not None
    assert decoded.time_ns[0] == 122_371_000_000
    again = movesense.DRIVER.decoder({}).read(b"\x02\x63" + ACC_52, None)
    assert again.samples_g.tolist() == decoded.samples_g.tolist()


def test_movesense_imu_comes_in_blocks() -> None:
    floats = struct.pack("<I12f", 5, *range(12))
    decoded = movesense.DRIVER.decoder({"path": "/Meas/IMU6/52"}).read(floats, None)
    assert (decoded.samples_g * 9.80665).round(6).tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(SettingError, match="no acceleration"):
        movesense.DRIVER.decoder({"path": "/Meas/Gyro/52"})


def test_movesense_that_never_says_its_subscription_succeeded() -> None:
    def script(_uuid: str, data: bytes) -> list[Notification]:
        return [(movesense.EVENTS, bytes([1, data[1]]) + b"hello")] if data[0] == 0 else []

    hand = Hand(movesense.DRIVER.converse(), script)
    set_up = hand.carry_out(hand.conversation.start(REQUEST))
    assert (set_up.format.rate_hz, set_up.format.scale_ug) == (52.0, 488)
    assert hand.written == ["0064", "0101" + b"/Meas/Acc/52\0".hex()]
    hand.notify(movesense.EVENTS, b"\x02\x01" + ACC_52)
    (frame,) = frames(hand)
    assert (frame.first, frame.t_us, frame.stream) == (0, 122_371_000, REQUEST.stream)
    assert (frame.xyz * 488e-6 * 9.80665)[0].tolist() == pytest.approx([-1.091, 4.436, 8.679], abs=0.003)


def test_movesense_error_written_the_other_way_round() -> None:
    def script(_uuid: str, data: bytes) -> list[Notification]:
        return [(movesense.EVENTS, bytes([1, data[1]]) + (b"hi" if data[0] == 0 else b"\x01\xfb"))]

    hand = Hand(movesense.DRIVER.converse(), script)
    with pytest.raises(RefusedError, match="no room for another subscription"):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_movesense_time_that_wraps_and_a_lost_packet() -> None:
    hand = started("movesense")
    payload = ACC_52[4:]
    for placed, ms in (
        (1, (1 << 32) - 50),
        (2, 27),
        (3, 104),
        (3, 335),
        (5, 412),
    ):  # 77 ms each, two lost before 335
        hand.notify(movesense.EVENTS, b"\x02\x01" + struct.pack("<I", ms) + payload)
        assert len(frames(hand)) == placed
    assert [f.first for f in frames(hand)] == [0, 4, 8, 20, 24]
    assert np.diff([f.t_us for f in frames(hand)]).tolist() == [77_000, 77_000, 231_000, 77_000]


def test_movesense_packet_in_two_parts_and_a_part_of_nothing() -> None:
    hand = started("movesense")
    hand.notify(movesense.EVENTS, b"\x02\x01" + ACC_52[:30])
    assert not hand.events
    hand.notify(movesense.EVENTS, b"\x03\x01" + ACC_52[30:])
    assert len(frames(hand)[0].xyz) == 4
    with pytest.raises(FrameError, match="whose beginning did not come"):
        hand.notify(movesense.EVENTS, b"\x03\x01" + ACC_52[30:])


def test_movesense_value_that_is_no_number_is_refused_and_a_large_one_held() -> None:
    hand = started("movesense")
    with pytest.raises(FrameError, match="not a number"):
        hand.notify(movesense.EVENTS, b"\x02\x01" + struct.pack("<Ifff", 1, float("nan"), 0, 0))
    with pytest.raises(FrameError, match="not a number"):  # the kind that a processor warns of
        hand.notify(movesense.EVENTS, b"\x02\x01" + struct.pack("<IIff", 1, 0x7F800001, 0, 0))
    hand.notify(movesense.EVENTS, b"\x02\x01" + struct.pack("<Ifff", 1, 1e9, -1e9, 0))
    assert frames(hand)[0].xyz.tolist() == [[32767, -32768, 0]]


def test_movesense_battery() -> None:
    hand = started("movesense")
    assert hand.carry_out(hand.conversation.battery()) == 77


def test_movesense_that_never_told_its_charge_is_asked_once() -> None:
    said = {movesense.HELLO: b"hello"}

    def script(_uuid: str, data: bytes) -> list[Notification]:
        return [(movesense.EVENTS, bytes([1, data[1]]) + said[data[0]])] if data[0] in said else []

    hand = Hand(movesense.DRIVER.converse(), script)
    for _ in range(2):  # the link went once
        hand.carry_out(hand.conversation.start(REQUEST))
        for _ in range(3):
            assert hand.carry_out(hand.conversation.battery()) is None
    asked = [w for w in hand.written if w.startswith("0465")]
    assert len(asked) == 1
    said |= {movesense.SUBSCRIBE: b"\xc8\0", movesense.GET: b"\xc8\0\x4d"}
    hand.carry_out(hand.conversation.start(REQUEST))
    assert hand.carry_out(hand.conversation.battery()) == 77
    del said[movesense.GET]  # one that answers otherwise is asked again
    assert hand.carry_out(hand.conversation.battery()) is None
    said[movesense.GET] = b"\xc8\0\x4c"
    assert hand.carry_out(hand.conversation.battery()) == 76


# WitMotion


def test_witmotion_is_set_to_the_rate_and_never_to_zero() -> None:
    hand = started("witmotion")
    assert hand.written == ["ffaa6988b5", "ffaa030800", "ffaa270300"]
    assert all(not step.response for step in hand.done if isinstance(step, Write))
    assert hand.carry_out(hand.conversation.battery()) == 71
    hand.carry_out(hand.conversation.stop())
    assert not any(w.startswith("ffaa01") for w in hand.written)


def test_witmotion_that_keeps_another_rate_is_refused() -> None:
    def script(_uuid: str, data: bytes) -> list[Notification]:
        return [(witmotion.EVENTS, b"\x55\x71\x03\x00\x06" + bytes(15))] if data[2] == 0x27 else []

    hand = Hand(witmotion.DRIVER.converse(), script)
    with pytest.raises(RefusedError, match="another rate"):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_witmotion_that_answers_no_questions_streams_all_the_same() -> None:
    hand = Hand(witmotion.DRIVER.converse(), lambda _u, _d: [])
    assert hand.carry_out(hand.conversation.start(REQUEST)).format.rate_hz == 50.0
    assert hand.carry_out(hand.conversation.battery()) is None


@given(st.lists(st.integers(1, 61), min_size=1, max_size=30), st.sampled_from(["short", "sdcl"]))
def test_witmotion_frames_do_not_depend_on_how_they_are_cut(cuts: list[int], kind: str) -> None:
    whole = SHORT * 12 if kind == "short" else (SDCL[0] + SDCL[1]) * 6
    stream, found, at = ByteStream(), [], 0
    for cut in [*cuts, len(whole)]:
        piece = whole[at : at + cut]
        found += stream.feed(piece, ended=at + cut >= len(whole))
        at += cut
        if at >= len(whole):
            break
    assert b"".join(found) == whole
    assert len({len(f) for f in found}) == 1


def test_witmotion_header_within_a_frame_is_not_taken_for_one() -> None:
    tricky = b"\x55\x61" + b"\x55\x61" * 9
    stream = ByteStream()
    assert stream.feed(tricky + SHORT + SHORT, ended=True) == [tricky, SHORT, SHORT]
    assert stream.feed(b"\x13" * 7 + SHORT + SHORT, ended=True) == [SHORT, SHORT]


def test_witmotion_damaged_stretch_costs_what_it_touches() -> None:
    hand = started("witmotion")
    hand.notify(witmotion.EVENTS, SHORT * 3)
    hand.notify(witmotion.EVENTS, SHORT[:9])
    hand.notify(witmotion.EVENTS, SHORT * 4)
    assert sum(len(f.xyz) for f in frames(hand)) in {6, 7}
    assert frames(hand)[-1].first + len(frames(hand)[-1].xyz) == sum(len(f.xyz) for f in frames(hand))


@given(st.binary(max_size=2000))
def test_witmotion_holds_back_no_more_than_a_frame_or_two(data: bytes) -> None:
    stream = ByteStream()
    stream.feed(data)
    assert stream.unfinished <= LONGEST_HELD


def test_witmotion_time_gives_the_index() -> None:
    hand = started("witmotion")
    for ms in (0, 20, 40, 100, 120):  # two lost
        hand.notify(witmotion.EVENTS, SDCL[0][:26] + ms.to_bytes(2, "little"))
    assert [f.first for f in frames(hand)] == [0, 1, 2, 5, 6]


def test_witmotion_frames_at_the_rate_before_are_no_samples_of_this_one() -> None:
    hand = started("witmotion")
    for ms in (0, 100, 200, 300, 320, 340, 400, 420):  # 10 Hz at first; two lost
        hand.notify(witmotion.EVENTS, SDCL[0][:26] + ms.to_bytes(2, "little"))
    assert [f.first for f in frames(hand)] == [0, 1, 2, 5, 6]


def test_witmotion_decoded_line_by_line() -> None:
    decoder = witmotion.DRIVER.decoder({})
    first = decoder.read(SDCL[0], SDCL[1])
    assert first.samples_g[0].tolist() == pytest.approx([-0.269531, 0.652832, 0.733398], abs=1e-6)
    assert first.time_ns == [1_782_139_261_793_000_000]
    with pytest.raises(FrameError, match="does not end"):
        decoder.read(SDCL[1][:16], None)


# MetaMotion


def test_metamotion_packed_frame_of_the_vendors_unit_test() -> None:
    decoded = metamotion.DRIVER.decoder({"range_g": "8"}).read(PACKED, None)
    expected = [[-4.539, 0.833, -0.131], [-2.995, 0.894, 0.146], [-0.029, 0.352, 0.065]]
    assert decoded.samples_g == pytest.approx(np.array(expected), abs=6e-4)


@pytest.mark.parametrize(
    ("module", "config", "register"),
    [
        ("03800101", "03032705", "031c01"),
        ("03800102", "03032705", "031c01"),
        ("03800100", "03032705", "030401"),  # a BMI160 has packed samples since revision 1
        ("038001", "03032705", "030401"),
        ("03800400", "0303a701", "030501"),
        ("038004", "0303a701", "030501"),
    ],
)
def test_metamotion_is_set_up_by_its_chip_and_revision(module: str, config: str, register: str) -> None:
    def script(_uuid: str, data: bytes) -> list[Notification]:
        return [(metamotion.EVENTS, bytes.fromhex(module))] if data == b"\x03\x80" else []

    hand = Hand(metamotion.DRIVER.converse(), script)
    set_up = hand.carry_out(hand.conversation.start(REQUEST))
    assert hand.written == ["0380", "030100", "03020001", "030400", config, register, "03020100", "030101"]
    assert (set_up.format.rate_hz, set_up.format.range_g, set_up.format.scale_ug) == (50.0, 4, 122)
    assert hand.carry_out(hand.conversation.battery()) is None


def test_metamotion_with_another_chip_is_refused() -> None:
    hand = Hand(metamotion.DRIVER.converse(), lambda _u, _d: [(metamotion.EVENTS, b"\x03\x80\x00\x01")])
    with pytest.raises(RefusedError, match="not known here"):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_metamotion_counts_what_comes() -> None:
    hand = started("metamotion")
    for _ in range(3):
        hand.notify(metamotion.EVENTS, PACKED)
    hand.notify(metamotion.EVENTS, bytes.fromhex("030416c494a22ad0"))
    assert [(f.first, len(f.xyz), f.t_us) for f in frames(hand)] == [
        (0, 3, 0),
        (3, 3, 0),
        (6, 3, 0),
        (9, 1, 0),
    ]
    assert hand.carry_out(hand.conversation.battery()) == 99
    with pytest.raises(FrameError, match="expected 20"):
        hand.notify(metamotion.EVENTS, PACKED[:-1])


# Bangle.js


def samples(first: int, count: int = 2, *, kind: int = bangle.LIVE, stream: int = 7) -> bytes:
    return bangle_frame(
        kind, struct.pack("<HII", stream, first, 20 * first) + struct.pack("<6h", *range(6)) * (count // 2)
    )


def test_bangle_numbers_its_samples_itself() -> None:
    hand = started("bangle")
    assert hand.written == [b"S,50,4\n".hex()]
    whole = samples(0) + b"junk L" + samples(2) + samples(90, kind=bangle.AGAIN)
    for at in range(0, len(whole), 7):
        hand.notify(bangle.EVENTS, whole[at : at + 7])
    assert [(f.stream, f.first, f.t_us, f.late) for f in frames(hand)] == [
        (7, 0, 0, False),
        (7, 2, 40_000, False),
        (7, 90, 1_800_000, True),
    ]


def test_bangle_damaged_frame_is_refused_and_the_next_one_read() -> None:
    hand = started("bangle")
    damaged = bytearray(samples(0))
    damaged[9] ^= 1
    with pytest.raises(FrameError, match="checksum"):
        hand.notify(bangle.EVENTS, bytes(damaged))
    hand.notify(bangle.EVENTS, samples(2))
    assert [f.first for f in frames(hand)] == [2]


def test_bangle_buffer() -> None:
    hand = started("bangle")
    assert hand.carry_out(hand.conversation.held(7)) == Held(7, 0, 16)
    assert hand.carry_out(hand.conversation.held(8)) is None
    assert hand.carry_out(hand.conversation.fetch(7, 3, 5)) == 5
    assert hand.written[-1] == b"F,3,5\n".hex()
    with pytest.raises(RefusedError, match="no longer holds"):
        hand.carry_out(hand.conversation.fetch(9, 0, 5))
    assert hand.carry_out(hand.conversation.battery()) == 0x42


def test_bangle_passes_over_what_was_never_measured() -> None:
    answers = iter([b"F\5\3\0\0\0", b"F\0" + struct.pack("<I", 2000), b"F\5\3\0\0\0"])

    def script(uuid: str, data: bytes) -> list[Notification]:
        if data[:1] == b"F":
            return [(bangle.EVENTS, bangle_frame(bangle.ANSWER, next(answers)))]
        return SCRIPTS["bangle"][0](uuid, data)

    hand = Hand(bangle.DRIVER.converse(), script)
    hand.carry_out(hand.conversation.start(REQUEST))
    with pytest.raises(NeverTakenError) as e:
        hand.carry_out(hand.conversation.fetch(7, 100, 10))
    assert e.value.count == 3
    assert hand.carry_out(hand.conversation.fetch(7, 0, 2003)) == 2003


def test_bangle_without_the_app() -> None:
    hand = Hand(bangle.DRIVER.converse(), lambda _u, _d: [(bangle.EVENTS, b'Uncaught ReferenceError: "S"')])
    with pytest.raises(RefusedError, match="open the legmon app"):
        hand.carry_out(hand.conversation.start(REQUEST))


@pytest.mark.parametrize(
    ("version", "period_ms", "scale_ug", "says"),
    [
        (2, 20, 122, "speaks version 2, this program version 1: put the app"),
        (1, 0, 122, "every 0 ms in units of 122 µg, which cannot be: put the app"),
        (1, 20, 0, "every 20 ms in units of 0 µg, which cannot be: put the app"),
    ],
)
def test_bangle_with_another_app_says_which_one_to_put_on_it(
    version: int, period_ms: int, scale_ug: int, says: str
) -> None:
    answer = b"S\0" + struct.pack("<BHHHBIB", version, 7, period_ms, scale_ug, 4, 0, 1)
    frame = bangle_frame(bangle.ANSWER, answer)
    hand = Hand(bangle.DRIVER.converse(), lambda _u, _d: [(bangle.EVENTS, frame)])
    with pytest.raises(RefusedError, match=says):
        hand.carry_out(hand.conversation.start(REQUEST))


def test_bangle_measuring_another_way_is_stopped_first() -> None:
    busy = iter([b"S\x03"])

    def script(uuid: str, data: bytes) -> list[Notification]:
        if data[:1] == b"S" and (answer := next(busy, None)):
            return [(bangle.EVENTS, bangle_frame(bangle.ANSWER, answer))]
        if data[:1] == b"X":
            return [(bangle.EVENTS, bangle_frame(bangle.ANSWER, b"X\0"))]
        return SCRIPTS["bangle"][0](uuid, data)

    hand = Hand(bangle.DRIVER.converse(), script)
    set_up = hand.carry_out(hand.conversation.start(REQUEST))
    assert [bytes.fromhex(w)[:1] for w in hand.written] == [b"S", b"X", b"S"]
    assert (set_up.format.rate_hz, set_up.format.range_g, set_up.format.scale_ug, set_up.side) == (
        50.0,
        4,
        122,
        "left",
    )


# the open services


@pytest.mark.parametrize(
    ("layout", "data", "g"),
    [
        (open_services.MICROBIT, "f0ff300010fc", [-0.016, 0.048, -1.008]),
        (open_services.ADAFRUIT, "000000000000003f00001c41", [0.0, 0.5 / 9.80665, 9.75 / 9.80665]),
        (open_services.THINGY52, "000000fe77032000e0ff0000a000000060ff", [0.0, -0.5, 0.8662109375]),
        (open_services.INFINITIME, "0000f0ff0004", [0.0, -0.015625, 1.0]),
    ],
)
def test_open_layouts(layout: open_services.Layout, data: str, g: list[float]) -> None:
    assert layout.decode(bytes.fromhex(data))[0].tolist() == pytest.approx(g)
    with pytest.raises(FrameError, match="expected"):
        layout.decode(bytes.fromhex(data) + b"\0")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("microbit", "1400"),
        ("adafruit", "14000000"),
        ("thingy52", "6400e803e803320000"),
        ("infinitime", None),
    ],
)
def test_open_services_are_set_to_fifty_hertz_where_they_can(name: str, written: str | None) -> None:
    hand = started(name)
    assert hand.written == ([written] if written else [])


def test_microbit_whose_period_cannot_be_is_refused() -> None:
    layout = open_services.MICROBIT
    hand = Hand(open_services.DRIVER_MICROBIT.converse(), lambda _u, _d: [], {str(layout.period): b""})
    with pytest.raises(RefusedError, match="0 ms"):
        hand.carry_out(hand.conversation.start(REQUEST))


# all of them


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_second_connection_begins_a_stream_anew(name: str) -> None:
    hand = started(name)
    again = hand.carry_out(hand.conversation.start(REQUEST))
    assert again.format.rate_hz > 0
    assert 1 <= again.format.scale_ug <= 32767
    driver = registry().drivers[name]
    assert again.format.loss == driver.declares.loss
    assert again.format.range_g in driver.declares.ranges_g
    hand.carry_out(hand.conversation.stop())


@pytest.mark.parametrize("clock", [bytes(6), bytes([0, 0, 0, 0, 5, 7]), bytes([26, 0, 1, 9, 0, 0])])
def test_a_clock_that_nobody_set_costs_no_sample_and_tells_no_time(clock: bytes) -> None:
    hand = started("witmotion")
    for i in range(50):
        numbers = struct.pack("<9h", i, 0, 2048, *[0] * 6)
        hand.notify(witmotion.EVENTS, b"\x55\x61" + numbers + clock + (20 * i % 1000).to_bytes(2, "little"))
    frames = [t for t in hand.events if isinstance(t, Frame)]
    assert [x for f in frames for x in f.xyz[:, 0]] == list(range(50))
    assert [f.first for f in frames] == list(range(50))
    decoded = witmotion.DRIVER.decoder({}).read(b"\x55\x61" + bytes(18) + clock + bytes(2), None)
    assert len(decoded.samples_g) == 1
    assert decoded.time_ns is None


def test_what_could_be_an_unset_clock_is_none_once_a_time_has_come() -> None:
    """Numbers that a still sensor repeats may look like a header and such a clock."""
    still = (
        b"\x55\x61"
        + struct.pack("<9h", 0, 0, 2048, 0, 0, 0, 0x6155, 0, 0)
        + bytes([26, 11, 25, 1, 2, 3, 0, 0])
    )
    stream = ByteStream()
    assert stream.feed(still * 3) == [still] * 3
    assert stream.feed(still[9:] + still * 4)[-3:] == [still] * 3


@pytest.mark.parametrize("name", sorted(SCRIPTS))
@pytest.mark.parametrize("rate_hz", [26.0, 50.0])
def test_frames_come_as_often_as_is_declared(name: str, rate_hz: float) -> None:
    driver = registry().drivers[name]
    script, reads, _ = SCRIPTS[name]
    hand = Hand(driver.converse(), script, reads)
    if name == "witmotion":
        rate_hz = 50.0  # as the scripted one answers
    wanted = StreamRequest(rate_hz=rate_hz, range_g=4, frame_s=0.5, stream=1 << 16)
    assert 0 < hand.carry_out(hand.conversation.start(wanted)).frame_s <= driver.declares.frame_s
