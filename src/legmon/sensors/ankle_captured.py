"""Captured notifications of the ankle profile's live and back-fill characteristics."""

from collections.abc import Mapping

import numpy as np

from legmon.sensors import ankle_bytes, captured

SCALE_UG = 122
settings: Mapping[str, str] = {
    "scale_ug": "µg per unit, as START was answered; 122 (± 4 g) if not said",
    "rate_hz": "nominal rate, for the times in the first frame; 50 if not said",
}


class AnkleDecoder:
    """Reads frames one by one."""

    def __init__(self, scale_ug: float, rate_hz: float) -> None:
        self._scale_ug = scale_ug
        self._times = captured.CountedTimes(rate_hz)

    def read(self, data: bytes, following: bytes | None) -> captured.Decoded:  # noqa: ARG002
        """Read one frame."""
        frame = ankle_bytes.decode_frame(data)
        g = frame.xyz.astype(np.float64) * (self._scale_ug * 1e-6)
        return captured.Decoded(g, self._times.of(frame), frame.first)


def decoder(given: Mapping[str, str]) -> AnkleDecoder:
    """Begin.

    Raises
    ------
    SettingError
        If a setting is another one, or no number.
    """
    captured.check(given, settings)
    rate_hz = captured.number(given, "rate_hz", 50.0, 10000.0)
    return AnkleDecoder(captured.number(given, "scale_ug", SCALE_UG, 65535), rate_hz)
