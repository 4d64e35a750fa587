"""The fit check: whether the sensor at this ankle, on this evening, sees this leg move.

Fifteen seconds of lying still, five toe-ups on a cue, one roll of the leg; at set-up five seconds of standing still as well,
which tell where the shank points. Thresholds are starting values, not findings: 1 g within 3 %, the rate within 2 %, four of
five toe-ups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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

CUES: Final = 5
SEEN_AT_LEAST: Final = 4
G_WITHIN: Final = 0.03
RATE_WITHIN: Final = 0.02
STILL_G: Final = 0.03
"""A still leg stays within this of its mean; a sensor in a moving hand does not."""
TOE_G: Final = 0.020
"""What a toe-up has to reach, as a visible movement does."""
ROLL_DEG: Final = 20.0
LOOSER, FIRMER = 0.7, 1.3
FEWEST_SHARE: Final = 0.9
DROPS: Final[frozenset[Problem]] = frozenset({"no_data", "toes_unseen"})
"""Problems named first."""


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of one step: (n, 3) in g, NaN where one is missing, and the cues in samples from its start."""

    step: Step
    xyz: NDArray[np.float64]
    cues: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """What the check found; None for what a step left out would have told.

    Parameters
    ----------
    problems : tuple of str
        Codes, worst first; none where the strap is right.
    noise_mg : float or None
        Root mean square about the mean while still.
    gravity_g : float or None
        Length of the mean while still.
    toes : int or None
        Toe-ups seen, of five.
    toe_mg : float or None
        Their median peak: tonight's reference.
    ratio : float or None
        That peak over the usual one.
    rolled_deg : float or None
        How far gravity turned.
    standing : tuple of 3 floats or None
        Where the shank points, as a unit vector in the sensor's axes.
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
    """Judge a check.

    Parameters
    ----------
    parts : sequence of Part
        In the order they were done; `still` and `toes` at least.
    declared_hz, measured_hz : float
        The sensor's rate, as it says and as it is.
    usual_mg : float, optional
        Median peak of earlier checks' toe-ups.
    """
    if not parts or any(_there(p) < 0.5 for p in parts):
        return Fit(("no_data",))
    fit = Fit(())
    if any(_there(p) < FEWEST_SHARE for p in parts):
        fit = _found(fit, "missing")
    if measured_hz is not None and abs(measured_hz / declared_hz - 1) > RATE_WITHIN:
        fit = _found(fit, "rate")
    for part in parts:
        if part.step == "still":
            fit = _still(fit, part)
        elif part.step == "toes":
            fit = _toes(fit, part, usual_mg)
        elif part.step == "roll":
            fit = _roll(fit, part, int(declared_hz))
        else:
            fit = _stand(fit, part)
    return replace(fit, problems=tuple(sorted(fit.problems, key=lambda p: p not in DROPS)))


def _found(fit: Fit, problem: Problem) -> Fit:
    return replace(fit, problems=(*fit.problems, problem))


def _still(fit: Fit, part: Part) -> Fit:
    noise, gravity = _spread(part.xyz), float(np.linalg.norm(_mean(part.xyz)))
    fit = replace(fit, noise_mg=1000 * noise, gravity_g=gravity)
    if noise > STILL_G:
        return _found(fit, "not_still")
    return fit if abs(gravity - 1) <= G_WITHIN else _found(fit, "not_one_g")


def _toes(fit: Fit, part: Part, usual_mg: float | None) -> Fit:
    seen = [p for p in _peaks(part) if p >= TOE_G]
    peak = 1000 * float(np.median(seen)) if seen else None
    ratio = peak / usual_mg if peak and usual_mg else None
    fit = replace(fit, toes=len(seen), toe_mg=peak, ratio=ratio)
    if len(seen) < SEEN_AT_LEAST:
        return _found(fit, "toes_unseen")
    if ratio is None or LOOSER <= ratio <= FIRMER:
        return fit
    return _found(fit, "looser" if ratio < LOOSER else "firmer")


def _roll(fit: Fit, part: Part, second: int) -> Fit:
    rolled = _turned(part.xyz, second)
    fit = replace(fit, rolled_deg=rolled)
    return fit if rolled >= ROLL_DEG else _found(fit, "no_roll")


def _stand(fit: Fit, part: Part) -> Fit:
    if _spread(part.xyz) > STILL_G:
        return _found(fit, "not_standing")
    mean = _mean(part.xyz)
    x, y, z = (float(v) for v in mean / np.linalg.norm(mean))
    return replace(fit, standing=(x, y, z))


def _there(part: Part) -> float:
    """Share of the samples that are there."""
    return float((~np.isnan(part.xyz[:, 0])).mean()) if len(part.xyz) else 0.0


def _mean(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.nanmean(xyz, axis=0)
    return mean


def _spread(xyz: NDArray[np.float64]) -> float:
    away = xyz - _mean(xyz)
    return float(np.sqrt(np.nanmean((away * away).sum(axis=1))))


def _peaks(part: Part) -> list[float]:
    """Largest distance from rest after each cue, up to the next one, g; rest is the quarter second before the cue."""
    ends = [*part.cues[1:], len(part.xyz)]
    found = []
    for cue, end in zip(part.cues, ends, strict=True):
        after = part.xyz[cue:end]
        rest = part.xyz[max(cue - 12, 0) : cue] if cue else part.xyz[:1]
        if not len(after) or np.isnan(after).all() or np.isnan(rest).all():
            continue
        found.append(float(np.nanmax(np.linalg.norm(after - _mean(rest), axis=1))))
    return found


def _turned(xyz: NDArray[np.float64], second: int) -> float:
    """Largest angle between the first second's gravity and any later second's, degrees."""
    seconds = [xyz[i : i + second] for i in range(0, len(xyz), second)]
    means = [_mean(s) for s in seconds if len(s) and not np.isnan(s).all()]
    if len(means) < 2:
        return 0.0
    units = [m / max(float(np.linalg.norm(m)), 1e-9) for m in means]
    return max(float(np.degrees(np.arccos(np.clip(units[0] @ u, -1, 1)))) for u in units[1:])
