"""Records nights from capture files, which hold a night's notifications (docs/ankle-profile.md, section 9)."""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice, repeat
from pathlib import Path
from typing import Any, get_args

from legmon.catalog.store import CAPTURE, Catalog
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.outside import is_int, parse_json, read_outside
from legmon.quoting import shown
from legmon.recorder.night import NightRecorder
from legmon.sensors.ankle.profile import decode_frame
from legmon.sensors.base import Frame, FrameError, StreamFormat

_RECORD = struct.Struct("<QH")
FRAMES_A_STEP = 500
LARGEST = 1 << 28
"""Bytes of a capture: two days at 200 Hz."""
LONGEST_HEAD = 10_000
LONGEST_NAME = 64
LEAST_FRAME = 16
LATEST_US = 32 * 86_400_000_000
"""The longest uptime of a sensor in a capture, µs."""


class CaptureError(LegmonError):
    """The file is not a capture."""


@dataclass(frozen=True, slots=True)
class Capture:
    """The header of a capture and its notifications.

    Parameters
    ----------
    leg, sensor : str
        The ankle, and the name of the sensor.
    format : StreamFormat
        How the sensor measured.
    notifications : list of (int, bytes)
        Uptime of the sensor in µs when it handed a frame to the radio, and the frame.
    """

    leg: Leg
    sensor: str
    format: StreamFormat
    notifications: list[tuple[int, bytes]]

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Yield uptime in µs and frame.

        Raises
        ------
        CaptureError
            If a frame breaks the protocol.
        """
        for at_us, data in self.notifications:
            try:
                yield at_us, decode_frame(data)
            except FrameError as e:
                raise CaptureError(f"the capture holds a frame that cannot be read: {e}") from e


def read_capture(path: Path) -> Capture:
    """Read a file.

    Raises
    ------
    CaptureError
        If it is not a capture of version 1.
    """
    try:
        data = read_outside(path, LARGEST)
        end = data.find(b"\n", 0, LONGEST_HEAD)
        head = parse_json(data[: max(end, 0)])
        if head["capture"] != 1:
            raise CaptureError(
                f"{path} is a capture of version {shown(head['capture'])}; this program reads 1"
            )
        notifications = []
        at = end + 1
        while at < len(data):
            uptime, length = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            if length < LEAST_FRAME or uptime >= LATEST_US:
                raise ValueError("a notification that no sensor sends")
            notifications.append((uptime, data[at : at + length]))
            at += length
        return Capture(*_described(head), notifications)
    except OSError as e:
        raise CaptureError(f"{path} cannot be read ({e.strerror})") from e
    except (ValueError, KeyError, TypeError, struct.error) as e:
        raise CaptureError(f"{path} is not a capture of the simulated sensor ({e})") from e


def _described(head: dict[str, Any]) -> tuple[Leg, str, StreamFormat]:
    """Return leg, sensor and format, from the header.

    Raises
    ------
    ValueError, KeyError, TypeError
        If one of them is none.
    """
    leg, sensor, rate_hz = head["leg"], head["sensor"], head["rate_hz"]
    range_g, scale_ug = head["range_g"], head["scale_ug"]
    if leg not in get_args(Leg) or not isinstance(sensor, str):
        raise ValueError("its header names no leg or no sensor")
    if not (is_int(rate_hz, 1, 1000) and is_int(range_g, 1, 64) and is_int(scale_ug, 1, 10_000)):
        raise ValueError("its header names no rate or no range")
    return leg, sensor[:LONGEST_NAME], StreamFormat(rate_hz, range_g, scale_ug, "index")


def record_capture(
    catalog: Catalog,
    capture: Capture | Sequence[Capture],
    started_ns: int,
    progress: Callable[[float], None] = lambda _: None,
) -> str:
    """Record a captured simulated night with the same writer, detector, scorer and catalog as over the air.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    capture : Capture or sequence of Capture
        The night; of two legs, one capture of each.
    started_ns : int
        When it began, ns UTC.
    progress : callable
        Called with the share that is done, 0 to 1.

    Returns
    -------
    str
        Id of the night.
    """
    captures = [capture] if isinstance(capture, Capture) else capture
    night = NightRecorder.begin(catalog, started_ns, simulated=True)
    try:
        legs = [night.leg(c.leg, c.sensor, CAPTURE, c.format) for c in captures]
        streams = [zip(repeat(leg), c.frames()) for leg, c in zip(legs, captures, strict=True)]
        frames = merge(*streams, key=lambda each: each[1][0])
        total = sum(len(c.notifications) for c in captures)
        arrival, done = started_ns, 0
        while step := list(islice(frames, FRAMES_A_STEP)):
            for leg, (at_us, frame) in step:
                arrival = started_ns + at_us * 1000
                leg.frame(frame, arrival)
            done += len(step)
            progress(done / total)
        night.close(arrival)
    except BaseException:
        catalog.discard(night.id)  # a part of a past night is of no use, and it can be simulated again
        raise
    return night.id
