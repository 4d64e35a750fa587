"""Which movements a night really has, and which of them any sensor could see.

Judged on the noise-free signal alone, never on a detector: a movement begins when the signal has left its value of
before by 5 mg, ends when it is back within 5 mg of where it stays, and is visible when it leaves by 20 mg or more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmware_sim.sleeper import Movement, Sleeper

_LEAVES_G = 0.005
_VISIBLE_G = 0.020
_STEP_S = 0.001
"""The rules are applied to the signal at 1 kHz, so that the truth does not depend on the sensor's rate."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One movement as the rules see it: seconds of true time since sample 0, peak in mg."""

    onset_s: float
    offset_s: float
    visible: bool
    peak_mg: float


def judge(movement: Movement) -> Judged:
    """Apply the rules to one movement.

    The largest distance from the value of before is its peak. An invisible movement, which may never leave by 5 mg, has
    the times at which it was performed.
    """
    motion = movement.motion
    t = np.arange(0.0, motion.duration_s + _STEP_S, _STEP_S)
    felt = motion.felt(t)
    left = np.linalg.norm(felt - motion.up_before, axis=1)
    peak = float(left.max())
    onset_s, offset_s = movement.start_s, movement.end_s
    if peak >= _VISIBLE_G:
        away = np.linalg.norm(felt - motion.up_after, axis=1) > _LEAVES_G
        onset_s += float(t[np.argmax(left > _LEAVES_G)])
        last = len(t) - 1 - int(np.argmax(away[::-1]))
        offset_s = min(movement.start_s + float(t[last]) + _STEP_S, movement.end_s)
    return Judged(onset_s, offset_s, peak >= _VISIBLE_G, 1000.0 * peak)


def truth(sleeper: Sleeper) -> dict[str, Any]:
    """Everything ``truth.json`` says about a night."""
    scenario = sleeper.scenario
    movements = []
    for movement in sleeper.movements:
        judged = judge(movement)
        movements.append(
            {
                "onset_s": round(judged.onset_s, 3),
                "offset_s": round(judged.offset_s, 3),
                "leg": sleeper.leg,
                "kind": movement.kind,
                "visible": judged.visible,
                "peak_mg": round(judged.peak_mg, 1),
            }
        )
    return {
        "simulated": True,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "rate_hz": sleeper.rate_hz,
        "declared_rate_hz": scenario.rate_hz,
        "duration_s": scenario.duration_s,
        "movements": sorted(movements, key=lambda movement: movement["onset_s"]),
    }


def write_truth(path: Path, sleeper: Sleeper) -> None:
    """Write the truth as JSON."""
    path.write_text(json.dumps(truth(sleeper), indent=1) + "\n", encoding="utf-8")
