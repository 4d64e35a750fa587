"""The fit check: whether the sensor at this ankle sees this leg move this evening.

The person lies still for fifteen seconds, lifts the toes five times on a cue, and rolls the leg once. At set-up the person also
stands still for five seconds, which shows the direction of the shank. The thresholds are starting values, not findings: 1 g
within 3 %, the rate within 2 %, four of five toe-ups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Step = Literal["stand", "still", "toes", "roll"]
Problem = Literal[
    "no_data",
    "not_still",
    "not_one_g",
    "rate",
    "missing",
    "toes_unseen",
    "looser",
    "firmer",
    "no_roll",
    "not_standing",
]

SEEN_AT_LEAST: Final = 4
G_WITHIN: Final = 0.03
RATE_WITHIN: Final = 0.02
STILL_G: Final = 0.03
"""A still leg stays within this distance of its mean. A sensor in a moving hand does not."""
TOE_G: Final = 0.020
"""A toe-up must reach this, like a visible movement."""
ROLL_DEG: Final = 20.0
LOOSER, FIRMER = 0.7, 1.3
FEWEST_SHARE: Final = 0.9
REST_S: Final = 0.25
"""Rest is measured for this long before each cue."""
WORST: Final[frozenset[Problem]] = frozenset({"no_data", "toes_unseen"})
"""Problems named first."""


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of one step, (n, 3) in g with NaN where one is missing, and its cues as indices from its start."""

    step: Step
    xyz: NDArray[np.float64]
    cues: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """The result of a check. A value is None if its step was not done.

    Parameters
    ----------
    problems : tuple of str
        Codes, worst first. Empty if the strap fits.
    noise_mg : float or None
        Root mean square about the mean while the leg is still.
    gravity_g : float or None
        Length of the mean vector while the leg is still.
    toes : int or None
        Number of toe-ups seen, of five.
    toe_mg : float or None
        Median peak of the toe-ups: tonight's reference.
    ratio : float or None
        `toe_mg` over the usual value.
    rolled_deg : float or None
        Angle by which gravity turned during the roll.
    standing : tuple of 3 floats or None
        Direction of the shank, as a unit vector in the sensor's axes.
    """

    problems: tuple[Problem, ...]
    noise_mg: float | None = None
    gravity_g: float | None = None
    toes: int | None = None
    toe_mg: float | None = None
    ratio: float | None = None
    rolled_deg: float | None = None
    standing: tuple[float, float, float] | None = None


def check_fit(
    parts: Sequence[Part], *, declared_hz: float, measured_hz: float | None, usual_mg: float | None = None
) -> Fit:
    """Evaluate a check.

    Parameters
    ----------
    parts : sequence of Part
        In the order they were done, with `still` and `toes` at least.
    declared_hz : float
        The sample rate that the sensor declares.
    measured_hz : float or None
        The measured sample rate; None if it is not known yet.
    usual_mg : float, optional
        Median peak of the toe-ups in earlier checks.
    """
    second, quarter = max(round(declared_hz), 1), max(round(REST_S * declared_hz), 1)
    if not parts or any(_there(p) < 0.5 for p in parts):
        return Fit(("no_data",))
    fit = Fit(())
    if any(_there(p) < FEWEST_SHARE for p in parts):
        fit = _with(fit, "missing")
    if measured_hz is not None and abs(measured_hz / declared_hz - 1) > RATE_WITHIN:
        fit = _with(fit, "rate")
    for part in parts:
        if part.step == "still":
            fit = _still(fit, part)
        elif part.step == "toes":
            fit = _toes(fit, part, usual_mg, quarter)
        elif part.step == "roll":
            fit = _roll(fit, part, second)
        else:
            fit = _stand(fit, part)
    return replace(fit, problems=tuple(sorted(fit.problems, key=lambda p: p not in WORST)))


def _with(fit: Fit, problem: Problem) -> Fit:
    return replace(fit, problems=(*fit.problems, problem))


def _still(fit: Fit, part: Part) -> Fit:
    noise, gravity = _spread(part.xyz), float(np.linalg.norm(_mean(part.xyz)))
    fit = replace(fit, noise_mg=1000 * noise, gravity_g=gravity)
    if noise > STILL_G:
        return _with(fit, "not_still")
    return fit if abs(gravity - 1) <= G_WITHIN else _with(fit, "not_one_g")


def _toes(fit: Fit, part: Part, usual_mg: float | None, quarter: int) -> Fit:
    seen = [p for p in _peaks(part, quarter) if p >= TOE_G]
    peak = 1000 * float(np.median(seen)) if seen else None
    ratio = peak / usual_mg if peak and usual_mg else None
    fit = replace(fit, toes=len(seen), toe_mg=peak, ratio=ratio)
    if len(seen) < SEEN_AT_LEAST:
        return _with(fit, "toes_unseen")
    if ratio is None or LOOSER <= ratio <= FIRMER:
        return fit
    return _with(fit, "looser" if ratio < LOOSER else "firmer")


def _roll(fit: Fit, part: Part, second: int) -> Fit:
    rolled = _turned(part.xyz, second)
    fit = replace(fit, rolled_deg=rolled)
    return fit if rolled >= ROLL_DEG else _with(fit, "no_roll")


def _stand(fit: Fit, part: Part) -> Fit:
    if _spread(part.xyz) > STILL_G:
        return _with(fit, "not_standing")
    mean = _mean(part.xyz)
    x, y, z = (float(v) for v in mean / np.linalg.norm(mean))
    return replace(fit, standing=(x, y, z))


def _there(part: Part) -> float:
    """Return the share of the samples that are present."""
    return float((~np.isnan(part.xyz[:, 0])).mean()) if len(part.xyz) else 0.0


def _mean(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.nanmean(xyz, axis=0)
    return mean


def _spread(xyz: NDArray[np.float64]) -> float:
    away = xyz - _mean(xyz)
    return float(np.sqrt(np.nanmean((away * away).sum(axis=1))))


def _peaks(part: Part, quarter: int) -> list[float]:
    """Return the largest distance from rest between each cue and the next one, g.

    Rest is the mean of the quarter second before the cue, `quarter` samples.
    """
    peaks = []
    for cue, end in pairwise([*part.cues, len(part.xyz)]):
        after = part.xyz[cue:end]
        rest = part.xyz[max(cue - quarter, 0) : cue] if cue else part.xyz[:1]
        if not len(after) or np.isnan(after).all() or np.isnan(rest).all():
            continue
        peaks.append(float(np.nanmax(np.linalg.norm(after - _mean(rest), axis=1))))
    return peaks


def _turned(xyz: NDArray[np.float64], second: int) -> float:
    """Return the largest angle between gravity in the first second and in any later second, degrees."""
    seconds = [xyz[i : i + second] for i in range(0, len(xyz), second)]
    means = [_mean(s) for s in seconds if len(s) and not np.isnan(s).all()]
    if len(means) < 2:
        return 0.0
    units = [m / max(float(np.linalg.norm(m)), 1e-9) for m in means]
    return max(float(np.degrees(np.arccos(np.clip(units[0] @ u, -1, 1)))) for u in units[1:])
