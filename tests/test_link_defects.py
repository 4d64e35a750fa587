"""What must not end a night: a driver, a sensor, a start or a recorder that fails in a way nobody thought of."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError

from legmon.catalog.state import Mode
from legmon.catalog.store import Catalog
from legmon.link.connection import MOST_ANSWERS, Connection
from legmon.link.listener import ConnectedSensor, SampleRange
from legmon.link.pairing import REFUSED, UNANSWERED, Pairing, UnpairedError, wants_pairing
from legmon.link.session import failure_message
from legmon.movement import Legs
from legmon.recorder.__main__ import DEFECT_STATUS
from legmon.sensors import ankle
from legmon.sensors.ankle.driver import AnkleConversation
from legmon.sensors.base import Answer, Await, FrameError, RefusedError, SensorEvent, Steps, Subscribe, Write
from tests.bluez.through import Through
from tests.conftest import sensor, started, until
from tests.test_link import Heard, over, through, when
from tests.test_recorder import info, recorded, recorder, want, whole

__all__ = ["through"]  # the fixture: on both radios


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "sent.jsonl").read_text().splitlines()]


def test_a_driver_with_a_defect_is_tried_again(through: Through, tmp_path: Path) -> None:
    class Clumsy(AnkleConversation):
        tries = 0

        def start(self, wanted: Any) -> Any:
            Clumsy.tries += 1
            if Clumsy.tries == 1:
                raise ValueError("not what was expected")
            return super().start(wanted)

    class Driver(type(ankle.DRIVER)):  # type: ignore[misc]
        def converse(self) -> Clumsy:
            return Clumsy()

    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.samples > 20)

    with sensor(through.air, tmp_path):
        heard = over(through, scene, drivers=(Driver(),))
    assert Clumsy.tries == 2
    assert "The connection failed. Trying again." in heard.sentences


def test_a_sensor_whose_way_of_measuring_is_refused_is_stopped(through: Through, tmp_path: Path) -> None:
    class Choosy(Heard):
        def sensor_started(self, sensor: ConnectedSensor) -> None:
            super().sensor_started(sensor)
            raise RefusedError("It measures too seldom")

    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: len(heard.identities) > 1)

    with sensor(through.air, tmp_path):
        heard = over(through, scene, heard=Choosy())
    assert "It measures too seldom. Trying again." in heard.sentences
    events = [e["event"] for e in log(tmp_path) if e["event"] in {"start", "stop"}]
    assert events[:3] == ["start", "stop", "start"]


def test_no_try_counts_while_the_disk_takes_nothing(through: Through, tmp_path: Path) -> None:
    """As the recorder answers on a full disk: for a moment that something is missing, then nothing for a while."""

    class Full(Heard):
        asked = 0

        def next_to_fetch(self) -> SampleRange | None:
            self.asked += 1
            return SampleRange(self.frames[0].stream, 0, 12) if self.frames and self.asked % 2 else None

    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: len([f for f in heard.frames if f.late]) >= 10)

    with sensor(through.air, tmp_path):
        heard = over(through, scene, heard=Full())
    assert not heard.given_up


def bonded(done: list[str]) -> Any:
    """A client that is none of bleak's, which keeps a bond and says when it forgets it."""

    async def unpair() -> None:
        done.append("forgotten")

    return SimpleNamespace(address="a", is_connected=False, unpair=unpair)


@pytest.mark.parametrize(
    ("failures", "forgotten"), [("rr", 1), ("r", 0), ("t" * 40, 0), ("ttttr", 1), ("tttr", 0), ("rtttt", 0)]
)
def test_a_bond_is_forgotten_after_refusals_and_never_for_silence_alone(
    failures: str, forgotten: int
) -> None:
    """How a host takes a lost bond is its own matter, and some only time out."""
    done: list[str] = []

    async def play() -> None:
        client, pairing = bonded(done), Pairing()
        for kind in failures:
            await pairing.doubt(client, {"r": REFUSED, "t": UNANSWERED}[kind], pairs=True)

    asyncio.run(play())
    assert len(done) == forgotten


class Chatty:
    """A conversation of which each notification is an answer."""

    def received(self, uuid: str, data: bytes) -> list[SensorEvent]:
        return [Answer(data)]


def test_answers_to_no_question_are_bounded_and_never_taken_for_the_next_one() -> None:
    """The client is none of bleak's: no real sensor talks out of turn on command."""

    async def play() -> bytes:
        async def write(_uuid: str, data: bytes, *, response: bool) -> None:
            talk._received("c", b"to " + data)

        client: Any = SimpleNamespace(write_gatt_char=write)
        conversation: Any = Chatty()
        talk = Connection(client, conversation, lambda: 0, lambda *_: None, lambda _: None)
        for k in range(20_000):
            talk._received("c", str(k).encode())
        assert talk._answers.qsize() <= MOST_ANSWERS

        def steps() -> Steps[bytes]:
            yield Write("c", b"first")
            return (yield Await(1.0))

        return await talk.run(steps())

    assert asyncio.run(play()) == b"to first"


