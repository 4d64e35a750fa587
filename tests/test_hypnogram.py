"""Sleep stages of another file as a denominator: put on the recording's clock, and named as the source."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from legmon.catalog.zone import local_zone
from legmon.exchange.hypnogram import read_hypnogram
from legmon.exchange.scored_night import EventsError
from legmon.movement import NS
from tests.conftest import run_command
from tests.test_scored_files import START as BEGIN
from tests.test_scored_files import edf, stamped
from tests.test_tables import WRITTEN

FIRST = datetime(2026, 3, 1, 22, 0, 0, tzinfo=UTC)
"""The movements of the recording are at 10, 30, 50 and 70 s."""


def asleep(path: Path, stages: Path) -> dict[str, Any]:
    answer = json.loads(run_command("score", "--left", str(path), "--stages", str(stages), "--json").stdout)
    assert [n["code"] for n in answer["details"]["notes"]][-1] == "sleep_from_file"
    assert str(stages.name) in answer["details"]["notes"][-1]["sentence"]
    sleep: dict[str, Any] = answer["details"]["sleep"]
    return sleep


STAGES = {
    "a CSV of dates": (
        "a.csv",
        "Start Time,Event,Duration\n01/03/2026 21:59:20,W,60\n01/03/2026 22:00:20,N2,40\n01/03/2026 22:01:00,W,30\n",
    ),
    "a CSV of times of day": ("a.csv", "time,stage\n21:59:20,W\n22:00:20,N2\n22:01:00,W\n"),
    "Luna": ("a.annot", "W\t21:59:20\t22:00:20\nN2\t22:00:20\t22:01:00\nW\t22:01:00\t22:01:30\n"),
}


@pytest.mark.parametrize("what", STAGES)
def test_stages_are_put_on_the_clock_of_the_recording(tmp_path: Path, what: str) -> None:
    path, (name, text) = tmp_path / "left.csv", STAGES[what]
    path.write_text(WRITTEN["OMGUI"][1])
    (tmp_path / name).write_text(text)
    sleep = asleep(path, tmp_path / name)
    assert (sleep["periodic_asleep"], sleep["periodic_awake"]) == (2, 2)
    assert sleep["hours_asleep"] == pytest.approx(40 / 3600, abs=1e-6)
    assert sleep["periodic_per_hour_asleep"] == pytest.approx(180.0, abs=0.01)
    printed = run_command("score", "--left", str(path), "--stages", str(tmp_path / name)).stdout
    assert "The hours of sleep come from the file" in printed


def test_edf_stages_count_from_the_start_in_its_header(tmp_path: Path) -> None:
    path = tmp_path / "left.csv"
    path.write_text(WRITTEN["OMGUI"][1])
    stages = tmp_path / "lab.edf"
    stages.write_bytes(edf([BEGIN + stamped(0, 20, "Sleep stage W") + stamped(20, 40, "Sleep stage R")]))
    assert asleep(path, stages)["periodic_rem"] == 2


def test_a_recording_without_a_clock_takes_stages_that_count_from_its_start(tmp_path: Path) -> None:
    path, stages = tmp_path / "left.csv", tmp_path / "a.csv"
    path.write_text(WRITTEN["legmon"][1])
    stages.write_text("onset,duration,stage\n0,20,W\n20,70,N2\n")
    assert asleep(path, stages)["periodic_asleep"] == 3


def test_a_recorded_night_is_on_the_clock_of_its_zone(tmp_path: Path) -> None:
    path, stages, data = tmp_path / "left.csv", tmp_path / "a.csv", tmp_path / "data"
    path.write_text(WRITTEN["OMGUI"][1])
    assert run_command("import", str(path), data=data).returncode == 0
    stages.write_text(STAGES["a CSV of times of day"][1])
    answer = json.loads(run_command("score", "last", "--stages", str(stages), "--json", data=data).stdout)
    assert answer["details"]["sleep"]["periodic_asleep"] == 2
    assert local_zone(0)


def test_stages_of_another_night_or_without_a_clock_are_refused(tmp_path: Path) -> None:
    stages = tmp_path / "a.csv"
    stages.write_text("Start Time,Event,Duration\n05/03/2026 22:00:00,N2,40\n")
    with pytest.raises(EventsError, match=r"the stages begin 4\.0 days from the recording"):
        read_hypnogram(stages).on_clock(FIRST, 0)
    with pytest.raises(
        EventsError, match="the file of stages has times of a clock and the recording has none"
    ):
        read_hypnogram(stages).on_clock(None, 0)
    stages.write_text("onset,duration,stage\n0,20,W\n")
    with pytest.raises(
        EventsError, match="the recording has times of a clock and the file of stages has none"
    ):
        read_hypnogram(stages).on_clock(FIRST, 0)
    assert read_hypnogram(stages).on_clock(None, 5 * NS) == [(5 * NS, 25 * NS, "W")]
    stages.write_text("onset,duration,event\n0,20,yawn\n")
    with pytest.raises(EventsError, match="holds no sleep stages that legmon understands"):
        read_hypnogram(stages)
    bad = run_command("score", "--events", str(stages), "--stages", str(stages))
    assert bad.returncode == 2
    assert "--stages goes with a recording" in bad.stderr
