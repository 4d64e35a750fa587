"""The HTTP interface as other programs meet it: real server, real catalog, real recording."""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import httpx
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from legmon.app.simulator import run_simulator
from legmon.catalog.clock import Clock
from legmon.catalog.state import ListedMovement, RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.detection.bouts import Kind
from legmon.exchange.capture import read_capture, record_capture
from legmon.link.inhibitor import Wakefulness
from legmon.link.listener import LinkState
from legmon.messages import (
    CARD_SENTENCES,
    DAMAGE_SENTENCES,
    EVENT_SENTENCES,
    FAULT_CAUSES,
    FAULT_SENTENCES,
    FIT_SENTENCES,
    GAP_SENTENCES,
    LINK_SENTENCES,
    PROBLEM_SENTENCES,
    READINESS,
    TROUBLE_SENTENCES,
    WHY_SENTENCES,
    CardWarning,
    DetectorRule,
    Event,
    Fault,
    GapCause,
    LinkCode,
    ProblemCode,
    ScoringRule,
    Trouble,
    link_message,
)
from legmon.night.figures import VOLUNTARY
from legmon.night.fit import Problem as FitProblem
from legmon.night.lying import PostureState
from legmon.night.track import score_night
from legmon.nights import readiness as checks
from legmon.recorder.ankle_sensor import HOLDS_S, AnkleSensor
from legmon.recording.files import read_segment
from legmon.recording.records import Gap, Samples
from legmon.scoring.live import Tally
from legmon.sensors.base import HeardSensor
from legmon.web import frames
from legmon.web.evening import preflight_item
from legmon.web.models_evening import ITEM_CODES
from legmon.web.schema import schema
from tests.conftest import ROOT, let_in, started

