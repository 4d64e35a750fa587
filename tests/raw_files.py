"""Encodes raw files of GENEActiv, Axivity and ActiGraph. The encoders are our own, after the formats' public descriptions."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
PER_G = 256


def geneactiv(xyz: Samples, rate: float, start: datetime) -> bytes:
    gain, page = 25600, 300
    lines = ["Device Identity", "Device Unique Serial Code:000001", "Device Type:GENEActiv", "Device Model:1.1",
             "Device Firmware Version:Ver06.17", "Calibration Date:2026-01-01 08:00:00:000", "", "Device Capabilities",
             "Accelerometer Range:-8 to 8", "Accelerometer Resolution:0.0039", "Accelerometer Units:g",
             "Light Meter Range:0 to 5000", "Light Meter Resolution:5", "Light Meter Units:lux",
             "Temperature Sensor Range:0 to 70", "Temperature Sensor Resolution:0.25", "Temperature Sensor Units:deg. C", "",
             "Configuration Info", f"Measurement Frequency:{rate:.0f} Hz", "Measurement Period:24 Hours",
             f"Start Time:{start:%Y-%m-%d %H:%M:%S}:000", "Time Zone:GMT +00:00", "", "Trial Info", "Study Centre:",
             "Study Code:", "Investigator ID:", "Exercise Type:", "Config Operator ID:", "Config Time:2026-02-28 12:00:00:000",
             "Config Notes:",
             "Extract Operator ID:", "Extract Time:2026-03-02 12:00:00:000", "Extract Notes:", "", "Subject Info",
             "Device Location Code:", "Subject Code:", "Date of Birth:1900-1-1", "Sex:", "Height:", "Weight:", "Handedness Code:",
             "Subject Notes:", "", "Calibration Data"]  # fmt: skip
    for axis in "xyz":
        lines += [f"{axis} gain:{gain}", f"{axis} offset:0"]
    lines += ["Volts:300", "Lux:800", "", "Memory Status", f"Number of Pages:{-(-len(xyz) // page)}", ""]
    counts = np.clip(np.round(xyz * gain / 100), -2048, 2047).astype(int) & 0xFFF
    for n in range(0, len(xyz), page):
        at = start + timedelta(seconds=n / rate)
        lines += ["Recorded Data", "Device Unique Serial Code:000001", f"Sequence Number:{n // page}",
                  f"Page Time:{at:%Y-%m-%d %H:%M:%S}:{at.microsecond // 1000:03}", "Unassigned:", "Temperature:25.0",
                  "Battery voltage:4.0", "Device Status:Recording", f"Measurement Frequency:{rate:.1f}",
                  "".join(f"{x:03X}{y:03X}{z:03X}000" for x, y, z in counts[n : n + page].tolist())]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n").encode()


def axivity(xyz: Samples, rate: int, start: datetime) -> bytes:
    """A file of an AX3: a header of 1024 bytes, then blocks of 512 with 80 samples each. The last ones may not fill a block."""

    def packed(t: datetime) -> int:
        day = (t.year - 2000) << 26 | t.month << 22 | t.day << 17
        return day | t.hour << 12 | t.minute << 6 | t.second

    code = {25: 8, 50: 9, 100: 10, 200: 11}[rate] | 1 << 6  # range of 8 g
    head = bytearray(b"\xff" * 1024)
    struct.pack_into(
        "<2sHBHIH3I9B",
        head,
        0,
        b"MD",
        1020,
        0x17,
        1,
        1,
        0,
        packed(start),
        packed(start + timedelta(1)),
        *[0] * 10,
    )
    head[36], head[41] = code, 45
    struct.pack_into("<I", head, 37, packed(start))
    head[64:] = b" " * 960
    blocks = [bytes(head)]
    counts = np.clip(np.round(xyz * PER_G), -32768, 32767).astype("<i2")
    for n in range(0, len(counts) - 79, 80):
        at = start + timedelta(seconds=n / rate)
        block = bytearray(512)
        offset = -round(at.microsecond / 1e6 * rate)  # of the sample at the whole second
        struct.pack_into(
            "<2sHHIIIHHBBBBhH",
            block,
            0,
            b"AX",
            508,
            0,
            1,
            n // 80,
            packed(at),
            0,
            171,
            0,
            180,
            code,
            0x32,
            offset,
            80,
        )
        block[30:510] = counts[n : n + 80].tobytes()
        struct.pack_into("<H", block, 510, -sum(struct.unpack("<255H", bytes(block[:510]))) & 0xFFFF)
        blocks.append(bytes(block))
    return b"".join(blocks)


def actigraph(xyz: Samples, rate: int, start: datetime) -> bytes:
    """A GT3X file: an archive of a text and a log; a record of the log holds a second of 12-bit values in the order y, x, z."""

    def ticks(t: datetime) -> int:
        return int((t - datetime(1, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000

    def record(kind: int, at: datetime, payload: bytes) -> bytes:
        whole = struct.pack("<BBIH", 0x1E, kind, int(at.timestamp()), len(payload)) + payload
        return whole + bytes([~int(np.bitwise_xor.reduce(np.frombuffer(whole, np.uint8))) & 0xFF])

    end = start + timedelta(seconds=len(xyz) / rate)
    info = ["Serial Number: NEO1A00000000", f"Sample Rate: {rate}", f"Start Date: {ticks(start)}",
            f"Stop Date: {ticks(end)}", f"Last Sample Time: {ticks(end)}", "Acceleration Scale: 256.0", ""]  # fmt: skip
    scale = 9 << 24 | 0x400000  # 0.5 times 2 to the power of 9
    log = [record(0x15, start, struct.pack("<HHIHHI", 1, 10, rate, 0, 55, scale))]
    counts = np.clip(np.round(xyz * PER_G), -2048, 2047).astype(int) & 0xFFF
    for n in range(0, len(counts), rate):
        bits = "".join(f"{y:012b}{x:012b}{z:012b}" for x, y, z in counts[n : n + rate].tolist())
        bits += "0" * (-len(bits) % 8)
        log.append(
            record(0, start + timedelta(seconds=n / rate), int(bits, 2).to_bytes(len(bits) // 8, "big"))
        )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("info.txt", "\r\n".join(info))
        archive.writestr("log.bin", b"".join(log))
    return file.getvalue()
