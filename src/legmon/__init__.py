"""Leg movements at night from a wearable accelerometer: detection, scoring, recording, a dashboard.

The public names are those that ``dir(legmon)`` shows. Experimental. Not a medical device, not validated against
polysomnography.

Examples
--------
>>> import legmon
>>> movements = [legmon.LegMovement(20_000_000_000 * n, 20_000_000_000 * n + 2_000_000_000, "left") for n in range(8)]
>>> legmon.score(movements, duration_s=300).indices.periodic
8
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from legmon.app.listen import listen
    from legmon.detection.detector import Detector, detect
    from legmon.evaluation.agreement import Agreement, agreement
    from legmon.movement import LegMovement
    from legmon.scoring.live import LiveScorer
    from legmon.scoring.result import Scored
    from legmon.scoring.score import score

__version__ = "0.1.0"
__all__ = [
    "Agreement",
    "Detector",
    "LegMovement",
    "LiveScorer",
    "Scored",
    "__version__",
    "agreement",
    "detect",
    "listen",
    "score",
]

_MODULES = {
    "Agreement": "legmon.evaluation.agreement",
    "agreement": "legmon.evaluation.agreement",
    "Detector": "legmon.detection.detector",
    "detect": "legmon.detection.detector",
    "LegMovement": "legmon.movement",
    "LiveScorer": "legmon.scoring.live",
    "listen": "legmon.app.listen",
    "Scored": "legmon.scoring.result",
    "score": "legmon.scoring.score",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that processes which never detect do not wait for numba."""
    if name not in _MODULES:
        raise AttributeError(f"module 'legmon' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return exactly the public names."""
    return sorted(_MODULES)
