"""Every rate that a driver declares is one that its simulated sensor can be set to, and then measures at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.scripted import REQUEST, Hand
from firmware_sim.families import FAMILIES
from firmware_sim.night import Performed
from firmware_sim.vocabulary import Scenario
from legmon.sensors.base import Read, Step, Steps, Subscribe
from legmon.sensors.registry import registry

SETTABLE = ["bangle", "metamotion", "microbit", "adafruit", "thingy52"]
RATES = [(name, hz) for name in SETTABLE for hz in registry().drivers[name].declares.rates_hz]


@pytest.mark.parametrize(("name", "rate_hz"), RATES)
def test_what_is_declared_is_what_is_measured(name: str, rate_hz: float) -> None:
    kind, driver = FAMILIES[name], registry().drivers[name]
    sensor = kind(Performed(Scenario(duration_s=60.0, seed=5)), kind.models[0])

    class Connected(Hand):
        def _next(self, steps: Steps[Any], step: Step) -> Step:
            if isinstance(step, Read):
                return steps.send(sensor.read(step.uuid, 0))
            if isinstance(step, Subscribe):
                sensor.subscribed(step.uuid, 0)
            return super()._next(steps, step)

    hand = Connected(driver.converse(), lambda u, d: [(n.uuid, n.data) for n in sensor.written(u, d, 0, 247)])
    started = hand.carry_out(hand.conversation.start(replace(REQUEST, rate_hz=rate_hz)))
    assert sensor.worn is not None
    assert started.format.rate_hz == sensor.worn.rate_hz == rate_hz