@pytest.mark.parametrize(
    ("refusals", "connected", "asked", "error"),
    [
        (2, True, 3, BleakError("not ready")),
        (3, True, 3, BleakError("not ready")),
        (1, False, 1, BleakError("not ready")),
        (1, True, 1, BleakGATTProtocolError(0x05)),
    ],
)
def test_a_sensor_that_is_not_ready_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, *, refusals: int, connected: bool, asked: int, error: BleakError
) -> None:
    """The client is none of bleak's: no simulated sensor refuses a subscription in its first moments."""
    monkeypatch.setattr("legmon.link.connection.SUBSCRIBE_AGAIN_S", 0.01)
    done: list[str] = []

    async def play() -> None:
        async def start_notify(uuid: str, _received: object) -> None:
            done.append(uuid)
            if len(done) <= refusals:
                raise error

        client: Any = SimpleNamespace(start_notify=start_notify, is_connected=connected)
        conversation: Any = Chatty()
        talk = Connection(client, conversation, lambda: 0, lambda *_: None, lambda _: None)

        def steps() -> Steps[None]:
            yield Subscribe("c")

        await talk.run(steps())

    with contextlib.suppress(BleakError) if refusals >= asked else contextlib.nullcontext():
        asyncio.run(play())
    assert len(done) == asked


def test_start_for_the_other_leg_than_was_checked_records_that_leg(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"

    def change(mode: Mode, legs: Legs | None = None) -> None:
        catalog = Catalog(data)
        catalog.want(mode, legs)
        catalog.close()

    change("check")
    with (
        sensor(air, tmp_path, "--speed", "10", "--family", "movesense"),
        started(*recorder(data, air, speed=10)) as running,
    ):
        running.says("ready")

        def is_streaming() -> bool:
            catalog = Catalog(data)
            said = catalog.recorder()
            catalog.close()
            return said is not None and [s.link for s in said.sensors] == ["streaming"]

        until(is_streaming)
        change("record", "right")
        until(lambda: (data / "nights").exists() and list(data.glob("nights/*/*.seg")))
        change("off")
        until(lambda: info(data).state == "closed")
        assert running.end() == 0
    assert info(data).legs == ("right",)


def test_a_recorder_that_ends_by_a_defect_leaves_the_night_to_be_gone_on_with(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    broken = (
        "import sys; from legmon.recorder import __main__, process\n"
        "def broken(catalog):\n"
        "    if any(n.duration_ns > 60 * 10**9 for n in catalog.nights()): raise RuntimeError('a defect')\n"
        "process.SEAL_S, process.seal_next = 1.0, broken\n"
        "sys.exit(__main__.main())"
    )
    command = recorder(data, air)
    with sensor(air, tmp_path, "--speed", "30"):
        with started("-c", broken, *command[2:]) as running:
            assert running.process.wait(60) == DEFECT_STATUS
        night = info(data)
        assert night.state == "recording"
        before = recorded(data)
        with started(*command) as running:
            until(lambda: recorded(data) > before + 3000)
            want(data, record=False)
            until(lambda: info(data).state == "closed")
            assert running.end() == 0
    assert info(data).id == night.id
    _, gaps = whole(data)
    assert not gaps


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FrameError("an answer that is none"), "not_understood"),
        (RefusedError("it is in its charger"), "sensor_refused"),
        (TimeoutError(), "no_answer"),
        (OSError("gone"), "no_connection"),
        (UnpairedError(has_failed=False), "pairing"),
        (UnpairedError(has_failed=True), "not_paired"),
    ],
)
def test_what_fails_is_told_apart(error: Exception, code: str) -> None:
    assert failure_message(error).code == code


@pytest.mark.parametrize(
    ("error", "wants"),
    [
        *((BleakGATTProtocolError(code), True) for code in (0x05, 0x08, 0x0C, 0x0F)),
        (BleakGATTProtocolError(0x03), False),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"]), True),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["Write not permitted"]), False),
        (BleakError("disconnected"), False),
    ],
)
def test_what_is_refused_for_want_of_a_bond(error: BleakError, *, wants: bool) -> None:
    assert wants_pairing(error) == wants


def test_a_bond_that_does_not_help_is_forgotten_once_until_one_has_worked() -> None:
    """Windows keeps a bond that a sensor has no use for, and pairs no more."""
    done: list[str] = []

    async def play() -> None:
        client, pairing = bonded(done), Pairing()
        assert not pairing.wants("a")
        assert not (await pairing.refused(client, was_paired=False)).has_failed
        assert pairing.wants("a")
        assert pairing.has_failed("a")
        for _ in range(3):
            assert (await pairing.refused(client, was_paired=True)).has_failed
        assert done == ["forgotten"]
        pairing.started("a")
        assert not pairing.has_failed("a")
        await pairing.refused(client, was_paired=True)

    asyncio.run(play())
    assert done == ["forgotten"] * 2
