"""The card of a sensor: its true rate, how late its frames are, its losses, noise, scale and battery.

Rate, lateness and loss come from the arrivals of frames (`legmon.qualify.arrivals`), noise and scale from the seconds in which
the sensor lay still (`legmon.qualify.stillness`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from legmon.limits import BATTERY_NIGHT_H
from legmon.messages import CardWarning, card_warning
from legmon.movement import NS
from legmon.qualify.arrivals import Frames, arrived
from legmon.qualify.stillness import still
from legmon.sensors.base import StreamFormat

SURE_S = 19 * 60.0  # the battery's level is read every ten minutes, so half an hour has three levels
SHAKY_MG, OFF_G, STILL_S = 8.0, 0.05, 10.0
IDLE_TIMES = 1.2  # a trial must last so many idle times, to show whether a sensor switches itself off

Place = Literal["table", "leg"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The data that a trial recorded from a sensor.

    Parameters
    ----------
    format : StreamFormat
        How it measures.
    frames : Frames
        The frames that arrived.
    battery : sequence of (int, int)
        Times, ns, and percents.
    refused, cuts : int
        Number of frames that broke the protocol, and of failures of the link.
    ended_ns : int or None
        When the trial ended; None for the arrival of the last frame.
    on : {"table", "leg"}
        Where the sensor was.
    trouble : str
        The last failure, or else the last sentence of the link.
    idle_s : float or None
        After how long without movement the sensor may switch itself off, s.
    """

    format: StreamFormat
    frames: Frames
    battery: Sequence[tuple[int, int]] = ()
    refused: int = 0
    cuts: int = 0
    ended_ns: int | None = None
    on: Place = "table"
    trouble: str = ""
    idle_s: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """The results of a trial. A value that the trial could not measure is None.

    Parameters
    ----------
    minutes : float
        From the first frame to the last.
    samples : int
        Number of samples that arrived.
    true_hz, rate_error_percent : float
        Samples per second of this computer's clock, and the difference from the nominal rate.
    frame_s, longest_pause_s : float
        Time between two frames: the median and the longest, s.
    late_ms : tuple of float
        How late frames arrived: half of them, 95 % of them, all, ms.
    lost, lost_percent : float
        Samples lost on the way, also while the link was down. A sensor with a buffer may still hold them.
    gone_s : float
        For how long nothing arrived at the end, s; 0 if the sensor sent until the end.
    still_s : float
        For how long the sensor lay still, s.
    noise_mg : float
        Standard deviation of an axis while still, root mean square over axes.
    noise_ug_rthz : float
        The same per root hertz, for white noise.
    gravity_g : float
        Length of the acceleration while still.
    scale_error_percent, offset_mg : float
        The errors of all axes together.
    sides : int
        Number of sides that it lay on.
    battery_levels : int
        Number of levels that it reported.
    battery_percent_night, battery_most_percent_night : float
        Percent that 8 hours use: the estimate, and the most that is possible because levels are whole percents.
    refused, cuts : int
        Number of frames that broke the protocol, and of failures of the link.
    warnings : list of str
        Sentences about what does not suit the recording of a night.
    """

    minutes: float
    samples: int = 0
    true_hz: float | None = None
    rate_error_percent: float | None = None
    frame_s: float | None = None
    longest_pause_s: float | None = None
    late_ms: tuple[float, float, float] | None = None
    lost: int = 0
    lost_percent: float = 0.0
    gone_s: float = 0.0
    still_s: float = 0.0
    noise_mg: float | None = None
    noise_ug_rthz: float | None = None
    gravity_g: float | None = None
    scale_error_percent: float | None = None
    offset_mg: float | None = None
    sides: int = 0
    battery_levels: int = 0
    battery_percent_night: float | None = None
    battery_most_percent_night: float | None = None
    refused: int = 0
    cuts: int = 0
    warnings: list[str] = field(default_factory=list)


