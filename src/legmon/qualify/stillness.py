"""Noise, scale and offset of a sensor, from the seconds in which it lay still.

One side shows only how far gravity is from 1 g. From four sides on, a sphere through the measured vectors (least squares)
separates scale from offset.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STILL_G = 0.02
WINDOW_S: Final = 1.0
SIDE_DEGREES, SIDES = 25.0, 4


def still(g: NDArray[np.float64], rate_hz: float) -> dict[str, Any]:
    """Return what the samples show, by the names of the fields of `Card`.

    Parameters
    ----------
    g : (n, 3) array
        Acceleration, g.
    rate_hz : float
        Its nominal rate.
    """
    size = max(8, round(rate_hz * WINDOW_S))
    count = len(g) // size
    if not count:
        return {}
    windows = g[: count * size].reshape(count, size, 3)
    spread = windows.std(axis=1)
    is_still = spread.max(axis=1) < STILL_G
    still_s = round(float(is_still.sum()) * size / rate_hz, 1)
    if is_still.sum() < 3:
        return {"still_s": still_s}
    noise_g = float(np.sqrt(np.median(np.mean(spread[is_still] ** 2, axis=1))))
    means = windows[is_still].mean(axis=1)
    norms = np.linalg.norm(means, axis=1)
    known = {
        "still_s": still_s,
        "noise_mg": round(noise_g * 1000, 3),
        "noise_ug_rthz": round(float(noise_g * 1e6 / np.sqrt(rate_hz / 2)), 1),
        "gravity_g": round(float(np.median(norms)), 4),
    }
    sides = _sides(means, norms)
    known["sides"] = len(sides)
    sphere = _sphere(np.array(sides)) if len(sides) >= SIDES else None
    if sphere is not None:
        known |= {
            "scale_error_percent": round(100 * (sphere[0] - 1), 2),
            "offset_mg": round(1000 * sphere[1], 1),
        }
    return known


def _sides(means: NDArray[np.float64], norms: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the directions that differ from each other."""
    near = np.cos(np.radians(SIDE_DEGREES))
    sides: list[NDArray[np.float64]] = []
    for vector, norm in zip(means, norms, strict=True):
        if norm > 0.2 and all(vector @ s / (norm * np.linalg.norm(s)) < near for s in sides):
            sides.append(vector)
    return sides


def _sphere(points: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the radius of the sphere through points and the distance of its centre from zero; None if they lie too flat."""
    left = np.column_stack([2 * points, np.ones(len(points))])
    if np.linalg.svd(left - left.mean(axis=0), compute_uv=False)[2] < 0.3:
        return None
    solved, *_ = np.linalg.lstsq(left, np.sum(points**2, axis=1), rcond=None)
    centre = solved[:3]
    radius = float(np.sqrt(max(0.0, solved[3] + centre @ centre)))
    return radius, float(np.linalg.norm(centre))
