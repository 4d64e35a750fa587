"""A sensor on each ankle: one night, two clocks brought together, movements of both legs merged, one leg enough."""

from __future__ import annotations

import json
from pathlib import Path

from legmon.catalog.store import Catalog
from legmon.movement import NS
from legmon.night.track import score_night
from tests.conftest import sensor, started, until
from tests.test_recorder import info, recorder

SCENARIO = "duration: 2h\nseed: 11\nmovements_per_hour: 300\nrate_error_percent: {error}\nleg: {leg}\n"
SPEED = 20


def want_both(data: Path) -> None:
    catalog = Catalog(data)
    catalog.want("record", "both")
    catalog.close()


def samples(data: Path, leg: str) -> int:
    catalog = Catalog(data)
    said = catalog.recorder()
    catalog.close()
    return next((s.samples for s in said.sensors if s.leg == leg), 0) if said else 0


def stop(data: Path) -> None:
    catalog = Catalog(data)
    catalog.want("off")
    catalog.close()
    until(lambda: info(data).state == "closed", what="the night is closed")


def test_the_same_movements_on_both_ankles_are_found_once_and_at_the_same_time(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want_both(data)
    folders = {leg: tmp_path / leg for leg in ("left", "right")}
    for folder in folders.values():
        folder.mkdir()
    with (
        sensor(air, folders["left"], "--speed", str(SPEED), scenario=SCENARIO.format(error=2.0, leg="left")),
        sensor(
            air, folders["right"], "--speed", str(SPEED), scenario=SCENARIO.format(error=-2.0, leg="right")
        ),
        started(*recorder(data, air, speed=SPEED)) as process,
    ):
        until(lambda: min(samples(data, "left"), samples(data, "right")) > 20_000, 60)
        stop(data)
        assert process.end() == 0
    assert info(data).legs == ("left", "right")
    catalog = Catalog(data)
    tracks = catalog.tracks(catalog.night("last").id)
    catalog.close()
    assert [t.leg for t in tracks] == ["left", "right"]
    rates = [t.anchors[-1].rate_hz for t in tracks]
    assert abs(rates[0] / 51.0 - 1) < 0.002
    assert abs(rates[1] / 49.0 - 1) < 0.002
    off = []
    for track, hz in zip(tracks, (51.0, 49.0), strict=True):
        log = [json.loads(line) for line in (folders[track.leg] / "sent.jsonl").read_text().splitlines()]
        zero_ns = next(e["zero_ns"] for e in log if e["event"] == "start")
        last = track.end - 1
        off.append(track.time.utc(last) - SPEED * zero_ns - last / hz * NS)
    assert abs(off[0] - off[1]) / SPEED < 0.050 * NS, (
        "both clocks tell the last sample's time alike, within 50 ms of the wall"
    )
    answer = score_night(tracks).to_dict()
    assert {m["leg"] for m in answer["movements"]} <= {"left", "right", "both"}


def test_one_of_two_sensors_that_fails_leaves_a_night_of_the_other(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want_both(data)
    folders = {leg: tmp_path / leg for leg in ("left", "right")}
    for folder in folders.values():
        folder.mkdir()
    with (
        sensor(air, folders["left"], "--speed", str(SPEED), scenario=SCENARIO.format(error=1.0, leg="left")),
        started(*recorder(data, air, speed=SPEED)) as process,
    ):
        with sensor(
            air, folders["right"], "--speed", str(SPEED), scenario=SCENARIO.format(error=1.0, leg="right")
        ) as right:
            until(lambda: min(samples(data, "left"), samples(data, "right")) > 3000, 60)
            right.process.kill()
        stopped = samples(data, "right")
        until(lambda: samples(data, "left") > 12_000, 60)
        assert samples(data, "right") < stopped + 3000
        stop(data)  # which does not wait for a sensor that is gone
        assert process.end() == 0
    catalog = Catalog(data)
    tracks = {t.leg: t for t in catalog.tracks(catalog.night("last").id)}
    catalog.close()
    assert tracks["left"].end > 12_000
    assert tracks["right"].measured < 6000 < tracks["left"].measured
    assert tracks["right"].gaps[-1].cause == "link_lost", "until the night was stopped"
    scored = score_night(list(tracks.values()))
    assert scored.analysed_ns > 0.95 * scored.duration_ns, "a night of one leg from then on"
    assert len(scored.to_dict()["movements"]) > 10
