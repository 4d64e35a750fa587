"""Simulated commodity sensors keep the quirks that their vendors' documents tell of. No radio and nothing of legmon in here."""

from __future__ import annotations

import struct

import pytest

from firmware_sim.families import FAMILIES, Firmware, bangle, boards, metamotion, movesense, polar, witmotion
from firmware_sim.families.firmware import Notice, RefusedError
from firmware_sim.night import Performed
from firmware_sim.vocabulary import Scenario

MTU = 247
SECOND = 1_000_000
START_52 = bytes.fromhex("0202000134000101100002010400040103")
START_H10 = bytes.fromhex("020200013200010110000201" + "0400")


def made(family: str, model: str | None = None, *, stop_after_s: float | None = None) -> Firmware:
    kind = FAMILIES[family]
    night = Performed(Scenario(duration_s=600.0, seed=5))
    sensor = kind(night, model or kind.models[0], stop_after_s=stop_after_s)
    sensor.client_came(0)
    return sensor


def until(sensor: Firmware, now_us: int) -> list[Notice]:
    out = []
    while (notices := sensor.due(now_us, MTU)) is not None:
        out += notices
    return out


def ask(sensor: Firmware, request: str, now_us: int = 0, mtu: int = MTU) -> str:
    (notice,) = sensor.written(polar.CONTROL, bytes.fromhex(request), now_us, mtu)
    return notice.data.hex()


def test_a_verity_wants_its_order() -> None:
    sensor = made("polar")
    assert sensor.read(polar.CONTROL, 0)[:3] == b"\x0f\x06\x02"
    assert ask(sensor, "0102") == "f001020000" + "00013400" + "01011000" + "02010800" + "040103"
    assert ask(sensor, START_52.hex()) == "f002020900"  # 4 g only in SDK mode
    assert ask(sensor, "0209") == "f002090000"
    assert ask(sensor, "0209") == "f002090600"
    assert ask(sensor, START_52.hex(), 50_000) == "f002020c00"  # too soon
    assert ask(sensor, START_52.hex(), 200_000, mtu=185) == "f002020a00"
    assert ask(sensor, START_52.hex(), 200_000) == "f002020000"
    assert ask(sensor, START_52.hex(), 300_000) == "f002020600"
    assert ask(sensor, "0309", 300_000) == "f003090c00"
    assert ask(sensor, "05", 300_000) == "f00500000042"
    assert ask(sensor, "0302", 300_000) == "f003020000"
    assert ask(sensor, "0302", 300_000) == "f003020c00"
    assert ask(sensor, "09", 300_000).startswith("f0090004")


def test_a_verity_sends_71_samples_at_once_stamped_with_the_last() -> None:
    sensor = made("polar")
    ask(sensor, "0209")
    ask(sensor, START_52.hex(), SECOND)
    frames = until(sensor, 10 * SECOND)
    assert {f.samples for f in frames} == {71}
    assert all(f.data[0] == 2 and f.data[9] == 0x81 and len(f.data) <= MTU - 3 for f in frames)
    stamps = [int.from_bytes(f.data[1:9], "little") for f in frames]
    assert stamps[1] - stamps[0] == pytest.approx(71e9 / 52, rel=0.02)


def test_a_verity_goes_on_without_a_client_and_ends_by_itself() -> None:
    sensor = made("polar", stop_after_s=30.0)
    ask(sensor, "0209")
    ask(sensor, START_52.hex(), SECOND)
    sensor.client_went(2 * SECOND)
    sensor.client_came(9 * SECOND)
    assert ask(sensor, START_52.hex(), 10 * SECOND) == "f002020600"
    assert [n.data.hex() for n in until(sensor, 40 * SECOND)][-1] == "0102"


@pytest.mark.parametrize(
    ("model", "sdk_mode", "off"),
    [("verity", False, True), ("verity", True, False), ("verity-idle", True, True)],
)
def test_a_verity_switches_itself_off_after_ten_minutes(model: str, *, sdk_mode: bool, off: bool) -> None:
    sensor = made("polar", model)
    if sdk_mode:
        ask(sensor, "0209")
    ask(sensor, START_52.hex().replace("02010400", "02010800"), SECOND)
    assert until(sensor, 595 * SECOND)
    assert not sensor.is_off
    said = [n.data.hex() for n in until(sensor, 700 * SECOND)]
    assert "0102" not in said, "it goes without a word"
    assert (sensor.is_off, sensor.next_due_us(MTU) is None and not said) == (off, off)


