"""Draw a plain night: how many movements, of which sizes, on which chip, with which disturbances.

`firmware_sim.structures` draws what kind of leg and what kind of bed it is, on top of this.

Evaluate a detector on nights whose seeds were not used to tune it. Each kind of disturbance is absent from some nights,
rare in others and frequent in the rest. One night in eight has no series. A night is never so disturbed that no observer
could see the movements: a hum stays well below them, and links lose minutes, not hours.
"""

from __future__ import annotations

from typing import get_args

import numpy as np

from firmware_sim.streams import stream
from firmware_sim.vocabulary import (
    Body,
    Disturb,
    Link,
    MakeName,
    Scenario,
    Sensor,
    Series,
    Spread,
    Strap,
    Trip,
    Vibration,
)


def plain(seed: int) -> Scenario:
    """Draw the plain night `seed`, of 5 to 8 hours. The seed of the scenario is the same number."""
    rng = stream(seed, "drawn")
    duration_s = float(rng.integers(300, 480) * 60)
    return Scenario(
        duration_s=duration_s,
        name=f"drawn-{seed}",
        seed=seed,
        rate_hz=int(rng.choice((25, 50, 50, 100))),
        rate_error_percent=rounded(rng.uniform(-4.0, 4.0)),
        leg="left" if rng.random() < 0.5 else "right",
        movements_per_hour=rounded(often(rng, 0.05, 2.0, 80.0)),
        sensor=_sensor(stream(seed, "drawn sensor")),
        body=_body(stream(seed, "drawn body"), duration_s),
        disturb=_disturb(seed, duration_s),
        link=_link(stream(seed, "drawn link")),
    )


def _sensor(rng: np.random.Generator) -> Sensor:
    makes: tuple[MakeName, ...] = get_args(MakeName)
    return Sensor(
        make=makes[rng.integers(len(makes))],
        range_g=int(rng.choice((2, 4, 8))),
        scale_error_percent=rounded(rng.uniform(-3.0, 3.0)),
    )


def _body(rng: np.random.Generator, duration_s: float) -> Body:
    return Body(
        periodic_share=rounded(often(rng, 0.125, 0.4, 0.95)),
        series=Series(
            interval_s=Spread(rounded(rng.uniform(14.0, 35.0)), rounded(rng.uniform(0.2, 0.4))),
            length=rounded(rng.uniform(6.0, 30.0)),
            lengthen=rounded(rng.uniform(0.9, 1.5)),
        ),
        thin=rounded(rng.uniform(1.0, 5.0)),
        peak_mg=Spread(rounded(rng.uniform(70.0, 220.0)), rounded(rng.uniform(0.4, 0.8))),
        invisible_share=rounded(rng.uniform(0.0, 0.35)),
        duration_s=Spread(rounded(rng.uniform(2.0, 4.2)), rounded(rng.uniform(0.3, 0.5))),
        clonic_share=rounded(rng.uniform(0.0, 0.6)),
        slow_share=rounded(often(rng, 0.5, 0.05, 0.4)),
        large_per_hour=rounded(rng.uniform(0.3, 7.0)),
        posture_per_hour=rounded(rng.uniform(0.3, 3.5)),
        tremor_trains_per_hour=rounded(often(rng, 0.6, 0.3, 4.0)),
        jerks_per_hour=rounded(often(rng, 0.5, 0.3, 3.0)),
        bathroom=tuple(
            Trip(rounded(rng.uniform(0.05, 0.9) * duration_s), rounded(rng.uniform(90.0, 420.0)))
            for _ in range(rng.integers(0, 3))
        ),
    )


def _disturb(seed: int, duration_s: float) -> Disturb:
    rng = stream(seed, "drawn disturb")
    loosens = rng.random() < 0.3
    return Disturb(
        breath_mg=rounded(rng.uniform(0.5, 4.0)),
        pulse_mg=rounded(rng.uniform(0.0, 1.5)),
        bumps_per_hour=rounded(often(rng, 0.5, 3.0, 60.0)),
        bump_mg=Spread(rounded(rng.uniform(5.0, 20.0)), 0.6),
        vibration=tuple(
            Vibration(
                rounded(rng.uniform(0.0, 0.9) * duration_s),
                rounded(rng.uniform(60.0, 1800.0)),
                rounded(rng.uniform(3.0, 12.0)),
                rounded(rng.uniform(9.0, 40.0)),
            )
            for _ in range(rng.integers(1, 4) if rng.random() < 0.25 else 0)
        ),
        strap=(
            Strap(
                rounded(rng.uniform(0.2, 0.7) * duration_s),
                rounded(rng.uniform(0.6, 1.5)),
                rounded(rng.uniform(0.0, 0.3)),
                # From a stream of its own, so that the rest of the night is as it was before straps could roll.
                rounded(stream(seed, "drawn roll").uniform(-60.0, 60.0)),
                rounded(stream(seed, "drawn roll time").uniform(300.0, 3600.0)),
            ),
        )
        if loosens
        else (),
        temperature_k=rounded(rng.uniform(0.0, 10.0)),
    )


def _link(rng: np.random.Generator) -> Link:
    return Link(losses_per_hour=rounded(often(rng, 0.6, 0.3, 8.0)), loss_s=Spread(3.0, 0.8))


def often(rng: np.random.Generator, never: float, low: float, high: float) -> float:
    """Draw 0 with probability `never`, otherwise a number from `low` to `high`."""
    value = rng.uniform(low, high)
    return 0.0 if rng.random() < never else float(value)


def rounded(value: float) -> float:
    """Round to two decimals, because people read scenario files."""
    return round(float(value), 2)
