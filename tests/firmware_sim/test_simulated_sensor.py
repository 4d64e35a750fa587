"""The whole simulated sensor, reached as any client reaches it: three processes and an HCI byte stream each."""

from __future__ import annotations

import asyncio
import struct
import time
from pathlib import Path

import pytest
from bumble import att, hci

from tests.firmware_sim.radio import central, connect, frames_of, process, unpack_frame, uuid

ADDRESS = "C4:11:22:33:44:01"
START = struct.pack("<BBHBB", 0x01, 7, 50, 4, 0)
FIELDS = "<HHBBHI"


def test_a_stream_from_advertisement_to_link_loss(short_folder: Path) -> None:
    asyncio.run(_stream(short_folder))


async def _stream(folder: Path) -> None:
    socket, log = folder / "air", folder / "log"
    sensor_arguments = (
        "sensor", f"unix-client:{socket}", "--speed", "60", "--address", ADDRESS, "--log", str(log),
        "--truth", str(folder / "truth.json"),
    )  # fmt: skip
    async with (
        process("air", f"unix:{socket}", says=f"ready unix:{socket}"),
        process(*sensor_arguments, says=f"advertising LegMon-Left {ADDRESS}") as (sensor, _line),
        central(f"unix-client:{socket}") as device,
    ):
        link = await connect(device, ADDRESS)
        for short in (0x0103, 0x0104, 0x0106):
            with pytest.raises(att.ATT_Error) as refused:
                await link.characteristics[short].read_value()
            assert refused.value.error_code == 0x0F, f"{short:04x} is read without encryption"
        for short in (0x0101, 0x0102, 0x0104, 0x0105):
            with pytest.raises(att.ATT_Error) as refused:
                await link.characteristics[short].subscribe()
            assert refused.value.error_code == 0x0F, f"{short:04x} is subscribed to without encryption"
        await link.connection.pair()
        assert link.connection.encryption
        assert link.connection.sc

        capabilities = await link.characteristics[0x0103].read_value()
        assert capabilities == struct.pack(
            "<BBQHBBIHH", 1, 1, 0xC41122334401, 0xF, 0xF, 1, 1_440_000, 514, 0x0007
        )
        await link.hear_answers()
        frames: list[bytes] = []
        await link.characteristics[0x0101].subscribe(frames.append)
        answer = await link.control(START)
        assert answer[:4] == bytes([0x80, 0x01, 7, 0])
        stream, rate, range_g, batch, scale, _next = struct.unpack(FIELDS, answer[4:])
        assert (rate, range_g, batch, scale) == (50, 4, 12, 122)

        await asyncio.sleep(1.0)
        stopped = await link.control(bytes([0x02, 8]))
        assert stopped[:4] == bytes([0x80, 0x02, 8, 0])
        assert struct.unpack("<HI", stopped[4:]) == (stream, sum(f[1] for f in frames))
        expected = 0
        for value in frames:
            kind, n, of_stream, first, _t_us = unpack_frame(value)
            assert (kind, of_stream, first) == (0x11, stream, expected)
            expected += n
        assert 60 * 50.6 * 0.9 < expected < 60 * 50.6 * 2.0
        assert [(f["first"], f["count"]) for f in frames_of(log, "sent")] == [
            unpack_frame(value)[3:0:-2] for value in frames
        ]
        assert not frames_of(log, "dropped")
        times = [unpack_frame(value)[4] for value in frames]
        assert (times[-2] - times[0]) / (12 * (len(times) - 2)) == pytest.approx(1e6 / 50.6, abs=0.1)

        again = struct.unpack(FIELDS, (await link.control(START))[4:])
        assert again[0] == (stream + 1) % 0x10000
        gone = asyncio.Event()
        reasons: list[int] = []
        link.connection.on("disconnection", reasons.append)
        link.connection.on("disconnection", lambda _reason: gone.set())
        killed = time.monotonic()
        sensor.kill()
        await asyncio.wait_for(gone.wait(), 60)
        assert reasons == [hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR]
        assert time.monotonic() - killed > 0.6, "no sooner than the supervision timeout"
    assert not socket.exists()


def test_sampling_goes_on_while_nobody_is_connected(short_folder: Path) -> None:
    asyncio.run(_away(short_folder))