def test_an_h10_that_wants_to_be_paired_with_is_one_otherwise() -> None:
    open_, paired = made("polar", "h10"), made("polar", "h10-paired")
    assert [[c.encrypted for s in one.services.values() for c in s] for one in (open_, paired)] == [
        [False] * 2,
        [True] * 2,
    ]
    assert ask(paired, START_H10.hex()) == "f00202000001"
    assert {f.data[9] for f in until(paired, 5 * SECOND)} == {1}


def test_an_h10_knows_no_sdk_mode_and_sends_raw_frames() -> None:
    sensor = made("polar", "h10")
    assert ask(sensor, "0209") == "f002090300"
    assert ask(sensor, START_H10.hex()) == "f00202000001"
    assert {(f.data[9], len(f.data)) for f in until(sensor, 5 * SECOND)} == {(1, 10 + 6 * 36)}


ACC_52, LEVEL = b"/Meas/Acc/52\0", b"\x04\x65/System/Energy/Level\0"


def movesense_says(sensor: Firmware, *commands: bytes) -> list[str]:
    return [n.data.hex() for c in commands for n in sensor.written(movesense.COMMANDS, c, 0, MTU)]


def test_movesense_with_the_old_app_drops_subscriptions_and_says_next_to_nothing() -> None:
    sensor = made("movesense", "old-app")
    assert movesense_says(sensor, b"\0\x64") == ["0164" + b"Hello".hex()]
    assert movesense_says(sensor, b"\x01\x06/Meas/HR\0", b"\x01\x07" + ACC_52, LEVEL, b"\x02\x63") == []
    frames = until(sensor, 2 * SECOND)
    assert {len(f.data) for f in frames} == {6 + 48}
    assert struct.unpack_from("<I", frames[0].data, 2)[0] == 0
    more = [bytes([1, reference]) + ACC_52 for reference in (8, 9, 10, 11)]
    assert movesense_says(sensor, *more) == ["010b01fb"]
    sensor.client_went(3 * SECOND)
    assert until(sensor, 9 * SECOND) == []


def test_movesense_as_it_is_sold_answers_with_a_status() -> None:
    sensor = made("movesense", "gsp")
    (hello,) = movesense_says(sensor, b"\0\x64")
    assert bytes.fromhex(hello).startswith(b"\x01\x64\x01174430000051\0")
    assert movesense_says(sensor, LEVEL, b"\x04\x65/Info\0") == ["0165c80051", "01659401"]
    assert movesense_says(sensor, b"\x01\x06/Meas/HR\0", b"\x01\x07" + ACC_52) == ["01069401", "0107c800"]
    assert {f.data[:2].hex() for f in until(sensor, 2 * SECOND)} == {"0207"}
    more = [bytes([1, reference]) + ACC_52 for reference in (8, 9, 10, 11)]
    assert movesense_says(sensor, *more)[-1] == "010bfb01"
    assert movesense_says(sensor, *(bytes([2, reference]) for reference in (7, 8, 9))) == [
        "0107c800",
        "0108c800",
        "0109c800",
    ]
    assert {f.data[:2].hex() for f in until(sensor, 4 * SECOND)} == {"020a"}
    movesense_says(sensor, b"\x02\x0a")
    assert sensor.worn is None


def test_witmotion_cuts_its_stream_anyhow_and_wants_to_be_unlocked() -> None:
    sensor = made("witmotion")
    sensor.subscribed(witmotion.EVENTS, 0)
    sensor.written(witmotion.COMMANDS, bytes.fromhex("ffaa030800"), 0, MTU)
    assert sensor.worn is not None
    assert sensor.worn.rate_hz == 10
    for command in ("ffaa6988b5", "ffaa030800"):
        sensor.written(witmotion.COMMANDS, bytes.fromhex(command), 0, MTU)
    pieces = [n.data for n in until(sensor, 5 * SECOND)]
    assert sensor.worn.rate_hz == 50
    assert len({len(p) for p in pieces}) > 4
    whole = b"".join(pieces)
    assert {whole[at : at + 2] for at in range(0, len(whole) - 20, 20)} == {b"\x55\x61"}


def test_metamotion_needs_everything_and_keeps_nothing() -> None:
    sensor = made("metamotion", "bmi270")

    def send(*messages: str) -> list[Notice]:
        return [n for m in messages for n in sensor.written(metamotion.COMMANDS, bytes.fromhex(m), 0, MTU)]

    assert [n.data.hex() for n in send("0380")] == ["03800401"]
    send("0303a701", "03020100")
    assert sensor.worn is None
    send("030101")
    assert [n for n in until(sensor, SECOND) if n.data] == []  # nobody has subscribed a register
    send("030501")
    assert {len(n.data) for n in until(sensor, 2 * SECOND)} == {20}
    sensor.client_went(2 * SECOND)
    assert sensor.worn is None