BEGAN_NS = 1_790_000_000 * 10**9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one recorded night of 40 minutes, with a hole of 100 frames."""
    made = tmp_path_factory.mktemp("web")
    (made / "s.yaml").write_text("duration: 40m\nseed: 4\nmovements_per_hour: 120\n")
    run_simulator(["capture", str(made / "s.yaml"), "-o", str(made / "s.capture")])
    capture = read_capture(made / "s.capture")
    del capture.notifications[400:500]
    catalog = Catalog(made / "data")
    record_capture(catalog, capture, BEGAN_NS)
    catalog.close()
    return made / "data"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with started("-m", "legmon.web", "--data", str(folder), "--port", "0") as process:
        yield process.says("ready")
        assert process.end() == 0


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", headers=let_in(address)) as client:
        yield client


def frame(data: bytes) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float32]], float, float, bool]:
    magic, version, axes, flags, n, _, t0, dt = frames.HEADER.unpack_from(data)
    assert (magic, version) == (b"LGM1", 1)
    values = np.frombuffer(data, dtype="<f4", offset=frames.HEADER.size).reshape(axes, n)
    return values, t0, dt, bool(flags & frames.MIN_MAX)


def test_the_frame_is_laid_out_as_its_document_says() -> None:
    data = frames.encode(
        np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32), t0=7.0, dt=0.5, min_max=True, seq=9
    )
    assert data[:32] == b"LGM1" + struct.pack("<HBBIIdd", 1, 3, 1, 2, 9, 7.0, 0.5)
    assert struct.unpack("<6f", data[32:]) == (1, 2, 3, 4, 5, 6)


def test_the_room_on_the_disk_is_measured_on_the_nights_that_are_there(
    http: httpx.Client, folder: Path
) -> None:
    room = http.get("/disk").json()
    (segment,) = folder.glob("nights/*/left.seg")
    (night,) = http.get("/nights").json()["nights"]
    taken = segment.stat().st_size / night["duration_s"] * 2 * 36_000
    assert room["measured_nights"] == 1
    assert room["night_bytes"] == pytest.approx(taken, rel=1e-3)
    left = room["free_bytes"] - room["recording_bytes"]
    assert room["nights"] == 1 + int(left / room["night_bytes"])


def test_the_committed_description_is_what_the_program_offers() -> None:
    committed = (ROOT / "dashboard" / "openapi.json").read_text()
    assert committed == schema(), "write it anew: uv run python -m legmon.web.schema > dashboard/openapi.json"


def test_nothing_records_here(http: httpx.Client) -> None:
    status = http.get("/status").json()
    assert (status["recording"], status["night"], status["recorder_alive"], status["sensors"]) == (
        False,
        None,
        False,
        [],
    )


def test_a_night_as_list_as_whole_and_by_movement_agrees(http: httpx.Client) -> None:
    page = http.get("/nights").json()
    (listed,) = page["nights"]
    assert (page["total"], page["earlier"]) == (1, None)
    night = http.get(f"/nights/{listed['id']}").json()
    movements = http.get("/nights/last/movements", params={"rules": "wasm2016"}).json()
    assert night["simulated"] is listed["simulated"] is movements["simulated"] is True
    assert {k: night[k] for k in listed} == listed
    legs = [m for m in movements["movements"] if m["kind"] == "leg"]
    assert len(legs) == listed["movements"] == night["indices"]["movements"] > 20
    assert sum(m["periodic"] for m in legs) == listed["periodic"]
    intervals = [m["interval_s"] for m in legs if m["interval_s"] is not None]
    assert sum(night["intervals"]["counts"]) + night["intervals"]["longer"] == len(intervals)
    assert night["intervals"]["window_s"] == [10, 90]
    assert sum(h["movements"] for h in night["by_hour"]) == listed["movements"]
    assert abs(sum(h["analysed_s"] for h in night["by_hour"]) - listed["analysed_s"]) < 1e-6
    assert abs(night["rate_hz"] - 50.6) < 0.01
    assert listed["started"] == pytest.approx(1_790_000_000, abs=3)


def test_a_trace_explains_the_movements_of_a_stretch(http: httpx.Client) -> None:
    movements = http.get("/nights/last/movements").json()["movements"]
    start = movements[0]["onset"] - 5
    answer = http.get("/nights/last/trace", params={"start": start, "end": start + 600})
    assert answer.status_code == 200, answer.text
    why = answer.json()
    assert (why["rules"], why["detector"]) == ("wasm2016", {"name": "legmon-adaptive", "version": "4"})
    (leg,) = why["legs"]
    listed = [m for m in movements if m["onset"] < start + 600]
    verdicts = {b["movement"]["id"]: b["movement"] for b in leg["bouts"] if b["movement"]}
    assert {m["id"] for m in listed} <= set(verdicts)
    for m in listed:
        found = verdicts[m["id"]]
        assert {name: found[name] for name in ("onset", "offset", "kind", "peak_mg")}.items() <= m.items()
        assert (found["verdict"]["rule"] in {"in_series", "first_in_series"}) is m["periodic"]
    for b in leg["bouts"]:
        codes = [r["rule"] for r in b["reasons"]]
        assert len(codes) >= 2
        assert set(codes) <= set(DetectorRule)
        for r in b["reasons"]:
            names = re.findall(r"\{(\w+)", WHY_SENTENCES[DetectorRule(r["rule"])])
            assert set(names) == set(r["values"])
    assert [s["signal"] for s in leg["rest"]["signals"]] == ["motion", "turn"]
    assert leg["rest"]["reason"]["rule"] in {"nothing", "relaxes"}


def test_a_trace_of_a_gap_names_it(http: httpx.Client) -> None:
    (gap,) = http.get("/nights/last").json()["gap_list"]
    inside = {"start": gap["start"] + 20, "end": gap["start"] + 30}
    (leg,) = http.get("/nights/last/trace", params=inside).json()["legs"]
    assert (leg["bouts"], leg["rest"], leg["gaps"]) == ([], None, [gap])


@pytest.mark.parametrize(
    ("length", "leg", "status", "code"),
    [
        (0.0, "left", 422, "wrong_window"),
        (-5.0, "left", 422, "wrong_window"),
        (601.0, "left", 422, "long_window"),
        (10.0, "right", 404, "no_samples"),
        (10.0, "arm", 422, "invalid_request"),
    ],
)
def test_a_trace_is_bounded(http: httpx.Client, length: float, leg: str, status: int, code: str) -> None:
    start = http.get("/nights/last").json()["started"] + 60
    answer = http.get("/nights/last/trace", params={"start": start, "end": start + length, "leg": leg})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_gap_has_a_start_an_end_and_a_cause(http: httpx.Client) -> None:
    night = http.get("/nights/last").json()
    (gap,) = night["gap_list"]
    assert gap["cause"] == "not_sent"
    assert gap["sentence"].endswith(".")
    assert gap["end"] - gap["start"] == pytest.approx(100 * 83 / 50.6, abs=0.01)
    assert night["duration_s"] - night["analysed_s"] == pytest.approx(gap["end"] - gap["start"], abs=1e-6)
    assert night["uncounted"] == [{"start": gap["start"], "end": gap["end"]}]


def test_a_short_window_holds_the_recorded_samples(http: httpx.Client, folder: Path) -> None:
    night = http.get("/nights/last").json()
    start = night["started"] + 100.0
    values, t0, dt, min_max = frame(
        http.get("/nights/last/window", params={"start": start, "end": start + 4, "points": 2000}).content
    )
    assert not min_max
    assert dt == pytest.approx(1 / 50.6, rel=1e-3)
    (segment,) = folder.glob("nights/*/left.seg")
    samples = np.concatenate(
        [r.xyz for r in read_segment(segment) if isinstance(r, Samples) and r.first < 8000]
    ).T
    first = round((t0 - night["started"]) * 50.6)
    expected = samples[:, first : first + values.shape[1]].astype(np.float32) * np.float32(122e-6)
    np.testing.assert_array_equal(values, expected)


def test_a_long_window_holds_minimum_and_maximum_and_nothing_in_the_gap(
    http: httpx.Client, folder: Path
) -> None:
    night = http.get("/nights/last").json()
    ask = {"start": night["started"], "end": night["ended"], "points": 300}
    values, t0, dt, min_max = frame(http.get("/nights/last/window", params=ask).content)
    assert min_max
    assert values.shape[1] <= 600
    assert t0 == pytest.approx(night["started"], abs=0.02)
    assert t0 + dt * values.shape[1] == pytest.approx(night["ended"], abs=0.02)
    (segment,) = folder.glob("nights/*/left.seg")
    records = list(read_segment(segment))
    raw = np.concatenate([r.xyz for r in records if isinstance(r, Samples)])
    np.testing.assert_allclose(np.nanmax(values, axis=1), raw.max(axis=0) * 122e-6, rtol=1e-6)
    np.testing.assert_allclose(np.nanmin(values, axis=1), raw.min(axis=0) * 122e-6, rtol=1e-6)
    (gap,) = night["gap_list"]
    inside = [v for i, v in enumerate(values[0]) if gap["start"] + 10 < t0 + i * dt < gap["end"] - 10]
    assert inside
    assert np.isnan(inside).all()
    (gap,) = [r for r in records if isinstance(r, Gap)]
    assert gap.count == 8300


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/nights/nowhere", 404, "no night 'nowhere'"),
        ("/nights/nowhere/window?start=1&end=2", 404, "no night"),
        ("/nights/last/window?start=2&end=1", 422, "end must lie after the start"),
        ("/nights/last/window?start=1&end=2&points=1", 422, "points"),
        ("/nights/last/window?start=x&end=2", 422, "start"),
        ("/nights/last/window?start=1&end=2&leg=right", 404, "no samples of this leg"),
        ("/nights/last/movements?rules=mine", 422, "rules"),
        ("/nights?limit=0", 422, "limit"),
        ("/nights?limit=501", 422, "limit"),
        ("/nights?before=nowhere", 404, "no night 'nowhere'"),
        ("/nights/last/window?start=0&end=inf", 422, "end"),
        ("/nights/last/window?start=0&end=1e308", 422, "end"),
        ("/nothing", 404, "nothing at this address"),
    ],
)
def test_what_is_asked_wrongly_is_a_problem_in_words(
    http: httpx.Client, path: str, status: int, says: str
) -> None:
    answer = http.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert says in problem["detail"]


def test_times_and_bodies_that_fit_nowhere_are_refused(http: httpx.Client) -> None:
    start = http.get("/nights/last").json()["started"]
    for off, on in ((None, 1.2e10), (1e308, None), (-1, None)):
        assert http.patch("/nights/last", json={"off": off, "on": on}).status_code == 422
    step = {"step": "toes", "start": start, "end": start + 10}
    kinds = http.post("/checks/fit", json={"leg": "left", "steps": [step | {"cues": [1e18]}]})
    assert kinds.json()["code"] == "invalid_request"
    as_json = {"Content-Type": "application/json"}
    nan = f'{{"leg": "left", "steps": [{{"step": "toes", "start": NaN, "end": {start}}}]}}'
    for body in (b"\xff\xfe\x00", b"[" * 90_000, nan.encode(), b'{"off": Infinity, "on": null}'):
        for method, path in (("PATCH", "/nights/last"), ("POST", "/checks/fit"), ("PUT", "/settings")):
            answer = http.request(method, path, content=body, headers=as_json)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), (path, body[:9])


def test_pages_of_other_hosts_and_origins_are_refused(http: httpx.Client, address: str) -> None:
    assert http.get("/status", headers={"host": "evil.example"}).status_code == 403
    assert http.get("/status", headers={"host": "evil.example:80"}).json()["title"] == "Forbidden"
    assert http.get("/status", headers={"origin": "http://evil.example"}).status_code == 403
    assert http.get("/status", headers={"origin": address}).status_code == 200
    live, headers = f"ws{address[4:]}/api/v1/live", let_in(address)
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(live, origin=Origin("http://evil.example"), additional_headers=headers),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_every_answer_carries_the_policy(http: httpx.Client, address: str) -> None:
    for url in (f"{address}/", f"{address}/api/v1/status", f"{address}/nothing"):
        headers = httpx.get(url).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_live_socket_says_hello_then_status_then_trace(
    folder: Path, address: str, http: httpx.Client
) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last")
    scored = score_night(catalog.tracks(night.id))
    state = RecorderState(
        seen_ns=time.time_ns() + 60 * 10**9,
        clock=Clock(night.started_ns, time.time_ns(), 1.0),
        simulated=True,
        night=night.id,
        sensors=[SensorState(leg="left", link="streaming", detail="Streaming.")],
        counts=Tally(40, 30, 20, 3),
        analysed_ns=1500 * 10**9,
        last_movements=[ListedMovement.of(m, scored.origin_ns) for m in scored.movements[:-13:-1]],
    )
    catalog.report(state)
    try:
        live, headers = f"ws{address[4:]}/api/v1/live", let_in(address)
        with connect(live, origin=Origin(address), additional_headers=headers) as socket:
            hello, status = json.loads(socket.recv(5)), json.loads(socket.recv(5))
            assert (hello["type"], hello["leg"], hello["window_s"]) == ("hello", "left", 30)
            assert status["status"]["night"] == night.id
            assert status["status"]["sensors"][0]["detail"] == "Streaming."
            newest = http.get("/nights/last/movements").json()["movements"][:-13:-1]
            assert status["status"]["last_movements"] == newest
            assert (status["status"]["movements"], status["status"]["series"]) == (40, 3)
            assert status["status"]["analysed_s"] == 1500
            parts: list[np.ndarray[tuple[int, int], np.dtype[np.float32]]] = []
            until = 0.0
            while sum(p.shape[1] for p in parts) < 1518:
                message = socket.recv(5)
                if isinstance(message, bytes):
                    values, t0, dt, min_max = frame(message)
                    assert not min_max
                    assert t0 == pytest.approx(until, abs=0.01) or not parts
                    until = t0 + dt * values.shape[1]
                    parts.append(values)
            assert until == pytest.approx((night.started_ns + night.duration_ns) / 1e9, abs=0.05)
    finally:
        catalog.report(RecorderState(0, Clock(), simulated=True, night=None, sensors=[]))
        catalog.close()


# What its owner says of a night, and the evening.


def test_a_sensor_near_is_chosen_for_a_leg_and_one_that_is_not_near_is_a_problem(
    http: httpx.Client, folder: Path
) -> None:
    catalog = Catalog(folder)
    a, b = "C4:4C:4D:00:00:0A", "C4:4C:4D:00:00:0B"
    near = [
        HeardSensor(a, "A", -50.0, "ankle", "left", 0.0, "left"),
        HeardSensor(b, "B", -70.5, "ankle", None, 2.5),
    ]
    seen = time.time_ns() + 60 * 10**9
    held = [SensorState(leg="left", address=a, link="streaming", moving=True)]
    try:
        catalog.want("check", "left")
        catalog.report(RecorderState(seen, Clock(), True, None, held, mode="check", nearby=near))
        status = http.get("/status").json()
        assert [n["address"] for n in status["nearby"]] == [a, b]
        assert status["nearby"][1] == {"address": b, "name": "B", "rssi_dbm": -70.5, "driver": "ankle", "side": None,
                                       "heard_s": 2.5, "leg": None, "battery_percent": None}  # fmt: skip
        assert (status["chosen"], status["sensors"][0]["moving"]) == ({"left": None, "right": None}, True)
        assert http.put("/wanted/sensors/left", json={"address": b}).json() == {"left": b, "right": None}
        assert http.put("/wanted/sensors/right", json={"address": b}).json() == {"left": None, "right": b}
        swapped = http.put("/wanted/sensors/left", json={"address": b}).json()
        assert swapped == {"left": b, "right": a}, "they change places"
        held.append(SensorState(leg="right", address=b, link="streaming"))
        catalog.choose({})
        catalog.report(RecorderState(seen, Clock(), True, None, held, mode="check", nearby=near))
        assert http.put("/wanted/sensors/left", json={"address": b}).json() == {"left": b, "right": a}
        assert catalog.wanted().sensors == {"left": b, "right": a}
        catalog.want("off", "left")
        assert catalog.wanted().sensors == {"left": b, "right": a}, "kept for the next evening"
        assert http.put("/wanted/sensors/right", json={"address": None}).json() == {"left": b, "right": None}
        for path, body, code in (
            ("left", {"address": "C4:4C:4D:00:00:0C"}, 404),
            ("both", {"address": a}, 422),
            ("left", {}, 422),
        ):
            answer = http.put(f"/wanted/sensors/{path}", json=body)
            assert (answer.status_code, answer.headers["content-type"]) == (code, "application/problem+json")
        catalog.want("record", "left")
        assert http.put("/wanted/sensors/left", json={"address": a}).status_code == 409
    finally:
        catalog.report(RecorderState(0, Clock(), simulated=True, night=None, sensors=[]))
        catalog.choose({})
        catalog.want("off")
        catalog.close()


def test_every_page_has_a_twin(http: httpx.Client, address: str) -> None:
    tonight = httpx.get(f"{address}/tonight.json", headers=let_in(address)).json()
    assert set(tonight) == {"status", "preflight", "settings"}
    night = httpx.get(f"{address}/night/last.json", headers=let_in(address)).json()
    assert night["night"] == http.get("/nights/last").json()
    assert night["movements"] == http.get("/nights/last/movements").json()["movements"]
    assert httpx.get(f"{address}/night/nowhere.json", headers=let_in(address)).status_code == 404


def test_the_rule_switch_counts_by_other_rules(http: httpx.Client) -> None:
    counts = {
        r: http.get("/nights/last", params={"rules": r}).json() for r in ("wasm2016", "wasm2006", "aasm")
    }
    assert {r: n["rules"] for r, n in counts.items()} == {r: r for r in counts}
    assert len({n["periodic"] for n in counts.values()}) > 1


def test_lights_bound_the_headline_and_the_recordings_own_times_are_kept(http: httpx.Client) -> None:
    night = http.get("/nights/last").json()
    off, on = night["started"] + 300, night["ended"] - 600
    changed = http.patch("/nights/last", json={"off": off, "on": on}).json()
    assert changed["lights"] == {
        "off": off,
        "on": on,
        "edited": True,
        "recorded_off": night["started"],
        "recorded_on": night["ended"],
    }
    assert changed["headline"]["seconds"] == pytest.approx(night["headline"]["seconds"] - 900, abs=0.1)
    assert changed["movements"] == night["movements"], "the night itself stays what it is"
    back = http.patch("/nights/last", json={"off": None, "on": None}).json()
    assert back == night
    wrong = http.patch("/nights/last", json={"off": on, "on": off})
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")


def test_a_movement_of_ones_own_is_no_longer_counted_until_it_is_taken_back(http: httpx.Client) -> None:
    night = http.get("/nights/last").json()
    found = http.get("/nights/last/movements").json()["movements"]
    one = next(m for m in found if m["periodic"])
    assert http.put(f"/nights/last/movements/{one['id']}", json={"voluntary": True}).status_code == 204
    changed = http.get("/nights/last").json()
    assert (changed["movements"], changed["voluntary"]) == (night["movements"] - 1, 1)
    kinds = [m["kind"] for m in http.get("/nights/last/movements").json()["movements"]]
    assert kinds.count("voluntary") == 1
    http.put(f"/nights/last/movements/{one['id']}", json={"voluntary": False})
    assert http.get("/nights/last").json() == night
    assert http.put("/nights/last/movements/left-1", json={"voluntary": True}).status_code == 404
    assert http.put("/nights/last/movements/mine", json={"voluntary": True}).status_code == 422


def test_a_note_and_tags_are_kept_within_bounds_until_they_are_emptied(http: httpx.Client) -> None:
    before = http.get("/nights/last").json()
    assert before["note"] == {"text": "", "tags": []}
    written = {"text": " Late dinner. לילה 😴 ", "tags": ["travel", " travel ", "new strap"]}
    assert http.put("/nights/last/note", json=written).status_code == 204
    note = http.get("/nights/last").json()["note"]
    assert note == {"text": "Late dinner. לילה 😴", "tags": ["travel", "new strap"]}
    for wrong in (
        {"text": "x" * 4001, "tags": []},
        {"text": "", "tags": ["x"] * 21},
        {"text": "", "tags": [""]},
    ):
        assert http.put("/nights/last/note", json=wrong).status_code == 422
    assert http.get("/nights/last").json()["note"] == note
    http.put("/nights/last/note", json={"text": " ", "tags": []})
    assert http.get("/nights/last").json() == before


def test_a_mark_that_was_removed_can_be_put_back(http: httpx.Client) -> None:
    night = http.get("/nights/last").json()
    at = night["started"] + 1
    mark = {"leg": "left", "start": at, "end": at + 0.5}
    assert http.post("/nights/last/marks", json=mark).status_code == 204
    (found,) = http.get("/nights/last").json()["marks_without_movement"]
    assert (found["leg"], found["start"], found["end"]) == (
        "left",
        pytest.approx(at),
        pytest.approx(at + 0.5),
    )
    assert http.delete(f"/nights/last/marks/{found['id']}").status_code == 204
    assert http.get("/nights/last").json() == night
    for wrong in (mark | {"end": at - 5}, mark | {"start": at + 1e6, "end": at + 1e6}):
        assert http.post("/nights/last/marks", json=wrong).status_code == 422


def test_the_envelope_has_one_value_a_second_and_nothing_in_the_gap(http: httpx.Client) -> None:
    night = http.get("/nights/last").json()
    values, t0, dt, _ = frame(http.get("/nights/last/envelope").content)
    assert values.shape == (1, -(-night["duration_s"] // 1))
    assert t0 == pytest.approx(night["started"])
    assert dt == 1.0
    (gap,) = night["gap_list"]
    inside = values[0][round(gap["start"] - t0) + 2 : round(gap["end"] - t0) - 2]
    assert len(inside) > 100
    assert np.isnan(inside).all()
    moved = [m for m in http.get("/nights/last/movements").json()["movements"] if (m["peak_mg"] or 0) > 60]
    floor = night["noise"][0]["floor_mg"] / 1000
    loud = [np.nanmax(values[0][int(m["onset"] - t0) : int(m["offset"] - t0) + 2]) for m in moved]
    assert np.median(loud) > 5 * floor


def test_settings_are_kept_and_nonsense_is_refused(http: httpx.Client) -> None:
    first = http.get("/settings").json()
    assert first == {"theme": "auto", "language": "auto", "leg": None, "set_up": False, "rules": "wasm2016"}
    told = first | {"theme": "night", "language": "de", "rules": "aasm"}
    assert http.put("/settings", json=told).json() == http.get("/settings").json() == told
    assert http.put("/settings", json=first | {"theme": "pink"}).status_code == 422
    assert http.put("/settings", json=first | {"rules": "mine"}).status_code == 422
    http.put("/settings", json=first)


def test_the_recorder_is_asked_through_the_catalog(http: httpx.Client, folder: Path) -> None:
    assert http.post("/wanted", json={"mode": "record", "leg": "right"}).status_code == 200
    catalog = Catalog(folder)
    try:
        assert http.get("/status").json()["mode"] == "record"
        assert http.post("/wanted", json={"mode": "off"}).status_code == 200
        assert http.get("/status").json()["mode"] == "off"
    finally:
        catalog.close()
    assert http.post("/wanted", json={"mode": "maybe"}).status_code == 422


def test_the_list_before_the_night_names_what_stops_it(http: httpx.Client) -> None:
    found = http.get("/preflight").json()
    items = {i["item"]: (i["level"], i["code"]) for i in found["items"]}
    assert items["sensor"] == ("stop", "off")
    assert items["fit"] == ("look", "none")
    assert found["may_start"] is False


def test_the_list_names_the_one_of_two_sensors_that_does_not_send() -> None:
    left = AnkleSensor(time.time_ns, "left")
    right = AnkleSensor(time.time_ns, "right")
    left.link_changed("streaming", link_message(LinkCode.STREAMING))
    why = "Take the sensor off its charger."

    def item() -> tuple[str, str, str]:
        sensors = [left.state(), right.state()]
        found = checks.tonight(
            sensors,
            disk=checks.disk(checks.DiskRoom.of(10**11, 444)),
            clock=checks.clock(time.time_ns()),
            wakefulness=Wakefulness(),
        )
        (said,) = [preflight_item(c) for c in found if c.item == "sensor"]
        return said.level, said.code, said.text

    right.link_changed("searching", link_message(LinkCode.SEARCHING))
    assert item() == ("look", "right_missing", "")
    right.link_changed("searching", link_message(LinkCode.SENSOR_REFUSED, why=why))
    assert item() == ("look", "right_missing", why)
    right.link_changed("streaming", link_message(LinkCode.STREAMING))
    assert item() == ("ok", "streaming", "")
    left.link_changed("searching", link_message(LinkCode.SEARCHING))
    assert item() == ("look", "left_missing", "")


def test_why_a_sensor_does_not_begin_stays_in_the_list_while_it_is_asked_again(
    http: httpx.Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HOLDS_S, "sensor_refused", 1.0)
    catalog, ankle = Catalog(folder), AnkleSensor(time.time_ns, "left")
    why = "Take the sensor off its charger."

    def item() -> tuple[str, str, str, bool]:
        seen = time.time_ns() + 60 * 10**9
        catalog.report(RecorderState(seen, Clock(), True, None, [ankle.state()], mode="check"))
        found = http.get("/preflight").json()
        (said,) = [i for i in found["items"] if i["item"] == "sensor"]
        return said["level"], said["code"], said["text"], found["may_start"]

    try:
        catalog.want("check", "left")
        ankle.link_changed("searching", link_message(LinkCode.SEARCHING))
        assert item() == ("stop", "searching", "", False)
        ankle.link_changed("searching", link_message(LinkCode.SENSOR_REFUSED, why=why))
        assert item() == ("stop", "sensor_refused", why, False)
        ankle.link_changed("searching", link_message(LinkCode.SEARCHING))
        ankle.link_changed("connecting", link_message(LinkCode.CONNECTING, name="X"))
        assert item() == ("stop", "sensor_refused", why, False), "it is tried again all the time"
        time.sleep(1.1)
        assert item() == ("stop", "connecting", "", False), "it has said nothing for long"
        ankle.link_changed("searching", link_message(LinkCode.SENSOR_REFUSED, why=why))
        ankle.link_changed("streaming", link_message(LinkCode.STREAMING))
        assert item()[1:] == ("streaming", "", True)
        ankle.link_changed("searching", link_message(LinkCode.SEARCHING))
        assert item()[1] == "searching", "it has begun meanwhile"
        ankle.link_changed("searching", link_message(LinkCode.BLUETOOTH_GONE))
        assert item() == ("stop", "bluetooth_gone", "", False)
        ankle.link_changed("searching", link_message(LinkCode.NOT_PAIRED))
        ankle.link_changed("searching", link_message(LinkCode.SEARCHING))
        assert item() == ("stop", "not_paired", "", False), "it is tried again all the time"
    finally:
        catalog.report(RecorderState(0, Clock(), simulated=True, night=None, sensors=[]))
        catalog.want("off")
        catalog.close()


def test_a_fit_check_needs_a_sensor_that_sends(http: httpx.Client) -> None:
    step = {"step": "still", "start": 10, "end": 25}
    answer = http.post("/checks/fit", json={"leg": "left", "steps": [step]})
    assert answer.status_code == 409
    assert "sent nothing" in answer.json()["detail"]
    wrong = {"leg": "left", "steps": [step | {"end": 5}]}
    assert http.post("/checks/fit", json=wrong).status_code == 422


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_the_program_can_say_is_said_in_every_language(language: str) -> None:
    texts = json.loads((ROOT / "dashboard" / "src" / "messages" / f"{language}.json").read_text())
    wanted = [f"gap.{cause}" for cause in [*GapCause, *FAULT_CAUSES]] + [
        f"finding.{fault}" for fault in Fault
    ]
    wanted += [f"link.{state}" for state in get_args(LinkState)]
    wanted += [f"fit.{problem}" for problem in get_args(FitProblem)]
    wanted += [f"posture.{state}" for state in get_args(PostureState)]
    wanted += [f"link.{says}" for says in LinkCode] + [f"trouble.{trouble}" for trouble in Trouble]
    wanted += [f"problem.{code}" for code in ProblemCode] + [
        f"kind.{kind}" for kind in (*get_args(Kind), VOLUNTARY)
    ]
    wanted += [f"item.{i}.{code}" for i, codes in ITEM_CODES.items() for code in codes if i != "fit"]
    wanted += ["item.fit.ok", "item.fit.none"]
    wanted += [f"event.{event}" for event in Event]
    assert [key for key in wanted if key not in texts] == []


WITHOUT_WORDS = {
    "link.connecting": (" to {name}", ""),
    "link.sensor_stopped": ("{why}", "The sensor stopped measuring."),
    "link.sensor_refused": ("{why}", "The sensor does not start."),
    "trouble.disk_refuses": (": {why}", ". Free some space on the disk"),
    "trouble.disk_fails": ("{why}", "writing to the disk fails. Check the disk"),
    "trouble.not_synced": (": {why}", ""),
    "trouble.not_resumed": (
        "the {leg} leg of night {night}: {why}",
        "one leg of an interrupted night: its recording cannot be read",
    ),
    "trouble.night_shortened": ("of night {night}, {leg} leg,", "of an interrupted night"),
    "trouble.night_changed": ("of night {night}, {leg} leg,", "of the last night"),
    "trouble.not_begun": (
        "{why}",
        "nothing can be written into the data folder. Check whether the disk is full",
    ),
    "trouble.catalog_fails": (" ({why})", ""),
    "trouble.catalog_damaged": (" ({why})", ""),
    **{f"finding.{code}": ("{which}", "") for code in DAMAGE_SENTENCES},
    "finding.not_verified": ("{since}", ""),
    "trouble.catalog_not_written": (" ({why})", ""),
    "trouble.not_closed_full": (
        "night {night} is not closed yet: {why}",
        "a night is not closed yet. Free some space on the disk",
    ),
    "problem.catalog_fails": (" ({why})", ""),
    "trouble.not_closed": ("Night {night} is not closed yet: {why}", "A night is not closed yet"),
    "problem.no_such_night": ("night {night!r}", "such night"),
    "problem.no_such_movement": (
        "Night {night} has no movement {movement!r}",
        "This night has no such movement",
    ),
    "problem.no_samples": ("Night {night}", "This night"),
    "problem.no_such_mark": ("Night {night} has no mark {mark!r}", "This night has no such mark"),
    "problem.not_stored": (" ({why})", ""),
    "problem.invalid_request": (" ({why})", ""),
    "problem.sensor_not_near": ("Sensor {address}", "This sensor"),
    "problem.wrong_method": (" Use one of: {allow}.", ""),
}
"""What stands on the pages in place of words that only the server knows. In English the pages show the server's sentence."""


