"""The true movements of a night, and which of them a sensor could see.

There are two truths. *Performed* is when the sleeper moves. *Visible* depends only on the noise-free signal of that movement,
never on a detector. It begins when the signal has left its earlier value by 5 mg. It ends when the signal is back within
5 mg of its later value. The movement is visible when the signal leaves by 20 mg or more. The effect of the strap is part of
the movement; breath, pulse, hum, bumps and the chip are not. A movement is not visible if its samples are lost or come
from a failing chip.

Two leg movements are never within 0.5 s of each other (`firmware_sim.plan.NEAREST_S`), so none have to be merged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firmware_sim.lifts import Lift
from firmware_sim.losses import losses_of
from firmware_sim.rows import lengths
from firmware_sim.sleeper import Movement, Sleeper
from firmware_sim.vocabulary import Strap, Vibration

if TYPE_CHECKING:
    from firmware_sim.accelerometer import Accelerometer

_LEAVES_G = 0.005
_VISIBLE_G = 0.020
_STEP_S = 0.001
"""The rules are applied to the signal at 1 kHz, so that the truth does not depend on the sensor's rate."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """One movement by these rules: seconds of true time since sample 0, peak in mg."""

    onset_s: float
    offset_s: float
    visible: bool
    peak_mg: float


def visibility_of(movement: Movement) -> Visibility:
    """Apply the rules to one movement.

    Its peak is the largest distance from the earlier value. An invisible movement may never leave by 5 mg, so it has the
    times at which it was performed.
    """
    motion = movement.motion
    t = np.arange(0.0, motion.duration_s + _STEP_S, _STEP_S)
    felt = motion.felt(t)
    left = lengths(felt - motion.up_before)
    peak = float(left.max())
    onset_s, offset_s = movement.start_s, movement.end_s
    if peak >= _VISIBLE_G:
        # A leg that relaxes for seconds afterwards makes no movement by that.
        later = motion.up_reached if isinstance(motion, Lift) else motion.up_after
        away = lengths(felt - later) > _LEAVES_G
        onset_s += float(t[np.argmax(left > _LEAVES_G)])
        last = len(t) - 1 - int(np.argmax(away[::-1]))
        offset_s = min(movement.start_s + float(t[last]) + _STEP_S, movement.end_s)
    return Visibility(onset_s, offset_s, peak >= _VISIBLE_G, 1000.0 * peak)


def truth(sleeper: Sleeper) -> dict[str, Any]:
    """Return the content of ``truth.json`` for a night."""
    scenario = sleeper.scenario
    lost = losses_of(scenario)
    faults = [
        (fault.at_s, min(fault.at_s + fault.for_s, scenario.duration_s), fault.kind)
        for fault in scenario.faults
    ]
    hidden = lost + [(begin, end) for begin, end, _kind in faults]
    movements = [
        _movement_row(sleeper, movement, hidden)
        for movement in sleeper.movements + sleeper.bumps + sleeper.sways
    ]
    movements += [
        _row(hum.at_s, min(hum.at_s + hum.for_s, scenario.duration_s), sleeper.leg, "vibration", _hum_mg(hum))
        for hum in scenario.disturb.vibration
        if hum.at_s < scenario.duration_s
    ]
    movements += [
        _roll(strap, scenario.duration_s, sleeper.leg)
        for strap in scenario.disturb.strap
        if strap.roll_deg and strap.at_s < scenario.duration_s
    ]
    return {
        "simulated": True,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "rate_hz": sleeper.rate_hz,
        "declared_rate_hz": scenario.rate_hz,
        "duration_s": scenario.duration_s,
        "lost": [[round(begin, 3), round(end, 3)] for begin, end in lost],
        "faults": [[round(begin, 3), round(end, 3), kind] for begin, end, kind in faults],
        "movements": sorted(movements, key=lambda movement: movement["onset_s"]),
    }


def _movement_row(sleeper: Sleeper, movement: Movement, hidden: list[tuple[float, float]]) -> dict[str, Any]:
    seen = visibility_of(movement)
    row = _row(seen.onset_s, seen.offset_s, sleeper.leg, movement.kind, seen.peak_mg)
    if any(begin < seen.offset_s and seen.onset_s < end for begin, end in hidden):
        row["visible"] = False
    if movement.kind == "leg":
        row["performed_onset_s"] = round(movement.start_s, 3)
        row["performed_offset_s"] = round(movement.end_s, 3)
    return row


def _row(onset_s: float, offset_s: float, leg: str, kind: str, peak_mg: float) -> dict[str, Any]:
    return {
        "onset_s": round(onset_s, 3),
        "offset_s": round(offset_s, 3),
        "leg": leg,
        "kind": kind,
        "visible": peak_mg >= 1000.0 * _VISIBLE_G,
        "peak_mg": round(peak_mg, 1),
    }


def _hum_mg(hum: Vibration) -> float:
    """Return the peak of a hum: of a noise, three times its root mean square."""
    return 3.0 * hum.mg if hum.width_hz else hum.mg


def _roll(strap: Strap, duration_s: float, leg: str) -> dict[str, Any]:
    """Return the row for a roll of the case. Its peak is how far gravity turns if the shank lies level."""
    peak_mg = 2000.0 * abs(np.sin(np.radians(strap.roll_deg) / 2.0))
    return _row(strap.at_s, min(strap.at_s + strap.roll_for_s, duration_s), leg, "roll", float(peak_mg))


def write_truth(path: Path, sleeper: Sleeper, chip: Accelerometer | None = None) -> None:
    """Write the truth as JSON; with a chip also its steps and its noise."""
    told = truth(sleeper)
    if chip is not None:
        told["chip"] = {"step_mg": round(chip.step_mg, 3), "noise_mg": round(chip.noise_mg, 3)}
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
