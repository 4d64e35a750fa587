"""Leg movements at night, from a wearable accelerometer: detection, scoring, recording, a dashboard.

Experimental. Not a medical device, not validated against polysomnography.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from legmon.detection.detector import Detector, detect
    from legmon.evaluation.agreement import Agreement, agreement
    from legmon.movement import LegMovement
    from legmon.scoring.result import Scored
    from legmon.scoring.score import score

__version__ = "0.1.0"
__all__ = ["Agreement", "Detector", "LegMovement", "Scored", "__version__", "agreement", "detect", "score"]

_HOME = {
    "Agreement": "legmon.evaluation.agreement",
    "agreement": "legmon.evaluation.agreement",
    "Detector": "legmon.detection.detector",
    "detect": "legmon.detection.detector",
    "LegMovement": "legmon.movement",
    "Scored": "legmon.scoring.result",
    "score": "legmon.scoring.score",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that the processes that never detect do not wait for numba."""
    if name not in _HOME:
        raise AttributeError(f"module 'legmon' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
