"""Losses of a sensor that neither counts nor tells the time: arrivals that stay late, not those that catch up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from legmon.link.listener import ConnectedSensor
from legmon.movement import NS
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recording.files import read_segment
from legmon.recording.records import Anchored, Gap
from legmon.sensors.base import FOREIGN_STREAMS, Declaration, Frame, StreamFormat, StreamStart
from legmon.timeline.losses import LAG_S, ArrivalLossWatch
from tests.made import verify

START = 1_790_000_000 * NS


def watched(
    *,
    lost: dict[int, int],
    stalls: dict[float, float] | None = None,
    hz: float = 50.6,
    seed: int = 1,
    hours: float = 1.0,
) -> list[tuple[float, int]]:
    """Frames of 12 samples, `lost` frames missing at some; returns when what was noticed."""
    draws = np.random.default_rng(seed)
    watch, end, found = ArrivalLossWatch(50.0), 0, []
    number = 0
    while (taken := 12 * (number + 1) / hz) < hours * 3600:
        number += 1
        if any(first <= number < first + n for first, n in lost.items()):
            continue
        end += 12
        at = taken + draws.exponential(0.02)
        for begin, seconds in (stalls or {}).items():
            if begin <= at < begin + seconds:
                at = begin + seconds + draws.uniform(0, 0.2)
        missing = watch.observe(end, START + round(at * NS))
        if missing:
            found.append((at, missing))
            end += missing
    return found


@pytest.mark.parametrize("frames", [4, 20, 200])
def test_a_loss_is_noticed_within_its_lag_and_to_a_frame(frames: int) -> None:
    found = watched(lost={3000: frames})
    assert len(found) == 1
    at, missing = found[0]
    lost_at = 12 * (3000 + frames) / 50.6
    assert lost_at < at < lost_at + LAG_S + 10
    assert abs(missing - 12 * frames) <= 12


@pytest.mark.parametrize("seed", range(6))
def test_stalls_and_jitter_are_no_losses(seed: int) -> None:
    stalls = {float(at): 5.0 + seed * 4 for at in range(200, 3500, 240)}
    assert watched(lost={}, stalls=stalls, seed=seed) == []


def test_a_rate_that_is_off_is_no_loss() -> None:
    watch, end = ArrivalLossWatch(50.0), 0
    for number in range(15_000):
        end += 12
        assert watch.observe(end, START + round(12 * (number + 1) / 50.6 * NS)) == 0


def test_two_losses_are_two_holes() -> None:
    found = watched(lost={3000: 10, 9000: 30})
    assert [round(n / 12) for _, n in found] == [10, 30]


def test_a_recorder_names_what_such_a_sensor_lost(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    leg = LegRecorder(
        path, segment_meta("n", "left", "s", "a", StreamFormat(50, 4, 488, "index"), simulated=True)
    )
    declares = Declaration((50,), (16,), device_time=False, loss="arrival", buffer=False, frame_s=0.5)
    started = StreamStart(StreamFormat(50, 16, 488, "arrival"), 0.24, stream=None)
    leg.sensor_started(ConnectedSensor("s", "a", "witmotion", declares, started))
    draws = np.random.default_rng(4)
    quiet = np.tile(np.array([0, 0, 2049], dtype=np.int16), (12, 1)) + draws.integers(
        -2, 3, (12, 3), dtype=np.int16
    )
    first = 0
    for number in range(1, 5000):
        if 2000 <= number < 2030:
            continue
        arrival = 12 * number / 50.6 + draws.exponential(0.02)
        leg.frame(Frame(FOREIGN_STREAMS, first, 0, quiet), START + round(arrival * NS))
        first += 12
    leg.close(START)
    gaps = [r for r in read_segment(path) if isinstance(r, Gap)]
    assert [g.cause for g in gaps] == ["not_sent"]
    assert abs(gaps[0].count - 360) <= 12
    assert verify(path)
    clock = [r for r in read_segment(path) if isinstance(r, Anchored) and r.final]
    assert clock[0].rate_hz == pytest.approx(50.6, rel=1e-3), "its time is right again behind the hole"
