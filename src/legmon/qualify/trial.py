"""A trial of a sensor: what its link reports is kept for a card (`legmon.qualify.card`) instead of being recorded."""

import time
from dataclasses import asdict
from typing import Any

from legmon.link.listener import Identity, Missing, State
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
    """Keeps frames, battery levels and what went wrong (`legmon.link.listener.Listener`).

    Parameters
    ----------
    address : str or None
        The sensor to try out; None for the first that starts.
    """

    def __init__(self, address: str | None = None) -> None:
        self.identity: Identity | None = None
        self.frames = Frames()
        self._address = address
        self._last = ""
        self._failure: Message | None = None
        self._battery: list[tuple[int, int]] = []
        self._refused = 0
        self._cuts = 0
        self._is_up = False

    @property
    def trouble(self) -> str:
        """Why nothing streams: the last failure, else the link's last sentence. A vague failure does not hide a clear one."""
        message = self._last if self._failure is None else self._failure.sentence
        return message.removesuffix(" Trying again.")

    def claim(self, address: str) -> bool:
        """Whether a sensor may be used: the chosen one, and no other once one has started."""
        wanted = self._address if self.identity is None else self.identity.address
        return wanted is None or wanted.lower() == address.lower()

    def card(self, *, ended_ns: int | None = None, on: Place = "table") -> dict[str, Any]:
        """Return the card as a JSON object.

        Parameters
        ----------
        ended_ns : int or None
            When the trial ended, by the clock of the arrivals; None for the arrival of the last frame.
        on : {"table", "leg"}
            Where the sensor was.

        Raises
        ------
        ValueError
            If no sensor was started.
        """
        if self.identity is None:
            raise ValueError("no sensor was started")
        started = self.identity.started
        evidence = Evidence(
            started.rate_hz,
            started.scale_ug,
            self.identity.loss,
            self.frames,
            self._battery,
            refused=self._refused,
            cuts=self._cuts,
            ended_ns=ended_ns,
            on=on,
            trouble=self.trouble,
            idle_s=self.identity.declares.idle_s,
        )
        return {
            "name": self.identity.name,
            "address": self.identity.address,
            "driver": self.identity.driver,
            "declared_hz": started.rate_hz,
            "range_g": started.range_g,
            "scale_ug": started.scale_ug,
            "loss": self.identity.loss,
            "buffer": self.identity.declares.buffer,
            "on": on,
        } | asdict(qualify(evidence))

    # what the link reports and asks

    def link_changed(self, _state: State, message: Message) -> None:
        """Keep the sentence and the last failure."""
        self._last = message.sentence
        if message.code in _FAILURES and (
            message.code not in _VAGUE or self._failure is None or self._failure.code in _VAGUE
        ):
            self._failure = message

    def link_down(self, _cause: GapCause) -> None:
        """Count a failure of the link once, though its cause may be reported again when more is known."""
        self._cuts += self._is_up
        self._is_up = False

    def sensor_started(self, identity: Identity) -> None:
        """Keep which sensor it is."""
        self.identity = identity
        self._is_up = True

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Keep the frame."""
        self.frames.append(frame, arrival_ns)

    def refused(self, _reason: str) -> None:
        """Count the refused frame."""
        self._refused += 1

    def battery(self, percent: int) -> None:
        """Keep the level."""
        self._battery.append((time.monotonic_ns(), percent))

    def status(self, status: Status) -> None:
        """Do nothing: the sensor's status is not part of the card."""

    def signal(self, rssi_dbm: int) -> None:
        """Do nothing: the signal strength is not part of the card."""

    def last_stream(self) -> int | None:
        """Return None: no stream was recorded before."""
        return None

    def missing(self) -> Missing | None:
        """Return None: lost samples are not fetched, so that the card shows them."""
        return None

    def unavailable(self, missing: Missing, cause: GapCause | None) -> None:
        """Do nothing: no samples were asked for."""
