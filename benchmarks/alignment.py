"""Measure the error of sample times: two sensors with opposite rate errors, and the end of a night at every rate.

``uv run python -m benchmarks.alignment [--json]``

Pure timeline, no radio. Frames of 250 ms arrive as they do over Bluetooth Low Energy: at the next connection event (30 ms)
plus an exponential delay of 8 ms, one in two hundred up to 0.4 s late, with stalls of 1 to 4 s every five minutes and three
gaps of 1 to 20 minutes. The rates drift by 0.1 % in the first hour, as the ankle warms the sensor, and wander by 100 ppm
over two hours.
"""

import argparse
import json

import numpy as np
from numpy.typing import NDArray

from legmon.movement import NS
from legmon.timeline.clock import ArrivalClock, TimeMap

HOURS = 8.0
RATES_HZ = (25, 26, 50, 52, 100, 104)
START = 1_790_000_000 * NS


def true_times(rate_hz: float, error: float, seed: int) -> NDArray[np.float64]:
    """Return when each sample of a night is taken, s."""
    draws = np.random.default_rng(seed)
    nominal = np.arange(round(HOURS * 3600 * rate_hz)) / (rate_hz * (1 + error))
    warm = 0.001 * 1200 * (1 - np.exp(-nominal / 1200))
    wander = 1e-4 * 7200 / (2 * np.pi) * np.sin(2 * np.pi * nominal / 7200 + draws.uniform(0, 6))
    return nominal + warm + wander - wander[0]


def arrivals(taken: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the arrival times of frames whose last samples were taken at these times, s; NaN for frames that never arrive."""
    draws = np.random.default_rng(seed)
    at = np.ceil(taken / 0.030 + draws.random()) * 0.030 + draws.exponential(0.008, len(taken))
    rare = draws.random(len(taken)) < 1 / 200
    at[rare] += draws.uniform(0, 0.4, rare.sum())
    for begin in np.arange(draws.uniform(0, 300), taken[-1], 300):
        end = begin + draws.uniform(1, 4)
        at[(at >= begin) & (at < end)] = end
    for length in (60, 300, 1200):
        begin = draws.uniform(0, taken[-1] - length)
        at[(at >= begin) & (at < begin + length)] = np.nan
    return np.maximum.accumulate(np.where(np.isnan(at), 0, at)) + np.where(np.isnan(at), np.nan, 0)


def fitted(rate_hz: int, error: float, seed: int) -> tuple[TimeMap, NDArray[np.float64]]:
    """Return the night's map from index to time, and the truth."""
    taken = true_times(rate_hz, error, seed)
    frame = max(round(rate_hz / 4), 1)
    ends = np.arange(frame, len(taken), frame)
    clock = ArrivalClock(0, float(rate_hz))
    for end, at in zip(ends.tolist(), arrivals(taken[ends - 1], seed + 1).tolist(), strict=True):
        if not np.isnan(at):
            clock.observe(end, START + round(at * NS))
    return TimeMap(clock.anchors()), taken


def error_ms(time: TimeMap, taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the error of a sample's time, ms, once per second of the night."""
    step = max(len(taken) // round(HOURS * 3600), 1)
    return np.array([(time.utc(i) - START) / 1e6 - 1e3 * taken[i] for i in range(0, len(taken), step)])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    worst = {}
    for rate_hz in (50, 100):
        errors = []
        for seed in range(5):
            left = error_ms(*fitted(rate_hz, +0.02, 10 * seed))
            right = error_ms(*fitted(rate_hz, -0.02, 10 * seed + 5))
            n = min(len(left), len(right))
            errors.append(float(np.max(np.abs(left[:n] - right[:n]))))
        worst[rate_hz] = round(max(errors), 1)
    last = {}
    for rate_hz in RATES_HZ:
        time, taken = fitted(rate_hz, 0.013, 77)
        i = len(taken) - 60 * rate_hz  # a movement in the last minute
        last[rate_hz] = round((time.utc(i) - START) / 1e6 - 1e3 * float(taken[i]), 1)
    if args.json:
        print(json.dumps({"worst_between_two_ms": worst, "last_movement_off_ms": last}))
        return
    for rate_hz, ms in worst.items():
        print(f"two sensors at {rate_hz} Hz, +2 % and -2 %, {HOURS:g} h, 5 nights: worst difference {ms} ms")
    for rate_hz, ms in last.items():
        print(f"a movement in the last minute of {HOURS:g} h at {rate_hz:3d} Hz: {ms:+.1f} ms off")


if __name__ == "__main__":
    main()
