"""Notifications that hold several things, part of one, or something else: what is whole counts, what is not says so."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from benchmarks.scripted import REQUEST, SCRIPTS, Hand, bangle_frame, started
from legmon.sensors import ankle, bangle, metamotion, movesense, open_services, polar
from legmon.sensors.ankle import profile as a
from legmon.sensors.base import (
    Answer,
    Await,
    Frame,
    FrameError,
    Pause,
    RefusedError,
    Steps,
    StreamStart,
    Write,
)
from legmon.sensors.conversation import MOST_STRAY, Unbuffered
from legmon.sensors.witmotion import driver as witmotion

CLOCK = bytes.fromhex("1a06160e2901")  # 2026-06-22 14:41:01
SHORT = b"\x55\x61" + struct.pack("<9h", 0, 0, 2048, *[0] * 6)
REGISTER = b"\x55\x71\x03\x00\x08\x00" + bytes(14)


def timed(ms: int) -> bytes:
    return SHORT + CLOCK + ms.to_bytes(2, "little")


def samples(first: int, count: int = 2, *, stream: int = 7, t_ms: int | None = None) -> bytes:
    head = struct.pack("<HII", stream, first, 20 * first if t_ms is None else t_ms)
    return bangle_frame(bangle.LIVE, head + bytes(6 * count))


# WitMotion


def test_witmotion_frame_that_comes_twice_takes_nothing_with_it() -> None:
    hand = started("witmotion")
    told = hand.conversation.received(
        witmotion.EVENTS, timed(0) + timed(20) + REGISTER + timed(20) + timed(40)
    )
    assert [type(t) for t in told] == [Frame, Frame, Answer, Frame]
    assert [t.first for t in told if isinstance(t, Frame)] == [0, 1, 2]
    with pytest.raises(FrameError, match="the frame before it"):
        hand.conversation.received(witmotion.EVENTS, timed(40))


def start(streams: bytes) -> StreamStart:
    """Start a WitMotion sensor that streams from the subscription on."""
    conversation = witmotion.DRIVER.converse()
    hand = Hand(conversation, SCRIPTS["witmotion"][0])
    steps = conversation.start(REQUEST)
    step = next(steps)
    try:
        while True:
            if isinstance(step, Pause):
                hand.notify(witmotion.EVENTS, streams)
            step = steps.throw(TimeoutError()) if isinstance(step, Await) else steps.send(b"")
    except StopIteration as end:
        result: StreamStart = end.value
        return result


def test_witmotion_whose_frames_have_a_time_says_so() -> None:
    assert start(timed(0) + timed(20)).format.loss == "time"
    assert start(SHORT + SHORT).format.loss == "arrival"
    assert start(b"").format.loss == "arrival"


# Bangle.js


def test_bangle_frame_of_another_stream_takes_nothing_with_it() -> None:
    hand = started("bangle")
    answer = bangle_frame(bangle.ANSWER, b"B\0\x42")
    told = hand.conversation.received(bangle.EVENTS, answer + samples(0, stream=8) + samples(2))
    assert [type(t) for t in told] == [Answer, Frame]
    with pytest.raises(FrameError, match="stream 8; 7 runs"):
        hand.conversation.received(bangle.EVENTS, samples(4, stream=8))


def test_bangle_decoder_gives_the_times() -> None:
    decoder = bangle.DRIVER.decoder({"rate_hz": "25"})
    first = decoder.read(samples(10, t_ms=400), b"")
    assert first.time_ns == [400_000_000, 440_000_000]
    both = decoder.read(samples(12, t_ms=478) + samples(14, t_ms=556), None)
    assert both.time_ns == [478_000_000, 517_000_000, 556_000_000, 595_000_000]
    assert both.sequence == 12
    assert len(both.samples_g) == 4


@pytest.mark.parametrize(
    ("data", "following", "says"),
    [
        (samples(0)[:-1] + b"\0", None, "wrong checksum"),
        (samples(0)[:-1] + b"\0", samples(2), "wrong checksum"),
        (samples(0)[:-3], None, "does not end"),
        (b"Uncaught ReferenceError", samples(0), "no frame in these bytes"),
        (b"", None, "no frame in these bytes"),
        (bangle_frame(bangle.LIVE, bytes(11)), None, "samples have 6 each"),
    ],
    ids=["checksum at the end", "checksum", "cut short", "junk", "nothing", "length"],
)
def test_bangle_decoder_says_what_is_wrong(data: bytes, following: bytes | None, says: str) -> None:
    with pytest.raises(FrameError, match=says):
        bangle.DRIVER.decoder({}).read(data, following)


def test_bangle_decoder_reads_a_frame_in_pieces_and_an_answer() -> None:
    decoder, whole = bangle.DRIVER.decoder({}), samples(0)
    assert len(decoder.read(whole[:9], whole[9:]).samples_g) == 0
    assert len(decoder.read(whole[9:], None).samples_g) == 2
    assert len(decoder.read(bangle_frame(bangle.ANSWER, b"X\0"), None).samples_g) == 0


# Movesense


@pytest.mark.parametrize(
    "cut", [5, 18, 38, 42, 100, 147]
)  # 38: with its head as long as a packet without one
def test_movesense_packet_of_nine_axes_in_two_notifications(cut: int) -> None:
    payload = struct.pack("<I36f", 1000, *range(36))
    decoder = movesense.DRIVER.decoder({"path": "/Meas/IMU9/52"})
    begin, rest = b"\x02\x63" + payload[:cut], b"\x03\x63" + payload[cut:]
    assert len(decoder.read(begin, rest).samples_g) == 0
    decoded = decoder.read(rest, None)
    assert (decoded.samples_g * 9.80665).round(5).tolist() == np.arange(12.0).reshape(4, 3).tolist()


def test_movesense_packet_whose_rest_does_not_come() -> None:
    decoder = movesense.DRIVER.decoder({"path": "/Meas/IMU9/52"})
    whole = b"\x02\x63" + struct.pack("<I36f", 1000, *range(36))
    with pytest.raises(FrameError, match="rest does not come"):
        decoder.read(whole[:100], whole)
    assert len(decoder.read(whole, None).samples_g) == 4
    with pytest.raises(FrameError, match="beginning did not come"):
        decoder.read(b"\x03\x63" + whole[100:], None)


def test_movesense_status_that_is_unknown_says_what_to_do() -> None:
    hand = Hand(
        movesense.DRIVER.converse(),
        lambda _u, data: [(movesense.EVENTS, bytes([1, data[1]]) + (b"hi" if data[0] == 0 else b"\xf4\x01"))],
    )
    with pytest.raises(RefusedError, match="status 500; switch it off and on"):
        hand.carry_out(hand.conversation.start(REQUEST))


# the ankle sensor


@pytest.mark.parametrize("is_fetched", [False, True])
def test_an_ankle_sensor_that_answers_something_else_is_given_up(*, is_fetched: bool) -> None:
    conversation = ankle.DRIVER.converse()
    steps: Steps[object] = conversation.fetch(1, 0, 5) if is_fetched else conversation.held(1)
    assert isinstance(next(steps), Write)
    assert isinstance(steps.send(b""), Await)
    if is_fetched:
        steps.send(bytes([0x80, a.Op.BACKFILL, 1, 0]))
    for _ in range(MOST_STRAY - 1):
        steps.send(b"\x80\x01\xee\x00")
    with pytest.raises(FrameError, match="not to this request"):
        steps.send(b"\x80\x01\xee\x00")


# sensors that keep nothing


@pytest.mark.parametrize(
    "driver",
    [polar.DRIVER, movesense.DRIVER, witmotion.DRIVER, metamotion.DRIVER, open_services.DRIVER_MICROBIT],
)
def test_what_is_lost_cannot_be_asked_for(driver: object) -> None:
    conversation = driver.converse()  # type: ignore[attr-defined]
    assert isinstance(conversation, Unbuffered)
    hand = Hand(conversation, lambda _u, _d: [])  # type: ignore[arg-type]
    assert hand.carry_out(conversation.held(1)) is None
    assert hand.carry_out(conversation.fetch(1, 0, 5)) == 0