def test_the_english_texts_of_the_pages_are_the_sentences_of_the_program() -> None:
    texts = json.loads((ROOT / "dashboard" / "src" / "messages" / "en.json").read_text())
    faults = {cause: FAULT_SENTENCES[fault] for cause, fault in FAULT_CAUSES.items()}
    tables: dict[str, Mapping[Any, str]] = {
        "gap": GAP_SENTENCES | faults,
        "finding": FAULT_SENTENCES | DAMAGE_SENTENCES,
        "link": LINK_SENTENCES,
        "trouble": TROUBLE_SENTENCES,
        "problem": PROBLEM_SENTENCES,
        "event": EVENT_SENTENCES,
        "fit": FIT_SENTENCES,
        "why": WHY_SENTENCES,
    }
    for item in ("sensor", "rate", "worn", "fit"):  # of the others, the page says less on purpose
        codes = [code for code in ITEM_CODES[item] if item != "fit" or code in {"ok", "none"}]
        tables[f"item.{item}"] = {
            code: f"{READINESS[item][code].sentence} {READINESS[item][code].advice}".removesuffix(
                "{sensor_words}"
            ).rstrip()
            for code in codes
        }
    for group, table in tables.items():
        for code, sentence in table.items():
            words, instead = WITHOUT_WORDS.get(f"{group}.{code}", ("", ""))
            assert words in sentence, f"{group}.{code}"
            expected = sentence.replace(words, instead) if words else sentence
            assert texts[f"{group}.{code}"] == re.sub(r"\{(\w+)[:!][^}]*\}", r"{\1}", expected), (
                f"{group}.{code}"
            )


def test_every_code_of_the_program_has_a_sentence_that_ends() -> None:
    for codes, sentences in (
        (ProblemCode, PROBLEM_SENTENCES),
        (Event, EVENT_SENTENCES),
        ({*DetectorRule, *ScoringRule}, WHY_SENTENCES),
        (CardWarning, CARD_SENTENCES),
        ({"ok", *get_args(FitProblem)}, FIT_SENTENCES),
    ):
        assert set(sentences) == set(codes)
        for sentence in sentences.values():
            assert sentence[0].isupper() or sentence.startswith(("legmon", "{")), sentence
            assert sentence.endswith((".", "}")), sentence
