"""The links there are: a session for each leg that is wanted, and what else can be heard while a sensor is being chosen."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from legmon.catalog.state import BOTH
from legmon.link.nearby import Surroundings
from legmon.link.radio import Radio
from legmon.link.session import Session
from legmon.link.tasks import ended
from legmon.movement import Leg, Legs
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.recorder.choice import Choice
from legmon.sensors.base import HeardSensor

RANGE_G = 4
END_S = 10.0  # a session stops its sensor and hangs up, which takes seconds where nobody answers
LOOK_S = 600.0  # after somebody last asked, nobody looks at the list any more, and the radio rests


class Links:
    """The limbs that are looked for or held.

    Parameters
    ----------
    radio : Radio
        Through which Bluetooth.
    now_ns : callable
        The recording's clock.
    choice : Choice
        Which sensors may be taken.
    speed : float
        Seconds of night per wall second.
    rate_hz : int
        Asked of the sensors.
    """

    def __init__(
        self, radio: Radio, now_ns: Callable[[], int], choice: Choice, *, speed: float, rate_hz: int
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

    def link(self, leg: Leg | None, address: str | None = None) -> AnkleSensor:
        """Begin to look for a sensor and keep it streaming."""
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

    def link_all(self, legs: Legs | None) -> None:
        """Have a link for each leg that is wanted; where nobody said which, one for whatever sensor is there."""
        there = [ankle.leg for ankle in self]
        if legs == "both":
            for leg in BOTH:
                if leg not in there:
                    self.link(leg)
        elif not self._sessions:
            self.link(legs)

    def unwanted(self, legs: Legs | None) -> list[AnkleSensor]:
        """Return those of a leg that is not wanted, or with a sensor that is not the chosen one; the others keep their leg."""
        gone = []
        for ankle in self:
            for_leg = legs in (None, "both", ankle.leg)
            if not for_leg or (
                ankle.address and not self._choice.suits(ankle.leg if legs else ankle.wanted, ankle.address)
            ):
                gone.append(ankle)
            elif ankle.wanted is None and legs is not None:
                if ankle.address is None:
                    gone.append(ankle)
                else:
                    ankle.wanted = ankle.leg
        return gone

    def look(self) -> None:
        """Let what failed be seen: a session ends only by a defect."""
        for task in [*self._sessions.values(), *([self._listening] if self._listening else [])]:
            if task.done():
                task.result()

    async def end(self, ankles: Iterable[AnkleSensor]) -> None:
        """End links; their sensors are stopped and may be taken by others."""
        tasks = {ankle: self._sessions.pop(ankle) for ankle in ankles}
        await ended(*tasks.values(), again_s=END_S)
        for ankle in tasks:
            self._choice.release(ankle)

    # what else is near

    async def listen(self, asked_ns: int | None) -> None:
        """Listen for other sensors for a while after somebody asked; None to listen no more."""
        if asked_ns is None:
            if self._listening is not None:
                await ended(self._listening, again_s=END_S)
                self._listening = None
            return
        if asked_ns != self._asked[0]:
            self._asked = (asked_ns, time.monotonic())
        if self._listening is None:
            self._listening = asyncio.create_task(self._around.run(self._is_free))

    def _is_free(self) -> bool:
        recent = time.monotonic() - self._asked[1] < LOOK_S
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
            side = ankle.identity.started.side if ankle.identity else None
            found.append(HeardSensor(address, s.name, s.rssi_dbm, s.driver, side, leg=s.leg))
        return sorted(found, key=lambda n: -(n.rssi_dbm if n.rssi_dbm is not None else -127))