def qualify(evidence: Evidence) -> Card:
    """Return the card of what was recorded of a sensor."""
    counted: dict[str, Any] = {"refused": evidence.refused, "cuts": evidence.cuts}
    if not len(evidence.frames):
        warnings = [card_warning(CardWarning.NO_SAMPLES, why=evidence.trouble), *_link(evidence)]
        return Card(0.0, warnings=warnings, **counted, **_battery(evidence.battery))
    arrivals, *_ = evidence.frames.columns()
    samples = evidence.frames.samples
    span_s = float(arrivals[-1] - arrivals[0]) / NS
    known: dict[str, Any] = {"minutes": round(span_s / 60, 2), "samples": samples, **counted}
    pauses = np.diff(arrivals) / NS
    if len(pauses):
        known |= {"frame_s": _round(np.median(pauses)), "longest_pause_s": _round(pauses.max())}
    timing = arrived(
        evidence.frames, evidence.format.rate_hz, evidence.format.loss, ended_ns=evidence.ended_ns
    )
    rate_hz = timing.true_hz or evidence.format.rate_hz
    if timing.true_hz is not None and timing.late_s is not None:
        quantiles = np.percentile(timing.late_s * 1000, [50, 95, 100])
        known |= {
            "true_hz": _round(rate_hz),
            "rate_error_percent": _round(100 * (rate_hz / evidence.format.rate_hz - 1)),
            "late_ms": tuple(_round(q, 1) for q in quantiles),
        }
    lost = timing.lost + round(timing.gone_s * rate_hz)
    known |= {
        "lost": lost,
        "lost_percent": _round(100 * lost / (samples + lost)),
        "gone_s": _round(timing.gone_s, 1),
    }
    g = evidence.frames.xyz().astype(np.float64) * (evidence.format.scale_ug * 1e-6)
    known |= still(g, evidence.format.rate_hz) | _battery(evidence.battery)
    return Card(**known, warnings=list(_warnings(known, evidence)))


def _round(value: Any, digits: int = 3) -> float:
    return round(float(value), digits)


def _battery(levels: Sequence[tuple[int, int]]) -> dict[str, Any]:
    known: dict[str, Any] = {"battery_levels": len(levels)}
    if len(levels) < 2 or levels[-1][0] - levels[0][0] < SURE_S * NS:
        return known
    fell = levels[0][1] - levels[-1][1]
    nights = (levels[-1][0] - levels[0][0]) / NS / 3600 / BATTERY_NIGHT_H
    if fell >= 0:
        known |= {
            "battery_percent_night": _round(fell / nights, 0),
            "battery_most_percent_night": _round((fell + 1) / nights, 0),
        }
    return known


def _link(evidence: Evidence) -> list[str]:
    times = "once" if evidence.cuts == 1 else f"{evidence.cuts} times"
    return [card_warning(CardWarning.LINK_FAILED, times=times)] if evidence.cuts else []


def _warnings(known: dict[str, Any], evidence: Evidence) -> Sequence[str]:
    warnings = []
    off = known.get("rate_error_percent")
    if off is not None and abs(off) > 10:
        rates = {"true_hz": known["true_hz"], "nominal_hz": evidence.format.rate_hz}
        warnings.append(card_warning(CardWarning.WRONG_RATE, **rates))
    if known["gone_s"]:
        warnings.append(card_warning(CardWarning.STOPPED, minutes=known["minutes"]))
    elif known["lost_percent"] > 1:
        warnings.append(card_warning(CardWarning.LOST, percent=known["lost_percent"]))
    idle_s = evidence.idle_s if evidence.on == "table" and not known["gone_s"] else None
    if idle_s is not None and known["minutes"] * 60 < IDLE_TIMES * idle_s:
        warnings.append(card_warning(CardWarning.MAY_STOP, minutes=idle_s / 60))
    if evidence.on == "table" and (known.get("noise_mg") or 0) > SHAKY_MG:
        warnings.append(card_warning(CardWarning.NOISY, noise_mg=known["noise_mg"]))
    gravity = known.get("gravity_g")
    if gravity is not None and abs(gravity - 1) > OFF_G:
        warnings.append(card_warning(CardWarning.WRONG_SCALE, gravity_g=gravity))
    warnings += _link(evidence)
    if (known.get("battery_percent_night") or 0) > 80:
        warnings.append(card_warning(CardWarning.BATTERY))
    if evidence.on == "table" and known.get("still_s", 0.0) < STILL_S:
        warnings.append(card_warning(CardWarning.NOT_STILL))
    return warnings
