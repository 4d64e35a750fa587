"""The HTTP interface as other programs meet it: real server, real catalog, real recording."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from legmon.catalog.state import Clock, RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.cli.simulate import run_simulator
from legmon.exchange.capture import read_capture, record_capture
from legmon.recording.records import Gap, Samples
from legmon.recording.segment import read_segment
from legmon.web import frames
from legmon.web.schema import schema
from tests.conftest import ROOT, started

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
    with httpx.Client(base_url=f"{address}/api/v1") as client:
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
    (listed,) = http.get("/nights").json()
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


def test_a_gap_has_a_start_an_end_and_a_cause(http: httpx.Client) -> None:
    night = http.get("/nights/last").json()
    (gap,) = night["gap_list"]
    assert gap["cause"] == "not_sent"
    assert gap["sentence"].endswith(".")
    assert gap["end"] - gap["start"] == pytest.approx(100 * 83 / 50.6, abs=0.01)
    assert night["duration_s"] - night["analysed_s"] == pytest.approx(gap["end"] - gap["start"], abs=1e-6)


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
    (hole,) = [r for r in records if isinstance(r, Gap)]
    assert hole.count == 8300


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/nights/nowhere", 404, "no night 'nowhere'"),
        ("/nights/nowhere/window?start=1&end=2", 404, "no night"),
        ("/nights/last/window?start=2&end=1", 422, "end must lie after start"),
        ("/nights/last/window?start=1&end=2&points=1", 422, "points"),
        ("/nights/last/window?start=x&end=2", 422, "start"),
        ("/nights/last/window?start=1&end=2&leg=right", 404, "no samples of this leg"),
        ("/nights/last/movements?rules=mine", 422, "rules"),
        ("/nights/last/window?start=0&end=inf", 422, "end"),
        ("/nights/last/window?start=0&end=1e308", 422, "end"),
        ("/nothing", 404, "Not Found"),
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


def test_pages_of_other_hosts_and_origins_are_refused(http: httpx.Client, address: str) -> None:
    assert http.get("/status", headers={"host": "evil.example"}).status_code == 403
    assert http.get("/status", headers={"host": "evil.example:80"}).json()["title"] == "Forbidden"
    assert http.get("/status", headers={"origin": "http://evil.example"}).status_code == 403
    assert http.get("/status", headers={"origin": address}).status_code == 200
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws{address[4:]}/api/v1/live", origin=Origin("http://evil.example")),
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


def test_the_live_socket_says_hello_then_status_then_trace(folder: Path, address: str) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last")
    state = RecorderState(
        seen_ns=time.time_ns() + 60 * 10**9,
        clock=Clock(night.started_ns, time.time_ns(), 1.0),
        simulated=True,
        night=night.id,
        sensors=[SensorState(leg="left", link="streaming", detail="Streaming.")],
    )
    catalog.report(state)
    try:
        with connect(f"ws{address[4:]}/api/v1/live", origin=Origin(address)) as socket:
            hello, status = json.loads(socket.recv(5)), json.loads(socket.recv(5))
            assert (hello["type"], hello["leg"], hello["window_s"]) == ("hello", "left", 30)
            assert status["status"]["night"] == night.id
            assert status["status"]["sensors"][0]["detail"] == "Streaming."
            assert len(status["status"]["last_movements"]) == 12
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
