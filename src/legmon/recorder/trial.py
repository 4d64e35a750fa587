"""Tries a sensor out: what its link tells is kept for a card (`legmon.timeline.qualify`) instead of being recorded."""

import time
from dataclasses import asdict
from typing import Any

from legmon.link.faults import Cause
from legmon.link.listener import Identity, Missing, State
from legmon.said import Said
from legmon.sensors.base import Frame, Status
from legmon.timeline.qualify import Evidence, Heard, qualify


class Trial:
    """Keeps frames, battery levels and what went wrong (`legmon.link.listener.Listener`)."""

    def __init__(self) -> None:
        self.identity: Identity | None = None
        self.sentence = ""
        self.frames: list[Heard] = []
        self._battery: list[tuple[int, int]] = []
        self._refused = 0
        self._cuts = 0

    def card(self) -> dict[str, Any]:
        """Draw the card; only once a sensor has been started."""
        if self.identity is None:
            raise ValueError("no sensor was started")
        started, declares = self.identity.started, self.identity.declares
        evidence = Evidence(
            started.rate_hz,
            started.scale_ug,
            declares.loss,
            self.frames,
            self._battery,
            refused=self._refused,
            cuts=self._cuts,
        )
        return {
            "name": self.identity.name,
            "address": self.identity.address,
            "driver": self.identity.driver,
            "declared_hz": started.rate_hz,
            "range_g": started.range_g,
            "scale_ug": started.scale_ug,
            "loss": declares.loss,
        } | asdict(qualify(evidence))

    # what the link tells and asks

    def link_changed(self, _state: State, said: Said) -> None:
        """Keep the sentence for a person."""
        self.sentence = said.sentence

    def link_down(self, _cause: Cause) -> None:
        """Count it."""
        self._cuts += 1

    def sensor_started(self, identity: Identity) -> None:
        """Take the sensor."""
        self.identity = identity

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Keep it."""
        self.frames.append(Heard(frame, arrival_ns))

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
        """Fetch nothing: what is lost shall show."""
        return None

    def unavailable(self, missing: Missing, cause: Cause | None) -> None:
        """Nothing was asked for."""
