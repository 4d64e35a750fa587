"""Parts of a conversation that several drivers share: requests and answers, the battery level, no buffer."""

from collections.abc import Callable
from typing import TypeVar

from legmon.sensors.base import Await, FrameError, Held, Read, Steps, Write

T = TypeVar("T")

BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
MOST_STRAY = 8
"""Stop waiting for an answer after so many answers to something else."""
STRAY = "the sensor answers, but not to this request"


def ask(
    write: Write, match: Callable[[bytes], T | None], *, seconds: float = 3.0, tries: int = 2
) -> Steps[T]:
    """Write a request and wait for its answer. The sensor may answer late, twice, or not at all.

    Parameters
    ----------
    write : Write
        The request.
    match : callable
        Return the result for the bytes of the answer, None for any other bytes.
    seconds : float
        How long to wait for each answer.
    tries : int
        How often to send the request.

    Raises
    ------
    TimeoutError
        If no answer comes.
    FrameError
        If other answers come, but not this one.
    """
    for left in reversed(range(tries)):
        yield write
        try:
            result = yield from answer(match, seconds=seconds)
        except TimeoutError:
            if not left:
                raise
        else:
            if result is not None:
                return result
    raise FrameError(STRAY)


def answer(match: Callable[[bytes], T | None], *, seconds: float) -> Steps[T | None]:
    """Wait for the answer that `match` accepts. Return None after `MOST_STRAY` other answers.

    Raises
    ------
    TimeoutError
        If nothing comes.
    """
    for _ in range(MOST_STRAY):
        result = match((yield Await(seconds)))
        if result is not None:
            return result
    return None


def battery_level() -> Steps[int | None]:
    """Read the standard battery service."""
    data = yield Read(BATTERY_LEVEL)
    return percent(data)


def percent(data: bytes) -> int | None:
    """Read a charge in percent. Return None if the bytes cannot be one."""
    return data[0] if len(data) == 1 and data[0] <= 100 else None


class Unbuffered:
    """The back-fill part of a conversation with a sensor that keeps no samples."""

    def held(self, stream: int) -> Steps[Held | None]:  # noqa: ARG002
        """Return None: the sensor holds nothing."""
        yield from ()
        return None

    def fetch(self, stream: int, first: int, count: int) -> Steps[int]:  # noqa: ARG002
        """Return 0: the sensor sends nothing again."""
        yield from ()
        return 0
