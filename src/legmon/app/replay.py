"""What a replay plays, and how far it has come."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import OperationalError

from legmon.catalog.clock import Clock
from legmon.catalog.store import Catalog

STEPS = 4  # of what is said on the way


@dataclass(frozen=True, slots=True)
class Played:
    """What a simulated sensor is to play.

    Parameters
    ----------
    name : str
        For a person.
    source : tuple of str
        Options of the simulated sensor that name it.
    has_truth : bool
        Whether it is known what really happened.
    """

    name: str
    source: tuple[str, ...]
    has_truth: bool

    def options(self, made: Path) -> list[str]:
        """Give the options of the simulated sensor, with files that begin like `made` for what it sends."""
        made.parent.mkdir(exist_ok=True)
        truth = ["--truth", f"{made}.truth.json"] if self.has_truth else []
        return [*self.source, "--progress", "--log", f"{made}.sent.jsonl", *truth]


@dataclass(frozen=True, slots=True)
class Plays:
    """What the simulated sensor says that it plays."""

    leg: str
    rate_hz: int
    seconds: float

    @classmethod
    def read(cls, said: str) -> "Plays":
        """Take its words apart."""
        leg, rate, seconds = said.split()
        return cls(leg, int(rate), float(seconds))

    def sentence(self, speed: float) -> str:
        """Say it for a person."""
        return (
            f"Recording {_length(self.seconds)} of the {self.leg} ankle at {self.rate_hz} Hz over simulated Bluetooth, "
            f"{speed:g} times as fast as real time: it takes {_length(self.seconds / speed)}."
        )


class Progress:
    """Says how far a replay has come.

    Parameters
    ----------
    catalog : Catalog
        Where the recorder reports.
    clock : Clock
        The replay's, which tells its reports from older ones.
    plays : Plays
        What is played.
    say : callable
        Tells a person.
    over : callable
        Whether the sensor has said that it is over.
    """

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        plays: Plays,
        say: Callable[[str], None],
        over: Callable[[], bool],
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._plays = plays
        self._say = say
        self._over = over
        self._step = 0

    def over(self) -> bool:
        """Say it at every quarter; whether all of it has been played."""
        state = None
        with contextlib.suppress(OperationalError):  # the catalog is busy
            state = self._catalog.recorder()
        if state is not None and state.clock == self._clock and state.sensors:
            sensor = state.sensors[0]
            played_s = (sensor.samples + sensor.missing_samples) / self._plays.rate_hz
            step = int(STEPS * played_s / self._plays.seconds)
            if self._step < step < STEPS:
                self._step = step
                self._say(f"{100 * step // STEPS} % of it is recorded ({_length(played_s)}).")
        return self._over()


def _length(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {s:02d} s" if minutes else f"{s} s"
