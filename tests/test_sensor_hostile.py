"""Every decoder against random and damaged bytes: nothing but a `FrameError`, no hang, and nothing that piles up."""

from __future__ import annotations

import contextlib
import copy
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scripted import SCRIPTS, bangle_frame, held, started
from legmon.sensors import bangle
from legmon.sensors.base import Frame, FrameError
from legmon.sensors.decode import Decodes
from legmon.sensors.polar import control as polar_control
from legmon.sensors.registry import registry

SEEDS = {
    "ankle": ["110234120200010005040302010000000100ffff00200080ff7f0001"],
    "polar": [
        "02650000000000000081f1ff1400f00306017b0f08",
        "f00402000000021a003400",
        "010102",
        "02" + "00" * 8 + "01" + "00" * 12,
    ],
    "movesense": ["0201" + "03de0100" + "55ab8bbf69f78d4081dd0a41" * 4, "01640201", "0301aa"],
    "witmotion": [
        "5561d8fd3905de05bb01ff00fbffab0fb1ed808a1a06160e29011903" * 2,
        "5561" + "00" * 18,
        "557103000800" + "00" * 14,
    ],
    "metamotion": ["031c62b7530de9fd16d04d0e57028affa1050a01", "030416c494a22ad0", "118c633410", "03800102"],
    "bangle": [
        bangle_frame(bangle.LIVE, bytes.fromhex("0700000000000000000001000200030004000500b2d1")).hex(),
        bangle_frame(bangle.ANSWER, b"B\0\x42").hex(),
    ],
    "microbit": ["f0ff300010fc"],
    "adafruit": ["000000000000003f00001c41"],
    "thingy52": ["000000fe77032000e0ff0000a000000060ff"],
    "infinitime": ["0000f0ff0004"],
}


@st.composite
def damaged(draw: st.DrawFn, name: str) -> list[bytes]:
    """Notifications: random ones, and known ones with bytes changed, cut, repeated or joined."""
    pieces = []
    for _ in range(draw(st.integers(1, 6))):
        data = bytearray(bytes.fromhex(draw(st.sampled_from(SEEDS[name]))))
        for _ in range(draw(st.integers(0, 3))):
            if data:
                data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        whole = bytes(data) * draw(st.integers(0, 3))
        begin, end = sorted((draw(st.integers(0, len(whole))), draw(st.integers(0, len(whole)))))
        pieces.append(draw(st.sampled_from([whole, whole[begin:end], draw(st.binary(max_size=300))])))
    return pieces


def test_what_piles_up_is_seen_wherever_it_is() -> None:
    class Keeps:
        def __init__(self, what: object) -> None:
            self.what = what

    kilobyte = b"x" * 1000
    for what in (
        kilobyte,
        [kilobyte],
        (1, kilobyte),
        deque([kilobyte]),
        {1: kilobyte},
        np.zeros(1000, np.int8),
    ):
        assert held(Keeps(Keeps(what))) >= 1000


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_the_seeds_are_frames_that_are_read(name: str) -> None:
    driver = registry().drivers[name]
    assert isinstance(driver, Decodes)
    assert driver.decoder({}).read(bytes.fromhex(SEEDS[name][0]), None).samples_g.shape[1] == 3


@pytest.mark.parametrize("name", sorted(SEEDS))
@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_captured_bytes(name: str, data: st.DataObject) -> None:
    driver = registry().drivers[name]
    assert isinstance(driver, Decodes)
    decoder = driver.decoder({})
    pieces = data.draw(damaged(name))
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        try:
            decoded = decoder.read(piece, following)
        except FrameError:
            continue
        assert decoded.samples_g.shape[1] == 3
        assert decoded.time_ns is None or len(decoded.time_ns) == len(decoded.samples_g)
        assert held(decoder) < 2048


@pytest.mark.parametrize("name", sorted(SCRIPTS))
@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_running_conversation(name: str, data: st.DataObject) -> None:
    conversation: Any = copy.deepcopy(started(name).conversation)
    for piece in data.draw(damaged(name)):
        for uuid in (*SCRIPTS[name][2], "00002a19-0000-1000-8000-00805f9b34fb"):
            try:
                told = conversation.received(uuid, piece)
            except FrameError:
                continue
            for frame in (t for t in told if isinstance(t, Frame)):
                assert frame.first >= 0
                assert frame.t_us >= 0
                assert 1 <= len(frame.xyz) <= 1024
                assert frame.xyz.dtype == "int16"
            assert held(conversation) < 2048


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=64))
def test_polar_control_point(data: bytes) -> None:
    for read in (
        polar_control.decode_response,
        polar_control.decode_settings,
        polar_control.decode_features,
        polar_control.decode_stopped,
        polar_control.decode_status,
        lambda d: polar_control.factor(polar_control.decode_settings(d)),
    ):
        with contextlib.suppress(FrameError):
            read(data)
