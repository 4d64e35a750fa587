"""Notifications captured somewhere, read one after the other: what a decoder gives, and how it is set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from legmon.sensors.base import Frame

LEAST = 1e-6  # of a setting that is a number: what is next to nothing makes times and scales that overflow


class SettingError(ValueError):
    """A setting that this decoder does not have, or a value that it cannot be."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one notification holds.

    Parameters
    ----------
    samples_g : (n, 3) float array
        Accelerations, g.
    time_ns : sequence of int or None
        The sensor's time of each sample, ns of its own epoch; None where it has no time.
    sequence : int or None
        Index of the first sample, where the sensor counts.
    """

    samples_g: NDArray[np.float64]
    time_ns: Sequence[int] | None = None
    sequence: int | None = None


class CountedTimes:
    """Times of samples in frames that are counted and timed: at the nominal rate in the first, then as frames show.

    Parameters
    ----------
    rate_hz : float
        Nominal rate.
    """

    def __init__(self, rate_hz: float) -> None:
        self._spacing_us = 1e6 / rate_hz
        self._last: tuple[int, int, int] | None = None

    def of(self, frame: Frame) -> list[int]:
        """Give the time of each sample, ns."""
        if self._last is not None and self._last[0] == frame.stream and frame.first > self._last[1]:
            own = (frame.t_us - self._last[2]) / (frame.first - self._last[1])
            self._spacing_us = own if own > 0 else self._spacing_us
        self._last = frame.stream, frame.first, frame.t_us
        return [round((frame.t_us + i * self._spacing_us) * 1000) for i in range(len(frame.xyz))]


class Decoder(Protocol):
    """Reads the notifications of one sensor in order."""

    def read(self, data: bytes, following: bytes | None) -> Decoded:
        """Read one; `following` is the one after it, None at the end.

        Raises
        ------
        FrameError
            If it does not keep to the protocol.
        """


@runtime_checkable
class Decodes(Protocol):
    """A driver that can read captured notifications; beside `legmon.sensors.base.Driver`, and not required of one."""

    settings: Mapping[str, str]
    """Settings by name, each with a sentence."""

    def decoder(self, settings: Mapping[str, str]) -> Decoder:
        """Begin.

        Raises
        ------
        SettingError
            If a setting is not one of its own or has a value it cannot have.
        """


def no_samples() -> NDArray[np.float64]:
    """Give an array of no samples."""
    return np.empty((0, 3))


def check(given: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Refuse settings that are not known.

    Raises
    ------
    SettingError
        Names the first that is not.
    """
    for name in given:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise SettingError(f"this decoder has no setting {name}; {has}")


def number(given: Mapping[str, str], name: str, default: float, most: float) -> float:
    """Read a setting that is a positive number.

    Raises
    ------
    SettingError
        If it is none, or larger than `most`.
    """
    text = given.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not LEAST <= value <= most:
        raise SettingError(f"{name}={text} is not a number above 0 and up to {most:g}")
    return value