def test_metamotion_of_revision_0_has_no_packed_samples() -> None:
    sensor = made("metamotion", "bmi160-old")
    sent = [
        n.data.hex()
        for m in ("0380", "03032705", "031c01", "03020100", "030101")
        for n in sensor.written(metamotion.COMMANDS, bytes.fromhex(m), 0, MTU)
    ]
    assert sent == ["03800100"]
    assert [n for n in until(sensor, SECOND) if n.data] == []
    sensor.written(metamotion.COMMANDS, bytes.fromhex("030401"), SECOND, MTU)
    assert {len(n.data) for n in until(sensor, 2 * SECOND)} == {8}


def test_a_watch_that_saves_power_hardly_measures() -> None:
    counts = {}
    for model in ("app", "forgetful"):
        watch = made("bangle", model)
        watch.written(bangle.COMMANDS, b"S,25,4\n", 0, MTU)
        counts[model] = sum(n.samples for n in until(watch, 300 * SECOND))
    assert counts["app"] == pytest.approx(25 * 300, rel=0.02)
    assert counts["forgetful"] < 0.75 * counts["app"]


def test_a_watch_sends_again_what_it_holds() -> None:
    watch = made("bangle")
    watch.written(bangle.COMMANDS, b"S,50,4\n", 0, MTU)
    until(watch, 100 * SECOND)
    again = watch.written(bangle.COMMANDS, b"F,4000,", 100 * SECOND, MTU)
    again += watch.written(bangle.COMMANDS, b"10\n", 100 * SECOND, MTU)
    whole = b"".join(n.data for n in again)
    assert whole[:4] == b"LM\x02" + bytes([10 + 60])
    (gone,) = watch.written(bangle.COMMANDS, b"F,0,10\n", 100 * SECOND, MTU)
    assert gone.data[4:6] == b"F\x04"


def test_a_busy_watch_counts_what_it_missed_and_does_not_have_it() -> None:
    watch = made("bangle", "busy")
    watch.written(bangle.COMMANDS, b"S,50,4\n", 0, MTU)
    carried = until(watch, 45 * SECOND)
    assert sum(n.samples for n in carried if n.lost) == 9
    whole = b"".join(n.data for n in carried)
    firsts = [int.from_bytes(f[3:7], "little") for f in whole.split(b"LM\x01")[1:]]
    assert {0, 3, 1000, 1012, 1025} & set(firsts) == {3, 1000, 1012, 1025}

    def answer(line: bytes) -> bytes:
        return b"".join(n.data for n in watch.written(bangle.COMMANDS, line, 45 * SECOND, MTU))

    assert answer(b"F,1010,5\n")[4:10] == b"F\x05\x02\0\0\0"
    again = answer(b"F,1000,20\n")
    assert [again.count(b"LM\x02" + bytes([10 + 6 * n])) for n in (9, 8)] == [1, 1]
    assert again[-8:-4] == b"\x14\0\0\0"


def test_boards_refuse_what_they_cannot() -> None:
    thingy = made("thingy52")
    with pytest.raises(RefusedError):
        thingy.written(boards.Thingy52.period, bytes(9), 0, MTU)
    microbit = made("microbit")
    microbit.written(boards.Microbit.period, b"\x1e\0", 0, MTU)
    assert microbit.read(boards.Microbit.period, 0) == b"\x50\0"  # the next period that it knows


def test_after_its_night_a_sensor_is_silent() -> None:
    sensor = made("microbit")
    sensor.subscribed(boards.Microbit.data, 0)
    until(sensor, 700 * SECOND)
    assert sensor.worn is not None
    assert sensor.worn.over
    assert sensor.next_due_us(MTU) is None


def test_a_watch_measures_every_eighty_milliseconds() -> None:
    sensor = made("bangle")
    notices = sensor.written(bangle.COMMANDS, b"S,12.5,4\n", 0, MTU)
    answer = b"".join(n.data for n in notices)
    assert answer[4:6] == b"S\0"
    assert int.from_bytes(answer[9:11], "little") == 80
    assert sensor.worn is not None
    assert sensor.worn.true_rate_hz == pytest.approx(12.5, rel=0.03)
    assert {n.samples for n in until(sensor, 5 * SECOND) if n.samples} == {6}
