"""Tries a sensor out: what its link tells is kept for a card (`legmon.qualify.card`) instead of being recorded."""

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
        self._said = ""
        self._failure: Message | None = None
        self._battery: list[tuple[int, int]] = []
        self._refused = 0
        self._cuts = 0
        self._is_up = False

    @property
    def trouble(self) -> str:
        """Why nothing streams: what failed last, else what the link said last. Vaguer failures do not hide a plain one."""
        message = self._said if self._failure is None else self._failure.sentence
        return message.removesuffix(" Trying again.")

    def claim(self, address: str) -> bool:
        """Whether a sensor may be taken: the one that was asked for, and once one has started no other."""
        wanted = self._address if self.identity is None else self.identity.address
        return wanted is None or wanted.lower() == address.lower()

    def card(self, *, ended_ns: int | None = None, on: Place = "table") -> dict[str, Any]:
        """Draw the card; only once a sensor has been started.

        Parameters
        ----------
        ended_ns : int or None
            When the trial ended, by the clock of the arrivals; None for with the last frame.
        on : {"table", "leg"}
            Where the sensor was.
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

    # what the link tells and asks

    def link_changed(self, _state: State, message: Message) -> None:
        """Keep the sentence for a person, and the last failure."""
        self._said = message.sentence
        if message.code in _FAILURES and (
            message.code not in _VAGUE or self._failure is None or self._failure.code in _VAGUE
        ):
            self._failure = message

    def link_down(self, _cause: GapCause) -> None:
        """Count it once, also where its cause is said again when more is known."""
        self._cuts += self._is_up
        self._is_up = False

    def sensor_started(self, identity: Identity) -> None:
        """Take the sensor."""
        self.identity = identity
        self._is_up = True

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Keep it."""
        self.frames.append(frame, arrival_ns)

    def refused(self, _reason: str) -> None:
        """Count it."""
        self._refused += 1

    def battery(self, percent: int) -> None:
        """Keep the level."""
        self._battery.append((time.monotonic_ns(), percent))

    def status(self, status: Status) -> None:
        """Nothing: what it says of itself is not part of the card."""

    def signal(self, rssi_dbm: int) -> None:
        """Nothing."""

    def last_stream(self) -> int | None:
        """No stream was recorded before."""
        return None

    def missing(self) -> Missing | None:
        """Fetch nothing: what is lost on the way shall show."""
        return None

    def unavailable(self, missing: Missing, cause: GapCause | None) -> None:
        """Nothing was asked for."""
