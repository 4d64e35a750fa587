"""Records nights from capture files, which hold a night's notifications (docs/ankle-profile.md, section 9)."""

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from legmon.catalog.store import CAPTURE, Catalog
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.recorder.night import NightRecorder
from legmon.sensors.ankle.profile import decode_frame
from legmon.sensors.base import Frame, FrameError, StreamFormat

_RECORD = struct.Struct("<QH")
FRAMES_A_STEP = 500


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
        line, _, body = path.read_bytes().partition(b"\n")
        head = json.loads(line)
        if head["capture"] != 1:
            raise CaptureError(f"{path} is a capture of version {head['capture']}; this program reads 1")
        notifications = []
        at = 0
        while at < len(body):
            uptime, length = _RECORD.unpack_from(body, at)
            at += _RECORD.size
            notifications.append((uptime, body[at : at + length]))
            at += length
        stream_format = StreamFormat(head["rate_hz"], head["range_g"], head["scale_ug"], "index")
        return Capture(head["leg"], head["sensor"], stream_format, notifications)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as e:
        raise CaptureError(f"{path} is not a capture of the simulated sensor ({e})") from e


def record_capture(
    catalog: Catalog, capture: Capture, started_ns: int, progress: Callable[[float], None] = lambda _: None
) -> str:
    """Record a captured simulated night with the same writer, detector, scorer and catalog as over the air.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    capture : Capture
        The night.
    started_ns : int
        When it began, ns UTC.
    progress : callable
        Called with the share that is done, 0 to 1.

    Returns
    -------
    str
        Id of the night.
    """
    night = NightRecorder.begin(catalog, started_ns, simulated=True)
    try:
        leg = night.leg(capture.leg, capture.sensor, CAPTURE, capture.format)
        frames = capture.frames()
        arrival, done = started_ns, 0
        while step := list(islice(frames, FRAMES_A_STEP)):
            for at_us, frame in step:
                arrival = started_ns + at_us * 1000
                leg.frame(frame, arrival)
            done += len(step)
            progress(done / len(capture.notifications))
        night.close(arrival)
    except BaseException:
        catalog.discard(night.id)  # a part of a past night is of no use, and it can be simulated again
        raise
    return night.id
