"""Try a sensor out: keep what its link reports for a card (`legmon.qualify.card`) instead of recording it."""

import time
from dataclasses import asdict
from typing import Any

from legmon.link.listener import ConnectedSensor, LinkState, SampleRange
from legmon.messages import GapCause, LinkCode, Message
from legmon.qualify.arrivals import Frames
from legmon.qualify.card import Evidence, Place, qualify
from legmon.sensors.base import Frame, Status

_VAGUE = {LinkCode.NO_ANSWER, LinkCode.NO_CONNECTION}
_FAILURES = {
    LinkCode.SENSOR_REFUSED,
    LinkCode.NOT_PAIRED,
    LinkCode.SENSOR_STOPPED,
    LinkCode.SILENT,
    LinkCode.BLUETOOTH_GONE,
} | _VAGUE


class Trial:
    """Keeps frames, battery levels and failures, as a listener of a link (`legmon.link.listener.LinkListener`).

    Parameters
    ----------
    address : str or None
        The sensor to try; None for the first that starts.
    """

    def __init__(self, address: str | None = None) -> None:
        self.sensor: ConnectedSensor | None = None
        self.frames = Frames()
        self._address = address
        self._message = ""
        self._failure: Message | None = None
        self._battery: list[tuple[int, int]] = []
        self._refused = 0
        self._cuts = 0
        self._is_up = False

    @property
    def trouble(self) -> str:
        """Why nothing streams: the last failure, or the last message of the link. A vague failure does not hide a clear one."""
        message = self._message if self._failure is None else self._failure.sentence
        return message.removesuffix(" Trying again.")

    def claim(self, address: str) -> bool:
        """Whether a sensor may be used: the one asked for, or the first; after a start no other one."""
        wanted = self._address if self.sensor is None else self.sensor.address
        return wanted is None or wanted.lower() == address.lower()

    def card(self, *, ended_ns: int | None = None, on: Place = "table") -> dict[str, Any]:
        """Return the card. A sensor must have been started.

        Parameters
        ----------
        ended_ns : int or None
            When the trial ended, by the clock of the arrivals; None for the last frame.
        on : {"table", "leg"}
            Where the sensor was.

        Raises
        ------
        ValueError
            If no sensor was started.
        """
        if self.sensor is None:
            raise ValueError("no sensor was started")
        evidence = Evidence(
            self.sensor.format,
            self.frames,
            self._battery,
            refused=self._refused,
            cuts=self._cuts,
            ended_ns=ended_ns,
            on=on,
            trouble=self.trouble,
            idle_s=self.sensor.declares.idle_s,
        )
        return {
            "name": self.sensor.name,
            "address": self.sensor.address,
            "driver": self.sensor.driver,
            "declared_hz": self.sensor.format.rate_hz,
            "range_g": self.sensor.format.range_g,
            "scale_ug": self.sensor.format.scale_ug,
            "loss": self.sensor.format.loss,
            "buffer": self.sensor.declares.buffer,
            "on": on,
        } | asdict(qualify(evidence))

    # called by the link

    def link_changed(self, _state: LinkState, message: Message) -> None:
        """Keep the message, and the last failure."""
        self._message = message.sentence
        if message.code in _FAILURES and (
            message.code not in _VAGUE or self._failure is None or self._failure.code in _VAGUE
        ):
            self._failure = message

    def link_down(self, _cause: GapCause) -> None:
        """Count the lost link once, even if its cause is reported again later."""
        self._cuts += self._is_up
        self._is_up = False

    def sensor_started(self, sensor: ConnectedSensor) -> None:
        """Keep the sensor."""
        self.sensor = sensor
        self._is_up = True

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Keep the frame and its arrival."""
        self.frames.append(frame, arrival_ns)

    def refused(self, _reason: str) -> None:
        """Count a notification that could not be decoded."""
        self._refused += 1

    def battery(self, percent: int) -> None:
        """Keep the level."""
        self._battery.append((time.monotonic_ns(), percent))

    def status(self, status: Status) -> None:
        """Ignore it: the card does not show it."""

    def signal(self, rssi_dbm: int) -> None:
        """Ignore it: the card does not show it."""

    def last_stream(self) -> int | None:
        """Return None: no stream was recorded before."""
        return None

    def next_to_fetch(self) -> SampleRange | None:
        """Return None: the card shows what is lost on the way."""
        return None

    def unavailable(self, samples: SampleRange, cause: GapCause | None) -> None:
        """Ignore it: nothing is fetched."""
