"""A question and its answer, where the sensor may answer late, twice, something else, or not at all."""

from collections.abc import Callable
from typing import TypeVar

from legmon.sensors.base import Await, FrameError, Read, Steps, Write

T = TypeVar("T")

BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
MOST_STRAY = 8
"""Answers to something else before this one; a sensor that talks more does not answer."""
STRAY = "the sensor answers, but not to what it was asked"


def ask(
    write: Write, match: Callable[[bytes], T | None], *, seconds: float = 3.0, tries: int = 2
) -> Steps[T]:
    """Write a request and wait for what `match` accepts; ask again where nothing comes.

    Raises
    ------
    TimeoutError
        If no answer comes.
    FrameError
        If others come, but not this one.
    """
    for left in reversed(range(tries)):
        yield write
        try:
            found = yield from answer(match, seconds=seconds)
        except TimeoutError:
            if not left:
                raise
        else:
            if found is not None:
                return found
    raise FrameError(STRAY)


def answer(match: Callable[[bytes], T | None], *, seconds: float) -> Steps[T | None]:
    """Wait for what `match` accepts; None where too much else comes.

    Raises
    ------
    TimeoutError
        If nothing comes.
    """
    for _ in range(MOST_STRAY):
        found = match((yield Await(seconds)))
        if found is not None:
            return found
    return None


def battery_level() -> Steps[int | None]:
    """Read the standard battery service."""
    data = yield Read(BATTERY_LEVEL)
    return percent(data)


def percent(data: bytes) -> int | None:
    """Read a charge in percent; None for what cannot be one."""
    return data[0] if len(data) == 1 and data[0] <= 100 else None
