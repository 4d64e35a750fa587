"""In which unit a file measures acceleration and time. Gravity is 1 g at rest, and a sensor has a rate that a leg needs."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

GRAVITY: Final = 9.80665
UNITS: Final[dict[str, float]] = {"g": 1.0, "mg": 1000.0, "m/s2": GRAVITY, "ug": 1e6, "cm/s2": 100 * GRAVITY}
"""How much of a unit is 1 g."""
COUNTS: Final = (64, 256, 512, 1024, 2048, 4096, 8192, 16384)
"""Counts to the g that sensors write."""
TIME_UNITS: Final[dict[str, float]] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
TIME_NAMES: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
NEAR: Final = 0.2
"""How far from 1 g the median of a night may be: legs move, and cheap sensors are 8 % off."""
PLAIN_LOW, PLAIN_HIGH = 0.25, 4.0
"""A file that says g is believed within these: a wrong scale is a fault that the answer names."""
SLOWEST_HZ, FASTEST_HZ = 2.0, 1500.0
LOOKED_AT: Final = 200_000
FEWEST: Final = 50

_PER_G: Final = re.compile(r"(\d+(?:\.\d+)?) ?/ ?g$")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of acceleration.

    Parameters
    ----------
    name : str
        As a person writes it.
    per_g : float
        How much of it is 1 g.
    settled : bool
        Whether gravity settled it, against or without a word of the file.
    at_rest : float
        What the samples measure at rest, in this unit; 0 where nobody looked.
    """

    name: str
    per_g: float
    settled: bool = False
    at_rest: float = 0.0


def parse_unit(text: str) -> Unit:
    """Return the unit that somebody names: ``g``, ``mg``, ``m/s2``, or counts to the g as ``8192/g``.

    Raises
    ------
    ValueError
        If it is none.
    """
    name = _normal(text)
    if name in UNITS:
        return Unit(name, UNITS[name])
    found = _PER_G.match(name)
    if found and 1 <= float(found[1]) <= 1e6:
        return Unit(f"counts of {float(found[1]):,.0f} to the g", float(found[1]))
    raise ValueError("expected g, mg, m/s2, or counts to the g such as 8192/g")


def known_unit(text: str) -> str | None:
    """Return the unit that a header names, as `parse_unit` takes it; None if it names none."""
    try:
        parse_unit(text)
    except ValueError:
        return None
    return _normal(text)


def _normal(text: str) -> str:
    name = text.strip().lower().replace("²", "2").replace("^", "").replace(" ", "").replace("*", "")
    name = {
        "m/s/s": "m/s2",
        "ms-2": "m/s2",
        "m/s-2": "m/s2",
        "mps2": "m/s2",
        "m.s-2": "m/s2",
        "ms2": "m/s2",
    }.get(name, name)
    name = {"µg": "ug", "μg": "ug", "micro-g": "ug", "gal": "cm/s2"}.get(name, name)
    return {"milli-g": "mg", "millig": "mg", "gs": "g", "g's": "g", "gravity": "g"}.get(name, name)


def at_rest(xyz: NDArray[np.floating]) -> float | None:
    """Return what the samples measure at rest: the median of their length; None if there are too few."""
    seen = xyz[:: max(len(xyz) // LOOKED_AT, 1)].astype(np.float64)
    lengths = np.sqrt((seen * seen).sum(axis=1))
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    return float(np.median(lengths)) if len(lengths) >= FEWEST else None


def settled(xyz: NDArray[np.floating], declared: str | None) -> Unit:
    """Return the unit of samples, from what the file says and from gravity.

    Parameters
    ----------
    xyz : (n, 3) array
        As they stand in the file.
    declared : str or None
        The unit that the file names.

    Raises
    ------
    ValueError
        If the samples show gravity in no known unit. The message says what to do.
    """
    unit = parse_unit(declared or "g")
    found = at_rest(xyz)
    if found is None:
        return unit
    share = found / unit.per_g
    if abs(share - 1) <= NEAR or (declared is not None and PLAIN_LOW <= share <= PLAIN_HIGH):
        return Unit(unit.name, unit.per_g, settled=declared is None, at_rest=found)
    candidates = ["g", "mg", "m/s2", *(f"{n}/g" for n in COUNTS)]
    near = [(abs(np.log(found / u.per_g)), n) for n, u in enumerate(map(parse_unit, candidates))]
    best = parse_unit(candidates[min(near)[1]])
    if abs(found / best.per_g - 1) <= NEAR:
        return Unit(best.name, best.per_g, settled=True, at_rest=found)
    if share < 0.1:
        raise ValueError(
            f"at rest it measures {found:.3g}, so gravity is not in it; export the acceleration with gravity, or name the unit"
            " with --unit"
        )
    raise ValueError(
        f"at rest it measures {found:.4g}, which is gravity in no unit that legmon knows; name it with --unit"
    )


def time_unit(per_time: float, rows: int, declared: str | None) -> tuple[str, bool]:
    """Return the unit of time, and whether it differs from what the file says.

    Parameters
    ----------
    per_time : float
        Rows for each unit of time, as it stands in the file; 0 where times do not advance.
    rows : int
        The number of rows.
    declared : str or None
        The unit that the file names.
    """
    named = declared or "s"
    if per_time <= 0 or rows < FEWEST or SLOWEST_HZ <= per_time / TIME_UNITS[named] <= FASTEST_HZ:
        return named, False
    for unit, seconds in TIME_UNITS.items():
        if SLOWEST_HZ <= per_time / seconds <= FASTEST_HZ:
            return unit, True
    return named, False
