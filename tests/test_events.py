"""What happens, as other programs are told: one evening is recorded while a web process follows it, and many listen."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

import legmon
from legmon.app.simulator import run_simulator
from legmon.catalog.clock import Clock
from legmon.catalog.state import ListedMovement, RecorderState, SensorState
from legmon.catalog.store import CAPTURE, Catalog
from legmon.detection.detector import Detector, detect
from legmon.errors import LegmonError
from legmon.exchange.capture import Capture, read_capture
from legmon.link.listener import LinkState
from legmon.messages import GapCause
from legmon.movement import NS, LegMovement
from legmon.night.leg import LegNight, analyse
from legmon.night.live import LiveNight
from legmon.night.track import score_night
from legmon.nights.following import NightFollower
from legmon.nights.happenings import MovementEvent, NightHappening, PeriodicEvent
from legmon.recorder.night import NightRecorder
from legmon.recording.files import read_segment
from legmon.recording.records import Samples
from legmon.web import keys
from legmon.web.connections import ENDLESS, REQUEST_S, UNREAD_S, _Seen
from tests.conftest import ROOT, let_browser_in, let_in, started, until
from tests.test_lock import CHROMIUM, entered

BEGAN_NS = 1_790_000_000 * NS
LOST_S = (312.0, 326.0)
"""What never arrives."""
PAUSE_S = 3.6
"""The recording stops so long after the end of a movement, which is then not final."""
NEAR_S = 1.0
"""The clock of the sensor is not yet known well in the first minutes."""
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


class Reader:
    """A program that listens over the WebSocket."""

    def __init__(self, address: str, after: int | None = None) -> None:
        asked = "" if after is None else f"?after={after}"
        self._events = f"ws{address[4:]}/api/v1/events{asked}"
        self._headers = let_in(address)
        self._over = threading.Event()
        self.everything: list[dict[str, Any]] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        until(lambda: self.everything, what="hello")

    def _read(self) -> None:
        with connect(self._events, additional_headers=self._headers) as socket, suppress(ConnectionClosed):
            while not self._over.is_set():
                with suppress(TimeoutError):
                    self.everything.append(json.loads(socket.recv(0.2)))

    def close(self) -> None:
        self._over.set()
        self._reading.join(60)

    @property
    def hello(self) -> dict[str, Any]:
        return self.everything[0]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.everything[1:]

    def of(self, *types: str) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] in types]


@dataclass
class Told:
    """What was told of the evening, to whom."""

    address: str
    night: str
    first: Reader
    before_final: list[dict[str, Any]] = field(default_factory=list)
    """What the first reader knew while the movement before the pause was not final."""
    left_at: int = 0
    again: Reader | None = None
    example: list[str] = field(default_factory=list)
    browser: list[str] = field(default_factory=list)


class Evening:
    """Records a capture as the recorder does, and reports it."""

    def __init__(self, catalog: Catalog, capture: Capture) -> None:
        self.catalog = catalog
        self.night = NightRecorder.begin(catalog, BEGAN_NS, simulated=True)
        self.leg = self.night.leg(capture.leg, capture.sensor, CAPTURE, capture.format)
        self._frames = list(capture.frames())
        self._at = 0
        self.arrival = BEGAN_NS
        self.report("streaming")

    def report(self, link: LinkState, *, is_over: bool = False) -> None:
        sensors = [] if is_over else [SensorState(leg="left", link=link, name="Ankle")]
        clock = Clock(BEGAN_NS, time.time_ns(), 1.0)
        night = None if is_over else self.night.id
        ahead = time.time_ns() + 600 * NS
        self.catalog.report(RecorderState(ahead, clock, simulated=True, night=night, sensors=sensors))

    def record(self, until_s: float) -> None:
        """Record up to a time, as fast as another process can follow."""
        while self._at < len(self._frames) and self._frames[self._at][0] < until_s * 1e6:
            at_us, frame = self._frames[self._at]
            self.arrival = BEGAN_NS + at_us * 1000
            if not LOST_S[0] <= at_us / 1e6 < LOST_S[1]:
                self.leg.frame(frame, self.arrival)
            self._at += 1

    def close(self) -> None:
        self.night.close(self.arrival)
        self.report("off", is_over=True)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    made = tmp_path_factory.mktemp("events")
    (made / "s.yaml").write_text("duration: 10m\nseed: 4\nmovements_per_hour: 150\n")
    run_simulator(["capture", str(made / "s.yaml"), "-o", str(made / "s.capture")])
    return read_capture(made / "s.capture")


@pytest.fixture(scope="module")
def rate(capture: Capture) -> float:
    return float(capture.format.rate_hz)


@pytest.fixture(scope="module")
def samples(capture: Capture) -> np.ndarray[Any, Any]:
    """The samples of the capture without the loss, g."""
    return np.concatenate([frame.xyz for _, frame in capture.frames()]) * (capture.format.scale_ug * 1e-6)


@pytest.fixture(scope="module")
def found(samples: np.ndarray[Any, Any], rate: float) -> list[LegMovement]:
    """The movements of these samples."""
    return detect(samples, rate)


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory, capture: Capture, found: list[LegMovement]
) -> Iterator[Told]:
    data = tmp_path_factory.mktemp("told") / "data"
    catalog = Catalog(data)
    with ExitStack() as stack:
        web = stack.enter_context(started("-m", "legmon.web", "--data", str(data), "--port", "0"))
        address = web.says("ready")
        first = Reader(address)
        script = data.parent / "listen.py"
        script.write_text(EXAMPLES["python"], encoding="utf-8")
        environment = os.environ | {"LEGMON_TOKEN": keys.bearer_token(data), "PYTHONPATH": str(ROOT / "src")}
        example = stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(script), address], stdout=subprocess.PIPE, text=True, env=environment
            )
        )
        stack.callback(example.kill)
        assert example.stdout is not None
        said = [example.stdout.readline().strip()]
        page = _page(stack, address)
        evening = Evening(catalog, capture)
        result = Told(address, evening.night.id, first, example=said)
        movement = next(m for m in found if m.kind == "leg" and m.onset_s > 30)
        evening.record(movement.offset_s + PAUSE_S)
        ends = BEGAN_NS / NS + movement.offset_s
        until(
            lambda: any(
                abs(m["movement"]["offset"] - ends) < NEAR_S for m in _around(first.of("movement"), movement)
            ),
            what="a movement is told before it is final",
        )
        result.before_final = _around(first.of("movement"), movement)
        leaves = Reader(address, after=first.hello["seq"])
        evening.record(150)
        until(lambda: leaves.of("series_started"), what="a series begins")
        leaves.close()
        result.left_at = leaves.messages[-1]["seq"]
        evening.report("silent")
        until(lambda: first.of("link")[-1]["link"] == "silent", what="the link is told")
        evening.record(400)
        until(lambda: first.of("gap"), what="the gap is told")
        result.again = Reader(address, after=result.left_at)
        evening.record(10_000)
        evening.close()
        until(
            lambda: first.of("night_ended") and first.of("link")[-1]["link"] == "off", what="the night ends"
        )
        last = str(first.messages[-1]["seq"])
        until(lambda: result.again and result.again.of("night_ended"), what="the other one hears it")
        said += [line.strip() for line in example.stdout]
        if page is not None:
            page.locator("#events", has_text=last).wait_for(timeout=60_000)
            result.browser = [page.locator("#events").inner_text()]
        yield result
    catalog.close()


def _page(stack: ExitStack, address: str) -> Page | None:
    """A browser that runs the example of the page; None where there is none."""
    if CHROMIUM is None:
        return None
    playwright = stack.enter_context(sync_playwright())
    browser = stack.enter_context(
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
    )
    context = browser.new_context()
    let_browser_in(context, address)
    page = context.new_page()
    page.goto(address)
    page.evaluate(f"() => {{ {EXAMPLES['browser']} }}")
    page.locator("#events", has_text="hello").wait_for(timeout=60_000)
    return page


def _around(messages: list[dict[str, Any]], m: LegMovement) -> list[dict[str, Any]]:
    """What was told of a movement of the recording."""
    began = BEGAN_NS / NS
    return [
        x
        for x in messages
        if x["movement"]["onset"] - began < m.offset_s and m.onset_s < x["movement"]["offset"] - began
    ]


def test_a_movement_is_provisional_before_it_is_final_and_then_confirmed_under_the_same_key(
    told: Told,
) -> None:
    states = [m["state"] for m in told.before_final]
    assert states
    assert set(states) == {"provisional"}
    key = told.before_final[-1]["key"]
    after = [m for m in told.first.of("movement") if m["key"] == key]
    assert after[-1]["state"] == "confirmed"
    assert after[-1]["movement"]["id"] == key
    assert after[-1]["movement"]["offset"] == pytest.approx(
        told.before_final[-1]["movement"]["offset"], abs=0.5
    )


def test_every_provisional_movement_is_confirmed_or_retracted_once(told: Told) -> None:
    last: dict[str, str] = {}
    for m in told.first.of("movement"):
        assert last.get(m["key"]) in (None, "provisional"), m
        last[m["key"]] = m["state"]
    assert set(last.values()) <= {"confirmed", "retracted"}
    assert list(last.values()).count("confirmed") > 15


def test_what_was_confirmed_is_what_the_recorded_night_lists(told: Told) -> None:
    listed = httpx.get(
        f"{told.address}/api/v1/nights/{told.night}/movements", headers=let_in(told.address)
    ).json()["movements"]
    confirmed = [m["movement"] for m in told.first.of("movement") if m["state"] == "confirmed"]
    same = ("id", "leg", "kind", "candidate", "peak_mg")
    assert [[m[k] for k in same] for m in confirmed] == [[m[k] for k in same] for m in listed]
    for live, final in zip(confirmed, listed, strict=True):
        assert live["onset"] == pytest.approx(final["onset"], abs=NEAR_S)
    periodic = {m["movement"]["id"]: m["movement"]["series"] for m in told.first.of("periodic")}
    assert periodic == {m["id"]: m["series"] for m in listed if m["periodic"]}
    assert len(periodic) > 7


def test_series_begin_before_their_members_and_end_behind_them(told: Told) -> None:
    running: int | None = None
    members = 0
    for m in told.first.of("series_started", "periodic", "series_ended"):
        if m["type"] == "series_started":
            assert running is None
            running, members = m["series"], 0
        elif m["type"] == "periodic":
            assert m["movement"]["series"] == running
            members += 1
        else:
            assert (m["series"], m["movements"]) == (running, members)
            assert members >= 4
            running = None
    assert running is None
    assert told.first.of("series_started")


def test_the_gap_the_link_and_the_night_are_told(told: Told) -> None:
    gaps = told.first.of("gap")
    assert [g["cause"] for g in gaps] == [GapCause.NOT_SENT]
    assert gaps[0]["end"] - gaps[0]["start"] > 10
    assert [m["link"] for m in told.first.of("link")] == ["streaming", "silent", "off"]
    types = [m["type"] for m in told.first.messages]
    assert types[0] == "night_started"
    assert types[-2:] == ["night_ended", "link"] or types[-1] == "night_ended"
    ended = told.first.of("night_ended")[0]
    assert ended["periodic"] == len(told.first.of("periodic"))
    assert all(m["night"] == told.night for m in told.first.messages if m["type"] != "link")


def test_who_comes_back_gets_what_was_missed_and_nothing_twice(told: Told) -> None:
    assert told.again is not None
    assert told.again.hello["seq"] == told.left_at
    assert not told.again.hello["missed"]
    expected = [m for m in told.first.messages if m["seq"] > told.left_at]
    until(lambda: told.again and len(told.again.messages) == len(expected))
    assert told.again.messages == expected
    numbers = [m["seq"] for m in told.first.messages]
    assert numbers == list(range(told.first.hello["seq"] + 1, numbers[-1] + 1))


@pytest.mark.parametrize("after", [0, 2**53 - 1])
def test_what_cannot_be_replayed_is_said_and_all_that_is_kept_follows(told: Told, after: int) -> None:
    reader = Reader(told.address, after=after)
    until(lambda: len(reader.messages) == len(told.first.messages))
    reader.close()
    assert reader.hello["missed"]
    assert reader.messages == told.first.messages


def test_server_sent_events_carry_the_same_and_a_browser_comes_back_by_their_number(told: Told) -> None:
    at = told.first.messages[-4]["seq"]
    headers = {**let_in(told.address), "Last-Event-ID": str(at)}
    with httpx.stream("GET", f"{told.address}/api/v1/events", headers=headers, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        events = [next(lines) for _ in range(12)]
    data = [json.loads(line.removeprefix("data: ")) for line in events if line.startswith("data: ")]
    assert data[0]["type"] == "hello"
    assert data[1:] == told.first.messages[-3:]
    numbers = [int(line.removeprefix("id: ")) for line in events if line.startswith("id: ")]
    assert numbers == [m["seq"] for m in data]


def test_the_lock_is_before_both(told: Told) -> None:
    events = f"ws{told.address[4:]}/api/v1/events"
    for headers, origin, status in (
        ({}, None, 401),
        ({"Authorization": "Bearer wrong"}, None, 401),
        (entered(told.address), None, 403),
        (entered(told.address), "http://example.com", 403),
    ):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(events, additional_headers=headers, origin=Origin(origin) if origin else None),
        ):
            pass
        assert refused.value.response.status_code == status
    assert httpx.get(f"{told.address}/api/v1/events").status_code == 401
    with connect(events, additional_headers=entered(told.address), origin=Origin(told.address)) as socket:
        assert json.loads(socket.recv(60))["type"] == "hello"


@pytest.mark.parametrize("is_endless", [True, False])
def test_an_answer_without_an_end_is_not_cut_off_while_it_is_read(*, is_endless: bool) -> None:
    now = time.monotonic()
    protocol = H11Protocol.__new__(H11Protocol)
    scope = {ENDLESS: True} if is_endless else {}
    cycle = SimpleNamespace(scope=scope, response_complete=False, more_body=False)
    unread = SimpleNamespace(get_write_buffer_size=lambda: 0)
    protocol.cycle, protocol.transport = cycle, unread  # type: ignore[assignment]
    seen = _Seen(protocol, now, now)
    assert not seen.is_too_slow(now)
    later = now + REQUEST_S + 1
    assert seen.is_too_slow(later) != is_endless
    unread.get_write_buffer_size = lambda: 9
    seen.is_too_slow(later)
    assert seen.is_too_slow(later + UNREAD_S + 1), "a slow reader is dropped"


def test_when_the_dashboard_starts_again_its_readers_go_and_listen_goes_on(tmp_path: Path) -> None:
    numbers: list[int] = []
    data = tmp_path / "data"
    Catalog(data).close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    listening = legmon.listen(f"http://127.0.0.1:{port}", keys.bearer_token(data))
    for is_again in (False, True):
        with started("-m", "legmon.web", "--data", str(data), "--port", port) as web:
            address = web.says("ready")
            hello = next(listening)
            assert (hello["type"], hello["missed"]) == ("hello", is_again)
            numbers.append(hello["seq"])
            events = f"{address}/api/v1/events"
            with httpx.stream("GET", events, headers=let_in(address), timeout=60) as answer:
                lines = answer.iter_lines()
                assert "hello" in next(lines)
                assert web.end() == 0
                assert not [line for line in lines if line.startswith("data")]
    assert numbers[1] > numbers[0]
    assert "Traceback" not in (data / "logs" / "dashboard.log").read_text()


# the examples, and what programs use


def test_the_example_for_python_prints_what_happens(told: Told) -> None:
    assert told.example[0].startswith("hello ")
    assert told.example[-1].startswith("night_ended ")
    said = [
        line.split(":")[0]
        for line in told.example
        if line.split(":")[0] in {"provisional", "confirmed", "retracted"}
    ]
    assert said == [m["state"] for m in told.first.of("movement")]
    assert len(EXAMPLES["python"].splitlines()) <= 20


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")
def test_the_example_for_a_browser_counts_the_movements(told: Told) -> None:
    confirmed = [m for m in told.first.of("movement") if m["state"] == "confirmed"]
    legs = sum(m["movement"]["kind"] == "leg" for m in confirmed)
    assert told.browser[0].endswith(f": {legs} movements")


def test_the_example_for_mqtt_can_be_read_by_python() -> None:
    compile(EXAMPLES["mqtt"], "mqtt.py", "exec")


def test_listen_goes_on_where_it_was_and_says_what_is_wrong(told: Told) -> None:
    token = keys.bearer_token(Path(_folder(told.address)))
    at = told.first.messages[-3]["seq"]
    messages = legmon.listen(told.address, token, after=at)
    assert next(messages)["type"] == "hello"
    assert [next(messages), next(messages)] == told.first.messages[-2:]
    messages.close()  # type: ignore[attr-defined]
    with pytest.raises(LegmonError, match="refused the token"):
        next(legmon.listen(told.address, "wrong"))
    with pytest.raises(LegmonError, match="start legmon first"):
        next(legmon.listen("http://127.0.0.1:9", token))


def _folder(address: str) -> Path:
    from tests.conftest import FOLDERS

    return FOLDERS[address]


# a night followed in this process


def _followed(catalog: Catalog, captures: list[tuple[float, Capture]]) -> tuple[str, list[NightHappening]]:
    """Record legs that begin so many seconds into the night, a second at a time, and follow the night."""
    night = NightRecorder.begin(catalog, BEGAN_NS, simulated=True)
    follower = NightFollower(night.id, lambda leg: catalog.segment(night.id, leg))
    arrivals = [
        (BEGAN_NS + round(late * NS) + at_us * 1000, c, frame)
        for late, c in captures
        for at_us, frame in c.frames()
    ]
    happened: list[NightHappening] = []
    for arrival, c, frame in sorted(arrivals, key=lambda a: a[0]):
        night.leg(c.leg, c.sensor, CAPTURE, c.format).frame(frame, arrival)
        happened += follower.look()
    over = [follower.is_over]
    night.close(max(a[0] for a in arrivals))
    happened += follower.look()
    assert [*over, follower.is_over] == [False, True]
    return night.id, happened + follower.finish()


def test_a_leg_that_begins_later_is_scored_with_the_other_and_nothing_is_told_twice(
    tmp_path: Path, capture: Capture
) -> None:
    (tmp_path / "r.yaml").write_text("duration: 5m\nseed: 9\nmovements_per_hour: 200\nleg: right\n")
    run_simulator(["capture", str(tmp_path / "r.yaml"), "-o", str(tmp_path / "r.capture")])
    catalog = Catalog(tmp_path / "data")
    night, happened = _followed(catalog, [(0, capture), (90, read_capture(tmp_path / "r.capture"))])
    scored = score_night(catalog.tracks(night))
    catalog.close()
    confirmed = [x for x in happened if isinstance(x, MovementEvent) and x.state == "confirmed"]
    listed = [ListedMovement.of(m, scored.origin_ns) for m in scored.movements]
    assert [x.movement.id for x in confirmed] == [m.id for m in listed]
    assert {"left", "right"} <= {m.leg for m in listed}
    periodic = [x.movement.id for x in happened if isinstance(x, PeriodicEvent)]
    assert sorted(periodic) == sorted(m.id for m in listed if m.periodic)
    assert len(periodic) > 7


def test_what_was_none_is_retracted_and_a_part_is_joined(
    tmp_path: Path, capture: Capture, found: list[LegMovement], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = float(capture.format.rate_hz)
    before, after = (m for m in found[:2] if m.first is not None and m.end is not None)
    quiet = round((before.offset_s + 15) * rate)
    pending = LegNight.pending

    def with_guesses(self: LegNight) -> list[LegMovement]:
        """A movement that there never was; and a piece of one that there is, before the whole."""
        guesses = [(quiet, quiet + 60)] if quiet + 60 < self.end < quiet + 4 * rate else []
        if (after.end or 0) < self.end < (after.end or 0) + 3 * rate:
            guesses += [((after.first or 0) + n * 100, (after.first or 0) + n * 100 + 60) for n in (0, 1)]
            return [LegMovement(0, 0, "left", first=a, end=b) for a, b in guesses]
        return pending(self) + [LegMovement(0, 0, "left", first=a, end=b) for a, b in guesses]

    monkeypatch.setattr(LegNight, "pending", with_guesses)
    catalog = Catalog(tmp_path / "data")
    _, happened = _followed(catalog, [(0, capture)])
    catalog.close()
    told = [x for x in happened if isinstance(x, MovementEvent)]
    guess = [n for n, x in enumerate(told) if x.key == f"left-{quiet}"]
    assert [told[n].state for n in guess] == ["provisional", "retracted"]
    later = [x.movement.onset - told[guess[0]].movement.onset for x in told[guess[1] :]]
    assert max(later) > 60, "it is retracted when it is known to be none, not at the end of the night"
    part = f"left-{(after.first or 0) + 100}"
    assert [(x.state, x.joined) for x in told if x.key == part] == [
        ("provisional", None),
        ("retracted", f"left-{after.first}"),
    ]


# the detector and the scorer ahead of what is final


def test_pending_changes_nothing_and_knows_a_movement_soon(
    samples: np.ndarray[Any, Any], rate: float, found: list[LegMovement]
) -> None:
    detector = Detector(rate)
    final: list[LegMovement] = []
    late: dict[int, float] = {}
    for piece in np.array_split(samples, len(samples) // 10):
        final += detector.feed(piece)
        now = round(detector.position * NS / rate)
        for n, m in ((n, m) for m in detector.pending() for n in range(len(found)) if n not in late):
            f = found[n]
            if abs(m.offset_ns - f.offset_ns) < NS // 4 and f.onset_ns < m.offset_ns:
                late[n] = (now - f.offset_ns) / NS
    final += detector.finish()
    assert final == found
    assert len(late) > 0.8 * len(found) > 15
    assert float(np.median(list(late.values()))) < 1.2, "the kernel alone closes a bout 1.4 s after its end"


def test_a_night_followed_live_and_one_read_from_its_file_have_the_same_movements(told: Told) -> None:
    data = _folder(told.address)
    catalog = Catalog(data)
    path = catalog.segment(told.night, "left")
    catalog.close()
    records = list(read_segment(path))
    night = analyse(records)
    live = LiveNight({"left": night})
    live.update()
    live.scorer.finish()
    assert sum(isinstance(r, Samples) for r in records) > 300
    ids = ["+".join(f"{p.leg}-{p.first}" for p in s.movement.parts) for s in live.scorer.confirmed]
    assert ids == [m["movement"]["id"] for m in told.first.of("movement") if m["state"] == "confirmed"]