async def _away(folder: Path) -> None:
    log = folder / "log"
    async with process("air", "tcp:127.0.0.1:0", says="ready tcp:127.0.0.1:") as (_air, line):
        transport = line.removeprefix("ready ").replace("tcp:", "tcp-client:")
        sensor = process(
            "sensor", transport, "--speed", "20", "--address", ADDRESS, "--log", str(log), says="advertising"
        )
        async with sensor, central(transport) as device:
            link = await connect(device, ADDRESS)
            await link.connection.pair()
            await link.hear_answers()
            await link.characteristics[0x0101].subscribe(lambda _value: None)
            started = struct.unpack(FIELDS, (await link.control(START))[4:])
            await asyncio.sleep(0.3)
            await link.connection.disconnect()
            await asyncio.sleep(0.6)

            link = await connect(device, ADDRESS, mtu=100)
            await link.connection.encrypt()  # with the key of the bond
            await link.hear_answers()
            running = struct.unpack(FIELDS, (await link.control(START))[4:])
            assert running[0] == started[0]
            assert running[5] > 20 * 50 * 0.9
            frames: list[bytes] = []
            await link.characteristics[0x0101].subscribe(frames.append)
            await asyncio.sleep(0.5)
            status = await link.characteristics[0x0104].read_value()
            state, stream, _taken, oldest, dropped, _temperature, _flags = struct.unpack("<BHIIIbB", status)
            assert (state, stream) == (1, started[0])
            assert oldest == 0, "its buffer holds the whole stream"
            # Everything before the first frame was either sent on the first link or dropped.
            first = unpack_frame(frames[0])[3]
            sent = [f for f in frames_of(log, "sent") if f["first"] < first]
            assert sum(f["count"] for f in sent) + dropped == first
            assert dropped == sum(f["count"] for f in frames_of(log, "dropped"))
            assert max(len(value) for value in frames) <= 97


def test_what_is_advertised(short_folder: Path) -> None:
    asyncio.run(_advertised(short_folder))


async def _advertised(folder: Path) -> None:
    socket = folder / "air"
    async with (
        process("air", f"unix:{socket}", says="ready"),
        process("sensor", f"unix-client:{socket}", "--address", ADDRESS, says="advertising"),
        central(f"unix-client:{socket}") as device,
    ):
        seen: dict[int, bytes] = {}
        both = asyncio.Event()

        def on_report(report: hci.HCI_LE_Advertising_Report_Event.Report) -> None:
            seen[report.event_type] = report.data
            if len(seen) == 2:
                both.set()

        # Of the host, not of the device: that one would join the two packets.
        device.host.on("advertising_report", on_report)
        await device.start_scanning(active=True)
        await asyncio.wait_for(both.wait(), 60)
        service = bytes.fromhex(uuid(0x0100).replace("-", ""))[::-1]
        assert seen[0] == b"\x02\x01\x06" + b"\x11\x07" + service
        assert seen[4] == b"\x0c\x09LegMon-Left" + b"\x07\xff\xff\xff\x01\x01\x57\x00"


def test_control_point_at_the_smallest_mtu_refuses_to_start(short_folder: Path) -> None:
    asyncio.run(_small_mtu(short_folder))


async def _small_mtu(folder: Path) -> None:
    socket = folder / "air"
    async with (
        process("air", f"unix:{socket}", says="ready"),
        process("sensor", f"unix-client:{socket}", "--address", ADDRESS, says="advertising"),
        central(f"unix-client:{socket}") as device,
    ):
        link = await connect(device, ADDRESS, mtu=23)
        await link.connection.pair()
        await link.hear_answers()
        assert await link.control(START) == bytes([0x80, 0x01, 7, 0x08])
        with pytest.raises(att.ATT_Error) as refused:
            await link.characteristics[0x0102].write_value(b"\x01", with_response=True)
        assert refused.value.error_code == 0x0D
        await link.characteristics[0x0106].write_value(b"\x2a", with_response=True)
        tag, uptime_us = struct.unpack("<BQ", await link.characteristics[0x0106].read_value())
        assert tag == 0x2A
        assert 0 < uptime_us < 60_000_000


def test_a_sensor_that_lost_its_bond_refuses_encryption_and_pairs_again(short_folder: Path) -> None:
    asyncio.run(_lost_bond(short_folder))


async def _lost_bond(folder: Path) -> None:
    socket = folder / "air"
    sensor = ("sensor", f"unix-client:{socket}", "--address", ADDRESS)
    async with (
        process("air", f"unix:{socket}", says="ready"),
        central(f"unix-client:{socket}") as device,
    ):
        async with process(*sensor, says="advertising") as (running, _line):
            link = await connect(device, ADDRESS)
            await link.connection.pair()
            gone = asyncio.Event()
            link.connection.on("disconnection", lambda _reason: gone.set())
            running.kill()
            await asyncio.wait_for(gone.wait(), 60)
        async with process(*sensor, says="advertising"):
            link = await connect(device, ADDRESS)
            with pytest.raises(hci.HCI_Error) as refused:
                await link.connection.encrypt()
            assert refused.value.error_code == hci.HCI_ErrorCode.PIN_OR_KEY_MISSING_ERROR
            assert device.keystore is not None
            await device.keystore.delete(ADDRESS)
            await link.connection.pair()
            assert len(await link.characteristics[0x0103].read_value()) == 22
