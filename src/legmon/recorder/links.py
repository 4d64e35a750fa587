"""Run a session for each leg that is wanted, and list other sensors while a person chooses one."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from legmon.catalog.state import BOTH
from legmon.link.nearby import Surroundings
from legmon.link.radio import Radio
from legmon.link.session import Session
from legmon.link.tasks import end_tasks
from legmon.movement import Leg, Legs
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.recorder.choice import SensorChoice
from legmon.sensors.base import HeardSensor

RANGE_G = 4
END_S = 10.0  # a session stops its sensor and disconnects, which takes seconds if the sensor does not answer
LISTEN_S = 600.0  # since the list was last asked for; then the radio rests


class SensorLinks:
    """The ankles whose sensor is looked for or connected, each with its session.

    Parameters
    ----------
    radio : Radio
        The Bluetooth radio to use.
    now_ns : callable
        The recording's clock.
    choice : SensorChoice
        Which sensors may be used.
    speed : callable
        Return how many seconds of night a wall second has now.
    rate_hz : int
        The rate to ask the sensors for.
    """

    def __init__(
        self,
        radio: Radio,
        now_ns: Callable[[], int],
        choice: SensorChoice,
        *,
        speed: Callable[[], float],
        rate_hz: int,
    ) -> None:
        self._radio = radio
        self._now_ns = now_ns
        self._choice = choice
        self._speed = speed
        self._rate_hz = rate_hz
        self._sessions: dict[AnkleSensor, asyncio.Task[None]] = {}
        self._around = Surroundings(radio, choice.drivers)
        self._listening: asyncio.Task[None] | None = None
        self._asked: tuple[int, float] = (0, 0.0)

    def __iter__(self) -> Iterator[AnkleSensor]:
        return iter(list(self._sessions))

    def __len__(self) -> int:
        return len(self._sessions)

    def start(self, leg: Leg | None, address: str | None = None) -> AnkleSensor:
        """Start a session that finds a sensor and keeps it streaming."""
        ankle = AnkleSensor(self._now_ns, leg, address)
        session = Session(
            self._radio,
            self._now_ns,
            ankle,
            leg=leg,
            drivers=self._choice.drivers,
            claim=partial(self._choice.claim, ankle),
            insists=partial(self._choice.insists, leg),
            known=partial(self._choice.known, ankle, leg),
            rate_hz=self._rate_hz,
            range_g=RANGE_G,
            speed=self._speed,
        )
        self._sessions[ankle] = asyncio.create_task(session.run())
        return ankle

    def start_missing(self, legs: Legs | None) -> None:
        """Start a session for each wanted leg that has none; if no leg is named, one for any sensor."""
        there = [ankle.leg for ankle in self]
        if legs == "both":
            for leg in BOTH:
                if leg not in there:
                    self.start(leg)
        elif not self._sessions:
            self.start(legs)

    def unwanted(self, legs: Legs | None) -> list[AnkleSensor]:
        """Return the ankles of unwanted legs, or with a sensor that was not chosen. The others keep their leg."""
        unwanted = []
        for ankle in self:
            for_leg = legs in (None, "both", ankle.leg)
            if not for_leg or (
                ankle.address
                and not self._choice.suits(ankle.leg if legs else ankle.wanted_leg, ankle.address)
            ):
                unwanted.append(ankle)
            elif ankle.wanted_leg is None and legs is not None:
                if ankle.address is None:
                    unwanted.append(ankle)
                else:
                    ankle.wanted_leg = ankle.leg
        return unwanted

    def raise_errors(self) -> None:
        """Raise the error of a session that has ended. Only a programming error can end a session."""
        for task in [*self._sessions.values(), *([self._listening] if self._listening else [])]:
            if task.done():
                task.result()

    async def end(self, ankles: Iterable[AnkleSensor]) -> None:
        """End sessions. Their sensors are stopped and may be used by others."""
        tasks = {ankle: self._sessions.pop(ankle) for ankle in ankles}
        await end_tasks(*tasks.values(), again_s=END_S)
        for ankle in tasks:
            self._choice.release(ankle)

    # other sensors nearby

    async def listen(self, asked_ns: int | None) -> None:
        """Listen for other sensors for a while after `asked_ns`; stop listening if it is None."""
        if asked_ns is None:
            if self._listening is not None:
                await end_tasks(self._listening, again_s=END_S)
                self._listening = None
            return
        if asked_ns != self._asked[0]:
            self._asked = (asked_ns, time.monotonic())
        if self._listening is None:
            self._listening = asyncio.create_task(self._around.run(self._is_free))

    def _is_free(self) -> bool:
        recent = time.monotonic() - self._asked[1] < LISTEN_S
        return recent and all(ankle.is_streaming for ankle in self)

    def nearby(self) -> list[HeardSensor]:
        """Return the sensors that may be chosen, the strongest first. A connected one no longer advertises its strength."""
        if self._listening is None:
            return []
        held = {ankle.address: ankle for ankle in self if ankle.address and ankle.is_streaming}
        found = [
            heard
            for heard in self._around.lately()
            if heard.address not in held and self._choice.offers(heard.address)
        ]
        for address, ankle in held.items():
            s = ankle.state()
            side = ankle.sensor.start.side if ankle.sensor else None
            found.append(HeardSensor(address, s.name, s.rssi_dbm, s.driver, side, leg=s.leg))
        return sorted(found, key=lambda n: -(n.rssi_dbm if n.rssi_dbm is not None else -127))
