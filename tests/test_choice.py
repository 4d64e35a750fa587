"""Which sensor is taken: of a family or an address that was asked for, none twice, the last one first."""

from __future__ import annotations

import pytest

from legmon.catalog.clock import Clock
from legmon.catalog.state import RecorderState, SensorState
from legmon.errors import LegmonError
from legmon.link.listener import ConnectedSensor
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.recorder.choice import SensorChoice
from legmon.sensors.base import Declaration, RefusedError, StreamFormat, StreamStart

A, B = "C4:4C:4D:00:00:01", "C4:4C:4D:00:00:02"


def ankle(address: str | None = None) -> AnkleSensor:
    return AnkleSensor(lambda: 0, None, address)


def test_any_sensor_to_wear_will_do_but_no_board_of_the_bench() -> None:
    names = {d.name for d in SensorChoice().drivers}
    assert {"ankle", "polar", "movesense", "witmotion"} <= names
    assert "microbit" not in names


def test_a_family_or_an_address_can_be_asked_for() -> None:
    assert [d.name for d in SensorChoice("polar").drivers] == ["polar"]
    assert [d.name for d in SensorChoice("microbit").drivers] == ["microbit"]
    one = SensorChoice(A.lower())
    assert one.claim(ankle(), A)
    assert not one.claim(ankle(), B)


@pytest.mark.parametrize("sensor", ["", "polaar", "C4:4C:4D"])
def test_what_is_neither_is_said(sensor: str) -> None:
    with pytest.raises(LegmonError, match="legmon sensors lists them"):
        SensorChoice(sensor)


def test_a_family_that_measures_too_seldom_is_refused() -> None:
    with pytest.raises(LegmonError, match="at most 10 times a second; a night needs 20"):
        SensorChoice("infinitime")
    assert "infinitime" not in {d.name for d in SensorChoice(A).drivers}


def test_a_sensor_that_turns_out_to_measure_too_seldom_is_refused() -> None:
    declares = Declaration((50.0,), (2,), device_time=False, loss="arrival", buffer=False, frame_s=0.5)
    one = ankle()
    with pytest.raises(RefusedError, match=r"measures 12\.5 times a second, but a night needs 20 to 500"):
        one.sensor_started(
            ConnectedSensor(
                "board", A, "microbit", declares, StreamStart(StreamFormat(12.5, 2, 1000, "index"), 0.24)
            )
        )
    assert one.sensor is None


def test_no_sensor_is_taken_twice_and_a_night_keeps_its_own() -> None:
    choice, left, right = SensorChoice(), ankle(), ankle()
    assert choice.claim(left, A)
    assert not choice.claim(right, A)
    assert choice.claim(right, B)
    assert not choice.claim(ankle(B), A)
    choice.release(left)
    choice.release(right)
    assert choice.claim(right, A)


def test_the_sensor_of_the_last_time_is_known() -> None:
    before = RecorderState(
        0, Clock(), False, None, [SensorState("left", address=A), SensorState("right", address=B)]
    )
    choice, left, right = SensorChoice(None, before), ankle(), ankle()
    assert (choice.known(left, "left"), choice.known(right, "right"), choice.known(left, None)) == (A, B, A)
    assert choice.claim(left, B)
    assert choice.known(right, "right") is None, "the other ankle has it"
