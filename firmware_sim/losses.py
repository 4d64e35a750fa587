"""The stretches of a night that the radio loses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from firmware_sim.streams import stream
from firmware_sim.vocabulary import Scenario


def losses_of(scenario: Scenario) -> list[tuple[float, float]]:
    """Return begin and end of every stretch whose samples never arrive, in seconds of true time, in order and apart."""
    link, duration_s = scenario.link, scenario.duration_s
    rng = stream(scenario.seed, "losses")
    count = rng.poisson(link.losses_per_hour * duration_s / 3600.0)
    # One pair of draws for each loss, so that the listed losses change none.
    places, lengths = rng.random(count), rng.normal(size=count)
    lost = [
        (float(place * duration_s), float(link.loss_s.median * np.exp(link.loss_s.sigma * length)))
        for place, length in zip(places, lengths, strict=True)
    ]
    lost += [(loss.at_s, loss.for_s) for loss in link.losses]
    return list(_joined(sorted((at, min(at + lasting, duration_s)) for at, lasting in lost)))


def _joined(stretches: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    begin, end = -1.0, -1.0
    for at, until in stretches:
        if at > end:
            if end > 0.0:
                yield begin, end
            begin = at
        end = max(end, until)
    if end > 0.0:
        yield begin, end


def lost_samples(scenario: Scenario, rate_hz: float) -> list[tuple[int, int]]:
    """Return the losses as sample numbers: the first lost sample, and the first one after the loss."""
    return [
        (int(np.ceil(begin * rate_hz)), int(np.ceil(end * rate_hz))) for begin, end in losses_of(scenario)
    ]
