"""Decode captured notifications: the interface of decoders, their settings, and one JSON object for each notification."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from legmon.sensors.base import Frame, FrameError

LEAST = 1e-6  # smallest number that a setting accepts: smaller ones make times and scales overflow


class SettingError(ValueError):
    """The decoder has no such setting, or the value is not valid."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The samples of one notification.

    Parameters
    ----------
    samples_g : (n, 3) float array
        Accelerations, g.
    time_ns : sequence of int or None
        The sensor's time of each sample, ns since its own epoch; None for a sensor without a clock.
    sequence : int or None
        Index of the first sample, for a sensor that counts its samples.
    """

    samples_g: NDArray[np.float64]
    time_ns: Sequence[int] | None = None
    sequence: int | None = None


class CountedTimes:
    """Compute sample times from frames that have an index and a time.

    The first frame is spread at the nominal rate, later ones at the rate between two frames.

    Parameters
    ----------
    rate_hz : float
        Nominal rate.
    """

    def __init__(self, rate_hz: float) -> None:
        self._spacing_us = 1e6 / rate_hz
        self._last: tuple[int, int, int] | None = None

    def of(self, frame: Frame) -> list[int]:
        """Return the time of each sample, ns."""
        if self._last is not None and self._last[0] == frame.stream and frame.first > self._last[1]:
            own = (frame.t_us - self._last[2]) / (frame.first - self._last[1])
            self._spacing_us = own if own > 0 else self._spacing_us
        self._last = frame.stream, frame.first, frame.t_us
        return [round((frame.t_us + i * self._spacing_us) * 1000) for i in range(len(frame.xyz))]


class Decoder(Protocol):
    """Decodes the notifications of one sensor in order."""

    def read(self, data: bytes, following: bytes | None) -> Decoded:
        """Decode one notification; `following` is the next one, None at the end.

        Raises
        ------
        FrameError
            If the bytes do not follow the sensor's protocol.
        """


@runtime_checkable
class Decodes(Protocol):
    """A driver that can decode captured notifications. Optional for a `legmon.sensors.base.Driver`."""

    settings: Mapping[str, str]
    """A description of each setting, by name."""

    def decoder(self, settings: Mapping[str, str]) -> Decoder:
        """Return a decoder with these settings.

        Raises
        ------
        SettingError
            If the driver has no such setting, or a value is not valid.
        """


def no_samples() -> NDArray[np.float64]:
    """Return an empty array of samples."""
    return np.empty((0, 3))


def check(given: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Check that every setting is known.

    Raises
    ------
    SettingError
        If one is not; the message names the first.
    """
    for name in given:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise SettingError(f"this decoder has no setting {name}; {has}")


def number(given: Mapping[str, str], name: str, default: float, most: float) -> float:
    """Read a setting that has to be a positive number.

    Raises
    ------
    SettingError
        If it is not a positive number, or larger than `most`.
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


def decode(decoder: Decoder, notifications: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Decode notifications in order, as `legmon decode` prints them.

    Parameters
    ----------
    decoder : Decoder
        Keeps the state from one notification to the next.
    notifications : sequence of bytes
        In the order they arrived.

    Yields
    ------
    dict
        For each notification `samples_g`, `time_ns`, `sequence` and `error`. `error` is None, or says what is wrong with the
        bytes; there are no samples then.
    """
    following: list[bytes | None] = [*notifications[1:], None]
    for data, after in zip(notifications, following, strict=True):
        try:
            decoded = decoder.read(data, after)
        except FrameError as e:
            yield {"samples_g": [], "time_ns": None, "sequence": None, "error": str(e)}
            continue
        yield {
            "samples_g": decoded.samples_g.tolist(),
            "time_ns": None if decoded.time_ns is None else list(decoded.time_ns),
            "sequence": decoded.sequence,
            "error": None,
        }
