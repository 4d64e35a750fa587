"""Write a night to files without a radio: a CSV of the samples, or a capture of the notifications."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from firmware_sim import profile
from firmware_sim.accelerometer import Accelerometer
from firmware_sim.losses import lost_samples
from firmware_sim.sleeper import Sleeper
from firmware_sim.stream import Stream
from firmware_sim.truth import write_truth
from firmware_sim.vocabulary import Scenario

Progress = Callable[[float], None]
"""Called with the share of the work that is done."""

_ROWS_AT_ONCE = 8192
_STREAM = 1
_BOOT_US = 1_000_000
"""In a capture, sampling starts one second after the sensor was switched on."""
_RECORD = struct.Struct("<QH")
_STEPS = 100  # of progress


def sensor_name(leg: str) -> str:
    """Return the default name of a simulated sensor."""
    return f"{profile.NAME_PREFIX}{leg.capitalize()}"


def render(scenario: Scenario, folder: Path, progress: Progress) -> None:
    """Write ``left.csv`` (or ``right.csv``) and ``truth.json``.

    The CSV has the header ``time_s,x_g,y_g,z_g``: seconds of true time, and what the chip measured, in g. Samples
    that the radio lost are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sleeper = Sleeper(scenario)
    range_g = scenario.sensor.range_g
    chip = Accelerometer(sleeper, range_g)
    scale_g = profile.SCALE_UG[range_g] * 1e-6
    with (folder / f"{scenario.leg}.csv").open("w", encoding="ascii", newline="") as file:
        file.write("time_s,x_g,y_g,z_g\n")
        for first, count in _pieces(scenario, sleeper, _ROWS_AT_ONCE, progress):
            rows = np.empty((count, 4))
            rows[:, 0] = np.arange(first, first + count) / sleeper.rate_hz
            rows[:, 1:] = chip.samples(first, count) * scale_g
            # One format for the whole piece: several times faster than a row at a time.
            file.write("%.6f,%.6f,%.6f,%.6f\n" * count % tuple(rows.ravel().tolist()))
    write_truth(folder / "truth.json", sleeper, chip)


def capture(scenario: Scenario, path: Path, progress: Progress) -> None:
    """Write the notifications of a night (section 9 of docs/ankle-profile.md), and its truth beside it as ``.truth.json``."""
    sleeper = Sleeper(scenario)
    range_g = scenario.sensor.range_g
    chip = Accelerometer(sleeper, range_g)
    stream = Stream(
        number=_STREAM,
        rate_hz=scenario.rate_hz,
        range_g=range_g,
        batch=profile.MOST_SAMPLES,
        accelerometer=chip,
        true_rate_hz=sleeper.rate_hz,
        night_us=_BOOT_US,
        night_first=0,
    )
    header = {
        "capture": 1,
        "scenario": scenario.name,
        "seed": scenario.seed,
        "leg": scenario.leg,
        "sensor": sensor_name(scenario.leg),
        "rate_hz": scenario.rate_hz,
        "range_g": range_g,
        "scale_ug": profile.SCALE_UG[range_g],
        "duration_s": scenario.duration_s,
        "simulated": True,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(json.dumps(header, ensure_ascii=False).encode() + b"\n")
        for first, count in _pieces(scenario, sleeper, stream.batch, progress):
            frame = stream.frame(first, count)
            # A frame is sent as soon as its last sample has been taken.
            file.write(_RECORD.pack(stream.time_us(first + count - 1), len(frame)) + frame)
    write_truth(path.with_suffix(".truth.json"), sleeper, chip)


def _pieces(scenario: Scenario, sleeper: Sleeper, size: int, progress: Progress) -> Iterator[tuple[int, int]]:
    """Yield the samples that are taken before the end of the night and not lost, in pieces of at most `size`."""
    total = int(np.ceil(scenario.duration_s * sleeper.rate_hz))
    step = first = 0
    for begin, end in [*lost_samples(scenario, sleeper.rate_hz), (total, total)]:
        while first < begin:
            count = min(size, begin - first)
            yield first, count
            first += count
            if first * _STEPS // total > step:
                step = first * _STEPS // total
                progress(first / total)
        first = max(first, end)
    progress(1.0)
