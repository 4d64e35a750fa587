"""What the demo is doing: a file in the data folder, which the demo keeps up to date and the dashboard reads."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from legmon.outside import is_int
from legmon.recorder import presence
from legmon.recorder.presence import KeptFile, Presence

DemoStep = Literal["", "simulating", "compiling", "recording"]
"""What is being done for a past night: the detector is compiled once for a computer."""
STATE: Final = "demo.json"
WISH: Final = "demo.speed.json"
"""The file in which a page asks the demo for another speed."""
FASTEST: Final = 300.0
LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class DemoState:
    """What the demo is doing.

    Parameters
    ----------
    process : Presence
        The process of `legmon demo`.
    past : int
        How many past nights the demo has, once all are recorded.
    recorded : int
        How many of them are recorded.
    speed : float
        How many seconds of tonight a second takes; 0 while it is stopped.
    share : float
        Which share of the present work on them is done, 0 to 1.
    step : str
        What is being done for the newest of them.
    tonight : str or None
        The night that is recorded over the air, or was; None until it begins.
    is_over : bool
        Whether that night has ended and is closed.
    movements, in_series : int
        What was counted in it, once it is over.
    """

    process: Presence
    past: int = 0
    recorded: int = 0
    speed: float = 1.0
    share: float = 0.0
    step: DemoStep = ""
    tonight: str | None = None
    is_over: bool = False
    movements: int = 0
    in_series: int = 0

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what the demo of a data folder is doing; None if no demo runs there."""
        value = presence.read(folder / STATE)
        try:
            process = Presence.parse(value.pop("process"))
            found = None if process is None else cls(process, **value)
        except (AttributeError, KeyError, TypeError):
            return None
        return found if found is not None and found.is_plausible() and found.process.is_alive() else None

    def is_plausible(self) -> bool:
        """Whether every value is one that a demo writes."""
        numbers = (self.past, self.recorded, self.movements, self.in_series)
        share: Any = self.share
        speed: Any = self.speed
        step: Any = self.step
        tonight: Any = self.tonight
        return (
            all(is_int(n, 0, 1 << 31) for n in numbers)
            and isinstance(share, int | float)
            and 0 <= share <= 1
            and isinstance(speed, int | float)
            and 0 <= speed <= FASTEST
            and (tonight is None or (isinstance(tonight, str) and len(tonight) <= LONGEST_NAME))
            and step in get_args(DemoStep)
            and isinstance(self.is_over, bool)
        )

    def keep(self, file: KeptFile) -> None:
        """Write it, if it has changed."""
        file.keep(asdict(self))


def wish_for(folder: Path, speed: float) -> bool:
    """Ask the demo of a data folder for another speed of tonight. Return whether that could be written."""
    return presence.write(folder / WISH, {"speed": speed})


def take_wish(folder: Path) -> float | None:
    """Return the speed that was asked for since the last call; None if nobody has asked."""
    value = presence.read(folder / WISH)
    if value is None:
        return None
    (folder / WISH).unlink(missing_ok=True)
    speed = value.get("speed") if isinstance(value, dict) else None
    if not isinstance(speed, int | float) or isinstance(speed, bool) or not 0 <= speed <= FASTEST:
        return None
    return float(speed)
